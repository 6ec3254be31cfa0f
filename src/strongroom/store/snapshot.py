"""Read every table of a store as it was at one instant, row by row, beside a server that goes on writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

import psycopg
from psycopg import IsolationLevel, sql
from sqlalchemy import Table

from strongroom.store.engine import Row, StoreError
from strongroom.store.open import is_postgresql
from strongroom.store.postgresql import driver_address

__all__ = ["Rows", "snapshot"]

Rows = Callable[[Table], Iterator[Row]]
"""Gives the rows of a table, its columns in the order of the schema."""

_ROWS_AT_ONCE: Final = 500
_LARGE: Final = frozenset({"function_codes", "layer_codes"})
"""Tables whose rows may hold hundreds of megabytes, so that one is fetched at a time."""


@contextmanager
def snapshot(address: str) -> Iterator[Rows]:
    """One consistent view of a store whose schema is current: it neither waits for writers nor keeps them waiting.

    Args:
        address: As for `strongroom.store.open_store`.

    Raises:
        StoreError: The database cannot be read.
    """
    try:
        with _postgresql(address) if is_postgresql(address) else _sqlite(address) as rows:
            yield rows
    except (sqlite3.Error, psycopg.Error) as error:
        raise StoreError(
            "The store could not be read for a backup.",
            why=getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None) or type(error).__name__,
            fix="check that the address of the store is right and the database can be reached",
        ) from None


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


@contextmanager
def _postgresql(address: str) -> Iterator[Rows]:
    with psycopg.connect(driver_address(address), application_name="strongroom") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("SELECT value FROM epoch").fetchone()

        def rows(table: Table) -> Iterator[Row]:
            query = sql.SQL("SELECT {} FROM {}").format(
                sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns), sql.Identifier(table.name)
            )
            with connection.cursor(name="backup") as cursor:
                cursor.itersize = 1 if table.name in _LARGE else _ROWS_AT_ONCE
                yield from cursor.execute(query)

        yield rows
