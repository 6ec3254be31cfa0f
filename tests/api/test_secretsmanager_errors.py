"""The documented errors of every operation, one by one: who is not there, who is marked, what excludes itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from tests.support.policies import refusal, refusal_code
from tests.support.replication import THERE, Regions, regions_of
from tests.support.server import RunningServer

Parameters = dict[str, Any]

TOKEN = "t" * 32
FOREIGN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:other-abcdef"
POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",'
    '"Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"x"}}}]}'
)

ON_A_SECRET: dict[str, Parameters] = {
    "AssociateCrossAccountReplica": {"CrossAccountReplicaARN": FOREIGN},
    "CancelRotateSecret": {},
    "DeleteResourcePolicy": {},
    "DeleteSecret": {},
    "DescribeSecret": {},
    "DisassociateCrossAccountReplica": {"CrossAccountReplicaARN": FOREIGN},
    "GetResourcePolicy": {},
    "GetSecretValue": {},
    "ListResourcePolicies": {},
    "ListSecretVersionIds": {},
    "PutResourcePolicy": {"ResourcePolicy": POLICY},
    "PutSecretValue": {"SecretString": "x"},
    "RemoveRegionsFromReplication": {"RemoveReplicaRegions": [THERE]},
    "RestoreSecret": {},
    "RotateSecret": {},
    "StopReplicationToReplica": {},
    "TagResource": {"Tags": [{"Key": "a", "Value": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "UpdateSecret": {"Description": "x"},
    "UpdateSecretVersionStage": {"VersionStage": "green", "MoveToVersionId": TOKEN},
    "ValidateResourcePolicy": {"ResourcePolicy": POLICY},
}
"""Every operation on one secret but ReplicateSecretToRegions, which needs a second region, with what it requires."""

LOOKS_ONLY = frozenset({"DescribeSecret", "ListSecretVersionIds", "RestoreSecret"})
"""What can be done to a secret that is marked for deletion."""

EXCLUDED: dict[str, Parameters] = {
    "BatchGetSecretValue": {"SecretIdList": ["a"], "Filters": [{"Key": "name", "Values": ["a"]}]},
    "CreateSecret": {"Name": "a", "SecretString": "x", "SecretBinary": b"x"},
    "DeleteResourcePolicy": {"SecretId": "a", "PolicyName": "other"},
    "DeleteSecret": {"SecretId": "a", "RecoveryWindowInDays": 6},
    "GetRandomPassword": {"PasswordLength": 3},
    "ListSecrets": {"Filters": [{"Key": "name"}]},
    "PutResourcePolicy": {"SecretId": "a", "ResourcePolicy": POLICY, "PolicyName": "other"},
    "PutSecretValue": {"SecretId": "a", "SecretString": "x", "SecretBinary": b"x"},
    "ReplicateSecretToRegions": {"SecretId": "a", "AddReplicaRegions": [{"Region": "elsewhere-1"}]},
    "RotateSecret": {"SecretId": "a", "RotationRules": {"ScheduleExpression": "rate(1 hour)"}},
    "TagResource": {"SecretId": "a", "Tags": [{"Key": "aws:a", "Value": "b"}]},
    "UntagResource": {"SecretId": "a", "TagKeys": ["aws:a"]},
    "UpdateSecret": {"SecretId": "a", "SecretString": "x", "SecretBinary": b"x"},
    "UpdateSecretVersionStage": {"SecretId": "a", "VersionStage": "green"},
}
"""Requests whose parameters are wrong by themselves, whether the secret is there or not."""

PAGED: dict[str, Parameters] = {
    "BatchGetSecretValue": {"Filters": [{"Key": "name", "Values": ["a"]}]},
    "ListResourcePolicies": {},
    "ListSecretVersionIds": {},
    "ListSecrets": {},
}


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regions]:
    with regions_of("sqlite", tmp_path_factory.mktemp("errors")) as found:
        yield found


def _marked(client: Any) -> str:
    """A secret that is marked for deletion."""
    name = f"errors/{uuid.uuid4().hex}"
    client.create_secret(Name=name, SecretString="x", ClientRequestToken=TOKEN)
    client.delete_secret(SecretId=name)
    return name


@pytest.mark.parametrize("operation", ON_A_SECRET)
def test_a_secret_that_is_not_there(client: Any, operation: str) -> None:
    method = xform_name(operation)
    assert refusal(client, method, SecretId=f"errors/{uuid.uuid4().hex}", **ON_A_SECRET[operation]) == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )


@pytest.mark.parametrize("operation", sorted(ON_A_SECRET.keys() - LOOKS_ONLY))
def test_a_secret_that_is_marked_for_deletion(client: Any, operation: str) -> None:
    name = _marked(client)
    before = client.describe_secret(SecretId=name)
    code, message = refusal(client, xform_name(operation), SecretId=name, **ON_A_SECRET[operation])
    assert code == "InvalidRequestException"
    assert "marked for deletion" in message or "already scheduled for deletion" in message
    after = client.describe_secret(SecretId=name)
    assert after["LastChangedDate"] == before["LastChangedDate"]


@pytest.mark.parametrize("operation", EXCLUDED)
def test_parameters_that_are_wrong_by_themselves(client: Any, operation: str) -> None:
    assert refusal_code(client, xform_name(operation), **EXCLUDED[operation]) == "InvalidParameterException"


@pytest.mark.parametrize("operation", PAGED)
def test_a_page_that_nobody_was_given(client: Any, operation: str) -> None:
    given = dict(PAGED[operation])
    if operation in ON_A_SECRET:
        given["SecretId"] = f"errors/{uuid.uuid4().hex}"
        client.create_secret(Name=given["SecretId"])
    code = refusal_code(client, xform_name(operation), NextToken="bm9uc2Vuc2U=", **given)
    assert code == "InvalidNextTokenException"


def test_replicating_what_is_not_there_or_marked(regions: Regions) -> None:
    client = regions.secrets()
    wanted = [{"Region": THERE}]
    assert refusal_code(client, "replicate_secret_to_regions", SecretId="none", AddReplicaRegions=wanted) == (
        "ResourceNotFoundException"
    )
    assert refusal_code(client, "replicate_secret_to_regions", SecretId=_marked(client), AddReplicaRegions=wanted) == (
        "InvalidRequestException"
    )


def test_a_batch_tells_of_each_secret_what_it_fails_with(client: Any, strongroom: RunningServer) -> None:
    kms = strongroom.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    unreadable = f"errors/{uuid.uuid4().hex}"
    client.create_secret(Name=unreadable, SecretString="x", KmsKeyId=key)
    kms.disable_key(KeyId=key)
    answer = client.batch_get_secret_value(SecretIdList=["errors/none", _marked(client), unreadable])
    codes = [error["ErrorCode"] for error in answer["Errors"]]
    assert codes == ["ResourceNotFoundException", "InvalidRequestException", "DecryptionFailure"]
    assert answer["SecretValues"] == []
