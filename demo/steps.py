"""The story of the demo, one function a step. Each takes what the steps before it made."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from botocore.exceptions import ClientError
from psycopg import sql

from demo import function
from demo.application import Count
from demo.postgresql import PostgreSQL
from demo.product import AccessKey, Product
from demo.screen import Screen

DATABASE_USER = "shop"
SECRET_NAME = "shop/database"
FUNCTION_NAME = "rotate-postgresql"
ROTATION_SECONDS = 60.0
SCHEDULE_SECONDS = 180.0
BETWEEN_ROTATIONS_SECONDS = 2.0
"""Long enough for the application to log in with the new password."""

TOLD = ("Rotat", "Rotation", "TestRotation", "Create", "Put", "Add", "UpdateSecretVersionStage", "Cancel")
"""Beginnings of the names of the events that the summary shows."""


@dataclass
class Stage:
    """What the demo has made so far."""

    product: Product
    database: PostgreSQL
    screen: Screen
    key_arn: str = ""
    secret_arn: str = ""
    function_arn: str = ""
    application_key: AccessKey = field(default_factory=lambda: AccessKey("", ""))
    passwords: list[str] = field(default_factory=list)
    rotation_seconds: list[float] = field(default_factory=list)

    def secret_value(self) -> dict[str, Any]:
        """The credential as it is now, read as the administrator."""
        answer = self.product.client("secretsmanager").get_secret_value(SecretId=self.secret_arn)
        credential: dict[str, Any] = json.loads(answer["SecretString"])
        return credential


def create_database_role(stage: Stage) -> None:
    """Give the application a role of its own in PostgreSQL."""
    password = secrets.token_urlsafe(18)
    with stage.database.admin() as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(DATABASE_USER), password))
    stage.passwords.append(password)
    stage.screen.say(f"role {DATABASE_USER} on {stage.database.host}:{stage.database.port}")


def create_access(stage: Stage) -> None:
    """Make the key, the execution role and the rotation function."""
    product, screen = stage.product, stage.screen
    stage.key_arn = product.client("kms").create_key(Description="demo")["KeyMetadata"]["Arn"]
    screen.say(f"KMS key {stage.key_arn}")
    role_arn = _create_execution_role(stage)
    screen.say(f"execution role {role_arn}")
    functions = product.client("lambda")
    archive = function.pack()
    stage.function_arn = functions.create_function(
        FunctionName=FUNCTION_NAME,
        Runtime=f"python3.{sys.version_info.minor}",
        Handler=function.HANDLER,
        Role=role_arn,
        Timeout=30,
        MemorySize=256,
        Code={"ZipFile": archive},
    )["FunctionArn"]
    functions.add_permission(
        FunctionName=FUNCTION_NAME,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=product.account,
    )
    screen.say(f"function {stage.function_arn} ({len(archive) >> 20} MiB), allowed for secretsmanager.amazonaws.com")


def _create_execution_role(stage: Stage) -> str:
    iam = stage.product.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role_arn: str = iam.create_role(
        RoleName="rotation", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    statements = [
        {
            "Effect": "Allow",
            "Action": [
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            "Resource": _secret_pattern(stage),
        },
        {"Effect": "Allow", "Action": "secretsmanager:GetRandomPassword", "Resource": "*"},
        {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": stage.key_arn},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="rotation", PolicyName="rotation", PolicyDocument=document)
    return role_arn


def _secret_pattern(stage: Stage) -> str:
    """The secret's ARN before it exists: its last six characters are not known yet."""
    return f"arn:aws:secretsmanager:{stage.product.region}:{stage.product.account}:secret:{SECRET_NAME}-??????"


def store_secret(stage: Stage) -> None:
    """Store the credential under the key, and make the user that may read it."""
    credential = {
        "engine": "postgres",
        "host": stage.database.host,
        "port": stage.database.port,
        "dbname": "postgres",
        "username": DATABASE_USER,
        "password": stage.passwords[0],
        "ssl": False,
    }
    stage.secret_arn = stage.product.client("secretsmanager").create_secret(
        Name=SECRET_NAME, KmsKeyId=stage.key_arn, SecretString=json.dumps(credential)
    )["ARN"]
    stage.screen.say(f"secret {stage.secret_arn}")
    stage.application_key = stage.product.make_user(
        "application", _may_read(stage.secret_arn), _may_decrypt(stage.key_arn)
    )
    stage.screen.say("user application: may read this secret and use this key, nothing else")


def _may_read(secret_arn: str) -> dict[str, str]:
    return {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret_arn}


def _may_decrypt(key_arn: str) -> dict[str, str]:
    return {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn}


@contextmanager
def running_application(stage: Stage) -> Iterator[Callable[[], Count]]:
    """The application, reading and logging in all the time; the function it gives ends it and answers its count."""
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.application", stage.secret_arn],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=stage.product.environment(stage.application_key),
        text=True,
    )

    def finish() -> Count:
        process.terminate()
        output, _ = process.communicate(timeout=30)
        return Count(**json.loads(output))

    try:
        yield finish
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def rotate_on_request(stage: Stage, times: int) -> None:
    """Rotate with RotateSecret and wait until each rotation is complete."""
    client = stage.product.client("secretsmanager")
    for number in range(times):
        first = {"RotationLambdaARN": stage.function_arn, "RotationRules": {"AutomaticallyAfterDays": 30}}
        started = time.monotonic()
        token = client.rotate_secret(SecretId=stage.secret_arn, **(first if number == 0 else {}))["VersionId"]
        complete = _wait_for(partial(_is_complete, client, stage.secret_arn, token), ROTATION_SECONDS)
        took = time.monotonic() - started
        stage.rotation_seconds.append(took)
        stage.screen.check(complete, f"rotation {number + 1} by RotateSecret: complete after {took:.2f} s")
        stage.passwords.append(stage.secret_value()["password"])
        time.sleep(BETWEEN_ROTATIONS_SECONDS)


def rotate_by_schedule(stage: Stage) -> None:
    """Set a schedule of one minute and wait until a rotation that nobody asked for is complete."""
    client = stage.product.client("secretsmanager")
    client.rotate_secret(
        SecretId=stage.secret_arn,
        RotationRules={"ScheduleExpression": "rate(1 minute)"},
        RotateImmediately=False,
    )
    due = client.describe_secret(SecretId=stage.secret_arn).get("NextRotationDate")
    stage.screen.say(
        f"schedule rate(1 minute) set (an operator's setting admits minutes); next rotation by {due:%H:%M:%S} UTC"
    )
    before = stage.passwords[-1]
    with stage.screen.console.status("   waiting for the schedule to fall due, about a minute"):
        rotated = _wait_for(lambda: stage.secret_value()["password"] != before, SCHEDULE_SECONDS)
        complete = rotated and _wait_for(lambda: _nothing_pending(client, stage.secret_arn), ROTATION_SECONDS)
    stage.screen.check(complete, "rotation 4 by schedule: complete")
    stage.passwords.append(stage.secret_value()["password"])
    client.cancel_rotate_secret(SecretId=stage.secret_arn)
    time.sleep(BETWEEN_ROTATIONS_SECONDS)


def _is_complete(client: Any, secret_arn: str, token: str) -> bool:
    stages = client.describe_secret(SecretId=secret_arn)["VersionIdsToStages"]
    return "AWSCURRENT" in stages.get(token, ()) and "AWSPENDING" not in stages[token]


def _nothing_pending(client: Any, secret_arn: str) -> bool:
    stages = client.describe_secret(SecretId=secret_arn)["VersionIdsToStages"]
    return not any("AWSPENDING" in labels for labels in stages.values())


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def check_passwords(stage: Stage) -> None:
    """The old passwords are refused by PostgreSQL, and the newest is accepted."""
    *old, newest = stage.passwords
    refused = [not _can_log_in(stage, password) for password in old]
    stage.screen.check(all(refused), f"PostgreSQL refuses each of the {len(old)} old passwords")
    stage.screen.check(_can_log_in(stage, newest), "PostgreSQL accepts the newest password")
    stage.screen.check(len(set(stage.passwords)) == len(stage.passwords), "every rotation made a new password")


def _can_log_in(stage: Stage, password: str) -> bool:
    try:
        stage.database.login(DATABASE_USER, password).close()
    except psycopg.OperationalError:
        return False
    return True


def check_access(stage: Stage) -> None:
    """Reading takes permission on the secret and on the key: either alone is refused, and so is an unknown key."""
    product = stage.product
    users = (
        ("without kms:Decrypt", product.make_user("no-key", _may_read(stage.secret_arn))),
        ("without secretsmanager:GetSecretValue", product.make_user("no-secret", _may_decrypt(stage.key_arn))),
    )
    for name, key in users:
        code = _refusal(product.client("secretsmanager", key), stage.secret_arn)
        stage.screen.check(code == "AccessDeniedException", f"a user {name} is refused: {code}")
    nobody = AccessKey("AKIAIOSFODNN7EXAMPLE", "test")
    code = _refusal(product.client("secretsmanager", nobody), stage.secret_arn)
    stage.screen.check(code is not None, f"a key that does not exist is refused: {code}")


def _refusal(client: Any, secret_arn: str) -> str | None:
    try:
        client.get_secret_value(SecretId=secret_arn)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def check_nothing_readable(stage: Stage) -> None:
    """No password is in any file of the data folder, nor in the server's log."""
    needles = [password.encode() for password in stage.passwords]
    files = [path for path in stage.product.data_dir.rglob("*") if path.is_file()]
    found = [path.name for path in (*files, stage.product.log) if _holds_any(path, needles)]
    stage.screen.check(not found, f"none of {len(needles)} passwords is in the {len(files)} files of the data folder")


def _holds_any(path: Path, needles: list[bytes]) -> bool:
    content = path.read_bytes()
    return any(needle in content for needle in needles)


def check_audit(stage: Stage) -> str:
    """The trail is whole, and tells what happened."""
    verified = stage.product.audit("verify")
    stage.screen.check(verified.returncode == 0, f"the audit trail is whole: {verified.stdout.strip().splitlines()[0]}")
    shown = stage.product.audit("show", "--limit", "100000", "--json")
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    return "\n".join(_line(event) for event in events if event["eventName"].startswith(TOLD) or "errorCode" in event)


def _line(event: dict[str, Any]) -> str:
    identity = event["userIdentity"]
    who = identity.get("userName") or identity.get("arn", "").split("/", 1)[-1] or identity.get("invokedBy", "")
    return f"{event['eventTime']}  {event['eventName']:<26} {who:<28} {event.get('errorCode', '')}".rstrip()
