"""The trail as an event loop writes it: the kernel syncs, the loop never waits, and nothing is answered before."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import platform
import threading
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from strongroom.audit import AuditUnavailable, Trail, read_records, verify
from strongroom.audit.kernel_sync import KernelSync
from strongroom.world import World


def event(number: int) -> bytes:
    return b'{"eventName":"Event%d"}' % number


def recorded(folder: Path) -> list[str]:
    assert verify(folder).ok, verify(folder).text()
    return [str(record.event["eventName"]) for record in read_records(folder)]


def offered() -> bool:
    with TemporaryFile() as file:
        made = KernelSync.open(file.fileno())
    if made is not None:
        made.close()
    return made is not None


pytestmark = pytest.mark.skipif(not offered(), reason="this kernel does not sync by itself")


def test_is_synced_before_append_returns_and_by_no_thread(
    folder: Path, kernel_trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    start, finish = KernelSync.start, KernelSync.finish

    def starting(sync: KernelSync) -> None:
        assert threading.current_thread() is threading.main_thread()
        if event(1) in (folder / "trail.jsonl").read_bytes():
            steps.append("start")
        start(sync)

    def finishing(sync: KernelSync) -> None:
        finish(sync)
        steps.append("finish")

    async def append() -> None:
        await kernel_trail.append(event(0))
        steps.clear()
        await kernel_trail.append(event(1))
        steps.append("answer")

    monkeypatch.setattr(KernelSync, "start", starting)
    monkeypatch.setattr(KernelSync, "finish", finishing)
    asyncio.run(append())
    assert steps == ["start", "finish", "answer"]


def test_concurrent_callers_share_syncs(folder: Path, kernel_trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = 0
    start = KernelSync.start

    def counting(sync: KernelSync) -> None:
        nonlocal syncs
        syncs += 1
        start(sync)

    async def many() -> None:
        await asyncio.gather(*(kernel_trail.append(event(number)) for number in range(200)))

    monkeypatch.setattr(KernelSync, "start", counting)
    asyncio.run(many())
    assert recorded(folder) == [f"Event{number}" for number in range(200)]
    assert syncs < 50


def test_a_failed_sync_is_never_trusted_again(
    folder: Path, kernel_trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = KernelSync.finish

    def broken(sync: KernelSync) -> None:
        finish(sync)
        raise OSError(errno.EIO, "Input/output error")

    async def append() -> None:
        await kernel_trail.append(event(1))
        with monkeypatch.context() as patched:
            patched.setattr(KernelSync, "finish", broken)
            with pytest.raises(AuditUnavailable):
                await kernel_trail.append(event(2))
        with pytest.raises(AuditUnavailable) as caught:
            await kernel_trail.append(event(3))
        assert "Input/output error" in caught.value.why

    asyncio.run(append())
    with pytest.raises(AuditUnavailable):
        kernel_trail.append_now([event(4)])
    assert "Input/output error" in str(kernel_trail.health())


def test_a_kernel_that_refuses_to_sync_is_done_without(
    folder: Path, kernel_trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(sync: KernelSync) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    async def append() -> None:
        await kernel_trail.append(event(1))
        with monkeypatch.context() as patched:
            patched.setattr(KernelSync, "start", refusing)
            await kernel_trail.append(event(2))
        await kernel_trail.append(event(3))

    asyncio.run(append())
    assert recorded(folder) == ["Event1", "Event2", "Event3"]


def test_attack_13_a_disk_that_hangs_gives_a_bounded_error(
    folder: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = Trail(folder, world, lock_timeout_seconds=0.05, stall_timeout_seconds=0.1)
    trail.open()
    hanging: list[KernelSync] = []

    async def append() -> None:
        await trail.append(event(1))
        with monkeypatch.context() as patched:
            # A plain function, as it has to become a method.
            patched.setattr(KernelSync, "start", lambda sync: hanging.append(sync))  # noqa: PLW0108
            attempts = [asyncio.ensure_future(trail.append(event(2)))]
            await asyncio.sleep(0.05)
            attempts.append(asyncio.ensure_future(trail.append(event(3))))
            for attempt in attempts:
                with pytest.raises(AuditUnavailable) as caught:
                    await attempt
                assert "has not finished a write" in caught.value.why
        assert "has not finished a write" in str(trail.health())
        with pytest.raises(AuditUnavailable):
            await trail.append(event(4))
        hanging[0].start()
        while trail.health() is not None:  # noqa: ASYNC110 - nothing tells when it is over
            await asyncio.sleep(0.01)
        await trail.append(event(5))

    asyncio.run(append())
    trail.close()
    assert recorded(folder) == ["Event1", "Event2", "Event5"]


def test_attack_13_a_held_lock_does_not_stop_the_loop(folder: Path, kernel_trail: Trail) -> None:
    async def append() -> None:
        await kernel_trail.append(event(1))
        with (folder / "trail.jsonl").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            waiting = asyncio.ensure_future(kernel_trail.append(event(2)))
            turns = 0
            for _ in range(20):
                await asyncio.sleep(0.001)
                turns += 1
            assert turns == 20
            assert not waiting.done()
        await waiting

    asyncio.run(append())
    assert recorded(folder) == ["Event1", "Event2"]


def test_closing_during_a_sync_answers_only_what_is_durable(folder: Path, kernel_trail: Trail) -> None:
    async def leave() -> None:
        await kernel_trail.append(event(1))
        waiting = [asyncio.ensure_future(kernel_trail.append(event(2)))]
        await asyncio.sleep(0)
        while event(2) not in (folder / "trail.jsonl").read_bytes():  # noqa: ASYNC110
            await asyncio.sleep(0)
        waiting.append(asyncio.ensure_future(kernel_trail.append(event(3))))
        await asyncio.sleep(0)
        kernel_trail.close()
        await asyncio.gather(*waiting)

    asyncio.run(leave())
    assert recorded(folder) == ["Event1", "Event2", "Event3"]


def test_one_loop_after_the_other(folder: Path, kernel_trail: Trail) -> None:
    for number in range(3):
        asyncio.run(kernel_trail.append(event(number)))
    assert recorded(folder) == ["Event0", "Event1", "Event2"]


def test_syncs_again_and_again_and_tells_a_failure(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        sync = KernelSync.open(file.fileno())
        assert sync is not None
        os.set_blocking(sync.fileno(), True)
        for _ in range(5):
            file.write(b"x" * 5000)
            file.flush()
            sync.start()
            sync.finish()
        sync.close()
    reading, writing = os.pipe()
    try:
        assert KernelSync.open(reading) is None  # a pipe cannot be synced
    finally:
        os.close(reading)
        os.close(writing)


def test_another_machine_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "file").open("wb") as file:
        monkeypatch.setattr(platform, "machine", lambda: "unheard-of")
        assert KernelSync.open(file.fileno()) is None
