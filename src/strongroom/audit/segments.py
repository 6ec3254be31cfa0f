"""The files of one trail, in order. Reads only; for everyone who reads a trail.

``trail.jsonl`` is being written to. When it is full it becomes ``trail-<first sequence, 20 digits>.jsonl`` and a new
one begins where it ended; later it is compressed to ``.jsonl.gz`` (`strongroom.audit.blocks`). The chain goes on over
the files. A crash may leave a file in both forms, which hold the same, or under both names.
"""

from __future__ import annotations

import gzip
import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from strongroom.audit.blocks import length_of, read_at
from strongroom.audit.record import Link, hash_of, parse

__all__ = [
    "LONGEST_LINE",
    "TRAIL_NAME",
    "Segment",
    "closed_name",
    "end_of_closed",
    "first_sequence_of",
    "lines",
    "segments",
    "start_of",
]

TRAIL_NAME: Final = "trail.jsonl"
"""The file that is being written to."""

_CLOSED: Final = re.compile(r"trail-([0-9]{20})\.jsonl(\.gz)?")
_ATTEMPTS: Final = 5
LONGEST_LINE: Final = 1 << 20
"""Bytes that no line of a trail reaches: an event has 256 KiB at most."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the trail.

    Attributes:
        path: Where it was when it was listed. It may since have been closed or compressed; `open` finds it.
        first_sequence: Sequence of its first record; 0 for a file that is being written to and has none yet.
        compressed: Whether it was compressed when it was listed.
        inode: Number of the file when it was listed.
    """

    path: Path
    first_sequence: int
    compressed: bool
    inode: int

    @property
    def current(self) -> bool:
        """Whether it was the one being written to when it was listed."""
        return self.path.name == TRAIL_NAME

    def open(self) -> BinaryIO:
        """The file's lines as they were written, decompressed, from the first on.

        Raises:
            OSError: It cannot be read. FileNotFoundError: It was deleted.
        """
        for path in self._places():
            with suppress(FileNotFoundError):
                if path.suffix == ".gz":
                    return cast("BinaryIO", gzip.open(path, "rb"))
                file = path.open("rb")
                if path.name != TRAIL_NAME or self._is_listed(file):
                    return file
                file.close()
        raise FileNotFoundError(2, os.strerror(2), str(self.path))

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset`` on, counted as `open` gives them; fewer at the end.

        Raises:
            OSError: It cannot be read.
            ValueError: It is damaged.
        """
        for path in self._places():
            with suppress(FileNotFoundError):
                if path.suffix == ".gz":
                    return read_at(path, offset, length)
                with path.open("rb", buffering=0) as file:
                    if path.name != TRAIL_NAME or self._is_listed(file):
                        return os.pread(file.fileno(), length, offset)
        raise FileNotFoundError(2, os.strerror(2), str(self.path))

    def length(self) -> int:
        """Bytes that `open` gives.

        Raises:
            OSError: It cannot be read.
            ValueError: It is damaged.
        """
        for path in self._places():
            with suppress(FileNotFoundError):
                if path.suffix == ".gz":
                    return length_of(path)
                with path.open("rb", buffering=0) as file:
                    if path.name != TRAIL_NAME or self._is_listed(file):
                        return os.fstat(file.fileno()).st_size
        raise FileNotFoundError(2, os.strerror(2), str(self.path))

    def _places(self) -> Iterator[Path]:
        """Where the file may be by now."""
        yield self.path
        if self.first_sequence:
            plain = self.path.with_name(closed_name(self.first_sequence))
            yield plain
            yield plain.with_name(plain.name + ".gz")
            yield plain  # a compressed one may be listed while a crash left the plain one only

    def _is_listed(self, file: BinaryIO) -> bool:
        return not self.first_sequence or os.fstat(file.fileno()).st_ino == self.inode


def closed_name(first_sequence: int) -> str:
    """The name of a closed, uncompressed file."""
    return f"trail-{first_sequence:020d}.jsonl"


def segments(folder: Path) -> list[Segment]:
    """The files of the trail in ``folder``, oldest first; the one being written to comes last, if it is there.

    Raises:
        OSError: The folder cannot be read. FileNotFoundError: There is none.
    """
    for _ in range(_ATTEMPTS):
        current = _current(folder)
        listed = sorted(name for name in os.listdir(folder) if _CLOSED.fullmatch(name))
        again = _current(folder)
        if (current and current.inode) == (again and again.inode):
            break  # no switch in between, which would show a file under neither name
    closed = [found for name in listed if (found := _closed(folder / name)) is not None]
    if again is None:
        return _one_each(closed)
    return [*_one_each([found for found in closed if found.inode != again.inode]), again]


def lines(folder: Path) -> Iterator[bytes]:
    """Every line of the trail, oldest first, each with its newline unless it is still being written.

    Raises:
        OSError: A file cannot be read.
    """
    for segment in segments(folder):
        with segment.open() as file:
            yield from file


def _one_each(closed: list[Segment]) -> list[Segment]:
    """One form of each file: the plain one, where there are both."""
    chosen: dict[int, Segment] = {}
    for segment in closed:  # sorted by name, so a plain one comes before its compressed form
        chosen.setdefault(segment.first_sequence, segment)
    return list(chosen.values())


def _closed(path: Path) -> Segment | None:
    match = _CLOSED.fullmatch(path.name)
    if match is None:
        return None
    with suppress(FileNotFoundError):  # compressed or deleted meanwhile
        return Segment(path, int(match[1]), match[2] is not None, path.stat().st_ino)
    plain = path.with_name(closed_name(int(match[1])))
    compressed = plain.with_name(plain.name + ".gz")
    with suppress(FileNotFoundError):
        return Segment(compressed, int(match[1]), True, compressed.stat().st_ino)
    return None


def _current(folder: Path) -> Segment | None:
    path = folder / TRAIL_NAME
    try:
        with path.open("rb") as file:
            return Segment(path, first_sequence_of(file), False, os.fstat(file.fileno()).st_ino)
    except FileNotFoundError:
        if not folder.is_dir():
            raise
        return None


def first_sequence_of(file: BinaryIO) -> int:
    """The sequence of the record at the start of a file; 0 when it does not begin with a whole record."""
    line = file.readline(LONGEST_LINE)
    start = start_of(line[:-1]) if line.endswith(b"\n") else None
    return 0 if start is None else start.sequence + 1


def start_of(line: bytes) -> Link | None:
    """What the record in ``line`` (without its newline) continues; None when it is no record."""
    parts = parse(line)
    return None if parts is None else Link(parts[0] - 1, parts[1])


def end_of_closed(folder: Path) -> Link | None:
    """The last record of the newest closed file: what a file that is being begun continues.

    Returns None when that file does not end with a record, and the beginning of a chain when there is no such file.

    Raises:
        OSError: It cannot be read.
    """
    closed = [segment for segment in segments(folder) if not segment.current]
    if not closed:
        return Link()
    with closed[-1].open() as file:
        if closed[-1].path.suffix != ".gz":
            file.seek(max(0, os.fstat(file.fileno()).st_size - LONGEST_LINE))
        line = deque(file, maxlen=1)
    parts = parse(line[0][:-1]) if line and line[0].endswith(b"\n") else None
    return None if parts is None else Link(parts[0], hash_of(line[0][:-1]))
