"""Condition keys: which operation fills which (Service Authorization Reference, "AWS Secrets Manager").

Every case is tried with two identity policies that allow the operation under conditions only: with other values it is
refused, with the request's it is allowed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from tests.support.lambda_service import make_function, make_role
from tests.support.policies import allow, document
from tests.support.server import Credentials, RunningServer

POLICY = json.dumps(
    document(allow("secretsmanager:GetSecretValue", Principal={"AWS": "*"}, Condition={"Bool": {"aws:x": "true"}}))
)
ROLE = "arn:aws:iam::000000000000:role/rotation"
TYPE = "SalesforceClientSecret"


def unique() -> str:
    return f"conditions/{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def user(strongroom: RunningServer) -> Credentials:
    """A user whose policy each try replaces."""
    return strongroom.make_user()


def allowed(
    strongroom: RunningServer,
    user: Credentials,
    operation: str,
    parameters: Mapping[str, Any],
    condition: Mapping[str, Any],
    *further: str,
) -> bool:
    """Whether the user may do it by a policy that allows it, and what it needs besides, under a condition."""
    statements = [allow(f"secretsmanager:{operation}", *further, Condition=condition), allow("kms:*")]
    strongroom.client("iam").put_user_policy(
        UserName=user.user_name, PolicyName="only", PolicyDocument=json.dumps(document(*statements))
    )
    try:
        getattr(strongroom.client("secretsmanager", user), xform_name(operation))(**parameters)
    except ClientError as error:
        # What is wrong with the request otherwise shows only after the decision.
        return "is not authorized to perform: secretsmanager:" not in error.response["Error"]["Message"]
    return True


def with_wrong(values: Mapping[str, str], key: str) -> dict[str, str]:
    return {**values, key: "false" if values[key] == "true" else f"{values[key]}-not"}


def test_keys_of_the_secret_are_filled_on_every_operation(strongroom: RunningServer, user: Credentials) -> None:
    admin, name = strongroom.client("secretsmanager"), unique()
    arn = admin.create_secret(Name=name, SecretString="{}", Type=TYPE, Tags=[{"Key": "Team", "Value": "a"}])["ARN"]
    function = make_function(strongroom, make_role(strongroom))["FunctionArn"]
    strongroom.client("lambda").add_permission(
        FunctionName=function,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    admin.rotate_secret(SecretId=name, RotationLambdaARN=function, RotateImmediately=False)
    current = admin.get_secret_value(SecretId=name)["VersionId"]
    values = {
        "secretsmanager:SecretId": name,
        "secretsmanager:ResourceTag/Team": "a",
        "aws:ResourceTag/Team": "a",
        "secretsmanager:SecretPrimaryRegion": strongroom.region,
        "secretsmanager:resource/Type": TYPE,
        "secretsmanager:resource/AllowRotationLambdaArn": function,
        "aws:RequestedRegion": strongroom.region,
        "aws:PrincipalArn": user.arn,
        "aws:username": user.user_name,
        "aws:PrincipalAccount": strongroom.account,
        "aws:ViaAWSService": "false",
        "aws:SecureTransport": "false",
    }
    condition = {
        "StringEquals": values,
        "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
        "DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"},
        "NumericGreaterThan": {"aws:EpochTime": "1577836800"},
        "StringLike": {"aws:UserAgent": "*Boto3*"},
    }
    operations: list[tuple[str, dict[str, Any]]] = [
        ("DescribeSecret", {}),
        ("GetSecretValue", {}),
        ("ListSecretVersionIds", {}),
        ("GetResourcePolicy", {}),
        ("ListResourcePolicies", {}),
        ("PutResourcePolicy", {"ResourcePolicy": POLICY}),
        ("DeleteResourcePolicy", {}),
        ("ValidateResourcePolicy", {"ResourcePolicy": POLICY}),
        ("TagResource", {"Tags": [{"Key": "b", "Value": "c"}]}),
        ("UntagResource", {"TagKeys": ["b"]}),
        ("PutSecretValue", {"SecretString": "{}", "VersionStages": ["mine"]}),
        ("UpdateSecret", {"Description": "x"}),
        ("UpdateSecretVersionStage", {"VersionStage": "other", "MoveToVersionId": current}),
        ("RotateSecret", {"RotateImmediately": False}),
        ("CancelRotateSecret", {}),
        ("RemoveRegionsFromReplication", {"RemoveReplicaRegions": ["xx-nowhere-1"]}),
        ("StopReplicationToReplica", {}),
        ("DeleteSecret", {}),
        ("RestoreSecret", {}),
    ]
    further = ("secretsmanager:PutResourcePolicy", "lambda:InvokeFunction")
    for operation, further_parameters in operations:
        parameters = {"SecretId": name, **further_parameters}
        other = {**condition, "StringEquals": with_wrong(values, "aws:ResourceTag/Team")}
        assert not allowed(strongroom, user, operation, parameters, other, *further), operation
        assert allowed(strongroom, user, operation, parameters, condition, *further), operation
    for key in values:
        other = {"StringEquals": with_wrong(values, key)}
        assert not allowed(strongroom, user, "DescribeSecret", {"SecretId": name}, other), key
    by_arn = {"StringEquals": {"secretsmanager:SecretId": arn}}
    assert allowed(strongroom, user, "DescribeSecret", {"SecretId": arn}, by_arn)


@pytest.mark.parametrize(
    ("operation", "parameters", "values"),
    [
        (
            "GetSecretValue",
            {"VersionId": "{version}", "VersionStage": "AWSCURRENT"},
            {"secretsmanager:VersionId": "{version}", "secretsmanager:VersionStage": "AWSCURRENT"},
        ),
        ("GetSecretValue", {}, {"secretsmanager:VersionStage": "AWSCURRENT"}),
        (
            "UpdateSecretVersionStage",
            {"VersionStage": "mine", "MoveToVersionId": "{version}"},
            {"secretsmanager:VersionStage": "mine"},
        ),
        (
            "UpdateSecret",
            {"Description": "text", "KmsKeyId": "{key}", "Type": TYPE},
            {
                "secretsmanager:Description": "text",
                "secretsmanager:KmsKeyId": "{key}",
                "secretsmanager:KmsKeyArn": "{key_arn}",
                "secretsmanager:Type": TYPE,
            },
        ),
        ("GetResourcePolicy", {}, {"secretsmanager:PolicyName": "default"}),
        ("DeleteResourcePolicy", {"PolicyName": "default"}, {"secretsmanager:PolicyName": "default"}),
        (
            "PutResourcePolicy",
            {"ResourcePolicy": POLICY},
            {"secretsmanager:BlockPublicPolicy": "false", "secretsmanager:PolicyName": "default"},
        ),
        (
            "PutResourcePolicy",
            {"ResourcePolicy": POLICY, "BlockPublicPolicy": True},
            {"secretsmanager:BlockPublicPolicy": "true"},
        ),
        (
            "RotateSecret",
            {
                "RotationLambdaARN": "arn:aws:lambda:us-east-1:000000000000:function:none",
                "RotationRules": {"AutomaticallyAfterDays": 9},
            },
            {
                "secretsmanager:RotationLambdaARN": "arn:aws:lambda:us-east-1:000000000000:function:none",
                "secretsmanager:ModifyRotationRules": "true",
                "secretsmanager:RotateImmediately": "true",
            },
        ),
        (
            "RotateSecret",
            {"ExternalSecretRotationRoleArn": ROLE, "RotateImmediately": False},
            {
                "secretsmanager:ExternalSecretRotationRoleArn": ROLE,
                "secretsmanager:ModifyRotationRules": "false",
                "secretsmanager:RotateImmediately": "false",
            },
        ),
        (
            "TagResource",
            {"Tags": [{"Key": "Cost", "Value": "7"}]},
            {"aws:RequestTag/Cost": "7", "aws:TagKeys": "Cost"},
        ),
        ("UntagResource", {"TagKeys": ["Cost"]}, {"aws:TagKeys": "Cost"}),
        (
            "DeleteSecret",
            {"RecoveryWindowInDays": 9},
            {"secretsmanager:RecoveryWindowInDays": "9", "secretsmanager:ForceDeleteWithoutRecovery": "false"},
        ),
        (
            "DeleteSecret",
            {"ForceDeleteWithoutRecovery": True},
            {"secretsmanager:ForceDeleteWithoutRecovery": "true"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_keys_of_the_request(
    strongroom: RunningServer, user: Credentials, operation: str, parameters: dict[str, Any], values: dict[str, str]
) -> None:
    name, version = unique(), str(uuid.uuid4())
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="{}", ClientRequestToken=version)
    key = strongroom.client("kms").create_key()["KeyMetadata"] if "KmsKeyId" in parameters else {}
    known = {"{version}": version, "{key}": key.get("KeyId"), "{key_arn}": key.get("Arn")}
    parameters = {"SecretId": name} | {member: known.get(str(value), value) for member, value in parameters.items()}
    values = {key: str(known.get(value, value)) for key, value in values.items()}
    for each in values:
        other = {"StringEquals": with_wrong(values, each)}
        assert not allowed(strongroom, user, operation, parameters, other), each
    assert allowed(strongroom, user, operation, parameters, {"StringEquals": values})


def test_keys_of_creation(strongroom: RunningServer, user: Credentials) -> None:
    key = strongroom.client("kms").create_key()["KeyMetadata"]
    name = unique()
    parameters = {
        "Name": name,
        "Description": "text",
        "KmsKeyId": key["KeyId"],
        "SecretString": "{}",
        "Type": TYPE,
        "Tags": [{"Key": "Team", "Value": "a"}],
        "ForceOverwriteReplicaSecret": True,
    }
    values = {
        "secretsmanager:Name": name,
        "secretsmanager:Description": "text",
        "secretsmanager:KmsKeyId": key["KeyId"],
        "secretsmanager:KmsKeyArn": key["Arn"],
        "secretsmanager:Type": TYPE,
        "secretsmanager:ForceOverwriteReplicaSecret": "true",
        "aws:RequestTag/Team": "a",
        "aws:TagKeys": "Team",
        "aws:ResourceTag/Team": "a",
        "secretsmanager:ResourceTag/Team": "a",
    }
    tagging = "secretsmanager:TagResource"
    for each in values:
        other = {"StringEquals": with_wrong(values, each)}
        assert not allowed(strongroom, user, "CreateSecret", parameters, other, tagging), each
    assert allowed(strongroom, user, "CreateSecret", parameters, {"StringEquals": values}, tagging)
    assert strongroom.client("secretsmanager").describe_secret(SecretId=name)["Type"] == TYPE


def test_a_key_of_a_secret_is_absent_where_it_has_no_value(strongroom: RunningServer, user: Credentials) -> None:
    name = unique()
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="x")
    for key in ("resource/Type", "resource/AllowRotationLambdaArn", "ResourceTag/Team", "VersionId"):
        absent = {"Null": {f"secretsmanager:{key}": "true"}}
        assert allowed(strongroom, user, "GetSecretValue", {"SecretId": name}, absent), key
