"""Fixtures of the tests with other clients than plain boto3."""

from __future__ import annotations

import pytest
from tests.support.server import RunningServer


@pytest.fixture(scope="session")
def strongroom(strongroom_on_sqlite: RunningServer) -> RunningServer:
    """A running server, on one engine: what a client sends and understands does not depend on the store."""
    return strongroom_on_sqlite
