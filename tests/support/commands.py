"""Run the ``strongroom`` command to its end, and look at what servers leave behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["contents", "processes_of_session", "run_strongroom", "wait_for", "workers_of"]


def run_strongroom(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run ``strongroom`` with ``arguments`` and wait for its end.

    Args:
        arguments: The command line.
        environment: Variables to add to an environment without settings of AWS tools or of Strongroom.
        pass_fds: Descriptors that it inherits.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STRONGROOM_"))}
    return subprocess.run(
        [sys.executable, "-m", "strongroom", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**clean, **(environment or {})},
        pass_fds=pass_fds,
        check=False,
    )


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file below ``folder``: equal before and after when nothing was changed."""
    return {
        str(path.relative_to(folder)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes() if path.is_file() else b"")
        for path in [folder, *folder.rglob("*")]
    }


def workers_of(supervisor: int) -> list[int]:
    """The request workers that a supervisor runs, by process id."""
    children = map(int, Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split())
    return [pid for pid in children if Path(f"/proc/{pid}/comm").read_text().startswith("strongroom w")]


def processes_of_session(session: int) -> list[int]:
    """Every living process that belongs to the session which a server was started in."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            state, _, _, of_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it ended meanwhile
            continue
        if int(of_session) == session and state != "Z":
            found.append(int(entry.name))
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return as soon as ``condition`` holds.

    Raises:
        AssertionError: It does not hold after ``seconds``.
    """
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
