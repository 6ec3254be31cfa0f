"""The first start of an installation, the next ones, and a first start that was cut short."""

from __future__ import annotations

import json
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from tests.support.commands import processes_of_session, run_strongroom, wait_for
from tests.support.server import READY, RunningServer, running_server, start_server, wait_until

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    """A server that was started for the first time, was given one secret, and was stopped."""
    server = start_server(tmp_path_factory.mktemp("first") / "data")
    try:
        server.client("secretsmanager").create_secret(Name="kept", SecretString="as it was")
    finally:
        assert server.stop() == 0
    return server


def test_the_folder_and_what_lies_in_it_are_private(first: RunningServer) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(first.data_dir) == 0o700
    for name in ("admin.credentials", "root.key", "seal.json", "installation.json"):
        assert mode(first.data_dir / name) == 0o600
    assert not (first.data_dir / "server.json").exists()


def test_it_says_where_things_are_and_how_to_use_them(first: RunningServer) -> None:
    said = first.log.read_text()
    for needed in (
        f"Strongroom is ready at {first.endpoint}",
        "account 000000000000, region us-east-1",
        "first start",
        f"export AWS_ENDPOINT_URL={first.endpoint}",
        f"export AWS_SHARED_CREDENTIALS_FILE={first.data_dir}/admin.credentials",
        "export AWS_PROFILE=strongroom",
    ):
        assert needed in said
    assert first.administrator.secret_access_key not in said


def test_the_next_start_keeps_everything(first: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: (first.data_dir / name).read_bytes() for name in ("admin.credentials", "root.key", "seal.json")}
    with running_server(first.data_dir) as again:
        # As the announcement tells a person to do it: nothing but the environment.
        monkeypatch.setenv("AWS_ENDPOINT_URL", again.endpoint)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(again.data_dir / "admin.credentials"))
        monkeypatch.setenv("AWS_PROFILE", "strongroom")
        session = boto3.session.Session()
        assert session.region_name == "us-east-1"
        told = session.client("sts").get_caller_identity()
        assert told["Arn"] == "arn:aws:iam::000000000000:user/administrator"
        assert session.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "as it was"
    assert {name: (first.data_dir / name).read_bytes() for name in kept} == kept
    assert again.log.read_text().count("first start") == 1


def test_a_further_node_does_not_point_to_a_key_that_it_does_not_have(first: RunningServer, tmp_path: Path) -> None:
    data = Path(shutil.copytree(first.data_dir, tmp_path / "data"))
    (data / "admin.credentials").unlink()
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "strongroom", "serve", "--port", "0", "--data-dir", str(data)], stdout=output
        ) as process,
    ):
        try:
            wait_until(READY, process, log, 0)
        finally:
            process.send_signal(signal.SIGTERM)
    assert "AWS_SHARED_CREDENTIALS_FILE" not in log.read_text()


def test_the_administrators_key_can_be_given(tmp_path: Path) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_text("a-secret-access-key-of-forty-characters-\n")
    given = {
        "STRONGROOM_ADMIN_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "STRONGROOM_ADMIN_SECRET_ACCESS_KEY_FILE": str(secret_file),
    }
    server = start_server(tmp_path / "data", environment=given)
    try:
        assert server.administrator.access_key_id == "AKIAIOSFODNN7EXAMPLE"
        assert server.administrator.secret_access_key == "a-secret-access-key-of-forty-characters-"
        assert server.client("sts").get_caller_identity()["Arn"].endswith(":user/administrator")
    finally:
        assert server.stop() == 0


def test_a_secret_file_that_cannot_be_read_starts_nothing(tmp_path: Path) -> None:
    given = {
        "STRONGROOM_ADMIN_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "STRONGROOM_ADMIN_SECRET_ACCESS_KEY_FILE": str(tmp_path / "missing"),
    }
    ended = run_strongroom("serve", "--port", "0", "--data-dir", tmp_path / "data", environment=given)
    assert ended.returncode == 1
    assert "secret access key could not be read" in ended.stderr
    assert not (tmp_path / "data" / "installation.json").exists()


@pytest.mark.parametrize("appeared", ["installation.json", "seal.json", "store.sqlite", "admin.credentials"])
def test_a_first_start_that_is_killed_is_done_again(tmp_path: Path, appeared: str) -> None:
    """It is killed as soon as one of its files appears."""
    data = tmp_path / "data"
    command = [sys.executable, "-m", "strongroom", "serve", "--port", "0", "--data-dir", str(data), "--workers", "1"]
    with (tmp_path / "killed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for((data / appeared).exists)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    wait_for(lambda: not processes_of_session(process.pid))
    with running_server(data) as server:
        assert server.client("secretsmanager").list_secrets()["SecretList"] == []


def _unfinished(data: Path) -> None:
    """Mark a folder as one whose first start did not come to its end."""
    path = data / "installation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ready": False}))


def _cut_before_the_installation(data: Path) -> None:
    shutil.rmtree(data)
    data.mkdir()
    (data / "server.lock").touch()
    (data / "installation.json.new").write_text("{")


def _cut_between_key_and_seal(data: Path) -> None:
    for path in [data / "seal.json", data / "admin.credentials", *data.glob("store.sqlite*")]:
        path.unlink()
    _unfinished(data)


def _cut_before_the_store(data: Path) -> None:
    for path in [data / "admin.credentials", *data.glob("store.sqlite*")]:
        path.unlink()
    _unfinished(data)


@pytest.mark.parametrize(
    "cut", [_cut_before_the_installation, _cut_between_key_and_seal, _cut_before_the_store, _unfinished]
)
def test_a_first_start_that_ended_early_is_done_again(
    first: RunningServer, tmp_path: Path, cut: Callable[[Path], None]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(first.data_dir, data)
    cut(data)
    with running_server(data) as server:
        assert server.client("sts").get_caller_identity()["Account"] == server.account
        server.client("secretsmanager").create_secret(Name="works", SecretString="now")
    assert json.loads((data / "installation.json").read_text())["ready"] is True
