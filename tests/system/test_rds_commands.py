"""``strongroom rds``: registering, checking and repairing from the command line."""

from __future__ import annotations

import json
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from demo.postgresql import PostgreSQL, start_postgresql
from tests.support.commands import run_strongroom
from tests.support.operator import operator_client
from tests.support.policies import refusal, refusal_code
from tests.support.postgresql_tls import serve_tls
from tests.support.rds import Master, make_master
from tests.support.server import RunningServer

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(prefix="strongroom-rds-") as name, start_postgresql(Path(name)) as server:
        yield server


@pytest.fixture
def master(strongroom: RunningServer, postgresql: PostgreSQL) -> Master:
    return make_master(strongroom, postgresql)


def _password_file(folder: Path, password: str) -> str:
    path = folder / f"password-{uuid.uuid4().hex}"
    path.write_text(password + "\n")
    path.chmod(0o600)
    return f"file:{path}"


def _rds(master: Master, *arguments: str) -> CompletedProcess[str]:
    return run_strongroom("rds", *arguments, "--data-dir", master.strongroom.data_dir)


def _check(master: Master) -> tuple[int, dict[str, Any]]:
    done = _rds(master, "check", master.name, "--json")
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def _checked(master: Master) -> dict[str, Any]:
    """What the operator's API says after a check."""
    (found,) = operator_client(master.strongroom).check_databases(Identifiers=[master.name])["Databases"]
    return dict(found)


def _register(master: Master, source: str, *more: str, port: int | None = None) -> CompletedProcess[str]:
    return _rds(
        master, "register", master.name, "--engine", "postgres", "--host", master.database.host,
        "--port", str(port or master.database.port), "--master-username", master.username,
        "--password-source", source, *more,
    )  # fmt: skip


def test_registering_with_tls_and_management(master: Master, tmp_path: Path) -> None:
    with serve_tls(master.database.port, tmp_path) as front:
        ca = ("--ca", str(front.certificate))
        source = _password_file(tmp_path, master.password)
        done = _register(master, source, *ca, "--manage", "--json", port=front.port)
        assert (done.returncode, done.stderr) == (0, "")
        made = json.loads(done.stdout)
        master.wait_for_status("active")
        assert made["secret_arn"] == master.secret()["SecretArn"]
        assert master.takes(master.credential()["password"])
        assert master.describe()["DeletionProtection"]
        code, found = _check(master)
        assert (code, "Problem" in found["databases"][0]) == (0, False)
        # Without the authority nothing is sent, and nothing is registered.
        other = make_master(master.strongroom, master.database)
        refused = _register(other, _password_file(tmp_path, other.password), port=front.port)
        assert (refused.returncode, "cannot be reached" in refused.stderr) == (1, True)
        assert other.password not in refused.stderr


def test_a_wrong_password_is_told_and_not_shown(master: Master, tmp_path: Path) -> None:
    done = _register(master, _password_file(tmp_path, "wrong-canary"), "--no-tls")
    assert (done.returncode, "does not let" in done.stderr, "canary" in done.stderr) == (1, True, False)
    done = _register(master, "nowhere", "--no-tls")
    assert (done.returncode, "source of the passphrase" in done.stderr) == (1, True)


@pytest.mark.parametrize("by", ["the master user", "a superuser"])
def test_drift_is_found_told_and_repaired(master: Master, tmp_path: Path, by: str) -> None:
    arn = master.register()["DBInstanceArn"]
    master.modify(ManageMasterUserPassword=True)
    master.wait_for_status("active")
    good = master.credential()["password"]
    assert "Problem" not in _checked(master)
    master.set_behind_its_back("drifted-canary")

    assert _checked(master)["Problem"].startswith("DatabaseLoginRefused: ")
    assert master.secret()["SecretStatus"] == "impaired"
    (event,) = master.events("MasterCredentialCheckFailed", arn)
    assert (event["eventType"], event["errorCode"]) == ("AwsServiceEvent", "DatabaseLoginRefused")
    with urllib.request.urlopen(f"{master.strongroom.endpoint}/health/ready") as page:
        health = json.load(page)
    assert health["status"] == "ready"
    assert any("strongroom rds check" in warning for warning in health["warnings"])
    _checked(master)
    assert len(master.events("MasterCredentialCheckFailed", arn)) == 1, "told once"

    client, wrong = operator_client(master.strongroom), {"Identifier": master.name, "Password": "wrong-canary"}
    code, text = refusal(client, "repair_database", **wrong)
    assert (code, "canary" in text) == ("InvalidRequestException", False)
    if by == "a superuser":
        helper = make_master(master.strongroom, master.database)
        with master.database.admin() as admin:
            admin.execute(f"ALTER ROLE {helper.username} SUPERUSER")
        given: tuple[str, ...] = (
            "--username",
            helper.username,
            "--password-source",
            _password_file(tmp_path, helper.password),
        )
    else:
        given = ("--password-source", _password_file(tmp_path, "drifted-canary"))
    done = _rds(master, "repair", master.name, *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert "logs in again" in done.stdout
    assert master.takes(good)
    assert master.credential()["password"] == good
    assert master.secret()["SecretStatus"] == "active"
    assert len(master.events("MasterCredentialCheckSucceeded", arn)) == 1
    assert len(master.events("RepairDatabase", arn)) >= 1
    assert "canary" not in str(master.events("RepairDatabase", arn))


def test_a_password_that_is_not_managed_is_repaired_too(master: Master) -> None:
    master.register()
    master.set_behind_its_back("drifted-canary")
    assert "Problem" in _checked(master)
    repaired = operator_client(master.strongroom).repair_database(Identifier=master.name, Password="drifted-canary")
    assert "Problem" not in repaired["Database"]
    assert master.takes(master.password)


def test_secrets_of_applications(master: Master) -> None:
    """Two secrets for one user and one for a master are warned about; one that does not log in is a problem."""
    master.register()
    application = make_master(master.strongroom, master.database)
    client = master.client("secretsmanager")
    names = [f"app/{uuid.uuid4().hex[:8]}" for _ in range(3)]
    place = {"engine": "postgres", "host": master.database.host, "port": master.database.port}
    values = (
        {**place, "username": application.username, "password": application.password},
        {**place, "username": application.username, "password": "drifted-canary", "port": str(master.database.port)},
        {**place, "username": master.username, "password": master.password},
    )
    for name, value in zip(names, values, strict=True):
        client.create_secret(Name=name, SecretString=json.dumps(value))
    code, found = _check(master)
    mine = [finding for finding in found["secrets"] if set(finding["secrets"]) & set(names)]
    assert code == 1
    assert [(finding["kind"], sorted(finding["secrets"])) for finding in mine] == [
        ("warning", sorted(names[:2])),
        ("warning", [names[2]]),
        ("problem", [names[1]]),
    ]
    assert "canary" not in str(found)


def test_a_name_that_nobody_has(master: Master) -> None:
    done = _rds(master, "check", "no-such")
    assert (done.returncode, "no database no-such" in done.stderr) == (1, True)
    client = operator_client(master.strongroom)
    assert refusal_code(client, "repair_database", Identifier="no-such", Password="x") == "ResourceNotFoundException"
