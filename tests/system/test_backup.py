"""``strongroom backup``: a new machine, with only the backup and the seal, reads what was kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo.postgresql import start_postgresql
from tests.support.commands import contents, run_strongroom, wait_for
from tests.support.plain_rotation import PlainSecret, plain_function
from tests.support.server import RunningServer, running_server

pytestmark = pytest.mark.system


def ran(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``strongroom backup``, which must end well."""
    done = run_strongroom("backup", *arguments)
    assert done.returncode == 0, done.stderr
    return done


def refused(*arguments: str | Path) -> str:
    """Run ``strongroom backup``, which must refuse; what it says."""
    done = run_strongroom("backup", *arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def store_of(server: RunningServer) -> list[str]:
    """The option that names the store of a server, if it is not in its data folder."""
    arguments = Path(f"/proc/{server.process.pid}/cmdline").read_bytes().decode().split("\0")
    return arguments[at : at + 2] if "--store" in arguments and (at := arguments.index("--store")) else []


def create(server: RunningServer, folder: Path) -> Path:
    """A backup of a running server."""
    made = json.loads(ran("create", folder, "--data-dir", server.data_dir, *store_of(server), "--json").stdout)
    return folder / str(made["name"])


def test_a_new_machine_with_the_backup_and_the_root_key_reads_everything(
    strongroom: RunningServer, tmp_path: Path
) -> None:
    """Of either engine, into SQLite."""
    secrets, name = strongroom.client("secretsmanager"), f"backup/{uuid.uuid4()}"
    created = secrets.create_secret(Name=name, SecretString="kept", Tags=[{"Key": "team", "Value": "blue"}])
    secrets.put_secret_value(SecretId=name, SecretBinary=b"\0\xff")
    file = create(strongroom, tmp_path / "backups")
    secrets.create_secret(Name=f"{name}/later", SecretString="made after the backup")

    (listed,) = json.loads(ran("list", file.parent, "--json").stdout)
    assert (listed["name"], listed["size"]) == (file.name, file.stat().st_size)
    key = shutil.copy(strongroom.data_dir / "root.key", tmp_path / "kept-apart.key")
    assert b"kept" not in file.read_bytes()
    assert strongroom.administrator.secret_access_key.encode() not in file.read_bytes()

    new = tmp_path / "new"
    told = ran("verify", file, "--root-key-file", key, "--data-dir", tmp_path / "nowhere").stdout
    assert told.startswith("The backup is whole: ")
    assert not new.exists()
    told = ran("restore", file, "--data-dir", new, "--root-key-file", key).stdout
    assert "Rotations are held" in told
    with running_server(new) as restored:
        assert restored.administrator == strongroom.administrator
        there = restored.client("secretsmanager")
        assert there.get_secret_value(SecretId=name)["SecretBinary"] == b"\0\xff"
        assert there.get_secret_value(SecretId=created["ARN"], VersionStage="AWSPREVIOUS")["SecretString"] == "kept"
        assert there.describe_secret(SecretId=name)["Tags"] == [{"Key": "team", "Value": "blue"}]
        with pytest.raises(there.exceptions.ResourceNotFoundException):
            there.get_secret_value(SecretId=f"{name}/later")
        there.create_secret(Name=f"{name}/new", SecretString="life goes on")
    assert run_strongroom("audit", "verify", "--data-dir", new).returncode == 0
    (event,) = audit(new, "BackupRestored")
    made = json.loads(
        run_strongroom(
            "audit",
            "show",
            "--event-name",
            "BackupCreated",
            "--data-dir",
            strongroom.data_dir,
            "--limit",
            "1",
            "--json",
        ).stdout.splitlines()[-1]
    )
    assert event["additionalEventData"]["backupId"] == made["additionalEventData"]["backupId"]


def audit(data_dir: Path, name: str) -> list[Any]:
    """The events of one name in the trail of a data folder."""
    told = run_strongroom("audit", "show", "--event-name", name, "--data-dir", data_dir, "--json").stdout
    return [json.loads(line) for line in told.splitlines()]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a passphrase seal, of this module alone."""
    folder = tmp_path_factory.mktemp("small")
    passphrase = folder / "passphrase"
    passphrase.write_text("correct horse battery staple")
    passphrase.chmod(0o600)
    with running_server(folder / "data", "--seal", "passphrase", "--passphrase-source", f"file:{passphrase}") as server:
        server.client("secretsmanager").create_secret(Name="app", SecretString="first")
        yield server


@pytest.fixture(scope="module")
def source(small: RunningServer) -> list[str]:
    """The option that gives the passphrase."""
    return ["--passphrase-source", f"file:{small.data_dir.parent / 'passphrase'}"]


@pytest.fixture(scope="module")
def backup(small: RunningServer, source: list[str]) -> Path:
    folder = small.data_dir.parent / "backups"
    made = json.loads(ran("create", folder, "--data-dir", small.data_dir, *source, "--json").stdout)
    return folder / str(made["name"])


def test_a_new_machine_with_the_backup_and_the_passphrase_reads(
    backup: Path, source: list[str], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the passphrase at all")
    wrong.chmod(0o600)
    refused("restore", backup, "--data-dir", tmp_path / "new", "--passphrase-source", f"file:{wrong}")
    assert not (tmp_path / "new").exists()
    ran("restore", backup, "--data-dir", tmp_path / "new", *source)
    with running_server(tmp_path / "new", *source) as restored:
        assert restored.client("secretsmanager").get_secret_value(SecretId="app")["SecretString"] == "first"


def test_a_damaged_backup_changes_nothing(backup: Path, source: list[str], tmp_path: Path) -> None:
    whole = backup.read_bytes()
    half = len(whole) // 2
    damaged = tmp_path / "damaged"
    for content in (
        whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
        whole[:half],
        whole + whole,
        whole.replace(b'"schema": "00', b'"schema": "01', 1),
    ):
        damaged.write_bytes(content)
        told = refused("restore", damaged, "--data-dir", tmp_path / "new", *source)
        assert "The backup is refused; nothing was changed." in told
        assert [path.name for path in tmp_path.iterdir()] == ["damaged"]
    assert "The backup is refused" in refused("verify", damaged, *source)


def test_attack_19_an_old_backup_over_a_newer_state(
    small: RunningServer, source: list[str], backup: Path, tmp_path: Path
) -> None:
    """It is noticed, said and refused; forced, it sets the newer state aside and holds every rotation."""
    data = tmp_path / "data"
    ran("restore", backup, "--data-dir", data, *source)
    ran("release", "--data-dir", data)
    with running_server(data, *source) as server:
        secrets = server.client("secretsmanager")
        secrets.put_secret_value(SecretId="app", SecretString="second")
    before = contents(data)
    told = refused("restore", backup, "--data-dir", data, *source)
    assert "An older state would replace the one that is there; nothing was changed." in told
    assert "writes since then, which would be lost" in told
    assert contents(data) == before

    told = ran("restore", backup, "--data-dir", data, *source, "--force").stdout
    (aside,) = tmp_path.glob("data.replaced-*")
    assert f"What was there is in {aside}" in told
    assert contents(aside)["store.sqlite"] == before["store.sqlite"]
    report = json.loads(ran("report", "--data-dir", data, "--json").stdout)
    assert (report["held"], report["secrets"]) == (True, [])
    assert run_strongroom("audit", "verify", "--data-dir", data).returncode == 0
    assert len(audit(data, "PutSecretValue")) == 1, "the trail of the newer state goes on"
    with running_server(data, *source) as server:
        assert server.client("secretsmanager").get_secret_value(SecretId="app")["SecretString"] == "first"


def test_a_running_server_is_never_replaced(small: RunningServer, backup: Path, source: list[str]) -> None:
    told = refused("restore", backup, "--data-dir", small.data_dir, *source, "--force")
    assert "Another Strongroom server is using" in told


def test_a_foreign_installation_is_never_replaced(backup: Path, source: list[str], tmp_path: Path) -> None:
    with running_server(tmp_path / "other"):
        pass
    before = contents(tmp_path / "other")
    told = refused("restore", backup, "--data-dir", tmp_path / "other", *source, "--force")
    assert "The backup is of another installation than the one that is there." in told
    assert contents(tmp_path / "other") == before
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "notes").touch()
    assert "holds other things" in refused("restore", backup, "--data-dir", tmp_path / "things", *source)


def test_a_backup_of_sqlite_restores_into_postgresql(backup: Path, source: list[str], tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="strongroom-test-") as name, start_postgresql(Path(name)) as database:
        store = ["--store", database.create_database("restored")]
        ran("restore", backup, "--data-dir", tmp_path / "new", *store, *source)
        with running_server(tmp_path / "new", *store, *source) as server:
            secrets = server.client("secretsmanager")
            assert secrets.get_secret_value(SecretId="app")["SecretString"] == "first"
            secrets.put_secret_value(SecretId="app", SecretString="second")
            damaged = tmp_path / "damaged"
            damaged.write_bytes(backup.read_bytes()[:-1])
        refused("restore", damaged, "--data-dir", tmp_path / "new", *store, *source, "--force")
        ran("release", "--data-dir", tmp_path / "new", *store)
        told = refused("restore", backup, "--data-dir", tmp_path / "another", *store, *source)
        assert "An older state would replace the one that is there" in told
        with running_server(tmp_path / "new", *store, *source) as server:
            assert server.client("secretsmanager").get_secret_value(SecretId="app")["SecretString"] == "second"
        ran("restore", backup, "--data-dir", tmp_path / "new", *store, *source, "--force")
        with running_server(tmp_path / "new", *store, *source) as server:
            assert server.client("secretsmanager").get_secret_value(SecretId="app")["SecretString"] == "first"


def test_a_killed_restore_leaves_nothing_and_is_done_again(backup: Path, source: list[str], tmp_path: Path) -> None:
    pipe, new, staging = tmp_path / "pipe", tmp_path / "new", tmp_path / ".new.restoring"
    os.mkfifo(pipe)
    restoring = subprocess.Popen(
        [sys.executable, "-m", "strongroom", "backup", "restore", str(pipe), "--data-dir", str(new), *source]
    )
    with pipe.open("wb", buffering=0) as writer:
        content = backup.read_bytes()
        writer.write(content[: len(content) - 100])
        wait_for(staging.exists)
        restoring.kill()
        restoring.wait(10)
    assert not new.exists()
    ran("restore", backup, "--data-dir", new, *source)
    assert not staging.exists()


def test_a_killed_backup_is_never_listed(small: RunningServer, source: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    command = [sys.executable, "-m", "strongroom", "backup", "create", str(folder), "--data-dir", str(small.data_dir)]
    creating = subprocess.Popen([*command, *source], stdout=subprocess.DEVNULL)
    while not folder.exists():
        assert creating.poll() is None
        time.sleep(0.001)
    creating.kill()
    creating.wait(10)
    listed = json.loads(ran("list", folder, "--json").stdout)
    for kept in listed:  # it may have been done already; then it is whole
        ran("verify", folder / kept["name"], *source)
    ran("create", folder, "--data-dir", small.data_dir, *source)
    assert len(list(folder.iterdir())) == len(listed) + 1


def test_rotations_are_held_until_they_are_released(strongroom: RunningServer, tmp_path: Path) -> None:
    """Attack 19: no password of the past is set by itself."""
    secret = PlainSecret(strongroom, plain_function(strongroom))
    file = create(strongroom, tmp_path / "backups")
    new = tmp_path / "new"
    ran("restore", file, "--data-dir", new, "--root-key-file", strongroom.data_dir / "root.key")
    with running_server(new, "--minute-schedules") as server:
        secrets = server.client("secretsmanager")
        before = secrets.get_secret_value(SecretId=secret.arn)
        token = secrets.rotate_secret(
            SecretId=secret.arn, ClientRequestToken=str(uuid.uuid4()), RotationLambdaARN=plain_function(server)
        )["VersionId"]
        (listed,) = [
            each
            for each in json.loads(ran("report", "--data-dir", new, "--json").stdout)["secrets"]
            if each["arn"] == secret.arn
        ]
        assert listed["reason"] == "a rotation was under way when the backup was made"
        time.sleep(1)
        assert secrets.get_secret_value(SecretId=secret.arn) | {"ResponseMetadata": 0} == before | {
            "ResponseMetadata": 0
        }
        ran("release", "--data-dir", new)
        wait_for(lambda: secrets.get_secret_value(SecretId=secret.arn)["VersionId"] == token)


def test_the_server_makes_backups_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    environment = {"STRONGROOM_BACKUP_TO": str(folder), "STRONGROOM_BACKUP_KEEP": "1"}
    with running_server(tmp_path / "data", environment=environment) as server:
        wait_for(lambda: folder.exists() and bool(list(folder.glob("*.backup"))))
        (file,) = folder.glob("*.backup")
        ran("verify", file, "--data-dir", server.data_dir)
        wait_for(lambda: len(audit(server.data_dir, "BackupCreated")) == 1)


def test_a_new_machine_with_the_backup_and_shares_reads(
    small: RunningServer, source: list[str], tmp_path: Path
) -> None:
    given = ["--count", "3", "--threshold", "2", "--out", str(tmp_path / "shares")]
    added = run_strongroom("seal", "add", "shares", *given, "--data-dir", small.data_dir, *source)
    assert added.returncode == 0, added.stderr
    made = json.loads(ran("create", tmp_path / "kept", "--data-dir", small.data_dir, *source, "--json").stdout)
    file = tmp_path / "kept" / made["name"]
    shares = [
        option for number in (1, 3) for option in ("--share-source", f"file:{tmp_path}/shares/share-{number}.txt")
    ]
    assert "more of its shares" in refused("verify", file, "--seal", "shares", *shares[:2])
    ran("restore", file, "--data-dir", tmp_path / "new", "--seal", "shares", *shares)
    with running_server(tmp_path / "new", *source) as restored:
        assert restored.client("secretsmanager").get_secret_value(SecretId="app")["SecretString"] == "first"
