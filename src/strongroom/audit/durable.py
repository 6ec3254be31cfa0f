"""Puts files into the audit folder so that they are on the disk, whole, or not there."""

from __future__ import annotations

import os
from pathlib import Path

from strongroom.audit.unavailable import AuditUnavailable

__all__ = ["sync_folder", "write_aside"]

_BLOCK_BYTES = 1 << 20


def write_aside(folder: Path, name: str, content: bytes) -> None:
    """Write ``content`` to a new file called ``name``, or ``name.2`` and so on when that exists.

    Raises:
        AuditUnavailable: There are a thousand of them.
        OSError: It cannot be written.
    """
    for attempt in range(1, 1000):
        path = folder / (name if attempt == 1 else f"{name}.{attempt}")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue
        try:
            for start in range(0, len(content), _BLOCK_BYTES):
                os.write(descriptor, content[start : start + _BLOCK_BYTES])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(folder)
        return
    raise AuditUnavailable(
        "The audit trail cannot record.", why=f"{folder} holds a thousand files {name}", fix="Move them away."
    )


def sync_folder(folder: Path) -> None:
    """Put the folder's entries on the disk: a new or renamed file is durable only then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
