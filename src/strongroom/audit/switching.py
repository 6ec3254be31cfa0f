"""Ends the trail's file and begins the next, so that a crash at any moment leaves a whole trail.

For the holder of the lock, who has synced the file. The new file is made aside and locked before anyone can see it;
the old one gets its closed name as a second name, and then, in one step, the new one takes its place. So
``trail.jsonl`` is there at every moment, and a crash leaves at most a second name, which readers pass over.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from strongroom.audit.segments import TRAIL_NAME, closed_name

__all__ = ["OPEN_FLAGS", "begin_next"]

OPEN_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""How the file that is being written to is opened."""

_NEXT_NAME: Final = ".trail.next"


def begin_next(folder: Path, first_sequence: int) -> int:
    """Close ``trail.jsonl`` under its own name and put an empty file in its place.

    Args:
        folder: The audit folder.
        first_sequence: Sequence of the first record of the file that is closed.

    Returns:
        The descriptor of the new file, whose lock this process holds.

    Raises:
        OSError: The old file is still in its place; FileExistsError: another one has its closed name.
    """
    current, closed, next_one = folder / TRAIL_NAME, folder / closed_name(first_sequence), folder / _NEXT_NAME
    next_one.unlink(missing_ok=True)
    descriptor = os.open(next_one, OPEN_FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            os.link(current, closed, follow_symlinks=False)
        except FileExistsError:
            if not closed.samefile(current):  # what a crash left after this step is not in the way
                raise
        next_one.replace(current)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
