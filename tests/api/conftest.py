"""Fixtures of the API tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo.postgresql import PostgreSQL, start_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL to register, shared by all tests: each makes master users of its own."""
    # Not below pytest's own folder, which only its owner may enter: PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="strongroom-rds-") as name, start_postgresql(Path(name)) as server:
        yield server
