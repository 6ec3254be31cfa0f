"""What a verification found, for programs and for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Kind", "Problem", "VerificationReport"]

Kind = Literal[
    "missing", "malformed", "changed", "gap", "reordered", "repeated", "torn", "cut", "head", "damaged", "checkpoint"
]


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing found wrong.

    Attributes:
        kind: ``changed``: a record is not what it was; ``gap``: records were taken out; ``reordered`` and
            ``repeated``: records stand elsewhere or twice; ``malformed``: a line that is no record; ``torn``: a last
            line without an end; ``cut``: the end is gone; ``missing``: no trail, or a whole file of it is gone;
            ``head``: the note is damaged; ``damaged``: a compressed file does not decompress; ``checkpoint``: a
            checkpoint is not what was signed.
        line: Line number in ``file``, from 1; 0 when it concerns the whole file.
        offset: Byte offset of the start of that line.
        sequence: Sequence of the record concerned, or that should have stood there.
        what: The finding in plain words.
        file: Name of the file.
    """

    kind: Kind
    line: int
    offset: int
    sequence: int
    what: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What was found.

    Attributes:
        path: The trail.
        files: Files that were read.
        first: Sequence of the first record that is there.
        records: Records that were read and are in order.
        last_hash: Hash of the last of them. Kept elsewhere, it pins everything before it.
        size: Bytes read, after decompression.
        checkpoints: Signed checkpoints that the records were compared with and agree with.
        signed_through: Sequence of the last record that they pin; 0 for none.
        problem: The first problem; None when the trail is whole.
        torn: Names of files with half-written records that a crash left, which were never acknowledged.
        notes: What could not be checked, in plain words.
    """

    path: str
    files: int
    first: int
    records: int
    last_hash: str
    size: int
    checkpoints: int
    signed_through: int
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
        counted = f"{self.records} records" + (f" in {self.files} files" if self.files > 1 else "")
        if self.problem is None:
            lines = [f"{self.path}: {counted}, chain unbroken.", f"last hash: {self.last_hash}"]
        else:
            where = f"{self.problem.file}, " if self.files > 1 and self.problem.file else ""
            place = f" ({where}line {self.problem.line}, byte {self.problem.offset})" if self.problem.line else ""
            lines = [f"{self.path}: NOT WHOLE. {self.problem.what}{place}."]
            if self.records:
                lines.append(f"{counted} before it are in order.")
        if self.checkpoints:
            lines.append(f"{self.checkpoints} signed checkpoints agree, the last one at record {self.signed_through}.")
        lines += [f"left by a crash, never acknowledged: {name}" for name in self.torn]
        return "\n".join([*lines, *self.notes])
