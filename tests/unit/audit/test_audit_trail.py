"""The trail as its callers use it: durable, shared between processes, bounded in its waits, closed when in doubt."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.audit import AuditUnavailable, Trail, read_records, verify
from strongroom.world import World


def event(number: int) -> bytes:
    return b'{"eventName":"Event%d"}' % number


def reopened(folder: Path, world: World) -> Trail:
    trail = Trail(folder, world, lock_timeout_seconds=0.3, stall_timeout_seconds=2.0)
    trail.open()
    return trail


def recorded(folder: Path) -> list[str]:
    assert verify(folder).ok, verify(folder).text()
    return [str(record.event["eventName"]) for record in read_records(folder)]


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


# Recording


def test_records_in_order_and_privately(folder: Path, trail: Trail) -> None:
    trail.append_now([event(1), event(2)])
    trail.append_now([event(3)])
    trail.append_now([])
    assert recorded(folder) == ["Event1", "Event2", "Event3"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "trail.jsonl").stat().st_mode & 0o777 == 0o600
    assert trail.health() is None


def test_is_on_the_disk_before_append_returns(
    folder: Path, thread_trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    really = os.fdatasync

    def watching(descriptor: int) -> None:
        really(descriptor)
        synced.append((folder / "trail.jsonl").read_bytes())

    monkeypatch.setattr(os, "fdatasync", watching)
    thread_trail.append_now([event(1)])
    assert event(1) in synced[-1]
    asyncio.run(thread_trail.append(event(2)))
    assert event(2) in synced[-1]


def test_goes_on_after_a_restart(folder: Path, trail: Trail, world: World) -> None:
    trail.append_now([event(1)])
    trail.close()
    again = reopened(folder, world)
    again.append_now([event(2)])
    again.close()
    assert recorded(folder) == ["Event1", "Event2"]


def test_what_a_crash_left_without_a_note_is_noted_at_the_next_start(folder: Path, trail: Trail, world: World) -> None:
    """A process may die after it wrote a record and before it noted that; readers go by the note."""
    trail.append_now([event(1)])
    note = (folder / "trail.head").read_bytes()
    trail.append_now([event(2)])
    trail.close()
    reached = (folder / "trail.head").read_bytes()
    (folder / "trail.head").write_bytes(note)
    reopened(folder, world).close()
    assert (folder / "trail.head").read_bytes() == reached


def test_concurrent_callers_share_batches(folder: Path, thread_trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = 0
    really = os.fdatasync

    def counting(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        really(descriptor)

    monkeypatch.setattr(os, "fdatasync", counting)

    async def many() -> None:
        await asyncio.gather(*(thread_trail.append(event(number)) for number in range(200)))

    asyncio.run(many())
    assert len(recorded(folder)) == 200
    assert syncs < 50


def test_threads_and_a_loop_at_once(folder: Path, trail: Trail) -> None:
    def from_a_thread() -> None:
        for _ in range(20):
            trail.append_now([event(9)])

    threads = [threading.Thread(target=from_a_thread) for _ in range(4)]

    async def many() -> None:
        for _ in range(20):
            await asyncio.gather(*(trail.append(event(7)) for _ in range(4)))

    for thread in threads:
        thread.start()
    asyncio.run(many())
    for thread in threads:
        thread.join()
    assert len(recorded(folder)) == 160


def test_a_caller_that_gives_up_leaves_the_others_alone(folder: Path, trail: Trail) -> None:
    async def give_up() -> None:
        leaving = asyncio.ensure_future(trail.append(event(1)))
        await asyncio.sleep(0)
        leaving.cancel()
        await trail.append(event(2))

    asyncio.run(give_up())
    assert recorded(folder) == ["Event1", "Event2"]


def test_attack_13_an_event_of_several_lines_is_refused(folder: Path, trail: Trail) -> None:
    with pytest.raises(ValueError, match="one line"):
        trail.append_now([b'{}\n{"sequence":1}'])
    with pytest.raises(ValueError, match="one line"):
        asyncio.run(trail.append(b"{}\n"))
    assert recorded(folder) == []


APPENDER = """
import asyncio, sys
from pathlib import Path
from strongroom.audit import Trail
from strongroom.world import World
trail = Trail(Path(sys.argv[1]), World.real())
trail.open()
async def main():
    for number in range(60):
        event = b'{"eventName":"%s-%d"}' % (sys.argv[2].encode(), number)
        await asyncio.gather(*(trail.append(event) for _ in range(3)))
asyncio.run(main())
trail.append_now([b'{"eventName":"end"}'])
trail.close()
"""


def test_three_processes_write_one_chain(folder: Path, trail: Trail) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", APPENDER, str(folder), name]) for name in ("a", "b", "c")]
    for number in range(60):
        trail.append_now([event(number)])
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    trail.append_now([event(60)])
    names = recorded(folder)
    assert len(names) == 61 + 3 * 181
    assert [name for name in names if name.startswith("Event")] == [f"Event{number}" for number in range(61)]
    assert [name for name in names if name.startswith("a-")] == [
        f"a-{number}" for number in range(60) for _ in range(3)
    ]


# A full disk


def test_attack_13_disk_full_fails_the_batch_and_heals(
    folder: Path, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail.append_now([event(1)])
    before = (folder / "trail.jsonl").read_bytes()
    really = os.write
    written_half = False

    def full(descriptor: int, data: memoryview) -> int:
        nonlocal written_half
        if written_half:
            raise OSError(errno.ENOSPC, "No space left on device")
        written_half = True
        return really(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(AuditUnavailable) as caught:
            trail.append_now([event(2), event(3)])
        assert "No space left on device" in caught.value.why
        assert "Make room" in caught.value.fix
        with pytest.raises(AuditUnavailable):
            asyncio.run(trail.append(event(4)))
        assert (folder / "trail.jsonl").read_bytes() == before
        assert str(trail.health()).endswith("No space left on device. Since 2026-01-31T12:00:00Z.")
    assert trail.health() is None  # found out without a record
    assert (folder / "trail.jsonl").read_bytes() == before
    trail.append_now([event(5)])
    assert recorded(folder) == ["Event1", "Event5"]


LIMITED = """
import resource, sys
from pathlib import Path
from strongroom.audit import AuditUnavailable, Trail
from strongroom.world import World
trail = Trail(Path(sys.argv[1]), World.real())
trail.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
recorded = 0
try:
    while True:
        trail.append_now([b'{"eventName":"small"}'] * 2)
        recorded += 2
except AuditUnavailable as error:
    print(recorded, error.why)
"""


def test_attack_13_a_write_that_the_system_cuts_short_is_taken_back(folder: Path) -> None:
    result = run_python(LIMITED, str(folder))
    count, _, why = result.stdout.partition(" ")
    assert "File too large" in why, result.stderr
    assert int(count) > 0
    assert recorded(folder) == ["small"] * int(count)


# Crashes


def test_torn_line_is_set_aside_at_the_next_start(folder: Path, trail: Trail, world: World) -> None:
    trail.append_now([event(1)])
    trail.close()
    for attempt in range(2):
        with (folder / "trail.jsonl").open("ab") as file:
            file.write(b'{"sequence":2,"torn%d' % attempt)
        reopened(folder, world).close()
    assert (folder / "trail.torn-2").read_bytes() == b'{"sequence":2,"torn0'
    assert (folder / "trail.torn-2.2").read_bytes() == b'{"sequence":2,"torn1'
    assert recorded(folder) == ["Event1"]


def test_torn_line_longer_than_any_buffer(folder: Path, trail: Trail, world: World) -> None:
    trail.append_now([b'{"eventName":"%b"}' % (b"x" * 100_000)])
    with (folder / "trail.jsonl").open("ab") as file:
        file.write(b"y" * 3_000_000)
    trail.append_now([event(2)])
    assert (folder / "trail.torn-2").stat().st_size == 3_000_000
    assert recorded(folder)[1:] == ["Event2"]


def test_torn_line_of_another_process_is_set_aside_while_running(folder: Path, trail: Trail, world: World) -> None:
    other = reopened(folder, world)
    other.append_now([event(1)])
    other.close()
    with (folder / "trail.jsonl").open("ab") as file:
        file.write(b'{"sequence":2,')
    trail.append_now([event(2)])
    assert recorded(folder) == ["Event1", "Event2"]
    assert verify(folder).torn == ("trail.torn-2",)


KILLED = """
import os, signal, sys
from pathlib import Path
from strongroom.audit import Trail
from strongroom.world import World
trail = Trail(Path(sys.argv[1]), World.real())
trail.open()
for number in range(1000):
    trail.append_now([b'{"eventName":"acknowledged"}'])
    print(number + 1, flush=True)
    if number == 20:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_acknowledged_survives_kill_9(folder: Path, world: World) -> None:
    acknowledged = int(run_python(KILLED, str(folder)).stdout.split()[-1])
    reopened(folder, world).close()
    assert len(recorded(folder)) >= acknowledged == 21


def test_a_failed_sync_is_never_trusted_again(folder: Path, trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", broken)
        with pytest.raises(AuditUnavailable, match="cannot record"):
            trail.append_now([event(1)])
    with pytest.raises(AuditUnavailable) as caught:
        trail.append_now([event(2)])
    assert "Input/output error" in caught.value.why
    assert trail.health() is not None


# Tampering while running and while stopped


def _delete(path: Path) -> None:
    path.unlink()


def _replace(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def _truncate(path: Path) -> None:
    os.truncate(path, 10)


def _link(path: Path) -> None:
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("harm", "word"), [(_delete, "deleted"), (_replace, "replaced"), (_truncate, "shrank"), (_link, "replaced")]
)
def test_attack_13_a_trail_that_is_taken_away_closes_the_house(
    folder: Path, trail: Trail, harm: Callable[[Path], None], word: str
) -> None:
    trail.append_now([event(1)])
    harm(folder / "trail.jsonl")
    assert word in str(trail.health())
    for _ in range(2):
        with pytest.raises(AuditUnavailable) as caught:
            trail.append_now([event(2)])
        assert word in caught.value.why
        assert str(folder / "trail.jsonl") in caught.value.why
        assert "Find out who changed it" in caught.value.fix


@pytest.mark.parametrize("harm", [_delete, _truncate, lambda path: path.write_bytes(b"")])
def test_attack_13_a_trail_that_is_taken_away_while_stopped_is_noticed(
    folder: Path, trail: Trail, world: World, harm: Callable[[Path], None]
) -> None:
    trail.append_now([event(1), event(2)])
    trail.close()
    harm(folder / "trail.jsonl")
    for _ in range(2):
        with pytest.raises(AuditUnavailable) as caught:
            reopened(folder, world)
        assert str(folder / "trail.jsonl") in caught.value.why


def test_a_record_rewritten_while_stopped_is_noticed(folder: Path, trail: Trail, world: World) -> None:
    trail.append_now([event(1)])
    trail.close()
    path = folder / "trail.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Event1", b"Event7"))
    with pytest.raises(AuditUnavailable) as caught:
        reopened(folder, world)
    assert "no longer holds record 1" in caught.value.why


def test_putting_the_file_back_heals(folder: Path, trail: Trail) -> None:
    trail.append_now([event(1)])
    (folder / "trail.jsonl").rename(folder / "away")
    with pytest.raises(AuditUnavailable):
        trail.append_now([event(2)])
    (folder / "away").rename(folder / "trail.jsonl")
    trail.append_now([event(3)])
    assert recorded(folder) == ["Event1", "Event3"]


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _full_device(path: Path) -> None:
    path.symlink_to("/dev/full")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [_fifo, _full_device, _folder])
@pytest.mark.parametrize("name", ["trail.jsonl", "trail.head"])
def test_attack_13_only_a_plain_file_is_a_trail(
    folder: Path, world: World, make: Callable[[Path], None], name: str
) -> None:
    folder.mkdir()
    make(folder / name)
    if name == "trail.head":
        (folder / "trail.jsonl").touch()
    with pytest.raises(AuditUnavailable):
        reopened(folder, world)


def test_a_folder_that_cannot_be_made(tmp_path: Path, world: World) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AuditUnavailable) as caught:
        reopened(tmp_path / "file" / "audit", world)
    assert "cannot be opened" in caught.value.diagnostics()


@pytest.mark.parametrize("content", [b"nonsense", b"0" * 200])
def test_a_damaged_note_is_refused(folder: Path, trail: Trail, world: World, content: bytes) -> None:
    trail.append_now([event(1)])
    (folder / "trail.head").write_bytes(content)
    with pytest.raises(AuditUnavailable):
        trail.append_now([event(2)])
    trail.close()
    with pytest.raises(AuditUnavailable) as caught:
        reopened(folder, world)
    assert "trail.head is damaged" in caught.value.why


# Bounded waits


def test_attack_13_a_stuck_lock_gives_a_bounded_error(folder: Path, trail: Trail) -> None:
    trail.append_now([event(1)])
    with (folder / "trail.jsonl").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(AuditUnavailable) as caught:
            trail.append_now([event(2)])
        assert "another process has held the lock" in caught.value.why
        with pytest.raises(AuditUnavailable):
            asyncio.run(trail.append(event(3)))
    trail.append_now([event(4)])
    assert recorded(folder) == ["Event1", "Event4"]


def test_attack_13_a_disk_that_hangs_gives_a_bounded_error(
    folder: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = Trail(folder, world, lock_timeout_seconds=0.05, stall_timeout_seconds=0.1, sync_in_kernel=False)
    trail.open()
    released = threading.Event()
    really = os.fdatasync

    def hang(descriptor: int) -> None:
        released.wait(30)
        really(descriptor)

    async def wait_for_it() -> None:
        with pytest.raises(AuditUnavailable) as caught:
            await trail.append(event(1))
        assert "has not finished a write" in caught.value.why

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", hang)
        asyncio.run(wait_for_it())
        assert "has not finished a write" in str(trail.health())
        with pytest.raises(AuditUnavailable):
            trail.append_now([event(2)])
        with pytest.raises(AuditUnavailable):
            asyncio.run(trail.append(event(3)))
        released.set()
        while trail.health() is not None:
            released.wait(0.01)
    trail.append_now([event(4)])
    trail.close()
    assert recorded(folder) == ["Event1", "Event4"]


def test_a_thread_stops_waiting_for_a_disk_that_hangs(
    folder: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = Trail(folder, world, lock_timeout_seconds=0.05, stall_timeout_seconds=0.1)
    trail.open()
    released = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", lambda _: released.wait(30))
        with pytest.raises(AuditUnavailable) as caught:
            trail.append_now([event(1)])
        released.set()
    assert "has not finished a write" in caught.value.why
    trail.close()


def test_closed_and_unopened_trails_refuse(folder: Path, trail: Trail, world: World) -> None:
    never = Trail(folder, world)
    with pytest.raises(AuditUnavailable) as caught:
        never.append_now([event(1)])
    assert "not open" in caught.value.why
    never.close()
    trail.close()
    trail.close()
    with pytest.raises(AuditUnavailable) as caught:
        asyncio.run(trail.append(event(1)))
    assert "is closed" in caught.value.why
    assert "is closed" in str(trail.health())


def test_closing_writes_what_was_handed_in(folder: Path, trail: Trail) -> None:
    async def leave() -> None:
        waiting = [asyncio.ensure_future(trail.append(event(number))) for number in range(50)]
        await asyncio.sleep(0)
        trail.close()
        await asyncio.gather(*waiting)

    asyncio.run(leave())
    assert len(recorded(folder)) == 50
