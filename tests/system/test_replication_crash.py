"""Replication through a crash of the whole server, and from a rotation: what was acknowledged reaches the replica."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.lambda_service import make_function, make_role
from tests.support.replication import THERE, Regions, eventually, regions_of, statement
from tests.support.server import start_server

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("replication-crash")]

ROTATES = """
import boto3

def handler(event, context):
    secrets = boto3.client("secretsmanager")
    arn, token = event["SecretId"], event["ClientRequestToken"]
    if event["Step"] == "createSecret":
        secrets.put_secret_value(SecretId=arn, ClientRequestToken=token, SecretString="rotated",
                                 VersionStages=["AWSPENDING"], RotationToken=event["RotationToken"])
    if event["Step"] == "finishSecret":
        labels = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
        current = next(version for version in labels if "AWSCURRENT" in labels[version])
        secrets.update_secret_version_stage(SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token,
                                            RemoveFromVersionId=current)
"""


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regions]:
    with regions_of("sqlite", tmp_path_factory.mktemp("replication-crash")) as found:
        yield found


def background_worker(supervisor: int) -> int:
    """The process that brings replicas in step."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    (found,) = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text().startswith("strongroom b")]
    return int(found)


def test_a_change_that_was_acknowledged_reaches_the_replica_after_a_crash(regions: Regions) -> None:
    name = regions.replicated()
    # Nobody copies: the primary's change is committed, the replica's cannot be, and then everything is killed.
    os.kill(background_worker(regions.server.process.pid), signal.SIGSTOP)
    put = regions.secrets().put_secret_value(SecretId=name, SecretString="v2")
    assert regions.status(name)["Status"] == "InProgress"
    assert regions.value(name) == "v1"
    regions.server.kill()
    regions.server = start_server(regions.server.data_dir, environment=regions.environment)
    regions.wait(name)
    found = regions.secrets(THERE).get_secret_value(SecretId=name)
    assert (found["SecretString"], found["VersionId"]) == ("v2", put["VersionId"])
    assert regions.value(name, VersionStage="AWSPREVIOUS") == "v1"


def test_a_rotation_reaches_the_replica(regions: Regions) -> None:
    name = regions.replicated()
    rights = {"Version": "2012-10-17", "Statement": [statement("secretsmanager:*")]}
    function = make_function(regions.server, make_role(regions.server, policy=rights), ROTATES)["FunctionArn"]
    regions.server.client("lambda").add_permission(
        FunctionName=function,
        StatementId="rotate",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    token = regions.secrets().rotate_secret(SecretId=name, RotationLambdaARN=function)["VersionId"]
    primary = regions.secrets().describe_secret

    def is_rotated() -> bool:
        return bool(primary(SecretId=name)["VersionIdsToStages"].get(token) == ["AWSCURRENT"])

    eventually(is_rotated, "the primary is rotated")
    regions.wait(name)
    found = regions.secrets(THERE).get_secret_value(SecretId=name)
    assert (found["SecretString"], found["VersionId"]) == ("rotated", token)
    here, there = primary(SecretId=name), regions.secrets(THERE).describe_secret(SecretId=name)
    assert there["VersionIdsToStages"] == here["VersionIdsToStages"]
    assert there["LastRotatedDate"] == here["LastRotatedDate"]
    assert "RotationLambdaARN" not in there
