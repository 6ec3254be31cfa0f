"""What is recorded of parameters and answers: what is listed, and not one byte more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import botocore.session
import orjson
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from strongroom.audit import operation
from strongroom.audit.parameters import _TABLES
from strongroom.wire import OWN_MODELS

FORBIDDEN = {
    "SecretString",
    "SecretBinary",
    "SecretValues",
    "RandomPassword",
    "RotationToken",
    "Plaintext",
    "CiphertextBlob",
    "CiphertextForRecipient",
    "SecretAccessKey",
    "SessionToken",
    "TokenCode",
    "Code",
    "ZipFile",
    "Payload",
    "ClientContext",
    "LogResult",
    "Environment",
    "ExternalSecretRotationMetadata",
    "GrantTokens",
}

_SESSION = botocore.session.get_session()
_SESSION.get_component("data_loader").search_paths.append(str(OWN_MODELS))


def test_get_secret_value() -> None:
    get = operation("secretsmanager", "GetSecretValue")
    assert (get.source, get.name, get.read_only) == ("secretsmanager.amazonaws.com", "GetSecretValue", True)
    assert get.parameters({"SecretId": "db"}) == {"secretId": "db"}
    assert get.parameters({"SecretId": "db", "VersionId": "v", "VersionStage": "s"}) == {
        "secretId": "db",
        "versionId": "v",
        "versionStage": "s",
    }
    assert get.response({"ARN": "arn", "SecretString": "hidden"}) is None


def test_create_secret() -> None:
    create = operation("secretsmanager", "CreateSecret")
    given = {
        "Name": "db",
        "ClientRequestToken": "token",
        "SecretString": "hidden",
        "SecretBinary": b"hidden",
        "KmsKeyId": "alias/app",
        "Tags": [{"Key": "team", "Value": "blue"}],
    }
    assert create.parameters(given) == {
        "name": "db",
        "clientRequestToken": "token",
        "kmsKeyId": "alias/app",
        "tags": [{"key": "team", "value": "blue"}],
    }
    assert create.response({"ARN": "arn", "Name": "db", "VersionId": "v"}) == {"arn": "arn"}


def test_rotate_secret() -> None:
    rotate = operation("secretsmanager", "RotateSecret")
    rules = {"AutomaticallyAfterDays": 7, "Unlisted": "hidden"}
    assert rotate.parameters({"SecretId": "db", "RotationRules": rules, "RotateImmediately": False}) == {
        "secretId": "db",
        "rotateImmediately": False,
        "rotationRules": {"automaticallyAfterDays": 7},
    }


def test_kms() -> None:
    context = {"SecretARN": "arn", "SecretVersionId": "v"}
    decrypt = operation("kms", "Decrypt")
    assert decrypt.parameters({"CiphertextBlob": b"hidden", "EncryptionContext": context}) == {
        "encryptionContext": context
    }
    assert decrypt.response({"Plaintext": b"hidden", "KeyId": "k"}) is None
    generate = operation("kms", "GenerateDataKey")
    assert generate.parameters({"KeyId": "k", "KeySpec": "AES_256", "EncryptionContext": context}) == {
        "keyId": "k",
        "keySpec": "AES_256",
        "encryptionContext": context,
    }


def test_create_access_key_and_assume_role() -> None:
    created = datetime(2026, 1, 31, 12, tzinfo=UTC)
    key = {
        "AccessKeyId": "AKID",
        "SecretAccessKey": "hidden",
        "UserName": "app",
        "Status": "Active",
        "CreateDate": created,
    }
    assert operation("iam", "CreateAccessKey").response({"AccessKey": key}) == {
        "accessKey": {
            "accessKeyId": "AKID",
            "userName": "app",
            "status": "Active",
            "createDate": "2026-01-31T12:00:00Z",
        }
    }
    assume = operation("sts", "AssumeRole")
    assert assume.read_only
    assert assume.response(
        {
            "Credentials": {
                "AccessKeyId": "ASIA",
                "SecretAccessKey": "hidden",
                "SessionToken": "hidden",
                "Expiration": created,
            },
            "AssumedRoleUser": {"AssumedRoleId": "AROA:s", "Arn": "arn"},
        }
    ) == {
        "credentials": {"accessKeyId": "ASIA", "expiration": "2026-01-31T12:00:00Z"},
        "assumedRoleUser": {"assumedRoleId": "AROA:s", "arn": "arn"},
    }


def test_lambda_events_carry_the_api_version() -> None:
    create = operation("lambda", "CreateFunction")
    assert create.name == "CreateFunction20150331"
    given = {"FunctionName": "f", "Code": {"ZipFile": b"hidden"}, "Environment": {"Variables": {"PASSWORD": "hidden"}}}
    assert create.parameters(given) == {"functionName": "f"}


def test_an_operation_without_a_list_is_recorded_without_parameters() -> None:
    described = operation("rds", "DescribeDBInstances")
    assert (described.source, described.name, described.read_only) == ("rds.amazonaws.com", "DescribeDBInstances", True)
    assert described.parameters({"MasterUserPassword": "hidden"}) is None
    assert described.response({"MasterUserPassword": "hidden"}) is None
    assert not operation("rds", "CreateDBInstance").read_only


@pytest.mark.parametrize("given", [None, {}, {"SecretId": None}])
def test_nothing_given_is_nothing_recorded(given: Mapping[str, object] | None) -> None:
    assert operation("secretsmanager", "GetSecretValue").parameters(given) is None


@pytest.mark.parametrize("value", [{"SecretString": "hidden"}, [["hidden"]], b"hidden", object()])
def test_a_structure_where_text_belongs_is_left_out(value: object) -> None:
    assert operation("secretsmanager", "GetSecretValue").parameters({"SecretId": value}) is None
    tags = operation("secretsmanager", "TagResource").parameters({"SecretId": "a", "Tags": value})
    assert "hidden" not in str(tags)
    context = operation("kms", "Decrypt").parameters({"EncryptionContext": {"a": value, "b": "c"}})
    assert context == {"encryptionContext": {"b": "c"}}


def test_lists_and_numbers_are_bounded() -> None:
    given = {"SecretIdList": ["x"] * 1000, "MaxResults": 10**30}
    assert operation("secretsmanager", "BatchGetSecretValue").parameters(given) == {"secretIdList": ["x"] * 100}
    long = operation("secretsmanager", "GetSecretValue").parameters({"SecretId": "x" * 100_000})
    assert long == {"secretId": "x" * 32_768}


# Attack 12: a canary in every place that the service model has


def _fill(shape: Shape, path: tuple[str, ...], found: dict[str, tuple[str, ...]], depth: int = 0) -> object:
    """A value for ``shape`` in which every scalar is its own canary; ``found`` learns where each one sits."""
    if depth > 4:
        return None
    if isinstance(shape, StructureShape):
        return {
            name: _fill(member, (*path, name), found, depth + 1)
            for name, member in shape.members.items()
            if isinstance(member, Shape)
        }
    if isinstance(shape, ListShape):
        return [_fill(shape.member, path, found, depth + 1)]
    if isinstance(shape, MapShape):
        return {"key": _fill(shape.value, (*path, "*"), found, depth + 1)}
    canary = f"canary-{len(found):04d}-"
    found[canary] = path
    return canary.encode() if shape.type_name == "blob" else canary


@pytest.mark.parametrize("service", ["secretsmanager", "kms", "iam", "sts", "lambda"])
def test_attack_12_no_value_of_a_forbidden_member_is_ever_recorded(service: str) -> None:
    model = _SESSION.get_service_model(service)
    for name in model.operation_names:
        recorder = operation(service, name)
        shapes = model.operation_model(name)
        for shape, record in ((shapes.input_shape, recorder.parameters), (shapes.output_shape, recorder.response)):
            if shape is None:
                continue
            found: dict[str, tuple[str, ...]] = {}
            filled = _fill(shape, (), found)
            assert isinstance(filled, dict)
            text = orjson.dumps(record(filled)).decode()
            for canary, path in found.items():
                if canary in text:
                    assert not FORBIDDEN & set(path), (service, name, path)


def test_every_listed_operation_and_member_exists_in_the_service_model() -> None:
    for service, table in _TABLES.items():
        model = _SESSION.get_service_model(service)
        for name, rule in table.items():
            assert name in model.operation_names, (service, name)
            shapes = model.operation_model(name)
            for shape, listed in ((shapes.input_shape, rule.request), (shapes.output_shape, rule.answer)):
                assert set(listed) <= set(shape.members if shape is not None else ()), (service, name)
