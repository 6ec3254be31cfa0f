"""The migrations make the schema, once, and only in a database of our own."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from strongroom.store import StoreError
from strongroom.store.migrate import HEAD, core_engine, migrate
from strongroom.store.schema import metadata

MIGRATIONS = Path(str(__import__("strongroom.store.migrations").store.migrations.__path__[0]))


def test_the_migrations_make_the_schema(address: str) -> None:
    migrate(address)
    migrate(address)
    engine = core_engine(address)
    try:
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    finally:
        engine.dispose()


def test_the_program_wants_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_a_foreign_database_is_refused(address: str) -> None:
    engine = core_engine(address)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    with pytest.raises(StoreError, match="not Strongroom's"):
        migrate(address)
    engine.dispose()


def test_a_newer_schema_is_refused(address: str) -> None:
    migrate(address)
    engine = core_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer Strongroom"):
        migrate(address)
    engine.dispose()
