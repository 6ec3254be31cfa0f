"""Fixtures of the API tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo.postgresql import PostgreSQL, start_postgresql
from tests.support.lambda_service import make_role
from tests.support.server import RunningServer


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL to register, shared by all tests: each makes master users of its own."""
    # Not below pytest's own folder, which only its owner may enter: PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="strongroom-rds-") as name, start_postgresql(Path(name)) as server:
        yield server


@pytest.fixture
def functions(strongroom: RunningServer) -> Any:
    """A client of Lambda."""
    return strongroom.client("lambda")


@pytest.fixture(scope="module")
def role(strongroom: RunningServer) -> str:
    """A role for functions, without rights."""
    return make_role(strongroom)
