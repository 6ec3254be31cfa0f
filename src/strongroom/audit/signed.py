"""Reads a file of checkpoints and checks that each was signed and follows the one before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from strongroom.audit.checkpoints import Checkpoint
from strongroom.audit.record import GENESIS
from strongroom.audit.report import Problem

__all__ = ["IsSigned", "SignedCheckpoints", "read_checkpoints"]

IsSigned = Callable[[bytes, bytes, bytes], bool]
"""Whether, for a public key (32 bytes), a signature (64 bytes) is one of a message."""


@dataclass(frozen=True, slots=True)
class SignedCheckpoints:
    """What a file of checkpoints holds.

    Attributes:
        good: Checkpoints that are signed, in order of their records.
        problem: The first thing wrong with the file; what stands after it is not in ``good``.
        notes: What could not be checked.
    """

    good: tuple[Checkpoint, ...]
    problem: Problem | None
    notes: tuple[str, ...]


def read_checkpoints(path: Path, is_signed: IsSigned, public_key: bytes | None) -> SignedCheckpoints:
    """Read and check the checkpoints in ``path``.

    Args:
        path: The file, or a copy of it.
        is_signed: Checks signatures.
        public_key: The key, 32 bytes, from where nobody could change it; None takes the one that the file names.

    Raises:
        OSError: It cannot be read.
    """
    good: list[Checkpoint] = []
    notes: list[str] = []
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                notes.append(f"{path.name} ends with half a checkpoint, as a crash leaves it.")
                break
            checkpoint = Checkpoint.parse(line[:-1])
            finding = _finding(checkpoint, good[-1] if good else None, is_signed, public_key)
            if checkpoint is None or finding:
                sequence = 0 if checkpoint is None else checkpoint.sequence
                what = f"Checkpoint {number} in {path.name} {finding}"
                return SignedCheckpoints(
                    tuple(good), Problem("checkpoint", number, offset, sequence, what, path.name), tuple(notes)
                )
            good.append(checkpoint)
            offset += len(line)
    if public_key is None and good:
        notes.append(
            "The checkpoints name their own key: give --public-key with a copy that was kept elsewhere, to rule out"
            " that they were all made again."
        )
    return SignedCheckpoints(tuple(good), None, tuple(notes))


def _finding(
    checkpoint: Checkpoint | None, before: Checkpoint | None, is_signed: IsSigned, public_key: bytes | None
) -> str:
    """What is wrong with a checkpoint, in words that follow its name; nothing when it is good."""
    if checkpoint is None:
        return "is not a checkpoint"
    if public_key is None and before is not None:
        public_key = before.key
    if checkpoint.key != (public_key or checkpoint.key):
        return "was signed with another key"
    if not is_signed(checkpoint.key, checkpoint.signature, checkpoint.message):
        return "is not what was signed"
    if checkpoint.previous != (GENESIS if before is None else before.digest):
        return "does not follow the one before it: checkpoints were taken out or moved"
    if before is not None and checkpoint.sequence <= before.sequence:
        return f"pins record {checkpoint.sequence}, which comes before the one that was pinned last"
    return ""
