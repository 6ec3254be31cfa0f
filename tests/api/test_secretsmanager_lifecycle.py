"""Labels, deletion, lists, tags and policies with boto3, as AWS answers."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.refusals import told
from tests.support.server import RunningServer

MARKED = (
    "InvalidRequestException",
    "You can't perform this operation on the secret because it was marked for deletion.",
)


def unique(prefix: str = "test") -> str:
    return f"{prefix}/{uuid.uuid4().hex}"


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


@pytest.fixture
def two_versions(client: Any) -> tuple[str, str, str]:
    """A secret's name, its previous and its current version."""
    name = unique()
    first = client.create_secret(Name=name, SecretString="1")["VersionId"]
    return name, first, client.put_secret_value(SecretId=name, SecretString="2")["VersionId"]


def test_moving_current_takes_previous_along(client: Any, two_versions: tuple[str, str, str]) -> None:
    name, first, second = two_versions
    client.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second
    )
    assert client.get_secret_value(SecretId=name)["SecretString"] == "1"
    assert client.describe_secret(SecretId=name)["VersionIdsToStages"] == {
        first: ["AWSCURRENT"],
        second: ["AWSPREVIOUS"],
    }


def test_moving_a_label_must_name_its_holder(client: Any, two_versions: tuple[str, str, str]) -> None:
    name, first, second = two_versions
    with pytest.raises(ClientError) as caught:
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=first)
    assert told(caught) == (
        "InvalidParameterException",
        "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "
        f"{second}, so you must explicitly reference that version in RemoveFromVersionId.",
    )
    with pytest.raises(ClientError) as caught:
        client.update_secret_version_stage(
            SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=first
        )
    assert told(caught)[0] == "InvalidParameterException"


def test_current_cannot_be_removed(client: Any, two_versions: tuple[str, str, str]) -> None:
    name, _, second = two_versions
    with pytest.raises(ClientError) as caught:
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=second)
    assert told(caught) == (
        "InvalidParameterException",
        "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.",
    )


def test_custom_labels_come_and_go(client: Any, two_versions: tuple[str, str, str]) -> None:
    name, first, _ = two_versions
    client.update_secret_version_stage(SecretId=name, VersionStage="mine", MoveToVersionId=first)
    assert client.get_secret_value(SecretId=name, VersionStage="mine")["VersionId"] == first
    client.update_secret_version_stage(SecretId=name, VersionStage="mine", RemoveFromVersionId=first)
    with pytest.raises(ClientError) as caught:
        client.get_secret_value(SecretId=name, VersionStage="mine")
    assert told(caught)[0] == "ResourceNotFoundException"
    with pytest.raises(ClientError) as caught:
        client.update_secret_version_stage(SecretId=name, VersionStage="mine", MoveToVersionId=str(uuid.uuid4()))
    assert told(caught)[0] == "ResourceNotFoundException"


def test_versions_without_labels_are_listed_on_request(client: Any, two_versions: tuple[str, str, str]) -> None:
    name, first, second = two_versions
    third = client.put_secret_value(SecretId=name, SecretString="3")["VersionId"]
    listed = client.list_secret_version_ids(SecretId=name)["Versions"]
    assert {version["VersionId"] for version in listed} == {second, third}
    assert listed[0]["KmsKeyIds"] == ["DefaultEncryptionKey"]
    everything = client.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    [deprecated] = [version for version in everything if version["VersionId"] == first]
    assert "VersionStages" not in deprecated
    page = client.list_secret_version_ids(SecretId=name, IncludeDeprecated=True, MaxResults=2)
    rest = client.list_secret_version_ids(SecretId=name, IncludeDeprecated=True, NextToken=page["NextToken"])
    assert len(page["Versions"]) + len(rest["Versions"]) == 3
    assert "NextToken" not in rest


def test_a_secret_is_marked_for_deletion_and_restored(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="x")
    deleted = client.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    described = client.describe_secret(SecretId=name)
    assert described["DeletedDate"] == deleted["DeletionDate"]
    assert deleted["DeletionDate"] - described["LastChangedDate"] < timedelta(days=7, minutes=1)
    for operation, parameters in (
        (client.get_secret_value, {}),
        (client.put_secret_value, {"SecretString": "y"}),
        (client.update_secret, {"Description": "y"}),
        (client.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (client.get_resource_policy, {}),
        (client.rotate_secret, {}),
    ):
        with pytest.raises(ClientError) as caught:
            operation(SecretId=name, **parameters)
        assert told(caught) == MARKED
    with pytest.raises(ClientError) as caught:
        client.create_secret(Name=name, SecretString="x")
    assert told(caught) == (
        "InvalidRequestException",
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    )
    client.restore_secret(SecretId=name)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "x"
    assert "DeletedDate" not in client.describe_secret(SecretId=name)


def test_forced_deletion_is_at_once_and_also_ends_a_recovery_window(client: Any) -> None:
    name = unique()
    arn = client.create_secret(Name=name, SecretString="x")["ARN"]
    client.delete_secret(SecretId=name)
    assert client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)["ARN"] == arn
    with pytest.raises(ClientError):
        client.describe_secret(SecretId=name)
    assert client.create_secret(Name=name, SecretString="y")["ARN"] != arn
    assert client.delete_secret(SecretId=unique(), ForceDeleteWithoutRecovery=True)["DeletionDate"]


@pytest.mark.parametrize("parameters", [{"RecoveryWindowInDays": 6}, {"RecoveryWindowInDays": 31}])
def test_recovery_windows_have_bounds(client: Any, parameters: dict[str, int]) -> None:
    name = unique()
    client.create_secret(Name=name)
    with pytest.raises(ClientError) as caught:
        client.delete_secret(SecretId=name, **parameters)
    assert told(caught)[0] == "InvalidParameterException"
    with pytest.raises(ClientError) as caught:
        client.delete_secret(SecretId=name, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)
    assert told(caught) == (
        "InvalidParameterException",
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    )


def test_lists_are_filtered_sorted_and_paged(client: Any) -> None:
    prefix = unique()
    names = [f"{prefix}/{letter}" for letter in "cab"]
    for name in names:
        client.create_secret(Name=name, SecretString="x", Tags=[{"Key": "team", "Value": name}])
    filters = [{"Key": "name", "Values": [prefix]}]

    def listed(**parameters: Any) -> list[str]:
        pages = client.get_paginator("list_secrets").paginate(
            Filters=filters, PaginationConfig={"PageSize": 2}, **parameters
        )
        return [secret["Name"] for page in pages for secret in page["SecretList"]]

    assert listed() == names
    assert listed(SortOrder="desc") == names[::-1]
    assert listed(SortBy="name") == sorted(names)
    client.put_secret_value(SecretId=names[0], SecretString="y")
    assert listed(SortBy="last-changed-date") == [*names[1:], names[0]]
    client.delete_secret(SecretId=names[1])
    assert listed() == [names[0], names[2]]
    assert listed(IncludePlannedDeletion=True) == names
    entry = client.list_secrets(Filters=[{"Key": "tag-value", "Values": [names[2]]}])["SecretList"]
    assert [secret["Name"] for secret in entry] == [names[2]]
    assert list(entry[0]["SecretVersionsToStages"].values()) == [["AWSCURRENT"]]


def test_tags_come_and_go(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    client.tag_resource(SecretId=name, Tags=[{"Key": "a", "Value": "2"}, {"Key": "c", "Value": "3"}])
    client.untag_resource(SecretId=name, TagKeys=["b", "missing"])
    assert client.describe_secret(SecretId=name)["Tags"] == [
        {"Key": "a", "Value": "2"},
        {"Key": "c", "Value": "3"},
    ]
    client.untag_resource(SecretId=name, TagKeys=["a", "c"])
    assert "Tags" not in client.describe_secret(SecretId=name)
    with pytest.raises(ClientError) as caught:
        client.tag_resource(SecretId=name, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(51)])
    assert told(caught)[0] == "InvalidParameterException"


def test_resource_policies(client: Any, strongroom: RunningServer) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="x")
    assert "ResourcePolicy" not in client.get_resource_policy(SecretId=name)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{strongroom.account}:root"},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.put_resource_policy(SecretId=name, ResourcePolicy=policy, BlockPublicPolicy=True)
    assert json.loads(client.get_resource_policy(SecretId=name)["ResourcePolicy"]) == json.loads(policy)
    public = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Principal": "*"}]})
    with pytest.raises(ClientError) as caught:
        client.put_resource_policy(SecretId=name, ResourcePolicy=public, BlockPublicPolicy=True)
    assert told(caught)[0] == "PublicPolicyException"
    with pytest.raises(ClientError) as caught:
        client.put_resource_policy(SecretId=name, ResourcePolicy='{"Statement": []')
    assert told(caught)[0] == "MalformedPolicyDocumentException"
    client.delete_resource_policy(SecretId=name)
    assert "ResourcePolicy" not in client.get_resource_policy(SecretId=name)


def test_rotation_needs_a_function_that_may_be_invoked(client: Any, strongroom: RunningServer) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="x")
    with pytest.raises(ClientError) as caught:
        client.rotate_secret(SecretId=name)
    assert told(caught) == (
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
    missing = f"arn:aws:lambda:{strongroom.region}:{strongroom.account}:function:missing"
    with pytest.raises(ClientError) as caught:
        client.rotate_secret(SecretId=name, RotationLambdaARN=missing, RotationRules={"AutomaticallyAfterDays": 1})
    assert told(caught) == (
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access "
        "to the principal secretsmanager.amazonaws.com.",
    )
    assert "RotationEnabled" not in client.describe_secret(SecretId=name)
