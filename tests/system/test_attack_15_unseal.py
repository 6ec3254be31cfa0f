"""Attack 15: operator endpoints without authority. Holding a share is the authority to give it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.support.commands import run_strongroom
from tests.support.sealed import SealedServer, start_sealed
from tests.support.server import start_server

pytestmark = pytest.mark.system


def give(server: SealedServer, share: str) -> tuple[int, dict[str, object]]:
    return server.get("/unseal", json.dumps({"share": share}).encode())


def new_shares(data: Path, name: str) -> list[str]:
    made = run_strongroom("seal", "add", "shares", "--name", name, "--data-dir", data, "--json")
    assert made.returncode == 0, made.stderr
    shares: list[str] = json.loads(made.stdout)["shares"]
    return shares


def test_strangers_open_nothing_spoil_nothing_and_learn_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = start_server(data)
    first.client("secretsmanager").create_secret(Name="kept", SecretString="as it was")
    assert first.stop() == 0
    foreign, shares = new_shares(data, "removed"), new_shares(data, "kept")
    removed = run_strongroom("seal", "remove", "removed", "--yes", "--data-dir", data)
    assert removed.returncode == 0, removed.stderr
    (data / "root.key").unlink()

    with start_sealed(data) as server:
        assert give(server, shares[0]) == (200, {"sealed": True, "needed": 2})

        # Neither a share of a set that was removed nor one with a word changed is taken.
        for text in (*foreign[:3], shares[1].replace(shares[1].split()[20], "academic")):
            assert give(server, text) == (400, {"problem": "This is not one of the shares of this root key."})
        for body in (b"", b"[]", b"{}", b'{"share": 1}', b"\xff", b"[" * 4000, b'{"share": "' + b"x" * 9000 + b'"}'):
            assert server.get("/unseal", body)[0] == 400

        # The administrator's own key opens no other door while the server is sealed.
        for service, operation in (("secretsmanager", "list_secrets"), ("sts", "get_caller_identity")):
            with pytest.raises(ClientError) as caught:
                getattr(server.running.client(service), operation)()
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503

        # Guessing is bounded, and what was given by then still counts.
        assert [give(server, "guess")[0] for _ in range(8)] == [400] * 6 + [429] * 2
        assert server.get("/unseal") == (200, {"sealed": True, "needed": 2})


def test_an_open_server_has_no_door_to_its_seals(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    try:
        before = (tmp_path / "data" / "seal.json").read_bytes()
        for path in ("/unseal", "/seal", "/health/unseal"):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(server.endpoint + path, data=b'{"share": "academic acid"}')
            assert caught.value.code in {400, 403, 404}
            caught.value.close()
        assert (tmp_path / "data" / "seal.json").read_bytes() == before
    finally:
        server.stop()
