"""An application that logs in without pause while its credential is rotated, and what it counted.

The application is the demo's: it reads the secret and logs in, over and over; refused, it waits, reads once more and
tries once more. It is a process of its own.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.support.rotation import Rig

__all__ = ["Figures", "log_in_through_rotations"]

_PROGRAM = "from demo import application; application.RETRY_SECONDS = {pause}; application.main()"


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


def log_in_through_rotations(rig: Rig, *, alternating: bool, rotations: int, pause: float) -> Figures:
    """Rotate a new secret over and over under an application that uses it.

    Args:
        rig: What rotations need.
        alternating: The strategy: alternating users, or a single user.
        rotations: How many.
        pause: How many seconds the application waits before it reads the secret again. With a single user the next
            rotation begins no earlier, for a retry is to meet the end of one rotation and not the middle of another.
    """
    function = rig.alternating_function() if alternating else rig.shipped_function()
    secret = rig.make_secret(function, alternating=alternating)
    secret.wait_until_complete(secret.rotate())
    application = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.format(pause=pause), secret.arn],
        env=rig.server.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(2)  # until it has logged in for the first time
        took = []
        for _ in range(rotations):
            began = time.monotonic()
            secret.wait_until_complete(secret.rotate())
            took.append(time.monotonic() - began)
            time.sleep(0.2 if alternating else pause + 0.3)
        application.send_signal(signal.SIGTERM)
        count = json.loads(application.communicate(timeout=30)[0])
    finally:
        application.kill()
        application.wait()
    return Figures(
        rotations, count["passwords"], count["logins"], count["retries"], count["failed"], statistics.median(took)
    )
