"""``trail.head``: how far the trail is known to reach.

A chain alone shows changes in its middle but not that its end was cut off. So after every durable batch the writer
notes beside the trail the last sequence, the length of the file and the last hash, as one fixed-width line. The note
is a lower bound: it is written after the records are durable and never ahead of them, and a crash may leave it a little
behind. A trail that ends before its note was cut.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from strongroom.audit.record import GENESIS

__all__ = ["HEAD_NAME", "Head", "HeadDamagedError", "read_head", "read_head_from", "write_head"]

HEAD_NAME = "trail.head"

_LENGTH = 20 + 1 + 20 + 1 + 64 + 1
_LAYOUT = re.compile(rb"([0-9]{20}) ([0-9]{20}) ([0-9a-f]{64})\n")
_READS = 5  # a reader may catch the note half way through being rewritten; that lasts a memory copy


class HeadDamagedError(ValueError):
    """The note is there and is not one."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the note says.

    Attributes:
        sequence: Sequence of the last durable record; 0 when there is none.
        size: Length of the trail in bytes just after that record's newline.
        hash: Hash of that record.
    """

    sequence: int = 0
    size: int = 0
    hash: str = GENESIS


def read_head_from(descriptor: int) -> Head | None:
    """Read the note from an open file; None when the file is empty.

    Raises:
        HeadDamagedError: The file holds something else.
    """
    for _ in range(_READS):
        content = os.pread(descriptor, _LENGTH + 1, 0)
        if not content:
            return None
        match = _LAYOUT.fullmatch(content)
        if match is not None:
            return Head(int(match[1]), int(match[2]), match[3].decode())
    raise HeadDamagedError(HEAD_NAME)


def read_head(folder: Path) -> Head | None:
    """Read the note of the trail in ``folder``; None when there is none.

    Raises:
        HeadDamagedError: The file holds something else.
        OSError: The file cannot be read.
    """
    with suppress(FileNotFoundError):
        descriptor = os.open(folder / HEAD_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            return read_head_from(descriptor)
        finally:
            os.close(descriptor)
    return None


def write_head(descriptor: int, head: Head) -> None:
    """Write the note, unless another process already noted a later record."""
    noted = read_head_from(descriptor)
    if noted is None or noted.sequence < head.sequence:
        os.pwrite(descriptor, b"%020d %020d %b\n" % (head.sequence, head.size, head.hash.encode()), 0)
