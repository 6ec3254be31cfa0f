"""The trail goes on over several files, whoever switches and whatever crashes."""

from __future__ import annotations

import asyncio
import gzip
import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.audit import AuditUnavailable, Trail, read_records, switching, verify
from strongroom.audit.blocks import BLOCK_LENGTH, compress, length_of, read_at
from strongroom.audit.retention import compress_closed
from strongroom.audit.segments import Segment, segments
from strongroom.world import World

SMALL = 1500  # bytes: about eight records


def event(number: int) -> bytes:
    return b'{"eventName":"Event%d","eventTime":"2026-01-31T12:00:00Z"}' % number


@pytest.fixture
def opened(folder: Path, world: World) -> Callable[[], Trail]:
    def make() -> Trail:
        trail = Trail(folder, world, lock_timeout_seconds=5.0, largest_bytes=SMALL)
        trail.open()
        return trail

    return make


def content_of(file: Segment) -> bytes:
    with file.open() as content:
        return content.read()


def names(folder: Path) -> list[str]:
    return [file.path.name for file in segments(folder)]


def test_a_full_file_is_closed_and_the_chain_goes_on(folder: Path, opened: Callable[[], Trail]) -> None:
    trail = opened()
    for number in range(30):
        trail.append_now([event(number)])
    trail.close()
    files = segments(folder)
    assert len(files) > 2
    assert names(folder) == [*(f"trail-{file.first_sequence:020d}.jsonl" for file in files[:-1]), "trail.jsonl"]
    assert files[0].first_sequence == 1
    report = verify(folder)
    assert (report.problem, report.records, report.files) == (None, 30, len(files))
    shown = read_records(folder)
    assert [record.event["eventName"] for record in shown] == [f"Event{number}" for number in range(30)]
    again = opened()
    again.append_now([event(30)])
    again.close()
    assert verify(folder).records == 31


def _write_from(folder: Path, world: World, count: int) -> None:
    trail = Trail(folder, world, largest_bytes=SMALL)
    trail.open()
    for number in range(count):
        trail.append_now([event(number)])
    trail.close()


def test_processes_switch_under_each_other(folder: Path, world: World) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write_from, args=(folder, world, 100)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    report = verify(folder)
    assert (report.problem, report.records) == (None, 300)
    assert report.files > 20


async def _append_all(trail: Trail, count: int) -> None:
    for number in range(count):
        await trail.append(event(number))


def test_an_event_loop_switches_and_follows(folder: Path, opened: Callable[[], Trail]) -> None:
    loop_trail, other = opened(), opened()

    def write() -> None:
        for number in range(60):
            other.append_now([event(number)])

    writer = threading.Thread(target=write)
    writer.start()
    asyncio.run(_append_all(loop_trail, 60))
    writer.join()
    assert loop_trail.health() is None
    for trail in (loop_trail, other):
        trail.close()
    report = verify(folder)
    assert (report.problem, report.records) == (None, 120)
    assert report.files > 5


def test_a_process_that_slept_over_several_switches_goes_on(folder: Path, opened: Callable[[], Trail]) -> None:
    sleeper, other = opened(), opened()
    sleeper.append_now([event(0)])
    for number in range(30):
        other.append_now([event(number)])
    compress_closed(folder)
    assert sleeper.health() is None
    sleeper.append_now([event(31)])
    assert verify(folder).records == 32
    for trail in (sleeper, other):
        trail.close()


@pytest.mark.parametrize("step", ["link", "replace"])
def test_a_crash_while_switching(
    folder: Path, opened: Callable[[], Trail], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What fails here stops before the step, as a crash does; the trail is whole and writing goes on."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "crashed")

    trail = opened()
    with monkeypatch.context() as broken:
        if step == "link":
            broken.setattr(os, "link", fail)
        else:
            broken.setattr(Path, "replace", fail)
        for number in range(12):
            trail.append_now([event(number)])
        assert names(folder) == ["trail.jsonl"]
        assert verify(folder).records == 12
    trail.close()
    again = opened()
    for number in range(12, 30):
        again.append_now([event(number)])
    again.close()
    assert len(segments(folder)) > 1
    assert (verify(folder).problem, verify(folder).records) == (None, 30)


def test_a_crash_right_after_a_switch(folder: Path, opened: Callable[[], Trail]) -> None:
    """The new file is there and empty; the next start goes on after the closed one, compressed or not."""
    for _ in range(2):
        trail = opened()
        while len(segments(folder)) == 1 or segments(folder)[-1].first_sequence:
            trail.append_now([event(0)])
            if (folder / "trail.jsonl").stat().st_size >= SMALL:
                os.close(switching.begin_next(folder, segments(folder)[-1].first_sequence))
        written = verify(folder).records
        trail.close()
        again = opened()
        again.append_now([event(1)])
        again.close()
        assert (verify(folder).problem, verify(folder).records) == (None, written + 1)
        compress_closed(folder)


def test_an_empty_file_in_the_place_of_the_trail_is_no_switch(folder: Path, opened: Callable[[], Trail]) -> None:
    trail = opened()
    trail.append_now([event(0)])
    (folder / "trail.jsonl").rename(folder / "elsewhere")
    (folder / "trail.jsonl").touch()
    with pytest.raises(AuditUnavailable) as refused:
        trail.append_now([event(1)])
    assert "was replaced by another file" in str(refused.value.why)
    assert "replaced" in str(trail.health())
    (folder / "elsewhere").rename(folder / "trail.jsonl")
    trail.append_now([event(1)])
    assert trail.health() is None
    trail.close()
    assert verify(folder).records == 2


def test_a_file_that_is_old_enough_is_switched(folder: Path, opened: Callable[[], Trail]) -> None:
    trail = opened()
    assert not trail.switch(lambda _: True)  # nothing in it
    trail.append_now([event(0)])
    assert not trail.switch(lambda line: b"Event1" in line)
    assert trail.switch(lambda line: b"Event0" in line)
    trail.append_now([event(1)])
    trail.close()
    assert names(folder) == [f"trail-{1:020d}.jsonl", "trail.jsonl"]
    assert verify(folder).records == 2


def test_closed_files_are_compressed_for_every_gzip_tool(folder: Path, opened: Callable[[], Trail]) -> None:
    trail = opened()
    for number in range(30):
        trail.append_now([event(number)])
    plain = (folder / names(folder)[0]).read_bytes()
    closed = len(segments(folder)) - 1
    assert compress_closed(folder) == closed
    assert compress_closed(folder) == 0
    first = segments(folder)[0]
    assert first.compressed
    assert first.path.stat().st_mode & 0o777 == 0o600
    assert gzip.decompress(first.path.read_bytes()) == plain
    assert verify(folder).records == 30
    trail.close()


def test_a_crash_between_compressing_and_removing_leaves_both(folder: Path, opened: Callable[[], Trail]) -> None:
    trail = opened()
    for number in range(12):
        trail.append_now([event(number)])
    trail.close()
    first = folder / names(folder)[0]
    content = first.read_bytes()
    listed = segments(folder)[0]
    compress_closed(folder)
    assert content_of(listed) == content  # listed before it was compressed, read after
    assert listed.read(10, 20) == content[10:30]
    assert listed.length() == len(content)
    first.write_bytes(content)
    (folder / f".{first.name}.gz.new").write_bytes(b"half of it")  # as a crash while compressing leaves it
    assert verify(folder).records == 12
    assert compress_closed(folder) == 1
    assert not list(folder.glob(".*"))
    assert not first.exists()
    assert verify(folder).records == 12


def test_a_full_disk_while_compressing_leaves_the_file_as_it_was(
    folder: Path, opened: Callable[[], Trail], monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = opened()
    for number in range(12):
        trail.append_now([event(number)])
    before = names(folder)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            compress_closed(folder)
    assert names(folder) == before
    assert not list(folder.glob(".*"))
    trail.close()


def test_what_was_the_current_file_when_it_was_listed_is_found_after_a_switch(
    folder: Path, opened: Callable[[], Trail]
) -> None:
    trail = opened()
    trail.append_now([event(0)])
    listed = segments(folder)[-1]
    content = content_of(listed)
    trail.switch(lambda _: True)
    trail.append_now([event(1)])
    assert content_of(listed) == content
    assert listed.read(0, 10) == content[:10]
    compress_closed(folder)
    assert content_of(listed) == content
    trail.close()


def test_any_piece_of_a_compressed_file_is_read_alone(tmp_path: Path) -> None:
    content = b"".join(b"%08d\n" % number for number in range(2 * BLOCK_LENGTH // 9 + 1000))
    path = tmp_path / "x.gz"
    (tmp_path / "x").write_bytes(content)
    with (tmp_path / "x").open("rb") as source, path.open("wb") as target:
        compress(source, target)
    assert length_of(path) == len(content)
    for offset in (0, 5, BLOCK_LENGTH - 4, BLOCK_LENGTH, 2 * BLOCK_LENGTH - 1, len(content) - 3):
        assert read_at(path, offset, 20) == content[offset : offset + 20]
    assert read_at(path, 3, len(content)) == content[3:]
    assert read_at(path, len(content) + 5, 10) == b""
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match="damaged"):
        read_at(path, len(content) - 3, 3)
