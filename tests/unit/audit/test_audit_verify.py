"""Every way of touching a trail is found, and said where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.audit import Problem, Trail, verify
from strongroom.audit.record import Link, chain
from strongroom.world import World

Lines = list[bytes]
COUNT = 10


@pytest.fixture
def written(folder: Path, trail: Trail) -> Path:
    for number in range(1, COUNT + 1):
        trail.append_now([b'{"eventName":"Event%d"}' % number])
    trail.close()
    return folder


def problem_after(folder: Path, change: Callable[[Lines], Lines]) -> Problem:
    path = folder / "trail.jsonl"
    lines = change(path.read_bytes().splitlines(keepends=True))
    path.write_bytes(b"".join(lines))
    report = verify(folder)
    assert not report.ok
    assert report.problem is not None
    assert report.problem.offset == sum(len(line) for line in lines[: max(report.problem.line - 1, 0)]) or (
        report.problem.kind == "cut"
    )
    assert report.problem.what in report.text()
    assert report.as_dict()["ok"] is False
    return report.problem


def changed(at: int, old: bytes, new: bytes) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        assert old in lines[at]
        return [*lines[:at], lines[at].replace(old, new), *lines[at + 1 :]]

    return change


def test_a_whole_trail(written: Path) -> None:
    report = verify(written)
    assert report.ok
    assert (report.records, report.problem, report.torn, report.notes) == (COUNT, None, (), ())
    assert report.last_hash in report.text()
    assert report.as_dict()["records"] == COUNT


@pytest.mark.parametrize("at", range(COUNT))
def test_a_changed_record_is_located(written: Path, at: int) -> None:
    problem = problem_after(written, changed(at, b"Event", b"Ev3nt"))
    assert (problem.kind, problem.line, problem.sequence) == ("changed", at + 1, at + 1)


def test_a_changed_link_of_the_first_record(written: Path) -> None:
    problem = problem_after(written, changed(0, b'"previous":"0', b'"previous":"1'))
    assert (problem.kind, problem.line) == ("changed", 1)


@pytest.mark.parametrize("at", range(COUNT - 1))
def test_a_removed_record_is_a_gap(written: Path, at: int) -> None:
    problem = problem_after(written, lambda lines: lines[:at] + lines[at + 1 :])
    assert (problem.kind, problem.line, problem.sequence) == ("gap", at + 1, at + 1)
    assert problem.what == f"Record {at + 1} is missing"


def test_several_removed_records(written: Path) -> None:
    assert problem_after(written, lambda lines: lines[:3] + lines[6:]).what == "Records 4 to 6 are missing"


def test_swapped_records(written: Path) -> None:
    problem = problem_after(written, lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]])
    assert (problem.kind, problem.line, problem.sequence) == ("reordered", 5, 5)


def test_a_repeated_record(written: Path) -> None:
    problem = problem_after(written, lambda lines: [*lines[:4], lines[2], *lines[4:]])
    assert (problem.kind, problem.line, problem.sequence) == ("repeated", 5, 3)


@pytest.mark.parametrize("kept", [0, 1, COUNT - 1])
def test_a_cut_end(written: Path, kept: int) -> None:
    problem = problem_after(written, lambda lines: lines[:kept])
    assert problem.kind == "cut"
    assert problem.what == f"The trail ends at record {kept}, but once reached {COUNT}"


def test_an_end_cut_inside_a_record(written: Path) -> None:
    problem = problem_after(written, lambda lines: [*lines[:-1], lines[-1][:-5]])
    assert (problem.kind, problem.line, problem.sequence) == ("torn", COUNT, COUNT)


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"not json\n", b"\xff\xfe\n"])
def test_a_foreign_line(written: Path, line: bytes) -> None:
    problem = problem_after(written, lambda lines: [*lines[:5], line, *lines[5:]])
    assert (problem.kind, problem.line) == ("malformed", 6)


def test_a_record_that_is_no_json(written: Path) -> None:
    problem = problem_after(written, changed(3, b'"Event4"', b'"Event4'))
    assert (problem.kind, problem.line) == ("malformed", 4)


def test_an_end_rewritten_with_a_fitting_chain(written: Path) -> None:
    def forge(lines: Lines) -> Lines:
        forged, _ = chain(Link(), [b'{"eventName":"Forged%d"}' % number for number in range(1, COUNT + 1)])
        return forged.splitlines(keepends=True)

    problem = problem_after(written, forge)
    assert (problem.kind, problem.sequence) == ("changed", COUNT)


def test_a_deleted_trail(written: Path) -> None:
    (written / "trail.jsonl").unlink()
    report = verify(written)
    assert report.problem is not None
    assert report.problem.kind == "missing"


def test_no_trail_at_all(tmp_path: Path) -> None:
    assert not verify(tmp_path / "nowhere").ok


def test_a_missing_note_is_said(written: Path) -> None:
    (written / "trail.head").unlink()
    report = verify(written)
    assert report.ok
    assert "trail.head is not there" in report.text()


def test_a_damaged_note(written: Path) -> None:
    (written / "trail.head").write_bytes(b"nonsense")
    report = verify(written)
    assert report.problem is not None
    assert report.problem.kind == "head"
    assert report.records == COUNT


def test_half_a_record_that_was_never_acknowledged_is_a_note(written: Path, world: World) -> None:
    with (written / "trail.jsonl").open("ab") as trail:
        trail.write(b'{"sequence":11,"prev')
    report = verify(written)
    assert report.ok
    assert "Half of record 11" in report.text()
    reopened = Trail(written, world)
    reopened.open()
    reopened.append_now([b"{}"])
    reopened.close()
    report = verify(written)
    assert (report.ok, report.records, report.torn) == (True, COUNT + 1, ("trail.torn-11",))
    assert "trail.torn-11" in report.text()
    assert (written / "trail.torn-11").read_bytes() == b'{"sequence":11,"prev'
