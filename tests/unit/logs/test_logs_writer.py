"""What functions print: sealed, stored in order, read back, and deleted when its time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from strongroom.keyring import InvalidCiphertext, Keyring, RootKey
from strongroom.services.logs import LogMaintenance, LogWriter, maintenance, writer
from strongroom.services.logs.event_records import (
    LogEvent,
    Window,
    events_of_group,
    events_of_stream,
    insert_events,
    open_event,
    seal_event,
)
from strongroom.services.logs.group_records import find_group, insert_group, set_retention
from strongroom.services.logs.names import GroupReference
from strongroom.services.logs.stream_records import insert_stream, streams_by_name
from strongroom.store import Store, StoreError, open_store
from strongroom.store.migrate import migrate
from strongroom.world import SystemEntropy, World

GROUP = GroupReference("111122223333", "eu-central-1", "/aws/lambda/f")
STREAM = "2026/01/31/[$LATEST]00"
DAY_MS = 24 * 3600 * 1000


class _NoJournal:
    def append_now(self, events: Sequence[bytes]) -> None:
        assert not events


class _Clock:
    def __init__(self) -> None:
        self.now = 1000 * DAY_MS

    def milliseconds(self) -> int:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "strongroom.db"
    migrate(str(path))
    opened = open_store(str(path), _NoJournal())
    yield opened
    opened.close()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(RootKey.generate(SystemEntropy()), World.real())


def read(store: Store, keyring: Keyring, window: Window | None = None, *, newest_first: bool = False) -> list[LogEvent]:
    wanted = window or Window()
    sealed = store.read_now(
        lambda transaction: list(events_of_stream(transaction, GROUP, STREAM, wanted, newest_first=newest_first))
    )
    return [open_event(keyring, GROUP, event) for event in sealed]


def written(store: Store, keyring: Keyring, *entries: Sequence[tuple[int, str]]) -> list[LogEvent]:
    async def scene() -> None:
        made = LogWriter(store, keyring, World.real())
        made.start()
        for some in entries:
            made.write(GROUP.account, GROUP.region, GROUP.name, STREAM, some)
        await made.stop()

    asyncio.run(scene())
    return read(store, keyring)


def test_lines_come_back_in_order(store: Store, keyring: Keyring, tmp_path: Path) -> None:
    lines = [(number, f"line-{number}-canary") for number in range(450)]
    found = written(store, keyring, lines[:3], lines[3:])
    assert [(event.timestamp_ms, event.message) for event in found] == lines
    assert [event.sequence for event in found] == sorted(event.sequence for event in found)
    ninth = (found[9].timestamp_ms, found[9].sequence, STREAM)
    assert read(store, keyring, Window(after=ninth)) == found[10:]
    assert read(store, keyring, Window(before=ninth), newest_first=True) == found[8::-1]
    assert not any(b"canary" in file.read_bytes() for file in tmp_path.iterdir())


def test_group_and_stream_are_made_and_counted(store: Store, keyring: Keyring) -> None:
    written(store, keyring, [(5, "one"), (7, "two")])
    group = store.read_now(lambda transaction: find_group(transaction, GROUP))
    (stream,) = store.read_now(lambda transaction: streams_by_name(transaction, GROUP, "", 10))
    sealed = store.read_now(lambda transaction: list(events_of_group(transaction, GROUP, Window())))
    assert group is not None
    assert group.stored_bytes == sum(len(event.message) for event in sealed)
    assert (stream.name, stream.first_event_ms, stream.last_event_ms) == (STREAM, 5, 7)


def test_an_event_opens_only_in_its_place(store: Store, keyring: Keyring) -> None:
    elsewhere = replace(GROUP, account="444455556666")
    sealed = seal_event(keyring, elsewhere, LogEvent(STREAM, 1, 0, 0, "x"))
    store.write_now(lambda transaction: insert_events(transaction, GROUP, STREAM, [sealed], 0))
    with pytest.raises(InvalidCiphertext):
        read(store, keyring)


def test_lines_beyond_the_bound_are_dropped_and_counted(
    store: Store, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "_MOST_WAITING", 10)
    found = written(store, keyring, [(0, "12345"), (0, "123456"), (0, "12345"), (0, "1")])
    assert [event.message for event in found] == ["12345", "12345"]
    assert "2 lines that functions printed came too fast" in caplog.text


class _Refusing:
    """A store that refuses the first writes."""

    def __init__(self, store: Store, refusals: int) -> None:
        self._store = store
        self._refusals = refusals

    async def write(self, work: Any) -> Any:
        if self._refusals:
            self._refusals -= 1
            raise StoreError("The database refused a statement.")
        return await self._store.write(work)

    def read_now(self, work: Any) -> Any:
        return self._store.read_now(work)


@pytest.mark.parametrize(("refusals", "kept"), [(2, ["x"]), (3, [])])
def test_a_store_that_is_away_for_a_while(
    store: Store, keyring: Keyring, refusals: int, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE_SECONDS", 0)
    refusing: Any = _Refusing(store, refusals)
    assert [event.message for event in written(refusing, keyring, [(0, "x")])] == kept


def put(store: Store, keyring: Keyring, times: Sequence[int], *, stream: str = STREAM) -> None:
    sealed = [seal_event(keyring, GROUP, LogEvent(stream, n, time, time, "m")) for n, time in enumerate(times, 1)]
    store.write_now(lambda transaction: insert_events(transaction, GROUP, stream, sealed, times[-1]))


def prune(store: Store, clock: _Clock, *, days: int = 90, megabytes: int = 1) -> None:
    upkeep = LogMaintenance(store, World(clock, SystemEntropy()), days=days, megabytes=megabytes)
    asyncio.run(upkeep.turn())


@pytest.mark.parametrize(("retention", "days", "kept"), [(1, 90, 1), (None, 90, 2), (None, 0, 3)])
def test_events_go_when_their_days_are_over(
    store: Store, keyring: Keyring, retention: int | None, days: int, kept: int
) -> None:
    clock = _Clock()
    put(store, keyring, [clock.now - 91 * DAY_MS, clock.now - 2 * DAY_MS, clock.now])
    store.write_now(lambda transaction: set_retention(transaction, GROUP, retention))
    prune(store, clock, days=days)
    assert len(read(store, keyring)) == kept
    group = store.read_now(lambda transaction: find_group(transaction, GROUP))
    assert group is not None
    assert (group.stored_bytes > 0) == (kept > 0)


def test_streams_of_ended_processes_go_with_their_events(store: Store, keyring: Keyring) -> None:
    clock = _Clock()
    put(store, keyring, [clock.now - 91 * DAY_MS], stream="old")
    put(store, keyring, [clock.now], stream="new")
    store.write_now(lambda transaction: insert_stream(transaction, GROUP, "made by hand", 0))
    prune(store, clock)
    left = store.read_now(lambda transaction: streams_by_name(transaction, GROUP, "", 10))
    assert [stream.name for stream in left] == ["made by hand", "new"]


def test_a_group_does_not_outgrow_its_bound(store: Store, keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "_MEBIBYTE", 300)
    monkeypatch.setattr(maintenance, "_AT_ONCE", 2)
    clock = _Clock()
    put(store, keyring, [clock.now - 5 + number for number in range(6)])
    prune(store, clock)
    left = read(store, keyring)
    assert left
    assert [event.sequence for event in left] == list(range(7 - len(left), 7))
    group = store.read_now(lambda transaction: find_group(transaction, GROUP))
    assert group is not None
    assert group.stored_bytes <= 300


def test_an_empty_group_that_says_it_is_large_ends_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "_MEBIBYTE", -1)
    store.write_now(lambda transaction: insert_group(transaction, GROUP, 0))
    prune(store, _Clock())
    assert store.read_now(lambda transaction: find_group(transaction, GROUP)) is not None
