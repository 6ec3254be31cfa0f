"""The PostgreSQL engine: one database shared by any number of identical nodes.

Work runs on a pool of threads, each with a connection of its own for the time of one transaction. Writes are
serializable and are tried again when PostgreSQL reports a conflict, so the same code that SQLite runs one at a time is
right here too. A write that is tried again takes its turn among all that are, on every node: else many writers of one
row could keep each other from ever finishing. Reads see one snapshot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import psycopg
from psycopg import IsolationLevel
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from psycopg_pool import ConnectionPool, PoolTimeout
from sqlalchemy import select, update

from strongroom.store.engine import Journal, Row, StoreError, Transaction
from strongroom.store.schema import epoch
from strongroom.store.statements import POSTGRESQL, Statement

__all__ = ["PostgresqlStore", "driver_address"]

T = TypeVar("T")

_ATTEMPTS: Final = 20
# When two transactions looked for a key and did not find it, the later insert may fail as a duplicate instead of as a
# conflict (PostgreSQL manual, "Serialization Failure Handling"). Tried again, it finds the other's row.
_CONFLICTS: Final = (SerializationFailure, DeadlockDetected, UniqueViolation)
_TURN: Final = 0x5354524F4E47  # the key of an advisory lock, which PostgreSQL keeps apart for each database
_READ_EPOCH: Final = Statement(select(epoch.c.value).where(epoch.c.id == 1))
_RAISE_EPOCH: Final = Statement(update(epoch).where(epoch.c.id == 1).values(value=epoch.c.value + 1))


def driver_address(address: str) -> str:
    """The address as libpq takes it: ``postgresql+psycopg://`` and ``postgres://`` are accepted too."""
    _, _, rest = address.partition("://")
    return f"postgresql://{rest}"


class _PostgresqlTransaction:
    __slots__ = ("_cursor", "events")

    def __init__(self, cursor: psycopg.Cursor[Row]) -> None:
        self._cursor = cursor
        self.events: list[bytes] = []

    def _execute(self, statement: Statement, parameters: Mapping[str, object] | None) -> psycopg.Cursor[Row]:
        text, fixed = statement.compiled(POSTGRESQL)
        # The text comes from a Statement, never from input: SQLAlchemy wrote it and every value is a parameter.
        return self._cursor.execute(text, {**fixed, **(parameters or {})})

    def _find(self, statement: Statement, parameters: Mapping[str, object] | None) -> psycopg.Cursor[Row] | None:
        """`_execute`; None when a select or delete asks for text with a NUL, which no row of this engine can hold."""
        try:
            return self._execute(statement, parameters)
        except psycopg.DataError:  # refused by the driver: nothing was sent, and the transaction goes on
            looks = statement.compiled(POSTGRESQL)[0].startswith(("SELECT", "DELETE"))
            if looks and any(isinstance(value, str) and "\0" in value for value in (parameters or {}).values()):
                return None
            raise

    def all(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[Row]:
        found = self._find(statement, parameters)
        return [] if found is None else found.fetchall()

    def one(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> Row | None:
        found = self._find(statement, parameters)
        return None if found is None else found.fetchone()

    def run(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> int:
        found = self._find(statement, parameters)
        return 0 if found is None else found.rowcount

    def record(self, event: bytes) -> None:
        self.events.append(event)

    def epoch(self) -> int:
        row = self.one(_READ_EPOCH)
        return int(row[0]) if row else 0

    def raise_epoch(self) -> None:
        self.run(_RAISE_EPOCH)


class PostgresqlStore:
    """A store in a PostgreSQL database.

    Args:
        address: A libpq address, ``postgresql://user@host:port/database``.
        journal: Receives a write's events right before it commits.
        connections: How many transactions may run at once in this process.
        wait_seconds: How long to wait for the server, at first and for each connection.
    """

    engine = POSTGRESQL

    def __init__(self, address: str, journal: Journal, *, connections: int = 8, wait_seconds: float = 10) -> None:
        self._journal = journal
        self._pool: ConnectionPool[psycopg.Connection[Row]] = ConnectionPool(
            driver_address(address),
            min_size=1,
            max_size=connections,
            open=False,
            timeout=wait_seconds,
            check=ConnectionPool.check_connection,
            kwargs={"autocommit": True, "application_name": "strongroom"},
        )
        try:
            self._pool.open(wait=True, timeout=wait_seconds)
        except PoolTimeout as error:
            self._pool.close()
            raise _unreachable(error) from None
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="store")

    async def epoch(self) -> int:
        """The newest committed epoch."""
        return await self.read(lambda transaction: transaction.epoch(), single=True)

    def seen(self) -> None:
        """Nothing: this engine tells of commits only in a statement."""
        return

    def version(self) -> None:
        """Nothing: this engine tells of commits only in a statement."""
        return

    async def read(self, work: Callable[[Transaction], T], *, single: bool = False) -> T:
        """Run ``work`` on a pool thread, in one snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work, single)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on this thread, in one snapshot."""
        return self._read(work, single=False)

    def _read(self, work: Callable[[Transaction], T], single: bool) -> T:
        try:
            with self._pool.connection() as connection:
                if single:
                    return work(_PostgresqlTransaction(connection.cursor()))
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
                with connection.transaction():
                    return work(_PostgresqlTransaction(connection.cursor()))
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise _unreachable(error) from None

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on a pool thread in a serializable transaction, again after a conflict."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write_now, work)

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on this thread in a serializable transaction, again after a conflict."""
        for attempt in range(_ATTEMPTS):
            try:
                return self._write(work) if attempt == 0 else self._write_in_turn(work)
            except _CONFLICTS:
                if attempt == _ATTEMPTS - 1:
                    raise StoreError(
                        "A write met conflicting writes too many times in a row.",
                        why=f"{_ATTEMPTS} conflicts",
                        fix="retry the request; if it persists, look for long transactions in the database",
                    ) from None
            except (psycopg.OperationalError, PoolTimeout) as error:
                raise _unreachable(error) from None
        raise AssertionError("unreachable")

    def _write(self, work: Callable[[Transaction], T]) -> T:
        with self._pool.connection() as connection:
            return self._write_on(connection, work)

    def _write_in_turn(self, work: Callable[[Transaction], T]) -> T:
        """As `_write`, one at a time. The lock is taken before the transaction, whose snapshot must be newer."""
        with self._pool.connection() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (_TURN,))
            try:
                return self._write_on(connection, work)
            finally:
                if not connection.broken:  # the lock went with a connection that broke
                    connection.execute("SELECT pg_advisory_unlock(%s)", (_TURN,))

    def _write_on(self, connection: psycopg.Connection[Row], work: Callable[[Transaction], T]) -> T:
        connection.isolation_level = IsolationLevel.SERIALIZABLE
        with connection.transaction():
            transaction = _PostgresqlTransaction(connection.cursor())
            result = work(transaction)
            if transaction.events:
                self._journal.append_now(transaction.events)
        return result

    def close(self) -> None:
        """Finish what runs, then close every connection."""
        self._threads.shutdown(wait=True)
        self._pool.close()


def _unreachable(error: Exception) -> StoreError:
    kind = getattr(error, "sqlstate", None) or type(error).__name__
    return StoreError(
        "The PostgreSQL store did not answer.",
        why=str(kind),
        fix="check that the database server runs and that its address, user and password in `store` are right",
    )
