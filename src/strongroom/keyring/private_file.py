"""Small files that only their owner may read, written so that a crash leaves the old file or the new one."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from strongroom.errors import OperatorError

__all__ = ["read_private", "sync_folder", "write_private"]

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def write_private(path: Path, content: bytes, step: Callable[[str], None]) -> None:
    """Put a file of mode 0600 at ``path``, in place of any other, whole and on disk before this returns.

    Args:
        path: The file.
        content: What it is to hold.
        step: Called before each of the two steps of this, with a few words on it.

    Raises:
        OperatorError: The folder is missing, full, or not writable.
    """
    step(f"write {path.name}")
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            step(f"replace {path.name}")
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise OperatorError(
            f"{path} could not be written.",
            why=error.strerror or type(error).__name__,
            fix=f"Check that {path.parent} exists, has free space, and is writable by this user.",
        ) from error


def read_private(path: Path, limit: int) -> bytes:
    """The content of a file that nobody but its owner may read, write or run.

    Args:
        path: The file.
        limit: How many bytes such a file has at most.

    Raises:
        OperatorError: The file cannot be read, is too long, or is open to others.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(limit + 1)
    except OSError as error:
        raise OperatorError(
            f"{path} could not be read.",
            why=error.strerror or type(error).__name__,
            fix="Give the data folder back to the user that runs Strongroom, or restore the file from a backup.",
        ) from error
    if status.st_mode & _OTHERS:
        raise OperatorError(
            f"{path} is open to other users of this machine.",
            why=f"Its mode is {stat.S_IMODE(status.st_mode):04o}; it must be 0600.",
            fix=f"Run: chmod 600 {path}. If others may have read it, replace what it protects.",
        )
    if len(content) > limit:
        raise OperatorError(
            f"{path} is not a file that Strongroom wrote.",
            why=f"It has more than {limit} bytes.",
            fix="Restore the file from a backup.",
        )
    return content


def sync_folder(folder: Path) -> None:
    """Put a folder's entries on disk: a rename is durable only then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
