"""Records of a trail from some place on, each with where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from strongroom.audit.head import HeadDamagedError, read_head
from strongroom.audit.segments import Segment

__all__ = ["StoredRecord", "durable_end", "records_from"]

_BLOCK_BYTES: Final = 2 << 20
_START: Final = b'{"sequence":'
_ENDLESS: Final = 1 << 62


class StoredRecord(NamedTuple):
    """One line of the trail.

    Attributes:
        file: First sequence of the file it stands in.
        offset: Where it begins there, in bytes.
        sequence: Its sequence.
        line: The line, without its newline.
    """

    file: int
    offset: int
    sequence: int
    line: bytes


def durable_end(folder: Path) -> int:
    """Sequence of the last record that is known to be on the disk. What is behind it may yet be taken back.

    Raises:
        OSError: The note of it cannot be read.
    """
    try:
        head = read_head(folder)
    except HeadDamagedError:
        return _ENDLESS
    return _ENDLESS if head is None else head.sequence


def records_from(found: Sequence[Segment], file: int, offset: int, end: int) -> Iterator[StoredRecord]:
    """The records from a place on, oldest first, up to sequence ``end``. What is no record is passed over.

    Args:
        found: The trail's files, oldest first.
        file: First sequence of the file to begin in; 0 for the oldest.
        offset: Where in that file to begin, in bytes.
        end: Sequence of the last record to yield.

    Raises:
        OSError: A file cannot be read. FileNotFoundError: It was deleted.
        ValueError: A compressed one is damaged.
    """
    for segment in found:
        if segment.first_sequence == 0 or segment.first_sequence < file:
            continue
        start = offset if segment.first_sequence == file else 0
        for record in _records_of(segment, start):
            if record.sequence > end:
                return
            yield record


def _records_of(segment: Segment, offset: int) -> Iterator[StoredRecord]:
    rest = b""
    while block := segment.read(offset + len(rest), _BLOCK_BYTES):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()  # not ended yet: the rest of it comes with the next block, or is being written
        for line in lines:
            if line.startswith(_START):
                yield StoredRecord(segment.first_sequence, offset, _sequence(line), line)
            offset += len(line) + 1
        if b"\0" in rest:  # room that the writer took in advance: no record holds this byte
            return


def _sequence(line: bytes) -> int:
    digits = line[len(_START) : line.find(b",")]
    return int(digits) if digits.isdigit() else 0
