"""A running server's SQLite store, looked at from outside: did anything change while a request was refused?"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

__all__ = ["PASSING", "PASSING_COLUMNS", "StoreState"]

PASSING = frozenset({"log_events", "log_streams", "log_groups", "rotations", "function_events", "alembic_version"})
"""Tables that background work writes at times of its own."""
PASSING_COLUMNS = frozenset({"accessed_day_ms", "used_ms", "used_service", "used_region"})
"""Columns that are written behind an answer's back."""


class StoreState:
    """Two views of one store: as it was when a request began, and as it is.

    Args:
        path: The database file.
    """

    def __init__(self, path: Path) -> None:
        address = f"file:{path}?mode=ro"
        self._before = sqlite3.connect(address, uri=True, isolation_level=None)
        self._now = sqlite3.connect(address, uri=True, isolation_level=None)
        tables = self._now.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        self._queries = [
            f"SELECT {', '.join(columns)} FROM {table} ORDER BY rowid"
            for (table,) in tables
            if table not in PASSING and not table.startswith("sqlite_")
            if (columns := self._columns(table))
        ]
        self._commits = 0
        self.comparisons = 0

    def close(self) -> None:
        """Let the store go."""
        self._before.close()
        self._now.close()

    def begin(self) -> None:
        """Keep the present state in view."""
        if self._before.in_transaction:
            self._before.execute("ROLLBACK")
        self._before.execute("BEGIN")
        self._before.execute("SELECT count(*) FROM installation").fetchone()
        self._commits = self._data_version()

    def changes(self) -> list[str]:
        """The tables that differ from when `begin` was called; passing ones aside."""
        if self._data_version() == self._commits:  # nobody committed anything: the usual case, at 2 µs
            return []
        self.comparisons += 1
        return [
            query.partition(" FROM ")[2].partition(" ")[0]
            for query in self._queries
            if _digest(self._before, query) != _digest(self._now, query)
        ]

    def _data_version(self) -> int:
        return int(self._now.execute("PRAGMA data_version").fetchone()[0])

    def _columns(self, table: str) -> list[str]:
        found = self._now.execute(f"PRAGMA table_info({table})").fetchall()
        return [f'"{column[1]}"' for column in found if column[1] not in PASSING_COLUMNS]


def _digest(connection: sqlite3.Connection, query: str) -> bytes:
    digest = hashlib.sha256()
    for row in connection.execute(query):
        digest.update(repr(row).encode(errors="surrogatepass"))
    return digest.digest()
