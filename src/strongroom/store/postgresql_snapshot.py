"""The snapshot of a PostgreSQL store; see `strongroom.store.snapshot`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import IsolationLevel, sql
from sqlalchemy import Table

from strongroom.store.engine import Row
from strongroom.store.postgresql import driver_address
from strongroom.store.snapshot import Rows, unreadable

__all__ = ["postgresql_snapshot"]

_ROWS_AT_ONCE: Final = 500
_LARGE: Final = frozenset({"function_codes", "layer_codes"})
"""Tables whose rows may hold hundreds of megabytes, so that one is fetched at a time."""


@contextmanager
def postgresql_snapshot(address: str) -> Iterator[Rows]:
    """One consistent view of the store at ``address``.

    Raises:
        StoreError: The database cannot be read.
    """
    try:
        with _view(address) as rows:
            yield rows
    except psycopg.Error as error:
        raise unreadable(error.sqlstate or type(error).__name__) from None


@contextmanager
def _view(address: str) -> Iterator[Rows]:
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
