"""``strongroom keys rewrap``: secrets under rotated keys come to the newest material."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import run_strongroom, wait_for
from tests.support.kms_keys import new_key
from tests.support.server import RunningServer, start_server

pytestmark = pytest.mark.system

VALUES = {f"secret-{number}": f"value {number}" for number in range(5)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    running = start_server(tmp_path / "data")
    yield running
    if running.process.poll() is None:
        running.stop()


def keys(command: str, server: RunningServer) -> dict[str, Any]:
    """Run a command of ``strongroom keys``; answers what it says of secrets."""
    done = run_strongroom("keys", command, "--data-dir", server.data_dir, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = {record["holder"]: record for record in json.loads(done.stdout)}
    assert found.keys() == {"secrets", "functions"}
    return found["secrets"]


def test_secrets_come_to_the_newest_material(server: RunningServer) -> None:
    kms, secrets = server.client("kms"), server.client("secretsmanager")
    arn = new_key(kms)
    for name, value in VALUES.items():
        secrets.create_secret(Name=name, SecretString=value, KmsKeyId=arn)
    first = keys("rewrap", server)
    assert (first["holder"], first["state"], first["done"], first["changed"]) == ("secrets", "finished", 5, 0)
    kms.rotate_key_on_demand(KeyId=arn)
    second = keys("rewrap", server)
    assert (second["state"], second["done"], second["changed"], second["skipped"]) == ("finished", 5, 5, 0)
    assert {name: secrets.get_secret_value(SecretId=name)["SecretString"] for name in VALUES} == VALUES

    kms.rotate_key_on_demand(KeyId=arn)
    server.stop()
    waiting = keys("rewrap", server)
    assert (waiting["state"], waiting["done"]) == ("running", 0)
    again = start_server(server.data_dir)
    try:
        wait_for(lambda: bool(keys("progress", again)["changed"] == 5))
        secrets = again.client("secretsmanager")
        assert {name: secrets.get_secret_value(SecretId=name)["SecretString"] for name in VALUES} == VALUES
    finally:
        again.stop()


def test_a_folder_without_an_installation(tmp_path: Path) -> None:
    done = run_strongroom("keys", "rewrap", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert "There is no installation" in done.stderr
