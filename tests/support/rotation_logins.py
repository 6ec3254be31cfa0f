"""An application that logs in without pause while its credential is rotated, and what it counted."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.support.rotation import RotatedSecret
from tests.support.rotation_engines import SINGLE, Engine

__all__ = ["Figures", "log_in_through_rotations"]

_STEADY_SECONDS = 0.2
"""Between two rotations of a credential whose old password goes on to work."""
_MARGIN_SECONDS = 0.3


@dataclass(frozen=True)
class Figures:
    """What happened.

    Attributes:
        rotations: How many rotations there were, all of them successful.
        passwords: How many passwords the application saw.
        logins: How often it logged in.
        retries: How often it was refused, read the secret again and tried once more.
        failed: How often that was refused too, or anything else went wrong.
        median_seconds: How long a rotation took, from RotateSecret to its end.
    """

    rotations: int
    passwords: int
    logins: int
    retries: int
    failed: int
    median_seconds: float


def log_in_through_rotations(engine: Engine, rotations: dict[str, int], *, pause: float) -> dict[str, Figures]:
    """Rotate new secrets over and over under applications that use them, one of each strategy, at the same time.

    Args:
        engine: Where they log in.
        rotations: How many rotations of each strategy.
        pause: How many seconds an application waits before it reads the secret again. With a single user the next
            rotation begins no earlier, for a retry is to meet the end of one rotation and not the middle of another.
    """
    with ThreadPoolExecutor() as threads:
        under_way = {
            strategy: threads.submit(
                _follow,
                engine.make_secret(strategy, engine.make_function(strategy)),
                number,
                pause,
                steady=strategy != SINGLE,
            )
            for strategy, number in rotations.items()
        }
        return {strategy: figures.result() for strategy, figures in under_way.items()}


def _follow(secret: RotatedSecret, rotations: int, pause: float, *, steady: bool) -> Figures:
    secret.wait_until_complete(secret.rotate())
    application = subprocess.Popen(
        [sys.executable, "-m", "tests.support.rotation_application", secret.arn, str(pause)],
        env=secret.rig.server.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert application.stdout is not None
        assert application.stdout.readline() == "logged in\n"
        took = []
        for _ in range(rotations):
            began = time.monotonic()
            secret.wait_until_complete(secret.rotate())
            took.append(time.monotonic() - began)
            time.sleep(_STEADY_SECONDS if steady else pause + _MARGIN_SECONDS)
        application.send_signal(signal.SIGTERM)
        count = json.loads(application.communicate(timeout=60)[0])
    finally:
        application.kill()
        application.wait()
    return Figures(
        rotations, count["passwords"], count["logins"], count["retries"], count["failed"], statistics.median(took)
    )
