"""A rotation function of the shape that AWS publishes for alternating users: it finds the server of the master by tags.

The master secret of RDS holds a user and a password only. Where the server is, the function learns from the tag that
RDS put on that secret, and from DescribeDBInstances or DescribeDBClusters for the ARN in it.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
import psycopg
from psycopg import sql

HANDLER = "alternating_rotation.handler"
_CLONE = "_clone"


def handler(event: dict[str, str], context: object) -> None:
    """Run one step."""
    del context
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    client = boto3.client("secretsmanager")
    current = _value(client, arn, "AWSCURRENT")
    if step == "createSecret":
        name = current["username"]
        other = name.removesuffix(_CLONE) if name.endswith(_CLONE) else name + _CLONE
        password = client.get_random_password(ExcludePunctuation=True)["RandomPassword"]
        client.put_secret_value(
            SecretId=arn,
            ClientRequestToken=token,
            SecretString=json.dumps({**current, "username": other, "password": password}),
            VersionStages=["AWSPENDING"],
        )
    elif step == "setSecret":
        _set(client, current, _value(client, arn, "AWSPENDING"))
    elif step == "testSecret":
        _connect(_value(client, arn, "AWSPENDING")).close()
    else:
        versions = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
        holder = next(version for version, labels in versions.items() if "AWSCURRENT" in labels)
        client.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=holder
        )


def _value(client: Any, arn: str, label: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.get_secret_value(SecretId=arn, VersionStage=label)["SecretString"])
    return found


def _set(client: Any, current: dict[str, Any], pending: dict[str, Any]) -> None:
    master = _value(client, current["masterarn"], "AWSCURRENT")
    tags = {tag["Key"]: tag["Value"] for tag in client.describe_secret(SecretId=current["masterarn"])["Tags"]}
    rds = boto3.client("rds")
    if "aws:rds:primaryDBInstanceArn" in tags:
        found = rds.describe_db_instances(DBInstanceIdentifier=tags["aws:rds:primaryDBInstanceArn"])["DBInstances"][0]
        place = {"host": found["Endpoint"]["Address"], "port": found["Endpoint"]["Port"], "engine": found["Engine"]}
    else:
        found = rds.describe_db_clusters(DBClusterIdentifier=tags["aws:rds:primaryDBClusterArn"])["DBClusters"][0]
        place = {"host": found["Endpoint"], "port": found["Port"], "engine": found["Engine"]}
    assert (place["host"], place["port"]) == (current["host"], current["port"]), "the master is for another server"
    with _connect({**master, **place}) as connection:
        role, known = sql.Identifier(pending["username"]), sql.Identifier(current["username"])
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (pending["username"],)).fetchone()
        word = sql.SQL("ALTER" if exists else "CREATE")
        change = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
        connection.execute(change.format(word, role, sql.Literal(pending["password"])))
        if not exists:
            connection.execute(sql.SQL("GRANT {} TO {}").format(known, role))


def _connect(login: dict[str, Any]) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=login["host"],
        port=login["port"],
        user=login["username"],
        password=login["password"],
        dbname="postgres",
        sslmode="disable",
        autocommit=True,
    )
