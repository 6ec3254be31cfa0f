"""Read every table of a store as it was at one instant, row by row, beside a server that goes on writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from sqlalchemy import Table

from strongroom.store.engine import Row, StoreError
from strongroom.store.open import is_postgresql

__all__ = ["Rows", "snapshot", "unreadable"]

Rows = Callable[[Table], Iterator[Row]]
"""Gives the rows of a table, its columns in the order of the schema."""


@contextmanager
def snapshot(address: str) -> Iterator[Rows]:
    """One consistent view of a store whose schema is current: it neither waits for writers nor keeps them waiting.

    Args:
        address: As for `strongroom.store.open_store`.

    Raises:
        StoreError: The database cannot be read.
    """
    if is_postgresql(address):
        from strongroom.store.postgresql_snapshot import postgresql_snapshot  # noqa: PLC0415 - one driver only

        with postgresql_snapshot(address) as rows:
            yield rows
        return
    try:
        with _sqlite(address) as rows:
            yield rows
    except sqlite3.Error as error:
        raise unreadable(getattr(error, "sqlite_errorname", None) or type(error).__name__) from None


def unreadable(why: str) -> StoreError:
    """What is raised when a store cannot be read. ``why`` is the driver's own code for it."""
    return StoreError(
        "The store could not be read for a backup.",
        why=why,
        fix="check that the address of the store is right and the database can be reached",
    )


@contextmanager
def _sqlite(path: str) -> Iterator[Rows]:
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("BEGIN")  # in WAL mode the first read fixes the view, and keeps no writer waiting
        connection.execute("SELECT value FROM epoch").fetchone()

        def rows(table: Table) -> Iterator[Row]:
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            yield from connection.execute(f'SELECT {columns} FROM "{table.name}"')  # noqa: S608 - the schema's own names

        yield rows
