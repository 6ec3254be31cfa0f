"""A store on each engine, and a journal that can be told to fail."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from demo.postgresql import PostgreSQL, start_postgresql

from strongroom.store import Store, open_store
from strongroom.store.migrate import migrate


class Journal:
    """Keeps what it is handed; refuses when told to."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.refusal: Exception | None = None

    def append_now(self, events: Sequence[bytes]) -> None:
        """Keep or refuse."""
        if self.refusal is not None:
            raise self.refusal
        self.events.extend(events)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One PostgreSQL server for the tests of the store."""
    with tempfile.TemporaryDirectory(prefix="strongroom-store-") as name, start_postgresql(Path(name)) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.create_database(f"test_{abs(hash(request.node.name))}")


@pytest.fixture
def journal() -> Journal:
    """The journal of `store`."""
    return Journal()


@pytest.fixture
def store(address: str, journal: Journal) -> Iterator[Store]:
    """A store with its schema."""
    migrate(address)
    opened = open_store(address, journal)
    yield opened
    opened.close()
