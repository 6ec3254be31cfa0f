"""How far a sink has got in the trail, kept in ``sink-<name>.cursor`` beside it.

One line of fixed width, written over in place, so a full disk does not stop it. It is not synced: after a crash of the
machine a sink gets some records a second time, never too few.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Cursor", "CursorFile"]

_LAYOUT: Final = re.compile(rb"([0-9]{20}) ([0-9]{20}) ([0-9]{20})\n")
_LENGTH: Final = 63


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two records.

    Attributes:
        sequence: The last record that the sink has; 0 for none.
        file: First sequence of the file in which the place is; 0 before the first file.
        offset: Bytes of that file before the place, uncompressed.
    """

    sequence: int = 0
    file: int = 0
    offset: int = 0


class CursorFile:
    """The file of one sink.

    Args:
        folder: The audit folder.
        name: The sink's name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        path = folder / f"sink-{name}.cursor"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def read(self) -> Cursor:
        """Where the sink is; at the trail's beginning when the file says nothing."""
        match = _LAYOUT.fullmatch(os.pread(self._descriptor, _LENGTH + 1, 0))
        return Cursor() if match is None else Cursor(int(match[1]), int(match[2]), int(match[3]))

    def write(self, cursor: Cursor) -> None:
        """Note where the sink is.

        Raises:
            OSError: It cannot be written.
        """
        os.pwrite(self._descriptor, b"%020d %020d %020d\n" % (cursor.sequence, cursor.file, cursor.offset), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
