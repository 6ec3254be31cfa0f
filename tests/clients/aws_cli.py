"""Run the AWS CLI, unmodified, against a server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.server import Credentials, RunningServer

__all__ = ["aws", "fails", "run_cli"]

_AWS = Path(sys.executable).with_name("aws")


def run_cli(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command, with its answer as JSON."""
    return subprocess.run(
        [_AWS, "--output", "json", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=dict(environment),
        check=False,
    )


def aws(server: RunningServer, *arguments: str, who: Credentials | None = None) -> Any:
    """What the CLI printed, parsed; None when it printed nothing."""
    done = run_cli(server.environment(who), *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def fails(server: RunningServer, *arguments: str, who: Credentials | None = None) -> str:
    """What the CLI said on standard error when it ended with an error."""
    done = run_cli(server.environment(who), *arguments)
    assert done.returncode != 0
    return done.stderr
