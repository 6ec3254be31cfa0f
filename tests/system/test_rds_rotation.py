"""Rotation around registered databases: alternating users, the master as its own rotated user, and crashes."""

from __future__ import annotations

import io
import json
import secrets
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo.function import pack
from demo.postgresql import PostgreSQL, start_postgresql
from psycopg import sql
from tests.support import alternating_rotation
from tests.support.lambda_service import OWN_RUNTIME, make_role
from tests.support.policies import allow, document, refusal
from tests.support.rds import make_master
from tests.support.rotation import wait_until
from tests.support.server import RunningServer, start_server

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(prefix="strongroom-rds-") as name, start_postgresql(Path(name)) as server:
        yield server


def _function(server: RunningServer) -> str:
    """The alternating function, allowed for Secrets Manager; answers its ARN."""
    archive = io.BytesIO(pack())
    with zipfile.ZipFile(archive, "a") as packed:
        packed.write(Path(str(alternating_rotation.__file__)), "alternating_rotation.py")
    role = make_role(server, policy=document(allow("secretsmanager:*", "rds:Describe*", "kms:*")))
    made = server.client("lambda").create_function(
        FunctionName=f"alternating-{uuid.uuid4().hex[:8]}",
        Runtime=OWN_RUNTIME,
        Handler=alternating_rotation.HANDLER,
        Role=role,
        Timeout=60,
        MemorySize=256,
        Code={"ZipFile": archive.getvalue()},
    )
    server.client("lambda").add_permission(
        FunctionName=made["FunctionName"],
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return str(made["FunctionArn"])


def test_alternating_users_find_the_master_through_its_tags(strongroom: RunningServer, postgresql: PostgreSQL) -> None:
    master = make_master(strongroom, postgresql)
    master_arn = master.managed()
    user, password = f"app_{uuid.uuid4().hex[:8]}", secrets.token_hex(12)
    with postgresql.login(master.username, master.credential()["password"]) as connection:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(create.format(sql.Identifier(user), sql.Literal(password)))
    value = {
        "engine": "postgres",
        "host": postgresql.host,
        "port": postgresql.port,
        "username": user,
        "password": password,
        "masterarn": master_arn,
    }
    client = strongroom.client("secretsmanager")
    arn = client.create_secret(Name=f"app/{user}", SecretString=json.dumps(value))["ARN"]

    def current() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
        return found

    function = _function(strongroom)
    for expected in (f"{user}_clone", user):
        client.rotate_secret(SecretId=arn, RotationLambdaARN=function)
        wait_until(lambda name=expected: current()["username"] == name, f"{expected} is current")  # type: ignore[misc]
        wait_until(
            lambda: "AWSPENDING" not in str(client.describe_secret(SecretId=arn)["VersionIdsToStages"]), "it is through"
        )
        postgresql.login(current()["username"], current()["password"]).close()
    # Also after the master's own password has changed.
    master.modify(RotateMasterUserPassword=True, ApplyImmediately=True)
    master.wait_for_status("active")
    client.rotate_secret(SecretId=arn)
    wait_until(lambda: current()["username"] == f"{user}_clone", "the rotation after the master's is through")

    # The master as its own rotated user is refused, and so is a secret that is its own master.
    own = {**value, "username": master.username, "password": "x"}
    same = client.create_secret(Name=f"same/{user}", SecretString=json.dumps(own))["ARN"]
    code, text = refusal(client, "rotate_secret", SecretId=same, RotationLambdaARN=function)
    assert (code, "same database user" in text) == ("InvalidRequestException", True)
    assert "RotationLambdaARN" not in client.describe_secret(SecretId=same)
    client.put_secret_value(SecretId=same, SecretString=json.dumps({**value, "masterarn": same}))
    assert refusal(client, "rotate_secret", SecretId=same, RotationLambdaARN=function)[0] == "InvalidRequestException"


@pytest.mark.parametrize("stage", ["turning on", "rotating", "setting"])
def test_a_crash_loses_no_credential(tmp_path: Path, postgresql: PostgreSQL, stage: str) -> None:
    """The server is killed while the database does not answer; after the next start, the current credential logs in."""
    server = start_server(tmp_path / "data")
    try:
        master = make_master(server, postgresql)
        master.register()
        if stage == "rotating":
            master.modify(ManageMasterUserPassword=True)
            master.wait_for_status("active")
        with postgresql.admin() as admin, admin.transaction():
            # Nobody can change a password while the catalogue is locked.
            admin.execute("LOCK TABLE pg_authid IN SHARE MODE")
            if stage == "turning on":
                master.modify(ManageMasterUserPassword=True)
            elif stage == "rotating":
                master.modify(RotateMasterUserPassword=True, ApplyImmediately=True)
            if stage != "setting":
                wait_until(lambda: _pending(master.client("secretsmanager"), master.secret()["SecretArn"]), "it began")
            else:
                _modify_without_waiting(server, master.name)
                wait_until(lambda: master.describe()["DBInstanceStatus"] == "resetting-master-credentials", "it began")
            server.kill()
        server = start_server(tmp_path / "data")
        master.strongroom = server
        if stage == "setting":
            wait_until(lambda: master.describe()["DBInstanceStatus"] == "available", "the change is completed", 90)
            assert master.takes("set-across-a-crash")
        else:
            master.wait_for_status("active")
            assert master.takes(master.credential()["password"])
    finally:
        if server.process.poll() is None:
            server.kill()


def _pending(client: Any, arn: str) -> bool:
    """Whether the new password is stored."""
    try:
        return bool(client.get_secret_value(SecretId=arn, VersionStage="AWSPENDING")["SecretString"])
    except client.exceptions.ResourceNotFoundException:
        return False


def _modify_without_waiting(server: RunningServer, name: str) -> None:
    """ModifyDBInstance whose answer nobody waits for."""
    import threading

    from botocore.exceptions import BotoCoreError, ClientError

    def call() -> None:
        try:
            server.client("rds").modify_db_instance(DBInstanceIdentifier=name, MasterUserPassword="set-across-a-crash")
        except (BotoCoreError, ClientError):
            return

    threading.Thread(target=call, daemon=True).start()
