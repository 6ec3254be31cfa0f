"""``strongroom rotation install`` and ``enable``: shipped functions in the product itself."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from demo.postgresql import PostgreSQL, start_postgresql
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from tests.support.commands import run_strongroom
from tests.support.rotation import wait_until
from tests.support.server import RunningServer, running_server
from tests.support.sshd import key_pair, start_sshd

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("rotators") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with TemporaryDirectory(prefix="rotators-") as place, start_postgresql(Path(place) / "postgresql") as running:
        yield running


def command(server: RunningServer, *arguments: str) -> Any:
    """What a command of ``strongroom rotation`` answers."""
    done = run_strongroom("rotation", *arguments, "--data-dir", server.data_dir, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(server: RunningServer, *arguments: str) -> str:
    done = run_strongroom("rotation", *arguments, "--data-dir", server.data_dir)
    assert done.returncode == 1
    return str(done.stderr)


def current(server: RunningServer, name: str) -> dict[str, Any]:
    text = server.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    found: dict[str, Any] = json.loads(text)
    return found


def wait_until_rotated(server: RunningServer, name: str, version: str) -> None:
    def is_complete() -> bool:
        stages = server.client("secretsmanager").describe_secret(SecretId=name)["VersionIdsToStages"]
        return bool(stages.get(version) == ["AWSCURRENT"])

    wait_until(is_complete, f"the rotation of {name} is complete")


def test_a_secret_with_a_master_rotates_between_two_users(server: RunningServer, database: PostgreSQL) -> None:
    user, password = f"app_{uuid.uuid4().hex[:8]}", secrets.token_urlsafe(12)
    with database.admin() as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(user), sql.Literal(password)))
    place = {"engine": "postgres", "host": database.host, "port": database.port, "ssl": False}
    dsn = conninfo_to_dict(database.superuser_dsn)
    client = server.client("secretsmanager")
    master = {**place, "username": dsn["user"], "password": dsn["password"]}
    master_arn = client.create_secret(Name=f"{user}/master", SecretString=json.dumps(master))["ARN"]
    value = {**place, "username": user, "password": password, "masterarn": master_arn}
    client.create_secret(Name=user, SecretString=json.dumps(value))

    answer = command(server, "enable", user, "--schedule", "rate(7 days)")
    assert answer["function"] == "postgresql_alternating_users"
    wait_until_rotated(server, user, answer["version"])
    found = current(server, user)
    assert found["username"] == f"{user}_clone"
    database.login(found["username"], found["password"]).close()
    database.login(user, password).close()
    assert client.describe_secret(SecretId=user)["RotationRules"]["ScheduleExpression"] == "rate(7 days)"


def test_a_function_reaches_no_secret_that_it_does_not_rotate(server: RunningServer) -> None:
    """The condition on the rotation function, on a secret that has another one, or none."""
    installed = command(server, "install", "own-command", "--environment", 'COMMAND=["/bin/cat"]')
    assert command(server, "install", "own_command")["function_arn"] == installed["function_arn"]
    arn = server.client("secretsmanager").create_secret(Name=f"other-{uuid.uuid4().hex[:8]}", SecretString="{}")["ARN"]
    event = {"SecretId": arn, "ClientRequestToken": str(uuid.uuid4()), "Step": "createSecret"}
    answer = server.client("lambda").invoke(FunctionName=installed["function_arn"], Payload=json.dumps(event))
    told = json.loads(answer["Payload"].read())
    assert "AccessDeniedException" in told["errorMessage"]
    assert "secretsmanager:DescribeSecret" in told["errorMessage"]


def test_an_access_key_of_strongroom_itself(server: RunningServer) -> None:
    user = f"robot-{uuid.uuid4().hex[:8]}"
    iam, client = server.client("iam"), server.client("secretsmanager")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    value = {name: key[name] for name in ("UserName", "AccessKeyId", "SecretAccessKey")}
    client.create_secret(Name=user, SecretString=json.dumps({"engine": "iam", **value}))
    answer = command(server, "enable", user)
    wait_until_rotated(server, user, answer["version"])
    states = {
        found["AccessKeyId"]: found["Status"] for found in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    }
    assert states == {key["AccessKeyId"]: "Inactive", current(server, user)["AccessKeyId"]: "Active"}


def test_an_ssh_key_pair(server: RunningServer) -> None:
    name, client = f"deploy-{uuid.uuid4().hex[:8]}", server.client("secretsmanager")
    private, public = key_pair()
    with start_sshd() as host:
        host.authorized_keys.write_text(f"no-pty {public} old\n")
        value = {"engine": "ssh", "host": host.host, "port": host.port, "username": host.user, "privateKey": private}
        value |= {"hostKey": host.host_key, "authorizedKeysFile": str(host.authorized_keys)}
        arn = client.create_secret(Name=name, SecretString=json.dumps(value))["ARN"]
        answer = command(server, "enable", name)
        assert answer["function"] == "ssh_key_pair"
        wait_until_rotated(server, name, answer["version"])
        line = f"no-pty {current(server, name)['publicKey']} rotated:{arn}\n"
        wait_until(lambda: host.authorized_keys.read_text() == line, "the old key is gone")


def test_what_cannot_be_enabled(server: RunningServer) -> None:
    client = server.client("secretsmanager")
    name = f"odd-{uuid.uuid4().hex[:8]}"
    client.create_secret(Name=name, SecretString='{"engine": "mongo", "password": "canary"}')
    assert "'mongo' under 'engine'" in refused(server, "enable", name)
    client.put_secret_value(SecretId=name, SecretString="canary")
    error = refused(server, "enable", name)
    assert "not a JSON object" in error
    assert "canary" not in error
    assert "ResourceNotFoundException" in refused(server, "enable", "nothing-of-this-name")
    assert "postgresql_single_user" in refused(server, "install", "oracle")
    assert "RotationEnabled" not in client.describe_secret(SecretId=name)
