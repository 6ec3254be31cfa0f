"""One pass over the records of a trail, file by file, up to the first thing that is wrong."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from gzip import BadGzipFile
from typing import BinaryIO

import orjson

from strongroom.audit.checkpoints import Checkpoint
from strongroom.audit.head import Head
from strongroom.audit.record import Link, hash_of, parse
from strongroom.audit.report import Kind, Problem
from strongroom.audit.retention import deleted_through
from strongroom.audit.segments import LONGEST_LINE, Segment, start_of

__all__ = ["Walk"]

_LOOKS = 20
_PAUSE_SECONDS = 0.01


class Walk:
    """One pass.

    Args:
        files: The files, oldest first.
        head: How far the trail was known to reach before ``files`` were listed, if that was noted.
        signed: Checkpoints whose signatures are good, in order; None when none could be checked.
        part: Whether ``files`` need not begin with the trail's first record.

    Attributes:
        end: The last record that is in order.
        records: How many are.
        size: Bytes that they take.
        agreed: How many of ``signed`` agree with them.
        notes: What could not be checked, in plain words.
    """

    def __init__(
        self, files: Sequence[Segment], head: Head | None, signed: Sequence[Checkpoint] | None, *, part: bool
    ) -> None:
        self._files = files
        self._head = head
        self._signed = signed or ()
        self._unchecked = signed is None
        self._part = part
        self._file = ""
        self._lines = 0  # of the file, that are in order
        self._offset = 0  # in the file, of the next line
        self._last: tuple[str, int, int] = ("", 0, 0)  # file, line and offset of the last record in order
        self._start = Link()
        self._deleted = 0
        self._rest: Sequence[Segment] = files
        self.end = Link()
        self.records = 0
        self.size = 0
        self.agreed = 0
        self.notes: list[str] = []

    @property
    def files(self) -> int:
        """How many files were given."""
        return len(self._files)

    @property
    def first(self) -> int:
        """Sequence of the first record that is there."""
        return self._start.sequence + 1

    @property
    def signed_through(self) -> int:
        """Sequence of the last record that a checkpoint pins and that is there."""
        return self._signed[self.agreed - 1].sequence if self.agreed else 0

    def run(self) -> Problem | None:
        """Read to the end or to the first problem."""
        for number, file in enumerate(self._files):
            self._rest = self._files[number + 1 :]
            problem = self._through(file)
            if problem is not None:
                return problem
        return self._beginning() or self._ending()

    def _through(self, file: Segment) -> Problem | None:
        self._file, self._lines, self._offset = file.path.name, 0, 0
        try:
            with file.open() as content:
                for line in content:
                    if not self.records and not self._lines:
                        self._begin(line, file)
                    problem = self._step(line, content, file)
                    if problem is not None:
                        return problem
        except (BadGzipFile, EOFError, zlib.error):
            what = f"{self._file} does not decompress after record {self.end.sequence}"
            return self._problem("damaged", self.end.sequence + 1, what)
        return None

    def _begin(self, line: bytes, file: Segment) -> None:
        """Take the first record of a trail whose beginning is not here; whether that may be, `_beginning` says."""
        start = start_of(line.removesuffix(b"\n"))
        if start is None or start.sequence + 1 != file.first_sequence:
            return  # not a record, or one of another file under this one's name
        pinned = any((mark.sequence, mark.hash) == (start.sequence, start.hash) for mark in self._signed)
        if pinned or self._part or self._unchecked:
            self._start = self.end = start
            self._signed = [mark for mark in self._signed if mark.sequence > start.sequence]

    def _step(self, line: bytes, content: BinaryIO, file: Segment) -> Problem | None:
        expected = self.end.sequence + 1
        if not line.endswith(b"\n") and file.current:
            line = _wait_for_rest(line, content)
        if not line.endswith(b"\n"):
            return self._torn(expected)
        record = line[:-1]
        parts = parse(record)
        if parts is None or not _is_json(record):
            return self._problem("malformed", expected, f"What should be record {expected} is not a record")
        sequence, previous, event = parts
        if sequence != expected:
            return self._out_of_order(sequence, expected, file.first_sequence, content)
        if previous != self.end.hash:
            return self._broken_link(sequence)
        self.end = Link(sequence, hash_of(record))
        self.records += 1
        self.size += len(line)
        self._lines += 1
        self._last = (self._file, self._lines, self._offset)
        self._offset += len(line)
        self._deleted = max(self._deleted, deleted_through(event))
        return self._against_notes()

    def _torn(self, expected: int) -> Problem | None:
        """A half-written last record. It was never acknowledged if all that was noted as durable stands before it."""
        if self._head is not None and self.end.sequence >= self._head.sequence and not self._rest:
            self.notes.append(f"Half of record {expected} stands at the end; the next start will set it aside.")
            return None
        return self._problem("torn", expected, f"Record {expected} has no end: its writer died, or it was cut")

    def _out_of_order(self, sequence: int, expected: int, named: int, content: BinaryIO) -> Problem:
        if sequence < expected:
            return self._problem("repeated", sequence, f"Record {sequence} stands where record {expected} should")
        if any(found == expected for found in self._sequences_after(content)):
            return self._problem(
                "reordered", expected, f"Record {sequence} stands where record {expected} should, which comes later"
            )
        gone = _are_missing(expected, sequence - 1)
        if self._lines or named == expected:
            return self._problem("gap", expected, gone)
        return Problem("missing", 0, 0, expected, f"{gone}: a file before {self._file} is gone", self._file)

    def _sequences_after(self, content: BinaryIO) -> Iterator[int]:
        yield from _sequences(content)
        for file in self._rest:
            with file.open() as later:
                yield from _sequences(later)

    def _broken_link(self, sequence: int) -> Problem:
        """Record ``sequence`` does not carry the hash of the one before, so one of the two was changed."""
        if sequence == self.first:
            return self._problem("changed", sequence, f"Record {sequence} does not begin the chain")
        return self._last_was_changed(f"Record {sequence - 1} is not the one that record {sequence} was chained to")

    def _against_notes(self) -> Problem | None:
        """Compare the last record with what was noted or signed when it was written."""
        head, end = self._head, self.end
        if head is not None and end.sequence == head.sequence and end.hash != head.hash:
            return self._last_was_changed(f"Record {end.sequence} is not the one that was noted when it was written")
        if self.agreed < len(self._signed) and self._signed[self.agreed].sequence == end.sequence:
            mark = self._signed[self.agreed]
            if mark.hash != end.hash:
                since = max(self.signed_through, self._start.sequence) + 1
                where = "" if since == end.sequence else f"; the change lies in records {since} to {end.sequence}"
                return self._last_was_changed(f"Record {end.sequence} is not the one signed at {mark.time}{where}")
            self.agreed += 1
        return None

    def _last_was_changed(self, what: str) -> Problem:
        self.records -= 1
        file, line, offset = self._last
        return Problem("changed", line, offset, self.end.sequence, what, file)

    def _beginning(self) -> Problem | None:
        """Whether what is missing before the first record was deleted by retention, and said so in the trail."""
        gone = self._start.sequence
        if not gone:
            return None
        if self._deleted >= gone:
            self.notes.append(
                f"Records 1 to {gone} were deleted as audit_keep_days asks, with a checkpoint on the last."
            )
        elif self._part:
            self.notes.append(f"Records 1 to {gone} were not given.")
        elif len(self._files) == 1:
            return Problem("gap", 1, 0, 1, _are_missing(1, gone), self._file)
        else:
            what = f"{_are_missing(1, gone)}, and no record says that they were deleted"
            return Problem("missing", 0, 0, 1, what, self._files[0].path.name)
        return None

    def _ending(self) -> Problem | None:
        """Whether the trail ends before a record that it once held."""
        end = self.end.sequence
        what = f"The trail ends at record {end}, but"
        if self._head is not None and end < self._head.sequence:
            return Problem("cut", 0, self._offset, 0, f"{what} once reached {self._head.sequence}", self._file)
        if self.agreed < len(self._signed):
            mark = self._signed[-1]
            return Problem(
                "cut", 0, self._offset, 0, f"{what} record {mark.sequence} was signed at {mark.time}", self._file
            )
        return None

    def _problem(self, kind: Kind, sequence: int, what: str) -> Problem:
        return Problem(kind, self._lines + 1, self._offset, sequence, what, self._file)


def _are_missing(first: int, last: int) -> str:
    return f"Record {first} is missing" if first == last else f"Records {first} to {last} are missing"


def _wait_for_rest(line: bytes, content: BinaryIO) -> bytes:
    """A last line without an end may be on its way: a batch is one write, so the rest follows at once or never."""
    for _ in range(_LOOKS):
        line += content.readline(LONGEST_LINE)
        if line.endswith(b"\n"):
            break
        time.sleep(_PAUSE_SECONDS)
    return line


def _is_json(record: bytes) -> bool:
    try:
        orjson.loads(record)
    except orjson.JSONDecodeError:
        return False
    return True


def _sequences(content: BinaryIO) -> Iterator[int]:
    for line in content:
        parts = parse(line.rstrip(b"\n"))
        if parts is not None:
            yield parts[0]
