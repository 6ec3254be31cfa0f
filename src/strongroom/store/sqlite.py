"""The SQLite engine: one file, write-ahead log, full durability, group commit.

Each process has one connection for reading, used on the event loop's own thread (a read costs microseconds, less than
handing it over), and one for writing, used by a writer thread that takes every write waiting at the time, runs each in
its own savepoint, and commits them together: one fsync for the group.

Processes take turns by an advisory lock on a file beside the database. The kernel wakes the next in line at once,
where SQLite's own busy handler would sleep and poll.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final, TypeVar, cast

from sqlalchemy import select, update

from strongroom.store.engine import Journal, Row, StoreError, Transaction
from strongroom.store.schema import epoch
from strongroom.store.sqlite_commits import CommitWatch
from strongroom.store.sqlite_rows import KeptRows
from strongroom.store.statements import SQLITE, Statement

__all__ = ["SqliteStore"]

T = TypeVar("T")

_GROUP_LIMIT: Final = 128
_NOTHING: Final[Mapping[str, object]] = {}
_READ_EPOCH: Final = Statement(select(epoch.c.value).where(epoch.c.id == 1))
_RAISE_EPOCH: Final = Statement(update(epoch).where(epoch.c.id == 1).values(value=epoch.c.value + 1))

_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection with the settings every process uses: WAL, fsync at each commit, deleted bytes overwritten."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


class _SqliteTransaction:
    """A transaction on one connection. The owner opens and closes it; this only runs statements in it."""

    __slots__ = ("_connection", "events")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.events: list[bytes] = []

    def _execute(self, statement: Statement, parameters: Mapping[str, object] | None) -> sqlite3.Cursor:
        text, fixed = statement.compiled(SQLITE)
        values = parameters or _NOTHING
        return self._connection.execute(text, {**fixed, **values} if fixed else values)

    def all(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[Row]:
        return self._execute(statement, parameters).fetchall()

    def one(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> Row | None:
        return cast("Row | None", self._execute(statement, parameters).fetchone())

    def run(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> int:
        return self._execute(statement, parameters).rowcount

    def record(self, event: bytes) -> None:
        self.events.append(event)

    def epoch(self) -> int:
        row = self.one(_READ_EPOCH)
        return int(row[0]) if row else 0

    def raise_epoch(self) -> None:
        self.run(_RAISE_EPOCH)


class _SingleStatement(_SqliteTransaction):
    """The reading connection as work with one statement sees it: rows may come from `KeptRows`."""

    __slots__ = ("_kept",)

    def __init__(self, connection: sqlite3.Connection, kept: KeptRows) -> None:
        super().__init__(connection)
        self._kept = kept

    def all(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[Row]:
        question = (statement, tuple(parameters.items()) if parameters else ())
        rows = self._kept.get(question)
        if rows is not None:
            return list(rows)
        read = super().all(statement, parameters)
        self._kept.keep(question, read)
        return read

    def one(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> Row | None:
        rows = self.all(statement, parameters)
        return rows[0] if rows else None


class _Write:
    """A piece of work waiting for the writer thread."""

    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[Transaction], object]) -> None:
        self.work = work
        self.future: Future[object] = Future()


class SqliteStore:
    """A store in one SQLite file.

    Args:
        path: The database file. Its schema must be current (`strongroom.store.migrate`).
        journal: Receives the events of a group of writes right before it commits.
    """

    engine = SQLITE

    def __init__(self, path: Path, journal: Journal) -> None:
        self._reader = connect(path)
        self._reading = threading.RLock()
        self._writer = connect(path)
        self._journal = journal
        self._turn = os.open(path.with_name(path.name + ".turn"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._view = _SqliteTransaction(self._reader)
        self._epoch = self._view.epoch()
        self._commits = CommitWatch(self._reader)
        self._single = _SingleStatement(self._reader, KeptRows(self._commits))
        self._epoch_version = -1
        self._waiting: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_groups, name="store-writer", daemon=True)
        self._thread.start()

    async def epoch(self) -> int:
        """The newest committed epoch; asks for it again only when some connection wrote something."""
        with self._reading:
            version = self._commits.version()
            if version != self._epoch_version:
                self._epoch = self._view.epoch()
                self._epoch_version = version
            return self._epoch

    def seen(self) -> int:
        """The version of the data that `epoch` met last."""
        return self._epoch_version

    def version(self) -> int:
        """A number that changes with every commit by any process."""
        with self._reading:
            return self._commits.version()

    async def read(self, work: Callable[[Transaction], T], *, single: bool = False) -> T:
        """Run ``work`` here and now on the reading connection."""
        if single:
            with self._reading:
                if not self._reader.in_transaction:
                    return work(self._single)
        return self.read_now(work)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on the reading connection."""
        with self._reading:
            if self._reader.in_transaction:
                return work(self._view)
            self._reader.execute("BEGIN")
            try:
                return work(self._view)
            finally:
                self._reader.execute("ROLLBACK")

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Queue ``work`` for the writer thread and wait until its group is on disk."""
        waiting = _Write(work)
        self._waiting.put(waiting)
        return cast("T", await asyncio.wrap_future(waiting.future))

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """Queue ``work`` and block until its group is on disk."""
        waiting = _Write(work)
        self._waiting.put(waiting)
        return cast("T", waiting.future.result())

    def close(self) -> None:
        """Commit what is queued, then close both connections."""
        self._waiting.put(None)
        self._thread.join()
        self._writer.close()
        self._reader.close()
        os.close(self._turn)

    def _write_groups(self) -> None:
        while True:
            first = self._waiting.get()
            if first is None:
                return
            group = [first]
            closing = False
            while len(group) < _GROUP_LIMIT and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    closing = True
                    break
                group.append(following)
            self._write_group([write for write in group if write.future.set_running_or_notify_cancel()])
            if closing:
                return

    def _write_group(self, group: Sequence[_Write]) -> None:
        if not group:
            return
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        try:
            outcomes = self._commit(group)
        except BaseException as error:  # noqa: BLE001 - the writer is a loop: whatever broke a group is told to its callers
            failure = _explain(error) if isinstance(error, sqlite3.Error) else error
            for write in group:
                write.future.set_exception(failure)
            return
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)
        for write, (result, problem) in zip(group, outcomes, strict=True):
            if problem is not None:
                write.future.set_exception(problem)
            else:
                write.future.set_result(result)

    def _commit(self, group: Sequence[_Write]) -> list[tuple[object, BaseException | None]]:
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            events: list[bytes] = []
            outcomes = [self._attempt(write, events) for write in group]
            if events:
                self._journal.append_now(events)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcomes

    def _attempt(self, write: _Write, events: list[bytes]) -> tuple[object, BaseException | None]:
        """Run one write in a savepoint, so that its failure is its own and not its group's."""
        transaction = _SqliteTransaction(self._writer)
        self._writer.execute("SAVEPOINT work")
        try:
            result = write.work(transaction)
        except BaseException as problem:
            if not self._writer.in_transaction:  # SQLite itself gave up the whole transaction (full disk, for one)
                raise
            self._writer.execute("ROLLBACK TO work")
            self._writer.execute("RELEASE work")
            return None, _explain(problem) if isinstance(problem, sqlite3.Error) else problem
        self._writer.execute("RELEASE work")
        events.extend(transaction.events)
        return result, None


def _explain(error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    fixes = {
        "SQLITE_FULL": "free space on the disk that holds the data folder; nothing was half-written",
        "SQLITE_IOERR": "check the disk that holds the data folder",
        "SQLITE_BUSY": "another process holds the database; stop tools that have it open",
        "SQLITE_CORRUPT": "stop Strongroom and restore the data folder from a backup",
        "SQLITE_READONLY": "make the data folder writable for the user that runs Strongroom",
    }
    fix = next((text for prefix, text in fixes.items() if name.startswith(prefix)), "see the cause above")
    return StoreError("The database refused a statement.", why=name, fix=fix)
