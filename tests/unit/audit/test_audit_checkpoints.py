"""Signed checkpoints show every way of touching a trail, from a copy alone."""

from __future__ import annotations

import gzip
import shutil
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from strongroom.audit import Trail, VerificationReport, verify, verify_files
from strongroom.audit.checkpoints import CHECKPOINTS_NAME, PUBLIC_KEY_NAME, Checkpoint, Checkpoints, last_checkpoint
from strongroom.audit.record import Link, chain
from strongroom.audit.retention import compress_closed
from strongroom.audit.segments import segments
from strongroom.errors import OperatorError
from strongroom.keyring import SigningKey, is_signed, public_key_to_pem
from strongroom.world import World

KEY = SigningKey(bytes(range(32)))
COUNT = 30


def checkpoints(folder: Path, world: World, key: SigningKey = KEY) -> Checkpoints:
    return Checkpoints(folder, key, public_key_to_pem(key.public_key), world.clock)


def event(number: int) -> bytes:
    return b'{"eventName":"Event%d","eventTime":"2026-01-31T12:00:00Z"}' % number


@pytest.fixture
def written(folder: Path, world: World) -> Path:
    """Thirty records in three or more files, the older ones compressed, with a checkpoint every ten and at each end."""
    trail = Trail(folder, world, largest_bytes=1200)
    trail.open()
    for number in range(1, COUNT + 1):
        trail.append_now([event(number)])
        if number % 10 == 0:
            checkpoints(folder, world).make()
    trail.close()
    compress_closed(folder)
    assert len(segments(folder)) >= 3
    return folder


def check(folder: Path, **options: Path | bytes) -> VerificationReport:
    return verify(folder, is_signed=is_signed, **options)  # type: ignore[arg-type]


def lines_of(folder: Path) -> list[bytes]:
    return (folder / CHECKPOINTS_NAME).read_bytes().splitlines(keepends=True)


def test_a_whole_trail(written: Path) -> None:
    report = check(written, public_key=KEY.public_key)
    assert (report.problem, report.records, report.notes) == (None, COUNT, ())
    assert report.checkpoints == len(lines_of(written)) >= 5
    assert report.signed_through == COUNT
    assert "the last one at record 30" in report.text()
    pinned = {Checkpoint.parse(line[:-1]).sequence for line in lines_of(written)}  # type: ignore[union-attr]
    assert pinned > {10, 20, 30}
    assert pinned >= {file.first_sequence - 1 for file in segments(written)[1:]}


def test_a_key_that_nobody_vouches_for_is_said(written: Path) -> None:
    assert "give --public-key" in check(written).text()


def test_no_checkpoints_are_said(written: Path) -> None:
    (written / CHECKPOINTS_NAME).unlink()
    report = check(written)
    assert report.ok
    assert "There are no checkpoints" in report.text()


def test_nothing_new_makes_no_new_one(written: Path, world: World) -> None:
    before = lines_of(written)
    made = checkpoints(written, world).make()
    assert made is not None
    assert made.sequence == COUNT
    assert lines_of(written) == before


def test_an_empty_trail_has_none(folder: Path, world: World) -> None:
    trail = Trail(folder, world)
    trail.open()
    trail.close()
    assert checkpoints(folder, world).make() is None
    assert last_checkpoint(folder) is None


def test_each_line_says_where_its_record_stands_and_its_public_key_lies_beside(written: Path) -> None:
    made = last_checkpoint(written)
    assert made is not None
    content = (written / "trail.jsonl").read_bytes()
    assert made.size == len(content)
    assert made.file == segments(written)[-1].first_sequence
    assert made.time == "2026-01-31T12:00:00Z"
    assert is_signed(KEY.public_key, made.signature, made.message)
    assert (written / PUBLIC_KEY_NAME).read_bytes() == public_key_to_pem(KEY.public_key)


def test_half_a_checkpoint_that_a_crash_left_is_cut_off(written: Path, world: World) -> None:
    path = written / CHECKPOINTS_NAME
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"sequence":31,"ha')
    assert "half a checkpoint" in check(written).text()
    checkpoints(written, world).make()
    assert path.read_bytes() == whole


def test_nothing_is_signed_after_a_record_that_changed(written: Path, world: World) -> None:
    path = written / "trail.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Event30", b"Ev3nt30"))
    with pytest.raises(OperatorError) as refused:
        checkpoints(written, world).make()
    assert "does not hold record 30 as it was signed" in str(refused.value.why)


def test_checkpoints_that_went_away_while_the_server_runs(written: Path, world: World) -> None:
    server = checkpoints(written, world)
    server.make()
    path = written / CHECKPOINTS_NAME
    whole = path.read_bytes()
    for left in (b"", whole[: whole.index(b"\n") + 1]):
        path.write_bytes(left)
        with pytest.raises(OperatorError) as refused:
            server.make()
        assert "no longer holds the checkpoint of record 30" in str(refused.value.why)
    path.write_bytes(whole)
    assert server.make() is not None


@dataclass(frozen=True)
class Tampering:
    """One way of touching a copy.

    Attributes:
        name: What was done.
        do: Does it to the copy of the audit folder.
        kind: How it is called.
        sequence: The record concerned.
        what: Part of the finding.
    """

    name: str
    do: Callable[[Path], None]
    kind: str
    sequence: int
    what: str


def plain(folder: Path) -> None:
    """Put closed files back as they were before they were compressed."""
    for file in segments(folder):
        if file.compressed:
            with file.open() as content:
                file.path.with_suffix("").write_bytes(content.read())
            file.path.unlink()


def edit(number: int, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    """Change the lines of the file with this number, counted from 0."""

    def do(folder: Path) -> None:
        plain(folder)
        path = segments(folder)[number].path
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return do


def rewrite(since: int, upto: int) -> Callable[[Path], None]:
    """Make the records from ``since`` on anew with a chain that fits, up to ``upto``, in the files they were in."""

    def do(folder: Path) -> None:
        plain(folder)
        (folder / "trail.head").unlink()
        link = Link()
        for file in segments(folder):
            with file.open() as content:
                numbers = range(file.first_sequence, file.first_sequence + len(content.readlines()))
            events = [event(number + 100 * (number >= since)) for number in numbers if number <= upto]
            content_again, link = chain(link, events)
            file.path.write_bytes(content_again)

    return do


def remove(number: int) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        segments(folder)[number].path.unlink()

    return do


def swap_files(folder: Path) -> None:
    plain(folder)
    first, second = segments(folder)[0].path, segments(folder)[1].path
    aside = folder / "aside"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


def damage_compressed(folder: Path) -> None:
    path = segments(folder)[0].path
    content = bytearray(path.read_bytes())
    content[-6] ^= 0x55  # in the checksum
    path.write_bytes(content)


def edit_checkpoints(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / CHECKPOINTS_NAME).write_bytes(b"".join(change(lines_of(folder))))

    return do


TAMPERINGS = [
    Tampering(
        "a record changed", edit(0, lambda old: [old[0].replace(b"Event", b"Ev3nt"), *old[1:]]), "changed", 1, "1"
    ),
    Tampering("a record taken out", edit(1, lambda old: [old[0], *old[2:]]), "gap", 10, "missing"),
    Tampering("the head of a file taken out", edit(1, lambda old: old[2:]), "gap", 9, "Records 9 to 10 are missing"),
    Tampering("records swapped", edit(0, lambda old: [*old[:3], old[4], old[3], *old[5:]]), "reordered", 4, "later"),
    Tampering("a record twice", edit(0, lambda old: [*old[:3], old[1], *old[3:]]), "repeated", 2, "stands where"),
    Tampering("a foreign line", edit(0, lambda old: [*old[:3], b"{}\n", *old[3:]]), "malformed", 4, "not a record"),
    Tampering("a record's end cut off", edit(0, lambda old: [*old[:-1], old[-1][:-9]]), "torn", 8, "has no end"),
    Tampering("a file's end cut off", edit(0, lambda old: old[:-2]), "missing", 7, "a file before"),
    Tampering("the end cut off", edit(-1, lambda old: old[:-2]), "cut", 0, "once reached 30"),
    Tampering("the first file gone", remove(0), "missing", 1, "no record says that they were deleted"),
    Tampering("a middle file gone", remove(1), "missing", 9, "a file before"),
    Tampering("the last file gone", remove(-1), "missing", 0, "trail.jsonl is gone"),
    Tampering("files swapped", swap_files, "reordered", 1, "comes later"),
    Tampering("a compressed file damaged", damage_compressed, "damaged", 9, "does not decompress after record 8"),
    Tampering("rewritten with a fitting chain", rewrite(5, COUNT), "changed", 8, "lies in records 1 to 8"),
    Tampering("rewritten later on", rewrite(12, COUNT), "changed", 16, "lies in records 11 to 16"),
    Tampering("cut off and the note removed", rewrite(99, 25), "cut", 0, "ends at record 25, but record 30 was signed"),
    Tampering(
        "a checkpoint changed",
        edit_checkpoints(lambda old: [old[0].replace(b'"sequence":8', b'"sequence":7'), *old[1:]]),
        "checkpoint",
        7,
        "is not what was signed",
    ),
    Tampering(
        "a checkpoint taken out", edit_checkpoints(lambda old: [old[0], *old[2:]]), "checkpoint", 16, "taken out"
    ),
    Tampering(
        "checkpoints swapped", edit_checkpoints(lambda old: [old[1], old[0], *old[2:]]), "checkpoint", 10, "moved"
    ),
    Tampering(
        "a foreign checkpoint", edit_checkpoints(lambda old: [b"{}\n", *old]), "checkpoint", 0, "not a checkpoint"
    ),
]


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name)
def test_tampering_is_found_and_located(written: Path, tmp_path: Path, tampering: Tampering) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(written, copy)
    tampering.do(copy)
    report = check(copy, public_key=KEY.public_key)
    assert report.problem is not None
    assert (report.problem.kind, report.problem.sequence) == (tampering.kind, tampering.sequence), report.problem
    assert tampering.what in report.problem.what
    if report.problem.line and tampering.kind != "damaged":
        with (copy / report.problem.file).open("rb") as file:
            assert sum(len(file.readline()) for _ in range(report.problem.line - 1)) == report.problem.offset


def test_a_trail_and_checkpoints_made_anew_are_found_by_what_was_kept_elsewhere(written: Path, world: World) -> None:
    kept = written.parent / "kept.jsonl"
    shutil.copy(written / CHECKPOINTS_NAME, kept)
    rewrite(5, COUNT)(written)
    (written / CHECKPOINTS_NAME).unlink()
    trail = Trail(written, world)
    trail.open()  # writes the note anew
    trail.close()
    forger = SigningKey(bytes(32))
    checkpoints(written, world, forger).make()
    assert check(written).ok
    told = check(written, public_key=KEY.public_key).problem
    assert told is not None
    assert "another key" in told.what
    located = check(written, checkpoints=kept).problem
    assert located is not None
    assert (located.kind, located.sequence) == ("changed", 8)


def test_a_checkpoint_with_another_key_in_the_middle(written: Path) -> None:
    other = b64encode(SigningKey(bytes(32)).public_key)
    edit_checkpoints(lambda old: [*old[:1], old[1].replace(b64encode(KEY.public_key), other), *old[2:]])(written)
    problem = check(written).problem
    assert problem is not None
    assert (problem.kind, problem.line) == ("checkpoint", 2)
    assert "another key" in problem.what


def test_single_files_are_checked_alone_and_by_any_name(written: Path, tmp_path: Path) -> None:
    middle = segments(written)[1]
    copy = tmp_path / "some copy.gz"
    shutil.copy(middle.path, copy)
    report = verify_files([copy])
    assert report.ok
    assert report.first == middle.first_sequence
    assert f"Records 1 to {middle.first_sequence - 1} were not given." in report.notes
    pinned = tmp_path / "older.jsonl"
    pinned.write_bytes(b"".join(lines_of(written)[:3]))
    report = verify_files([copy], is_signed=is_signed, checkpoints=pinned)
    assert report.checkpoints == 2
    changed = tmp_path / "plain"
    changed.write_bytes(gzip.decompress(copy.read_bytes()).replace(b"Event12", b"Event13"))
    located = verify_files([changed]).problem
    assert located is not None
    assert (located.kind, located.sequence, located.file) == ("changed", 12, "plain")
