"""Fill a store with the rows of a backup: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from strongroom.store.engine import Row, StoreError
from strongroom.store.migrate import HEAD, core_engine, upgrade_to
from strongroom.store.open import is_postgresql

__all__ = ["Loader", "facts_of", "forget_fact", "loading"]

_OWN: Final = "alembic_version"


class Loader:
    """A store that is being filled.

    Args:
        connection: A connection whose transaction is under way.
        revision: The schema revision that the rows are of.

    Raises:
        StoreError: This program does not know that revision.
    """

    def __init__(self, connection: Connection, revision: str) -> None:
        self._connection = connection
        self._epoch = _drop_all(connection)
        upgrade_to(connection, revision)
        inspector = inspect(connection)
        self._columns = {
            name: {column["name"] for column in inspector.get_columns(name)}
            for name in inspector.get_table_names()
            if name != _OWN
        }
        for name in self._columns:
            connection.exec_driver_sql(f'DELETE FROM "{name}"')  # noqa: S608 - a name of the schema; what revisions put there

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows to a table. Tables come after those that they refer to.

        Raises:
            StoreError: The schema has no such table or column.
        """
        if not set(columns) <= self._columns.get(table, set()):
            raise StoreError(
                f"The rows of {table} do not fit the schema.",
                why="the backup was made by another version of Strongroom",
                fix="restore it with the version that made it",
            )
        mark = "%s" if self._connection.dialect.name == "postgresql" else "?"
        names = ", ".join(f'"{column}"' for column in columns)
        statement = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(mark for _ in columns)})'  # noqa: S608 - names of the schema
        self._connection.exec_driver_sql(statement, [tuple(row) for row in rows])

    def finish(self, facts: dict[str, str]) -> None:
        """Bring the schema to the newest revision and note ``facts`` of the installation.

        The epoch is raised above that of the state that was replaced, so that nobody goes on with what it cached.
        """
        upgrade_to(self._connection, HEAD)
        for name, value in facts.items():
            self._connection.execute(text("DELETE FROM installation WHERE name = :name"), {"name": name})
            self._connection.execute(
                text("INSERT INTO installation (name, value) VALUES (:name, :value)"), {"name": name, "value": value}
            )
        row = self._connection.execute(text("SELECT max(value) FROM epoch")).one()
        self._connection.execute(
            text("UPDATE epoch SET value = :value"), {"value": max(int(row[0] or 0), self._epoch) + 1}
        )


@contextmanager
def loading(address: str, revision: str) -> Iterator[Loader]:
    """Replace all that a store holds. It is committed when the block ends well, and nothing is changed otherwise.

    Args:
        address: As for `strongroom.store.open_store`.
        revision: The schema revision that the rows are of.

    Raises:
        StoreError: The database cannot take them, or holds tables that are not Strongroom's.
    """
    engine = core_engine(address)
    try:
        with engine.begin() as connection:
            yield Loader(connection, revision)
    except SQLAlchemyError as error:
        raise _refused(error) from None
    finally:
        engine.dispose()


def facts_of(address: str) -> dict[str, str]:
    """What a PostgreSQL database says of the installation in it; nothing if it holds none.

    Raises:
        StoreError: It cannot be read.
    """
    if not is_postgresql(address):
        return {}
    engine = core_engine(address)
    try:
        with engine.connect() as connection:
            if "installation" not in inspect(connection).get_table_names():
                return {}
            return {
                str(name): str(value)
                for name, value in connection.execute(text("SELECT name, value FROM installation"))
            }
    except SQLAlchemyError as error:
        raise _refused(error) from None
    finally:
        engine.dispose()


def forget_fact(address: str, name: str) -> None:
    """Remove what a store says of the installation under ``name``.

    Raises:
        StoreError: It cannot be written.
    """
    engine = core_engine(address)
    try:
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM installation WHERE name = :name"), {"name": name})
    except SQLAlchemyError as error:
        raise _refused(error) from None
    finally:
        engine.dispose()


def _drop_all(connection: Connection) -> int:
    """Remove every table of an older state; the epoch that it had reached."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if _OWN not in tables:
        raise StoreError(
            "This database holds tables that are not Strongroom's.",
            why=f"it has {len(tables)} tables and no schema revision",
            fix="give Strongroom a database of its own",
        )
    row = connection.execute(text("SELECT max(value) FROM epoch")).one()
    for name in tables:
        connection.exec_driver_sql(f'DROP TABLE "{name}" CASCADE')
    return int(row[0] or 0)


def _refused(error: SQLAlchemyError) -> StoreError:
    return StoreError(
        "The store could not be filled from the backup; nothing was changed in it.",
        why=type(getattr(error, "orig", None) or error).__name__,
        fix="check that the address of the store is right, that its disk has room, and that no server uses it",
    )
