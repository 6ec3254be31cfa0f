"""A running server's PostgreSQL store, looked at from outside: `tests.support.store_state` for the other engine."""

from __future__ import annotations

import hashlib

import psycopg
from psycopg import sql
from tests.support.store_state import PASSING, PASSING_COLUMNS

__all__ = ["PostgreSQLState"]


class PostgreSQLState:
    """Two views of one store: as it was when a request began, and as it is.

    Args:
        address: The ``postgresql://`` address of the database.
    """

    def __init__(self, address: str) -> None:
        self._before = psycopg.connect(address, autocommit=True)
        self._now = psycopg.connect(address, autocommit=True)
        self._queries = {
            table: self._query(table)
            for (table,) in self._now.execute(
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
            )
            if table not in PASSING
        }
        self._commits = ""
        self.comparisons = 0

    def close(self) -> None:
        """Let the store go."""
        self._before.close()
        self._now.close()

    def begin(self) -> None:
        """Keep the present state in view."""
        if self._before.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self._before.execute("ROLLBACK")
        self._before.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._before.execute("SELECT 1 FROM installation LIMIT 1")
        self._commits = self._next_transaction()

    def changes(self) -> list[str]:
        """The tables that differ from when `begin` was called; passing ones aside."""
        if self._next_transaction() == self._commits:  # nobody wrote anything: the usual case
            return []
        self.comparisons += 1
        return [
            table for table, query in self._queries.items() if _digest(self._before, query) != _digest(self._now, query)
        ]

    def _next_transaction(self) -> str:
        """The id that the next writing transaction will have."""
        row = self._now.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
        return "" if row is None else str(row[0])

    def _query(self, table: str) -> sql.Composed:
        columns = [
            sql.Identifier(name)
            for (name,) in self._now.execute(
                "SELECT column_name::text FROM information_schema.columns "
                "WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
                [table],
            )
            if name not in PASSING_COLUMNS
        ]
        row = sql.SQL(", ").join(columns)
        return sql.SQL("SELECT {} FROM {} ORDER BY {}").format(row, sql.Identifier(table), row)


def _digest(connection: psycopg.Connection[tuple[object, ...]], query: sql.Composed) -> bytes:
    digest = hashlib.sha256()
    for row in connection.execute(query):
        digest.update(repr(row).encode(errors="surrogatepass"))
    return digest.digest()
