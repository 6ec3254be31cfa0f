"""Bring a store's schema to the one this program needs.

A new store is made as `strongroom.store.schema` says; one that is there goes through Alembic's revisions, which live in
`strongroom.store.migrations`. A test holds the two ways equal. Alembic is imported only for the second: a server that
starts on a current store reads one row instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    Column,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    text,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from strongroom.store.engine import StoreError
from strongroom.store.open import is_postgresql
from strongroom.store.schema import epoch, metadata

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "core_engine", "migrate", "upgrade_to"]

HEAD: Final = "0010"
"""The revision this program works with. A test holds it equal to the newest migration."""

_VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as Alembic makes it."""

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migrate(address: str) -> None:
    """Create the schema, or bring it to `HEAD`. Does nothing when it is there already.

    Args:
        address: As for `strongroom.store.open_store`.

    Raises:
        StoreError: The database cannot be reached, belongs to something else, or was written by a newer program.
    """
    engine = core_engine(address)
    try:
        revision = _revision(engine)
        if revision != HEAD:
            _upgrade(engine, revision)
    except SQLAlchemyError as error:
        raise StoreError(
            "The store's schema could not be read or brought up to date.",
            why=type(getattr(error, "orig", None) or error).__name__,
            fix="check that the store's address is right, and that the file or database is Strongroom's own",
        ) from None
    finally:
        engine.dispose()


def core_engine(address: str) -> Engine:
    """A SQLAlchemy engine for migrations (the store itself runs on the bare driver)."""
    if is_postgresql(address):
        return create_engine(f"postgresql+psycopg://{address.partition('://')[2]}")
    engine = create_engine(f"sqlite:///{address}")

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # else each CREATE commits for itself, and a crash leaves half a schema
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        if "alembic_version" not in tables:
            if tables:
                raise StoreError(
                    "This database holds tables that are not Strongroom's.",
                    why=f"it has {len(tables)} tables and no schema revision",
                    fix="give Strongroom a database (or a data folder) of its own",
                )
            return None
        row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
        return str(row[0]) if row else None


def _upgrade(engine: Engine, revision: str | None) -> None:
    if revision is not None and revision not in _known():
        raise StoreError(
            "The store was written by a newer Strongroom.",
            why=f"its schema revision is {revision}, this program knows {HEAD}",
            fix="run the newer program, or restore a backup made with this one",
        )
    with engine.begin() as connection:
        upgrade_to(connection, HEAD)


def upgrade_to(connection: Connection, revision: str) -> None:
    """Create the schema as of a revision, or bring it there, in the transaction of ``connection``.

    Raises:
        StoreError: This program does not know the revision.
    """
    if revision == HEAD and not inspect(connection).get_table_names():
        _create(connection)
        return
    from alembic import command  # noqa: PLC0415

    if revision not in _known():
        raise StoreError(
            "The rows are of a newer Strongroom.",
            why=f"their schema revision is {revision}, this program knows {HEAD}",
            fix="run the newer program",
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _create(connection: Connection) -> None:
    """Make the newest schema in an empty database, and note its revision where Alembic does."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(epoch).values(id=1, value=1))
    _VERSION.create(connection)
    connection.execute(insert(_VERSION).values(version_num=HEAD))


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - half a second that a current store need not pay

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _known() -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
