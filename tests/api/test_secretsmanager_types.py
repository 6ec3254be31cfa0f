"""Managed external secrets: their type, and the settings of a rotation that this installation does not run."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.support.policies import refusal, refusal_code
from tests.support.server import RunningServer

TYPE = "SalesforceClientSecret"
VALUE = json.dumps({"consumerKey": "a", "consumerSecret": "b"})
ROLE = "arn:aws:iam::000000000000:role/rotation"
METADATA = [{"Key": "apiVersion", "Value": "v65.0"}, {"Key": "adminSecretArn", "Value": "arn:x"}]


def unique() -> str:
    return f"types/{uuid.uuid4().hex}"


@pytest.fixture
def admin(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


def listed(admin: Any, name: str) -> dict[str, Any]:
    (found,) = admin.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]
    return dict(found)


def test_a_type_is_kept_and_shown(admin: Any) -> None:
    name = unique()
    admin.create_secret(Name=name, SecretString=VALUE, Type=TYPE)
    assert admin.describe_secret(SecretId=name)["Type"] == listed(admin, name)["Type"] == TYPE
    plain = unique()
    admin.create_secret(Name=plain, SecretString="x", Type="")
    assert "Type" not in admin.describe_secret(SecretId=plain)


def test_a_type_is_given_once(admin: Any) -> None:
    name = unique()
    admin.create_secret(Name=name, SecretString=VALUE)
    admin.update_secret(SecretId=name, Type=TYPE, Description="migrated")
    found = admin.describe_secret(SecretId=name)
    assert (found["Type"], found["Description"]) == (TYPE, "migrated")
    admin.update_secret(SecretId=name, Type=TYPE)
    admin.update_secret(SecretId=name, Type="", Description="same")
    code, message = refusal(admin, "update_secret", SecretId=name, Type="BigIDClientSecret", Description="changed")
    assert (code, TYPE in message) == ("InvalidRequestException", True)
    found = admin.describe_secret(SecretId=name)
    assert (found["Type"], found["Description"]) == (TYPE, "same")


def test_a_typed_value_is_a_json_object(admin: Any) -> None:
    for value in ({"SecretString": "hunter2"}, {"SecretString": '["hunter2"]'}, {"SecretBinary": b"{}"}):
        code, message = refusal(admin, "create_secret", Name=unique(), Type=TYPE, **value)
        assert code == "InvalidParameterException"
        assert "hunter2" not in message
    name = unique()
    admin.create_secret(Name=name, Type=TYPE)
    for operation in ("put_secret_value", "update_secret"):
        assert refusal_code(admin, operation, SecretId=name, SecretString="hunter2") == "InvalidParameterException"
    admin.put_secret_value(SecretId=name, SecretString=VALUE)
    untyped = unique()
    admin.create_secret(Name=untyped, SecretString="x")
    assert refusal_code(admin, "update_secret", SecretId=untyped, Type=TYPE, SecretString="y") == (
        "InvalidParameterException"
    )
    assert "Type" not in admin.describe_secret(SecretId=untyped)


@pytest.mark.parametrize("kind", ["with space", "a/b", "umläut", "x\0"])
def test_a_type_is_a_name(admin: Any, kind: str) -> None:
    assert refusal_code(admin, "create_secret", Name=unique(), Type=kind) == "InvalidParameterException"


def test_rotation_settings_are_kept_without_rotating(admin: Any) -> None:
    name = unique()
    admin.create_secret(Name=name, SecretString=VALUE, Type=TYPE)
    answer = admin.rotate_secret(
        SecretId=name,
        ExternalSecretRotationMetadata=METADATA,
        ExternalSecretRotationRoleArn=ROLE,
        RotationRules={"AutomaticallyAfterDays": 30},
        RotateImmediately=False,
    )
    assert "VersionId" not in answer
    for found in (admin.describe_secret(SecretId=name), listed(admin, name)):
        assert found["ExternalSecretRotationMetadata"] == METADATA
        assert found["ExternalSecretRotationRoleArn"] == ROLE
        assert (found["RotationEnabled"], found["RotationRules"]) == (False, {"AutomaticallyAfterDays": 30})
        assert "RotationLambdaARN" not in found
    other = [{"Key": "apiVersion", "Value": "v66.0"}]
    admin.rotate_secret(SecretId=name, ExternalSecretRotationMetadata=other, RotateImmediately=False)
    found = admin.describe_secret(SecretId=name)
    assert (found["ExternalSecretRotationMetadata"], found["ExternalSecretRotationRoleArn"]) == (other, ROLE)
    assert list(found["VersionIdsToStages"].values()) == [["AWSCURRENT"]]


def test_rotating_an_external_secret_says_that_it_cannot(admin: Any) -> None:
    name = unique()
    admin.create_secret(Name=name, SecretString=VALUE, Type=TYPE)
    for settings in ({}, {"ExternalSecretRotationRoleArn": ROLE}, {"ExternalSecretRotationMetadata": METADATA}):
        code, message = refusal(admin, "rotate_secret", SecretId=name, **settings)
        assert (code, TYPE in message) == ("InvalidRequestException", True)
    found = admin.describe_secret(SecretId=name)
    assert not {"RotationEnabled", "ExternalSecretRotationMetadata", "ExternalSecretRotationRoleArn"} & set(found)


def test_settings_of_an_external_rotation_are_checked(admin: Any) -> None:
    name, untyped = unique(), unique()
    admin.create_secret(Name=name, SecretString=VALUE, Type=TYPE)
    admin.create_secret(Name=untyped, SecretString=VALUE)

    def code(secret: str = name, **settings: Any) -> str:
        return refusal_code(admin, "rotate_secret", SecretId=secret, RotateImmediately=False, **settings)

    assert code(untyped, ExternalSecretRotationRoleArn=ROLE) == "InvalidRequestException"
    assert code(ExternalSecretRotationRoleArn="arn:aws:iam::1:user/somebody") == "InvalidParameterException"
    assert code(ExternalSecretRotationMetadata=[{"Key": "a"}]) == "InvalidParameterException"
    assert code(ExternalSecretRotationMetadata=[METADATA[0], METADATA[0]]) == "InvalidParameterException"
    function = "arn:aws:lambda:us-east-1:000000000000:function:rotate"
    assert code(ExternalSecretRotationRoleArn=ROLE, RotationLambdaARN=function) == "InvalidParameterException"
    assert "ExternalSecretRotationRoleArn" not in admin.describe_secret(SecretId=name)
