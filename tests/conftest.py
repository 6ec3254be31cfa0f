"""Fixtures that every kind of test shares."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo.postgresql import start_postgresql
from tests.support.issuer import Issuer, running_issuer
from tests.support.server import RunningServer, running_server


def _engines() -> list[str]:
    """The engines that the API suite runs on: both, unless ``STRONGROOM_TEST_ENGINES`` names one."""
    return os.environ.get("STRONGROOM_TEST_ENGINES", "sqlite,postgresql").split(",")


@pytest.fixture(scope="session")
def issuers() -> Iterator[dict[str, Issuer]]:
    """OpenID Connect issuers that the shared server admits, by name."""
    with running_issuer() as found:
        yield found


@pytest.fixture(scope="session")
def admitted(issuers: dict[str, Issuer]) -> dict[str, str]:
    """The environment of the shared servers."""
    return {"STRONGROOM_OIDC_ISSUERS": json.dumps([issuer.url for issuer in issuers.values()])}


@pytest.fixture(scope="session")
def strongroom_on_sqlite(tmp_path_factory: pytest.TempPathFactory, admitted: dict[str, str]) -> Iterator[RunningServer]:
    """The shared server on SQLite."""
    data = tmp_path_factory.mktemp("strongroom") / "data"
    with running_server(data, workers=2, environment=admitted) as server:
        yield server


@pytest.fixture(scope="session")
def strongroom_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, admitted: dict[str, str]
) -> Iterator[RunningServer]:
    """The shared server on PostgreSQL."""
    data = tmp_path_factory.mktemp("strongroom") / "data"
    # Not below pytest's own folder, which only its owner may enter: PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="strongroom-test-") as name, start_postgresql(Path(name)) as database:
        address = database.create_database("strongroom")
        with running_server(data, "--store", address, workers=2, environment=admitted) as server:
            yield server


@pytest.fixture(scope="session", params=_engines())
def strongroom(request: pytest.FixtureRequest) -> RunningServer:
    """A running server, shared by all tests of one engine: each test makes names of its own.

    Those of both engines stay up to the end, for tests are run file by file and each file needs both.
    """
    found: RunningServer = request.getfixturevalue(f"strongroom_on_{request.param}")
    return found
