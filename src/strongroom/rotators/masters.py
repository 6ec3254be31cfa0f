"""The master login of a server, which the secret of an alternating user names under ``masterarn``.

A master secret that Amazon RDS manages holds exactly ``username`` and ``password``: where the server is stands in its
tags, as for the functions that AWS publishes. Any other master secret says it itself.

The master's own user is never rotated by its own hand here: a rotation that fails half way would lock it out with
nobody left to let it in.
"""

from __future__ import annotations

from typing import Protocol, TypedDict, cast

import boto3

from .contract import RotatedSecret, RotationError, Values, read_values
from .logins import Login, Rules, parse_login

__all__ = ["master_arn", "master_login"]

_INSTANCE_TAG = "aws:rds:primaryDBInstanceArn"
_CLUSTER_TAG = "aws:rds:primaryDBClusterArn"


class _Tag(TypedDict):
    Key: str
    Value: str


class _Tagged(TypedDict, total=False):
    Tags: list[_Tag]


class _Endpoint(TypedDict):
    Address: str
    Port: int


class _Instance(TypedDict):
    Engine: str
    Endpoint: _Endpoint


class _Cluster(TypedDict):
    Engine: str
    Endpoint: str
    Port: int


class _Instances(TypedDict):
    DBInstances: list[_Instance]


class _Clusters(TypedDict):
    DBClusters: list[_Cluster]


class _Rds(Protocol):
    """The part of boto3's RDS client that finds a server."""

    def describe_db_instances(self, *, DBInstanceIdentifier: str) -> _Instances: ...

    def describe_db_clusters(self, *, DBClusterIdentifier: str) -> _Clusters: ...


def master_arn(values: Values, where: str) -> str:
    """The secret that holds the master login; `RotationError` when there is none."""
    arn = values.get("masterarn")
    if not isinstance(arn, str) or not arn:
        raise RotationError(f"{where} needs the ARN of the master secret under 'masterarn'")
    return arn


def master_login(secret: RotatedSecret, values: Values, current: Login, rules: Rules) -> Login:
    """The master login for the server of ``current``.

    Args:
        secret: The secret that rotates.
        values: Its current values, which name the master secret.
        current: Its current login.
        rules: What the engine takes.

    Raises:
        RotationError: There is no such login, it is for another server, or it is the account that is rotated.
    """
    arn = master_arn(values, secret.where("AWSCURRENT"))
    if arn == secret.arn:
        raise RotationError(f"{secret.where('AWSCURRENT')} names itself under 'masterarn'")
    found = read_values(secret.client, arn, "AWSCURRENT")
    if found is None:
        raise RotationError(f"The master secret {arn} has no value labelled AWSCURRENT")
    if found.keys() == {"username", "password"}:
        found |= _place(secret, arn)
        if "ssl" in values:
            found["ssl"] = values["ssl"]
    master = parse_login(found, f"AWSCURRENT of the master secret {arn}", rules)
    if not master.same_server(current):
        raise RotationError(f"The master secret {arn} is for {master.address}, {secret.arn} is for {current.address}")
    if master.username == current.username:
        raise RotationError(f"{secret.arn} would rotate the master user {master.username!r} of its own rotation")
    return master


def _place(secret: RotatedSecret, arn: str) -> dict[str, object]:
    """Engine, host and port of the server that a managed master secret belongs to."""
    described = cast(_Tagged, secret.client.describe_secret(SecretId=arn))
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
    rds: _Rds = boto3.client("rds")
    if _INSTANCE_TAG in tags:
        instances = rds.describe_db_instances(DBInstanceIdentifier=tags[_INSTANCE_TAG])["DBInstances"]
        for instance in instances:
            endpoint = instance["Endpoint"]
            return {"engine": instance["Engine"], "host": endpoint["Address"], "port": endpoint["Port"]}
    elif _CLUSTER_TAG in tags:
        clusters = rds.describe_db_clusters(DBClusterIdentifier=tags[_CLUSTER_TAG])["DBClusters"]
        for cluster in clusters:
            return {"engine": cluster["Engine"], "host": cluster["Endpoint"], "port": cluster["Port"]}
    else:
        raise RotationError(
            f"The master secret {arn} has neither a host nor the tag {_INSTANCE_TAG} or {_CLUSTER_TAG} that tells one"
        )
    raise RotationError(f"The server that the master secret {arn} belongs to does not exist")
