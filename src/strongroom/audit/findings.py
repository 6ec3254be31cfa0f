"""What can be wrong with the trail's files, in words for the operator."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from strongroom.audit.head import HEAD_NAME
from strongroom.audit.segments import TRAIL_NAME
from strongroom.audit.unavailable import AuditUnavailable

__all__ = ["damaged_head", "failed_open", "tampered"]

_CANNOT = "The audit trail cannot record."
_SET_ASIDE = (
    "Find out who changed it. Put the original file back, or, to begin a new trail, stop Strongroom, move {folder} "
    "away as evidence and start again."
)


def tampered(folder: Path, finding: str) -> AuditUnavailable:
    """``trail.jsonl`` is not what it was.

    Args:
        folder: The audit folder.
        finding: How so, in words that follow the file's path.
    """
    return AuditUnavailable(_CANNOT, why=f"{folder / TRAIL_NAME} {finding}", fix=_SET_ASIDE.format(folder=folder))


def damaged_head(folder: Path) -> AuditUnavailable:
    """The note of how far the trail reached is none."""
    return AuditUnavailable(
        _CANNOT,
        why=f"{folder / HEAD_NAME} is damaged",
        fix="Run `strongroom audit verify`. If the trail itself is whole, delete that file and start again.",
    )


def failed_open(folder: Path, error: OSError) -> AuditUnavailable:
    """A file of the trail could not be opened or read."""
    if error.errno == errno.ENOENT and error.filename == os.fspath(folder / TRAIL_NAME):
        return tampered(folder, "was deleted or moved away")
    if error.errno in (errno.ELOOP, errno.ENXIO):
        return AuditUnavailable(
            _CANNOT, why=f"{error.filename} is not a plain file", fix="Move it away and start again."
        )
    return AuditUnavailable(
        _CANNOT,
        why=f"{error.filename or folder / TRAIL_NAME} cannot be opened: {error.strerror}",
        fix=f"Give the user that runs Strongroom a folder {folder} that it owns, with room on its disk.",
    )
