"""What functions print: sealed, stored in order, read back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from strongroom.keyring import InvalidCiphertext, Keyring, RootKey
from strongroom.services.awslambda import log_writer
from strongroom.services.awslambda.log_records import LogEvent as Event
from strongroom.services.awslambda.log_records import LogStream, insert_events, read_log, seal_event
from strongroom.services.awslambda.log_writer import LogGroup, LogWriter
from strongroom.store import Store, StoreError, open_store
from strongroom.store.migrate import migrate
from strongroom.world import SystemEntropy, World

GROUP = "/aws/lambda/f"
STREAM = LogStream("111122223333", "eu-central-1", GROUP, "2026/01/31/[$LATEST]00")


class _NoJournal:
    def append_now(self, events: Sequence[bytes]) -> None:
        assert not events


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


def written(store: Store, keyring: Keyring, *entries: Sequence[tuple[int, str]]) -> list[Event]:
    async def scene() -> None:
        writer = LogWriter(store, keyring)
        writer.start()
        for some in entries:
            writer.write(LogGroup.of(GROUP, STREAM.account, STREAM.region), STREAM.log_stream, some)
        await writer.stop()

    asyncio.run(scene())
    return store.read_now(lambda transaction: read_log(transaction, keyring, STREAM))


def test_lines_come_back_in_order(store: Store, keyring: Keyring, tmp_path: Path) -> None:
    lines = [(number, f"line-{number}-canary") for number in range(450)]
    found = written(store, keyring, lines[:3], lines[3:])
    assert [(event.timestamp_ms, event.message) for event in found] == lines
    assert [event.sequence for event in found] == sorted(event.sequence for event in found)
    rest = store.read_now(lambda transaction: read_log(transaction, keyring, STREAM, after=found[9].sequence, most=5))
    assert rest == found[10:15]
    assert not any(b"canary" in file.read_bytes() for file in tmp_path.iterdir())


def test_an_event_opens_only_in_its_place(store: Store, keyring: Keyring) -> None:
    sealed = seal_event(keyring, LogStream("444455556666", STREAM.region, GROUP, STREAM.log_stream), Event(1, 0, "x"))
    moved = type(sealed)(STREAM, 1, 0, sealed.message)
    store.write_now(lambda transaction: insert_events(transaction, [moved]))
    with pytest.raises(InvalidCiphertext):
        store.read_now(lambda transaction: read_log(transaction, keyring, STREAM))


def test_a_group_without_an_owner_is_a_mistake(store: Store, keyring: Keyring) -> None:
    with pytest.raises(TypeError):
        LogWriter(store, keyring).write(GROUP, "s", [(0, "x")])


def test_lines_beyond_the_bound_are_dropped_and_counted(
    store: Store, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_writer, "_MOST_WAITING", 10)
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
    monkeypatch.setattr(log_writer, "_PAUSE_SECONDS", 0)
    refusing: Any = _Refusing(store, refusals)
    assert [event.message for event in written(refusing, keyring, [(0, "x")])] == kept
