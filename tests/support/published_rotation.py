"""A rotation function of the shape that AWS publishes for PostgreSQL, MySQL and MariaDB, with the same drivers.

It is packed with PyGreSQL and PyMySQL and runs in function processes; tests themselves never call it. What it relies on
is what those functions rely on: the steps' events, the endpoint in the environment, labels and tokens, and the texts of
no error. A secret with ``masterarn`` makes two users take turns; without one a user changes its own password.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from typing import Any

import boto3

__all__ = ["HANDLER", "lambda_handler"]

HANDLER = "published_rotation.lambda_handler"
_CLONE = "_clone"
_SECONDS = 5

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def lambda_handler(event: dict[str, str], context: object) -> None:
    """Run one step."""
    del context
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    client = boto3.client("secretsmanager", endpoint_url=os.environ["SECRETS_MANAGER_ENDPOINT"])
    secret = client.describe_secret(SecretId=arn)
    if not secret.get("RotationEnabled"):
        raise ValueError(f"{arn} is not set up for rotation")
    stages = secret["VersionIdsToStages"].get(token)
    if stages is None:
        raise ValueError(f"{arn} has no version {token}")
    if "AWSCURRENT" in stages:
        logger.info("%s is current already", token)
        return
    if "AWSPENDING" not in stages:
        raise ValueError(f"version {token} is not pending")
    _STEPS[step](client, arn, token)


def _create(client: Any, arn: str, token: str) -> None:
    current = _value(client, arn, VersionStage="AWSCURRENT")
    try:
        _value(client, arn, VersionId=token, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        if "masterarn" in current:
            current["username"] = _other_name(current["username"])
        excluded = os.environ.get("EXCLUDE_CHARACTERS", "/@\"'\\")
        current["password"] = client.get_random_password(ExcludeCharacters=excluded)["RandomPassword"]
        client.put_secret_value(
            SecretId=arn, ClientRequestToken=token, SecretString=json.dumps(current), VersionStages=["AWSPENDING"]
        )


def _set(client: Any, arn: str, token: str) -> None:
    pending = _value(client, arn, VersionId=token, VersionStage="AWSPENDING")
    connection = _connect(pending)
    if connection is not None:
        connection.close()
        return
    current = _value(client, arn, VersionStage="AWSCURRENT")
    if "masterarn" in current:
        connection = _connect({**current, **_value(client, current["masterarn"], VersionStage="AWSCURRENT")})
        change = _ENGINES[current["engine"]][2]
    else:
        connection = _connect(current) or _connect(_value(client, arn, VersionStage="AWSPREVIOUS"))
        change = _ENGINES[current["engine"]][1]
    if connection is None:
        raise ValueError("no known password opens the database")
    try:
        cursor = connection.cursor()
        change(cursor, current["username"], pending)
        connection.commit()
    finally:
        connection.close()


def _test(client: Any, arn: str, token: str) -> None:
    connection = _connect(_value(client, arn, VersionId=token, VersionStage="AWSPENDING"))
    if connection is None:
        raise ValueError("the pending password does not open the database")
    connection.cursor().execute("SELECT NOW()")
    connection.close()


def _finish(client: Any, arn: str, token: str) -> None:
    stages = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
    current = next(version for version, labels in stages.items() if "AWSCURRENT" in labels)
    if current != token:
        client.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )


_STEPS: dict[str, Callable[[Any, str, str], None]] = {
    "createSecret": _create,
    "setSecret": _set,
    "testSecret": _test,
    "finishSecret": _finish,
}


def _value(client: Any, arn: str, **which: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(client.get_secret_value(SecretId=arn, **which)["SecretString"])
    return value


def _other_name(name: str) -> str:
    return name.removesuffix(_CLONE) if name.endswith(_CLONE) else name + _CLONE


def _connect(secret: dict[str, Any]) -> Any:
    """A connection, or None when there is none to be had."""
    return _ENGINES[secret["engine"]][0](secret)


def _connect_postgresql(secret: dict[str, Any]) -> Any:
    import pgdb

    try:
        return pgdb.connect(
            host=secret["host"],
            user=secret["username"],
            password=secret["password"],
            database=secret.get("dbname", "postgres"),
            port=int(secret.get("port", 5432)),
            connect_timeout=_SECONDS,
            sslmode="disable",
        )
    except pgdb.InternalError:
        return None


def _change_own_postgresql(cursor: Any, name: str, pending: dict[str, Any]) -> None:
    cursor.execute(f"ALTER USER {_quoted(cursor, name)} WITH PASSWORD %s", (pending["password"],))


def _change_other_postgresql(cursor: Any, name: str, pending: dict[str, Any]) -> None:
    other = _quoted(cursor, pending["username"])
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (pending["username"],))
    if cursor.fetchone() is None:
        cursor.execute(f"CREATE ROLE {other} WITH LOGIN PASSWORD %s", (pending["password"],))
        cursor.execute(f"GRANT {_quoted(cursor, name)} TO {other}")
    else:
        cursor.execute(f"ALTER USER {other} WITH PASSWORD %s", (pending["password"],))


def _quoted(cursor: Any, name: str) -> str:
    cursor.execute("SELECT quote_ident(%s)", (name,))
    return str(cursor.fetchone()[0])


def _connect_mysql(secret: dict[str, Any]) -> Any:
    import pymysql

    try:
        return pymysql.connect(
            host=secret["host"],
            user=secret["username"],
            passwd=secret["password"],
            port=int(secret.get("port", 3306)),
            connect_timeout=_SECONDS,
            ssl_disabled=True,
        )
    except pymysql.OperationalError:
        return None


def _change_own_mysql(cursor: Any, name: str, pending: dict[str, Any]) -> None:
    del name
    cursor.execute("SET PASSWORD = PASSWORD(%s)", (pending["password"],))


def _change_other_mysql(cursor: Any, name: str, pending: dict[str, Any]) -> None:
    other, password = pending["username"], pending["password"]
    cursor.execute("SELECT 1 FROM mysql.user WHERE User = %s", (other,))
    if cursor.fetchone() is None:
        cursor.execute("CREATE USER %s IDENTIFIED BY %s", (other, password))
        cursor.execute("SHOW GRANTS FOR %s", (name,))
        for row in cursor.fetchall():
            grant = row[0].split(" TO ")
            cursor.execute(f"{grant[0]} TO %s", (other,))
    else:
        cursor.execute("SET PASSWORD FOR %s = PASSWORD(%s)", (other, password))


_POSTGRESQL = (_connect_postgresql, _change_own_postgresql, _change_other_postgresql)
_MYSQL = (_connect_mysql, _change_own_mysql, _change_other_mysql)
_ENGINES: dict[str, tuple[Callable[..., Any], ...]] = {"postgres": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL}
