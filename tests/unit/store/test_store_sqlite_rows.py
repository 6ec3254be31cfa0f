"""Rows that a process keeps between commits, and how it learns of a commit of another one."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, select, update
from tests.unit.store.conftest import Journal

from strongroom.store import Row, Statement, Transaction
from strongroom.store.migrate import migrate
from strongroom.store.schema import installation
from strongroom.store.sqlite import SqliteStore
from strongroom.store.sqlite_commits import CommitWatch
from strongroom.store.sqlite_rows import KeptRows

C = installation.c
ADD = Statement(insert(installation).values(name=bindparam("name"), value=bindparam("value")))
GET = Statement(select(C.value).where(C.name == bindparam("name")))
SET = Statement(update(installation).where(C.name == bindparam("the_name")).values(value=bindparam("value")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.sqlite"
    migrate(str(path))
    return path


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, Journal())
    yield store
    store.close()


def put(store: SqliteStore, value: str, name: str = "a") -> None:
    def work(transaction: Transaction) -> None:
        if not transaction.run(SET, {"the_name": name, "value": value}):
            transaction.run(ADD, {"name": name, "value": value})

    store.write_now(work)


def read(store: SqliteStore, name: str = "a") -> Row | None:
    return asyncio.run(store.read(lambda transaction: transaction.one(GET, {"name": name}), single=True))


def _write_elsewhere(path: Path, value: str) -> None:
    store = SqliteStore(path, Journal())
    put(store, value)
    store.close()


def test_a_commit_of_any_process_is_seen_by_the_next_read(path: Path, store: SqliteStore) -> None:
    assert read(store) is None
    for number in range(20):
        put(store, f"own-{number}")
        assert [read(store), read(store)] == [(f"own-{number}",)] * 2
    spawning = multiprocessing.get_context("spawn")
    for number in range(2):
        process = spawning.Process(target=_write_elsewhere, args=(path, f"other-{number}"))
        process.start()
        process.join()
        assert read(store) == (f"other-{number}",)


def test_rows_are_read_once_between_commits(store: SqliteStore) -> None:
    put(store, "1")
    statements: list[str] = []
    store._reader.set_trace_callback(lambda text: None if text.startswith("PRAGMA") else statements.append(text))
    answers = [
        asyncio.run(store.read(lambda transaction: transaction.all(GET, {"name": "a"}), single=True)) for _ in range(3)
    ]
    assert answers == [[("1",)]] * 3
    assert len(statements) == 1
    answers[0].clear()  # an answer is its reader's own
    assert read(store) == ("1",)
    put(store, "2", name="another")
    assert read(store) == ("1",)
    assert len(statements) == 2


def test_work_in_a_transaction_reads_its_own_view(store: SqliteStore) -> None:
    put(store, "1")

    def work(transaction: Transaction) -> list[Row | None]:
        first = transaction.one(GET, {"name": "a"})
        put(store, "2")
        return [first, transaction.one(GET, {"name": "a"}), read(store)]

    assert store.read_now(work) == [("1",)] * 3
    assert read(store) == ("2",)


def test_what_is_kept_is_bounded(path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.store.sqlite_rows._MOST_ANSWERS", 2)
    connection = sqlite3.connect(path)
    kept = KeptRows(CommitWatch(connection))
    questions = [(GET, (("name", name),)) for name in "abcd"]
    assert kept.get(questions[0]) is None
    for question in questions[:2]:
        kept.keep(question, [("row",)])
    assert kept.get(questions[1]) == (("row",),)
    kept.keep(questions[2], [("row",)])
    assert [kept.get(question) is not None for question in questions] == [False, False, True, False]
    kept.keep(questions[3], [("x" * 3000, b"y" * 3000)])
    assert kept.get(questions[3]) is None
    connection.close()
