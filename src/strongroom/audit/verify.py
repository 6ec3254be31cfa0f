"""Checks a trail from its first record to its last, and says where it was first touched.

Works on a trail that is being written to: the note of how far it reached is read before the trail, so the trail can
only be longer. Memory does not grow with the trail.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import orjson

from strongroom.audit.file import TORN_PREFIX, TRAIL_NAME
from strongroom.audit.head import Head, HeadDamagedError, read_head
from strongroom.audit.record import Link, hash_of, parse

__all__ = ["Problem", "VerificationReport", "verify"]

Kind = Literal["missing", "malformed", "changed", "gap", "reordered", "repeated", "torn", "cut", "head"]


_LOOKS = 20
_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing found wrong.

    Attributes:
        kind: ``changed``: a record is not what it was; ``gap``: records were taken out; ``reordered`` and
            ``repeated``: records stand elsewhere or twice; ``malformed``: a line that is no record; ``torn``: a last
            line without an end; ``cut``: the end is gone; ``missing``: no trail; ``head``: the note is damaged.
        line: Line number, from 1; 0 when it concerns the file.
        offset: Byte offset of the start of that line.
        sequence: Sequence of the record concerned, or that should have stood there.
        what: The finding in plain words.
    """

    kind: Kind
    line: int
    offset: int
    sequence: int
    what: str


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What was found.

    Attributes:
        path: The trail.
        records: Records that were read and are in order.
        last_hash: Hash of the last of them. Kept elsewhere, it pins everything before it.
        size: Bytes read.
        problem: The first problem; None when the trail is whole.
        torn: Names of files with half-written records that a crash left, which were never acknowledged.
        notes: What could not be checked, in plain words.
    """

    path: str
    records: int
    last_hash: str
    size: int
    problem: Problem | None
    torn: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the trail is whole."""
        return self.problem is None

    def as_dict(self) -> dict[str, object]:
        """The report as JSON-able data."""
        return {"ok": self.ok, **asdict(self)}

    def text(self) -> str:
        """The report for a person."""
        if self.problem is None:
            lines = [f"{self.path}: {self.records} records, chain unbroken.", f"last hash: {self.last_hash}"]
        else:
            place = f" (line {self.problem.line}, byte {self.problem.offset})" if self.problem.line else ""
            lines = [f"{self.path}: NOT WHOLE. {self.problem.what}{place}."]
            if self.records:
                lines.append(f"{self.records} records before it are in order.")
        lines += [f"left by a crash, never acknowledged: {name}" for name in self.torn]
        return "\n".join([*lines, *self.notes])


def verify(folder: Path) -> VerificationReport:
    """Check the trail in ``folder``: layout, sequence, every link, and that it reaches as far as it once did.

    Raises:
        OSError: The trail is there and cannot be read.
    """
    path = folder / TRAIL_NAME
    torn = tuple(sorted(entry.name for entry in folder.glob(f"{TORN_PREFIX}*")))
    notes: list[str] = []
    head: Head | None = None
    problem: Problem | None = None
    try:
        head = read_head(folder)
    except HeadDamagedError:
        problem = Problem("head", 0, 0, 0, "The note of how far the trail reached (trail.head) is damaged")
    else:
        if head is None:
            notes.append("trail.head is not there: a cut at the end of the trail would not be noticed.")
    walk = _Walk(head, notes)
    try:
        with path.open("rb") as trail:
            problem = walk.through(trail) or problem
    except FileNotFoundError:
        problem = Problem("missing", 0, 0, 0, "There is no trail")
        notes.clear()
    return VerificationReport(str(path), walk.records, walk.end.hash, walk.offset, problem, torn, tuple(notes))


class _Walk:
    """One pass over the lines."""

    def __init__(self, head: Head | None, notes: list[str]) -> None:
        self._head = head
        self._notes = notes
        self._end_offset = 0  # where the record before the last good one ends
        self.records = 0
        self.end = Link()
        self.offset = 0

    def through(self, trail: BinaryIO) -> Problem | None:
        """Read to the end or to the first problem."""
        for line in trail:
            problem = self._step(line, trail)
            if problem is not None:
                return problem
        if self._head is not None and self.offset < self._head.size:
            return self._problem(
                "cut", 0, f"The trail ends at record {self.end.sequence}, but once reached {self._head.sequence}"
            )
        return None

    def _step(self, line: bytes, trail: BinaryIO) -> Problem | None:
        expected = self.end.sequence + 1
        if not line.endswith(b"\n"):
            line = _wait_for_rest(line, trail)
        if not line.endswith(b"\n"):
            return self._torn(expected)
        content = line[:-1]
        parts = parse(content)
        if parts is None or not _is_json(content):
            return self._problem("malformed", expected, f"What should be record {expected} is not a record")
        sequence, previous, _ = parts
        if sequence != expected:
            return self._out_of_order(sequence, expected, trail)
        if previous != self.end.hash:
            return self._broken_link(sequence)
        self.end = Link(sequence, hash_of(content))
        self.records += 1
        self._end_offset = self.offset
        self.offset += len(line)
        return self._against_head()

    def _torn(self, expected: int) -> Problem | None:
        """A half-written last record. It was never acknowledged if all that was noted as durable stands before it."""
        if self._head is not None and self.offset >= self._head.size:
            self._notes.append(f"Half of record {expected} stands at the end; the next start will set it aside.")
            return None
        return self._problem("torn", expected, f"Record {expected} has no end: its writer died, or it was cut")

    def _out_of_order(self, sequence: int, expected: int, trail: BinaryIO) -> Problem:
        if sequence < expected:
            return self._problem("repeated", sequence, f"Record {sequence} stands where record {expected} should")
        if any(found == expected for found in _sequences(trail)):
            return self._problem(
                "reordered", expected, f"Record {sequence} stands where record {expected} should, which comes later"
            )
        gone = f"Record {expected} is" if sequence == expected + 1 else f"Records {expected} to {sequence - 1} are"
        return self._problem("gap", expected, f"{gone} missing")

    def _broken_link(self, sequence: int) -> Problem:
        """Record ``sequence`` does not carry the hash of the one before, so one of the two was changed."""
        if sequence == 1:
            return self._problem("changed", 1, "Record 1 does not begin the chain")
        before = Problem(
            "changed",
            self.records,
            self._end_offset,
            sequence - 1,
            f"Record {sequence - 1} is not the one that record {sequence} was chained to",
        )
        self.records -= 1
        return before

    def _against_head(self) -> Problem | None:
        head = self._head
        if head is None or self.end.sequence != head.sequence or self.end.hash == head.hash:
            return None
        self.records -= 1
        return Problem(
            "changed",
            self.records + 1,
            self._end_offset,
            head.sequence,
            f"Record {head.sequence} is not the one that was noted when it was written",
        )

    def _problem(self, kind: Kind, sequence: int, what: str) -> Problem:
        line = 0 if kind == "cut" else self.records + 1
        return Problem(kind, line, self.offset, sequence, what)


def _wait_for_rest(line: bytes, trail: BinaryIO) -> bytes:
    """A last line without an end may be on its way: a batch is one write, so the rest follows at once or never."""
    for _ in range(_LOOKS):
        line += trail.readline()
        if line.endswith(b"\n"):
            break
        time.sleep(_PAUSE_SECONDS)
    return line


def _is_json(content: bytes) -> bool:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return True


def _sequences(trail: BinaryIO) -> Iterator[int]:
    for line in trail:
        parts = parse(line.rstrip(b"\n"))
        if parts is not None:
            yield parts[0]
