"""A server whose root key an HSM keeps: SoftHSM2 (Debian package softhsm2)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.commands import run_strongroom
from tests.support.server import running_server
from tests.support.softhsm import PIN, needs_softhsm, new_token

pytestmark = [pytest.mark.system, needs_softhsm]


def test_a_token_takes_the_place_of_the_file(tmp_path: Path) -> None:
    data, pin = tmp_path / "data", tmp_path / "pin"
    pin.touch(0o600)
    pin.write_bytes(PIN + b"\n")
    place, environment = new_token(tmp_path)
    with running_server(data) as server:
        server.client("secretsmanager").create_secret(Name="kept", SecretString="as it was")
    environment["STRONGROOM_PIN_SOURCE"] = f"file:{pin}"
    done = run_strongroom(
        *("seal", "migrate", "pkcs11", "--data-dir", data, "--yes"),
        *("--module", place.module, "--token", place.token, "--key", place.key),
        environment=environment,
    )
    assert done.returncode == 0, done.stderr
    assert not (data / "root.key").exists()
    assert PIN.decode() not in (data / "seal.json").read_text() + done.stdout + done.stderr
    rotated = run_strongroom("seal", "rotate-root", "--yes", "--data-dir", data, environment=environment)
    assert rotated.returncode == 0, rotated.stderr
    with running_server(data, environment=environment) as server:
        assert server.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "as it was"
    pin.write_text("000000")
    refused = run_strongroom("serve", "--port", "0", "--data-dir", data, environment=environment)
    assert refused.returncode == 1
    assert "could not be used for the root key" in refused.stderr
