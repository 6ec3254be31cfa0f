from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from strongroom.errors import OperatorError
from strongroom.wire import Protocol, Route, service


@pytest.mark.parametrize(
    ("name", "protocol", "target", "signing"),
    [
        ("secretsmanager", Protocol.JSON, "secretsmanager", "secretsmanager"),
        ("kms", Protocol.JSON, "TrentService", "kms"),
        ("iam", Protocol.QUERY, None, "iam"),
        ("sts", Protocol.QUERY, None, "sts"),
        ("lambda", Protocol.REST_JSON, None, "lambda"),
    ],
)
def test_service_metadata(name: str, protocol: Protocol, target: str | None, signing: str) -> None:
    spec = service(name)
    assert spec is service(name)
    assert (spec.protocol, spec.target_prefix, spec.signing_name) == (protocol, target, signing)
    assert repr(spec) == f"ServiceSpec('{name}')"


def test_the_newest_model_is_taken() -> None:
    assert service("lambda").api_version == "2015-03-31"
    assert service("rds").api_version == "2014-10-31"


def test_unknown_names() -> None:
    with pytest.raises(OperatorError, match="no model of the service 'nothing'"):
        service("nothing")
    with pytest.raises(KeyError):
        service("kms").operation("GetSecretValue")


def test_operations_are_compiled_once() -> None:
    spec = service("secretsmanager")
    assert spec.operation("GetSecretValue") is spec.operation("GetSecretValue")
    assert Route(spec, "GetSecretValue", {}, {}).spec is spec.operation("GetSecretValue")


def test_json_results() -> None:
    result = {
        "Name": "n",
        "SecretBinary": b"\x00\x01",
        "CreatedDate": datetime(2018, 4, 11, 20, 5, 45, 713_000, UTC),
        "VersionId": None,
        "VersionStages": ["AWSCURRENT"],
    }
    answer = service("secretsmanager").operation("GetSecretValue").serialise(result, "id")
    assert answer.status == 200
    assert orjson.loads(answer.body) == {
        "Name": "n",
        "SecretBinary": "AAE=",
        "CreatedDate": 1523477145.713,
        "VersionStages": ["AWSCURRENT"],
    }


def test_json_results_with_nested_lists_of_structures() -> None:
    result = {"SecretList": [{"Name": "n", "Tags": [{"Key": "k", "Value": None}], "LastChangedDate": None}]}
    answer = service("secretsmanager").operation("ListSecrets").serialise(result, "id")
    assert orjson.loads(answer.body) == {"SecretList": [{"Name": "n", "Tags": [{"Key": "k"}]}]}


def test_results_of_operations_without_output() -> None:
    assert service("secretsmanager").operation("TagResource").serialise({}, "id").body == b"{}"
    body = service("iam").operation("DeleteUser").serialise({}, "id").body
    assert body == (
        b'<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        b"<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DeleteUserResponse>"
    )


@pytest.mark.parametrize(("name", "operation"), [("secretsmanager", "TagResource"), ("iam", "DeleteUser")])
def test_unknown_members_of_a_result_are_a_mistake(name: str, operation: str) -> None:
    with pytest.raises(KeyError, match="Nonsense"):
        service(name).operation(operation).serialise({"Nonsense": 1}, "id")


def test_query_results() -> None:
    result = {"UserId": "AIDA", "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/a&b"}
    assert service("sts").operation("GetCallerIdentity").serialise(result, "id").body == (
        b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        b"<UserId>AIDA</UserId><Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/a&amp;b</Arn>"
        b"</GetCallerIdentityResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>"
        b"</GetCallerIdentityResponse>"
    )
