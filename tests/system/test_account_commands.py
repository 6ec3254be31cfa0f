"""``strongroom account``, and the organization of an installation that was made without one."""

from __future__ import annotations

import configparser
import json
import sqlite3
import stat
import uuid
from pathlib import Path

import pytest
from tests.support.commands import run_strongroom
from tests.support.server import Credentials, RunningServer, running_server, start_server

pytestmark = pytest.mark.system


def _name() -> str:
    return f"team-{uuid.uuid4().hex[:12]}"


def _id() -> str:
    return f"5{uuid.uuid4().int % 10**11:011}"


def test_an_account_with_an_administrator_of_its_own(strongroom: RunningServer, tmp_path: Path) -> None:
    name, chosen, file = _name(), _id(), tmp_path / "credentials"
    done = run_strongroom(
        "account", "create", name, "--id", chosen, "--administrator", file, "--data-dir", strongroom.data_dir
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Account {chosen} ({name}) is ready" in done.stdout
    assert f"arn:aws:iam::{chosen}:role/OrganizationAccountAccessRole" in done.stdout
    assert strongroom.endpoint in done.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = configparser.ConfigParser()
    found.read(file)
    profile = found["strongroom"]
    assert profile["region"] == strongroom.region
    assert profile["aws_secret_access_key"] not in done.stdout
    key = Credentials(profile["aws_access_key_id"], profile["aws_secret_access_key"])
    assert strongroom.client("sts", key).get_caller_identity()["Arn"] == f"arn:aws:iam::{chosen}:user/administrator"
    strongroom.client("secretsmanager", key).create_secret(Name="mine", SecretString="x")


def test_json(strongroom: RunningServer) -> None:
    name, email = _name(), f"{_name()}@example.com"
    done = run_strongroom("account", "create", name, "--email", email, "--json", "--data-dir", strongroom.data_dir)
    made = json.loads(done.stdout)
    assert made == {
        "id": made["id"],
        "name": name,
        "role_arn": f"arn:aws:iam::{made['id']}:role/OrganizationAccountAccessRole",
        "credentials_file": None,
    }
    listed = run_strongroom("account", "list", "--json", "--data-dir", strongroom.data_dir)
    accounts = {account["id"]: account for account in json.loads(listed.stdout)}
    assert accounts[made["id"]] == {
        "id": made["id"],
        "name": name,
        "email": email,
        "status": "ACTIVE",
        "management": False,
    }
    assert accounts[strongroom.account]["management"] is True
    shown = run_strongroom("account", "list", "--data-dir", strongroom.data_dir).stdout.splitlines()
    assert f"{made['id']}  ACTIVE     {name}  <{email}>" in shown


def test_what_is_refused_leaves_nothing(strongroom: RunningServer, tmp_path: Path) -> None:
    folder, name, file = strongroom.data_dir, _name(), tmp_path / "credentials"
    assert run_strongroom("account", "create", name, "--data-dir", folder).returncode == 0
    with_file = ("--administrator", file, "--data-dir", folder)
    same_address = run_strongroom("account", "create", name, *with_file)
    assert same_address.returncode == 1
    assert "EMAIL_ALREADY_EXISTS" in same_address.stderr
    assert "--email" in same_address.stderr
    taken = run_strongroom("account", "create", _name(), "--id", strongroom.account, *with_file)
    assert (taken.returncode, "exists already" in taken.stderr) == (1, True)
    malformed = run_strongroom("account", "create", _name(), "--id", "12", *with_file)
    assert (malformed.returncode, "12 digits" in malformed.stderr) == (2, True)
    assert not file.exists()
    file.write_text("theirs")
    kept = run_strongroom("account", "create", _name(), *with_file)
    assert (kept.returncode, str(file) in kept.stderr, file.read_text()) == (1, True, "theirs")


def test_without_a_server(strongroom: RunningServer, tmp_path: Path) -> None:
    nowhere = run_strongroom("account", "list", "--data-dir", tmp_path)
    assert (nowhere.returncode, "There is no installation" in nowhere.stderr) == (1, True)
    dead = ("--endpoint", "http://127.0.0.1:9", "--data-dir", strongroom.data_dir)
    unreachable = run_strongroom("account", "list", *dead)
    assert unreachable.returncode == 1
    assert "could not be listed" in unreachable.stderr
    assert "Traceback" not in unreachable.stderr


def test_an_installation_that_was_made_without_an_organization(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    assert server.stop() == 0
    with sqlite3.connect(server.data_dir / "store.sqlite") as store:
        for table in ("organizations", "accounts", "service_control_attachments"):
            store.execute(f"DELETE FROM {table}")
    store.close()
    for _ in range(2):
        with running_server(server.data_dir) as again:
            organization = again.client("organizations").describe_organization()["Organization"]
    assert organization["MasterAccountId"] == again.account
