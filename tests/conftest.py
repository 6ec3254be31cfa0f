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


@pytest.fixture(scope="session", params=_engines())
def strongroom(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuers: dict[str, Issuer]
) -> Iterator[RunningServer]:
    """A running server, shared by all tests of one engine: each test makes names of its own."""
    folder: Path = tmp_path_factory.mktemp("strongroom")
    admitted = {"STRONGROOM_OIDC_ISSUERS": json.dumps([issuer.url for issuer in issuers.values()])}
    if request.param == "sqlite":
        with running_server(folder / "data", workers=2, environment=admitted) as server:
            yield server
        return
    # Not below pytest's own folder, which only its owner may enter: PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="strongroom-test-") as name, start_postgresql(Path(name)) as database:
        address = database.create_database("strongroom")
        with running_server(folder / "data", "--store", address, workers=2, environment=admitted) as server:
            yield server
