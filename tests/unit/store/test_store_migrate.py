"""The migrations make the schema, once, and only in a database of our own."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from strongroom.store import StoreError
from strongroom.store.migrate import HEAD, core_engine, migrate, upgrade_to
from strongroom.store.schema import metadata

MIGRATIONS = Path(str(__import__("strongroom.store.migrations").store.migrations.__path__[0]))


def _differences(address: str) -> list[object]:
    """Where a database differs from the schema, server defaults included."""
    engine = core_engine(address)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            found: list[object] = compare_metadata(context, metadata)
            return found
    finally:
        engine.dispose()


def _upgrade(address: str, *revisions: str) -> None:
    engine = core_engine(address)
    try:
        for revision in revisions:
            with engine.begin() as connection:
                upgrade_to(connection, revision)
    finally:
        engine.dispose()


def _facts(address: str) -> tuple[object, ...]:
    """What every store holds besides tables: its epoch and its revision."""
    engine = core_engine(address)
    try:
        with engine.connect() as connection:
            epochs = connection.execute(text("SELECT id, value FROM epoch")).all()
            return ([tuple(row) for row in epochs], connection.execute(text("SELECT * FROM alembic_version")).all())
    finally:
        engine.dispose()


def test_a_new_store_has_the_schema(address: str) -> None:
    migrate(address)
    migrate(address)
    assert _differences(address) == []
    assert _facts(address) == ([(1, 1)], [(HEAD,)])


def test_the_migrations_make_the_same_schema(address: str) -> None:
    _upgrade(address, "0001", HEAD)
    assert _differences(address) == []
    assert _facts(address) == ([(1, 1)], [(HEAD,)])


def test_what_a_store_of_the_first_schema_holds_comes_along(address: str) -> None:
    _upgrade(address, "0001")
    engine = core_engine(address)
    log_event = (
        "INSERT INTO log_events (account, region, log_group, log_stream, sequence, timestamp_ms, message) "
        "VALUES ('1', 'r', '/aws/lambda/f', 's', {0}, {1}, :sealed)"
    )
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO kms_keys (arn, account, region, key_id, description, manager, state, key_spec, key_usage, "
                "policy, material_id, created_ms) "
                "VALUES ('k', '1', 'r', 'id', '', 'AWS', 'Enabled', 'SYMMETRIC_DEFAULT', "
                "'ENCRYPT_DECRYPT', '{}', 'm', 5)"
            )
        )
        for sequence, moment in ((1, 10), (2, 30)):
            connection.execute(text(log_event.format(sequence, moment)), {"sealed": b"sealed"})
    _upgrade(address, HEAD)
    with engine.connect() as connection:
        key = connection.execute(text("SELECT key_id, grant_count, rotation_days FROM kms_keys")).one()
        assert tuple(key) == ("id", 0, 365)
        stream = connection.execute(text("SELECT name, first_event_ms, last_event_ms FROM log_streams")).one()
        assert tuple(stream) == ("s", 10, 30)
        assert connection.execute(text("SELECT stored_bytes FROM log_groups")).scalar_one() == 12
        assert connection.execute(text("SELECT count(*) FROM log_events")).scalar_one() == 2
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
