"""Open the store that an address names."""

from __future__ import annotations

from pathlib import Path

from strongroom.store.engine import Journal, Store

__all__ = ["is_postgresql", "open_store"]


def is_postgresql(address: str) -> bool:
    """Whether ``address`` names a PostgreSQL database (anything else is the path of a SQLite file)."""
    return address.partition("://")[0] in {"postgresql", "postgres", "postgresql+psycopg"}


def open_store(address: str, journal: Journal) -> Store:
    """Open a store whose schema is current.

    Each engine is imported when it is used, so that a process pays for one driver only.

    Args:
        address: ``postgresql://user@host:port/database``, or the path of a SQLite file.
        journal: Where the events of a write must stand before it commits.
    """
    if is_postgresql(address):
        from strongroom.store.postgresql import PostgresqlStore  # noqa: PLC0415

        return PostgresqlStore(address, journal)
    from strongroom.store.sqlite import SqliteStore  # noqa: PLC0415

    return SqliteStore(Path(address), journal)
