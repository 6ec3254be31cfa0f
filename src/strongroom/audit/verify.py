"""Checks a trail from its first record to its last, and says where it was first touched.

Works on a trail that is being written to, for how far it reached is read before its files are listed, and on a copy of
its files alone. Memory does not grow with the trail. What is compared: the layout, sequence and link of every record
(`strongroom.audit.walk`), the note of how far the trail reached, and the signed checkpoints
(`strongroom.audit.signed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from strongroom.audit.checkpoints import CHECKPOINTS_NAME
from strongroom.audit.file import TORN_PREFIX
from strongroom.audit.head import Head, HeadDamagedError, read_head
from strongroom.audit.report import Problem, VerificationReport
from strongroom.audit.segments import TRAIL_NAME, Segment, first_sequence_of, segments
from strongroom.audit.signed import IsSigned, SignedCheckpoints, read_checkpoints
from strongroom.audit.walk import Walk

__all__ = ["Problem", "VerificationReport", "verify", "verify_files"]

_UNSIGNED = "There are no checkpoints: a trail that was written anew, with a chain that fits, would not be noticed."


def verify(
    folder: Path,
    *,
    is_signed: IsSigned | None = None,
    checkpoints: Path | None = None,
    public_key: bytes | None = None,
) -> VerificationReport:
    """Check the trail in ``folder``: layout, sequence, every link, and that it reaches as far as it once did.

    Args:
        folder: The audit folder, or a copy of it.
        is_signed: Checks the signatures of checkpoints; without it they are left out.
        checkpoints: The checkpoints; by default those in ``folder``.
        public_key: The key that they must be signed with, 32 bytes; by default the one that they name.

    Raises:
        OSError: The trail or the checkpoints are there and cannot be read.
    """
    notes: list[str] = []
    problem: Problem | None = None
    head: Head | None = None
    signed = _signed(folder, is_signed, checkpoints, public_key)
    try:
        head = read_head(folder)
    except HeadDamagedError:
        problem = Problem("head", 0, 0, 0, "The note of how far the trail reached (trail.head) is damaged")
    else:
        if head is None and (signed is None or not signed.good):
            notes.append("trail.head is not there: a cut at the end of the trail would not be noticed.")
    files = segments(folder) if folder.is_dir() else []
    if not files:
        problem, head, signed, notes = Problem("missing", 0, 0, 0, "There is no trail"), None, None, []
    elif head is not None and not files[-1].current:
        problem = Problem("missing", 0, 0, 0, f"{TRAIL_NAME} is gone", TRAIL_NAME)
    torn = tuple(sorted(entry.name for entry in folder.glob(f"{TORN_PREFIX}*")))
    walk = Walk(files, head, None if signed is None else signed.good, part=False)
    return _report(str(folder / TRAIL_NAME), walk, signed, problem, torn, notes)


def verify_files(
    paths: Sequence[Path],
    *,
    is_signed: IsSigned | None = None,
    checkpoints: Path | None = None,
    public_key: bytes | None = None,
) -> VerificationReport:
    """Check some files of a trail, which follow one another; they may begin anywhere in it.

    Args:
        paths: The files, in any order and under any names; compressed ones end in ``.gz``.
        is_signed: As for `verify`, and so are the other two.
        checkpoints: The checkpoints; by default those beside the first file.
        public_key: The key that they must be signed with.

    Raises:
        OSError: A file cannot be read.
    """
    files = sorted((_segment(path) for path in paths), key=lambda file: file.first_sequence)
    signed = _signed(paths[0].parent, is_signed, checkpoints, public_key)
    walk = Walk(files, None, None if signed is None else signed.good, part=True)
    return _report(", ".join(map(str, paths)), walk, signed, None, (), [])


def _segment(path: Path) -> Segment:
    file = Segment(path, 0, path.suffix == ".gz", 0)
    with file.open() as content:
        return Segment(path, first_sequence_of(content), file.compressed, path.stat().st_ino)


def _signed(
    folder: Path, is_signed: IsSigned | None, checkpoints: Path | None, public_key: bytes | None
) -> SignedCheckpoints | None:
    """The checkpoints to compare with; None when signatures cannot be checked."""
    if is_signed is None:
        return None
    path = checkpoints or folder / CHECKPOINTS_NAME
    if checkpoints is None and not path.exists():
        return SignedCheckpoints((), None, (_UNSIGNED,))
    return read_checkpoints(path, is_signed, public_key)


def _report(
    path: str,
    walk: Walk,
    signed: SignedCheckpoints | None,
    problem: Problem | None,
    torn: tuple[str, ...],
    notes: list[str],
) -> VerificationReport:
    """Walk, and put together what was found. Where a record was touched says more than that a note does not fit."""
    found = walk.run()
    if found is None or (found.kind == "cut" and problem is not None):
        found = problem or found
    if found is None and signed is not None:
        found = signed.problem
    return VerificationReport(
        path=path,
        files=walk.files,
        first=walk.first,
        records=walk.records,
        last_hash=walk.end.hash,
        size=walk.size,
        checkpoints=walk.agreed,
        signed_through=walk.signed_through,
        problem=found,
        torn=torn,
        notes=(*notes, *walk.notes, *(() if signed is None else signed.notes)),
    )
