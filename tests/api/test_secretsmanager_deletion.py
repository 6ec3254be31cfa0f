"""The life of a secret after DeleteSecret with boto3, as AWS answers. The end of a window is in the unit tests."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from tests.support.policies import refusal
from tests.support.server import RunningServer

from strongroom.audit import EventFilter, read_records


def unique(prefix: str = "deletion") -> str:
    return f"{prefix}/{uuid.uuid4().hex}"


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


def service_events(server: RunningServer, arn: str) -> list[str]:
    """What the trail says that Secrets Manager did to a secret by itself, oldest first."""
    records = read_records(server.data_dir / "audit", EventFilter(resource=arn))
    return [str(record.event["eventName"]) for record in records if record.event["eventType"] == "AwsServiceEvent"]


def test_the_window_is_30_days_unless_said_otherwise(client: Any) -> None:
    for given, days in ({}, 30), ({"RecoveryWindowInDays": 7}, 7), ({"ForceDeleteWithoutRecovery": False}, 30):
        name = unique()
        client.create_secret(Name=name)
        deletion = client.delete_secret(SecretId=name, **given)["DeletionDate"]
        described = client.describe_secret(SecretId=name)
        assert described["DeletedDate"] == deletion
        assert timedelta(0) <= deletion - described["CreatedDate"] - timedelta(days=days) < timedelta(minutes=1)


def test_a_secret_that_is_marked_refuses_all_but_being_looked_at_and_restored(client: Any) -> None:
    name = unique()
    version = client.create_secret(Name=name, SecretString="x")["VersionId"]
    client.delete_secret(SecretId=name)
    marked = (
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
    for operation, parameters in (
        ("get_secret_value", {}),
        ("put_secret_value", {"SecretString": "y"}),
        ("update_secret", {"SecretString": "y"}),
        ("update_secret_version_stage", {"VersionStage": "a", "MoveToVersionId": version}),
        ("tag_resource", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("untag_resource", {"TagKeys": ["a"]}),
        ("rotate_secret", {}),
        ("cancel_rotate_secret", {}),
    ):
        assert refusal(client, operation, SecretId=name, **parameters) == marked, operation
    assert refusal(client, "delete_secret", SecretId=name) == (
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was already scheduled for deletion.",
    )
    assert client.describe_secret(SecretId=name)["VersionIdsToStages"] == {version: ["AWSCURRENT"]}
    assert [each["VersionId"] for each in client.list_secret_version_ids(SecretId=name)["Versions"]] == [version]


def test_the_trail_tells_of_scheduling_restoring_and_ending(client: Any, strongroom: RunningServer) -> None:
    name = unique()
    arn = client.create_secret(Name=name, SecretString="x")["ARN"]
    client.delete_secret(SecretId=name)
    assert service_events(strongroom, arn) == ["StartSecretVersionDelete"]
    assert client.restore_secret(SecretId=arn)["Name"] == name
    restored = ["StartSecretVersionDelete", "CancelSecretVersionDelete"]
    assert service_events(strongroom, arn) == restored
    changed = client.describe_secret(SecretId=name)["LastChangedDate"]
    client.restore_secret(SecretId=arn)  # of a secret in use: nothing to do
    assert service_events(strongroom, arn) == restored
    assert client.describe_secret(SecretId=name)["LastChangedDate"] == changed
    client.delete_secret(SecretId=name)
    client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    ended = [*restored, "StartSecretVersionDelete", "EndSecretVersionDelete"]
    assert service_events(strongroom, arn) == ended
    assert refusal(client, "restore_secret", SecretId=name)[0] == "ResourceNotFoundException"
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)  # again: no error, and nothing happens
    assert service_events(strongroom, arn) == ended


def test_a_name_is_free_at_once_after_a_forced_deletion(client: Any) -> None:
    name = unique()
    first = client.create_secret(Name=name, SecretString="old", Tags=[{"Key": "a", "Value": "b"}])
    client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    again = client.create_secret(Name=name, SecretString="new", ClientRequestToken=first["VersionId"])
    assert again["ARN"] != first["ARN"]
    assert client.get_secret_value(SecretId=name)["SecretString"] == "new"
    assert "Tags" not in client.describe_secret(SecretId=name)
    # Whoever kept the old ARN does not come to the new secret.
    assert refusal(client, "get_secret_value", SecretId=first["ARN"])[0] == "ResourceNotFoundException"
