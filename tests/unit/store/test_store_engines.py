"""Both engines keep the same promises: durable, all or nothing, recorded before committed, conflicts resolved."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import bindparam, delete, insert, select, update
from tests.unit.store.conftest import Journal

from strongroom.errors import AwsError
from strongroom.store import Statement, Store, StoreError, Transaction, open_store
from strongroom.store.schema import installation

C = installation.c
ADD = Statement(insert(installation).values(name=bindparam("name"), value=bindparam("value")))
GET = Statement(select(C.value).where(C.name == bindparam("name")))
NAMES = Statement(select(C.name).order_by(C.name))
SET = Statement(update(installation).where(C.name == bindparam("the_name")).values(value=bindparam("value")))
REMOVE = Statement(delete(installation).where(C.name == bindparam("name")))
OF_TWO = Statement(select(C.name).where(C.name.in_(("a", "b"))).order_by(C.name))


def add(store: Store, name: str) -> None:
    """Write one row in a transaction of its own."""
    store.write_now(lambda transaction: transaction.run(ADD, {"name": name, "value": ""}))


def names(store: Store) -> list[str]:
    return store.read_now(lambda transaction: [row[0] for row in transaction.all(NAMES)])


def test_what_was_written_is_read_back_by_another_store(store: Store, address: str) -> None:
    store.write_now(lambda transaction: transaction.run(ADD, {"name": "a", "value": "1"}))
    other = open_store(address, Journal())
    try:
        assert other.read_now(lambda transaction: transaction.one(GET, {"name": "a"})) == ("1",)
    finally:
        other.close()


def test_literals_in_a_list_are_parameters(store: Store) -> None:
    for name in "abc":
        add(store, name)
    assert store.read_now(lambda transaction: transaction.all(OF_TWO)) == [("a",), ("b",)]


def test_text_with_a_nul_is_never_found_and_ends_no_transaction(store: Store) -> None:
    """PostgreSQL cannot hold it, so nothing of that name is there, on either engine."""
    add(store, "a")

    def work(transaction: Transaction) -> tuple[object, ...]:
        asked = [transaction.one(GET, {"name": name}) for name in ("a\0", "\0", "a")]
        return (*asked, transaction.all(GET, {"name": "\0a"}))

    assert store.read_now(work) == store.write_now(work) == (None, None, ("",), [])
    assert store.write_now(lambda transaction: transaction.run(REMOVE, {"name": "a\0"})) == 0
    assert names(store) == ["a"]


def test_a_failing_write_leaves_nothing_and_harms_no_neighbour(store: Store, journal: Journal) -> None:
    def failing(transaction: Transaction) -> None:
        transaction.run(ADD, {"name": "lost", "value": ""})
        transaction.record(b"lost")
        raise AwsError("Refused", "no")

    def working(number: int) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            transaction.record(b"kept")
            transaction.run(ADD, {"name": f"kept-{number}", "value": ""})

        return work

    async def run() -> list[BaseException | None]:
        works = [failing if number % 2 else working(number) for number in range(20)]
        return await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)

    results = asyncio.run(run())
    assert [isinstance(result, AwsError) for result in results] == [bool(number % 2) for number in range(20)]
    assert len(names(store)) == 10
    assert journal.events == [b"kept"] * 10


def test_what_cannot_be_recorded_is_not_committed(store: Store, journal: Journal) -> None:
    def work(transaction: Transaction) -> None:
        transaction.run(ADD, {"name": "a", "value": ""})
        transaction.record(b"event")

    journal.refusal = StoreError("The trail is full.")
    with pytest.raises(StoreError):
        store.write_now(work)
    assert names(store) == []
    journal.refusal = None
    store.write_now(work)
    assert names(store) == ["a"]


def test_concurrent_increments_lose_none(store: Store) -> None:
    store.write_now(lambda transaction: transaction.run(ADD, {"name": "count", "value": "0"}))

    def increment(transaction: Transaction) -> None:
        row = transaction.one(GET, {"name": "count"})
        assert row is not None
        transaction.run(SET, {"the_name": "count", "value": str(int(row[0]) + 1)})

    def worker() -> None:
        for _ in range(10):
            store.write_now(increment)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read_now(lambda transaction: transaction.one(GET, {"name": "count"})) == ("40",)


def test_the_epoch_rises_with_its_transaction_only(store: Store) -> None:
    before = asyncio.run(store.epoch())

    def failing(transaction: Transaction) -> None:
        transaction.raise_epoch()
        raise AwsError("Refused", "no")

    with pytest.raises(AwsError):
        store.write_now(failing)
    assert asyncio.run(store.epoch()) == before
    store.write_now(lambda transaction: transaction.raise_epoch())
    assert asyncio.run(store.epoch()) == before + 1


def test_another_process_s_epoch_is_seen_at_once(store: Store, address: str) -> None:
    other = open_store(address, Journal())
    try:
        for _ in range(3):
            before = asyncio.run(store.epoch())
            other.write_now(lambda transaction: transaction.raise_epoch())
            assert asyncio.run(store.epoch()) == before + 1
    finally:
        other.close()


def test_a_read_sees_one_moment(store: Store) -> None:
    def work(transaction: Transaction) -> tuple[int, int]:
        before = len(transaction.all(NAMES))
        writer = threading.Thread(
            target=store.write_now, args=(lambda inner: inner.run(ADD, {"name": "x", "value": ""}),)
        )
        writer.start()
        writer.join()
        return before, len(transaction.all(NAMES))

    assert store.read_now(work) == (0, 0)
    assert names(store) == ["x"]


def test_a_full_disk_is_said_in_words(tmp_path: Path) -> None:
    from strongroom.store.migrate import migrate

    path = tmp_path / "store.sqlite"
    migrate(str(path))
    store = open_store(str(path), Journal())
    try:
        connection: sqlite3.Connection = store._writer  # type: ignore[attr-defined]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreError) as full:
            store.write_now(lambda transaction: transaction.run(ADD, {"name": "big", "value": "x" * 1_000_000}))
        assert full.value.why == "SQLITE_FULL"
        assert "free space" in full.value.fix
        connection.execute("PRAGMA max_page_count=1000000")
        store.write_now(lambda transaction: transaction.run(ADD, {"name": "small", "value": "x"}))
        assert names(store) == ["small"]
    finally:
        store.close()


def test_an_unreachable_database_is_said_in_words() -> None:
    from strongroom.store.postgresql import PostgresqlStore

    with pytest.raises(StoreError) as refused:
        PostgresqlStore("postgresql://nobody@127.0.0.1:1/none", Journal(), wait_seconds=0.2)
    assert "database server runs" in refused.value.fix
