"""``strongroom seal`` and ``strongroom unseal``: from the first seal to recovery shares, and back without the first."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.certificates import write_certificate
from tests.support.commands import run_strongroom, wait_for
from tests.support.sealed import start_sealed
from tests.support.server import RunningServer, running_server, start_server

pytestmark = pytest.mark.system

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    """An installation with one secret, under a file seal and three recovery shares of which two open."""
    data = tmp_path_factory.mktemp("seal") / "data"
    server = start_server(data)
    server.client("secretsmanager").create_secret(Name="kept", SecretString="as it was")
    made = seal("add", "shares", data, "--count", "3", "--threshold", "2", "--out", data.with_name("shares"))
    assert made["seals"] == ["file", "shares"]
    assert server.stop() == 0
    return server


@pytest.fixture
def data(stopped: RunningServer, tmp_path: Path) -> Path:
    """A copy of that installation's folder."""
    return Path(shutil.copytree(stopped.data_dir, tmp_path / "data"))


@pytest.fixture
def shares(stopped: RunningServer) -> list[Path]:
    return sorted(stopped.data_dir.with_name("shares").iterdir())


def seal(command: str, what: str, data: Path, *options: str | Path) -> dict[str, Any]:
    """Run a command of ``strongroom seal`` that has to do its work; what it answers."""
    done = run_strongroom("seal", command, *([what] if what else []), "--data-dir", data, "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(*arguments: str | Path) -> str:
    """Run a command that refuses; what it says."""
    done = run_strongroom(*arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def sources(*paths: Path) -> list[str]:
    return [part for path in paths for part in ("--share-source", f"file:{path}")]


def secret_of(server: RunningServer) -> str:
    return str(server.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"])


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(0o600)
    path.write_text(PASSPHRASE)
    return path


def test_status_names_the_seals_and_nothing_secret(data: Path, shares: list[Path]) -> None:
    told = seal("status", "", data)
    assert [(entry["name"], entry["kind"]) for entry in told["seals"]] == [("file", "file"), ("shares", "shares")]
    assert (told["seals"][1]["threshold"], told["seals"][1]["shares"]) == (2, 3)
    shown = run_strongroom("seal", "status", "--data-dir", data).stdout
    assert "opened by any one of" in shown
    for secret in [(data / "root.key").read_text().strip(), *(path.read_text().strip() for path in shares)]:
        assert secret not in shown
        assert secret not in (data / "seal.json").read_text()
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in shares)


def test_with_the_file_lost_the_shares_open_the_server(data: Path, shares: list[Path]) -> None:
    (data / "root.key").unlink()
    with start_sealed(data) as server:
        assert server.get("/health/live") == (200, {"status": "live"})
        status, told = server.get("/health/ready")
        assert (status, told["status"]) == (503, "sealed")
        assert "waiting for 2 more shares" in told["problems"][0]
        assert server.get("/unseal") == (200, {"sealed": True, "needed": 2})
        assert server.get("/2015-03-31/functions")[0] == 503
        shown = run_strongroom("status", "--data-dir", data)
        assert shown.returncode == 1
        assert "waiting for 2 more shares" in shown.stdout

        first = run_strongroom("unseal", "--data-dir", data, *sources(shares[2]))
        assert first.stdout == "Shares still needed: 1\n"
        wrong = refused("unseal", "--data-dir", data, "--share-source", f"file:{data / 'installation.json'}")
        assert "This is not one of the shares" in wrong
        second = run_strongroom("unseal", "--endpoint", server.endpoint, "--json", *sources(shares[0]))
        assert json.loads(second.stdout) == {"sealed": False, "needed": 0}
        assert secret_of(server.wait_until_ready()) == "as it was"
        late = run_strongroom("unseal", "--data-dir", data, *sources(shares[1]))
        assert late.stdout == "The root key is open.\n"
        for path in shares:
            assert path.read_text().strip() not in server.log.read_text()


def test_a_sealed_server_speaks_tls_and_ends_when_it_is_told_to(data: Path, shares: list[Path], tmp_path: Path) -> None:
    (data / "root.key").unlink()
    certificate, key = write_certificate(tmp_path)
    with start_sealed(data, "--tls-cert", str(certificate), "--tls-key", str(key)) as server:
        assert server.endpoint.startswith("https://")
        given = run_strongroom("unseal", "--data-dir", data, "--ca-bundle", certificate, *sources(shares[0]))
        assert given.stdout == "Shares still needed: 1\n"
        assert server.stop() == 0
    assert not (data / "server.json").exists()


def test_shares_do_not_cross_a_network_in_the_clear(shares: list[Path]) -> None:
    said = refused("unseal", "--endpoint", "http://192.0.2.1:4566", *sources(shares[0]))
    assert "would cross the network in the clear" in said


def test_a_passphrase_takes_the_place_of_the_file(data: Path, passphrase: Path) -> None:
    shutil.copy(data / "seal.json", data.parent / "before.json")
    answered = seal(
        "migrate", "passphrase", data, "--keep", "shares", "--yes", "--new-passphrase-source", f"file:{passphrase}"
    )
    assert answered["seals"] == ["shares", "passphrase"]
    assert not (data / "root.key").exists()
    environment = {"CREDENTIALS_DIRECTORY": str(passphrase.parent)}
    with running_server(data, "--passphrase-source", "credential:passphrase", environment=environment) as server:
        assert secret_of(server) == "as it was"
        verified = seal("verify", "", data, "--passphrase-source", f"file:{passphrase}")
        assert [(entry["name"], entry["result"]) for entry in verified["seals"]] == [
            ("shares", "not tried"),
            ("passphrase", "opens"),
        ]
    recorded = (data / "audit" / "trail.jsonl").read_text()
    assert "RootKeySealAdded" in recorded
    assert "RootKeySealRemoved" in recorded


def test_removing_says_what_is_final_and_sees_another_seal_open_first(data: Path, shares: list[Path]) -> None:
    said = refused("seal", "remove", "file", "--data-dir", data)
    assert "Who loses that loses every secret for good" in said
    assert "Nothing was changed. why: Nobody agreed to it" in said
    assert "needs 2 more of its shares" in refused("seal", "remove", "file", "--data-dir", data, "--yes")
    assert (data / "root.key").exists()
    assert seal("remove", "file", data, "--yes", *sources(*shares[:2]))["seals"] == ["shares"]
    assert not (data / "root.key").exists()
    assert "last seal of the root key is not removed" in refused(
        "seal", "remove", "shares", "--data-dir", data, "--yes", *sources(*shares[1:])
    )
    back = seal("add", "file", data, *sources(shares[0], shares[2]))
    assert back["seals"] == ["shares", "file"]
    with running_server(data) as server:
        assert secret_of(server) == "as it was"


def test_shares_take_the_place_of_all_others_once_they_were_given_back(data: Path, tmp_path: Path) -> None:
    said = refused("seal", "migrate", "shares", "--name", "next", "--data-dir", data, "--yes")
    assert "Nobody could give the new shares back" in said
    answered = seal("migrate", "shares", data, "--name", "next", "--yes", "--out", tmp_path / "next")
    assert answered["seals"] == ["next"]
    files = [Path(name) for name in answered["files"]]
    assert len(files) == 5
    verified = seal("verify", "next", data, *sources(*files[:3]))
    assert verified["seals"] == [{"name": "next", "result": "opens", "why": ""}]


def test_shares_on_standard_output_are_words_and_in_json(data: Path) -> None:
    made = seal("add", "shares", data, "--name", "more")
    assert [len(share.split()) for share in made["shares"]] == [33] * 5


def test_a_changed_document_is_refused(data: Path) -> None:
    document = json.loads((data / "seal.json").read_text())
    document["seals"][1]["parameters"]["public_key"] = "09" + "00" * 31
    (data / "seal.json").write_text(json.dumps(document))
    for command in (["serve", "--port", "0"], ["seal", "add", "shares", "--name", "x"]):
        assert "changed by something other than Strongroom" in refused(*command, "--data-dir", data)
    failed = run_strongroom("seal", "verify", "--data-dir", data)
    assert failed.returncode == 1
    assert "does not open" in failed.stdout


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RunningServer]:
    """A second Strongroom, whose KMS keeps the first one's root key."""
    with running_server(tmp_path / "other") as server:
        yield server


def test_another_kms_keeps_the_root_key(data: Path, tmp_path: Path, other: RunningServer) -> None:
    kms = other.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    user = other.make_user(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": key}],
        }
    )
    credentials = tmp_path / "credentials"
    credentials.write_text(
        f"[keeper]\naws_access_key_id = {user.access_key_id}\naws_secret_access_key = {user.secret_access_key}\n"
    )
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": "/dev/null"}
    options = ["--key-id", key, "--endpoint-url", other.endpoint, "--profile", "keeper", "--data-dir", data]
    done = run_strongroom("seal", "migrate", "kms", "--yes", *options, environment=environment)
    assert done.returncode == 0, done.stderr
    assert user.secret_access_key not in (data / "seal.json").read_text()

    kms.disable_key(KeyId=key)
    with start_sealed(data, environment=environment) as server:
        assert "waiting for the seal kms" in server.get("/health/ready")[1]["problems"][0]
        assert "DisabledException" not in json.dumps(server.get("/health/ready")[1])
        kms.enable_key(KeyId=key)  # it opens by itself as soon as the other KMS lets it
        assert secret_of(server.wait_until_ready()) == "as it was"
    rotated = run_strongroom("seal", "rotate-root", "--yes", "--data-dir", data, environment=environment)
    assert rotated.returncode == 0, rotated.stderr
    with running_server(data, environment=environment) as server:
        assert secret_of(server) == "as it was"
    wait_for(lambda: "strongroom:root-key-id" in (other.data_dir / "audit" / "trail.jsonl").read_text())
