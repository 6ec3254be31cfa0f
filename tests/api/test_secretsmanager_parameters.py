"""Parameters that no other test of the API looks at by themselves."""

from __future__ import annotations

import string
import uuid
from typing import Any

import pytest
from tests.support.lambda_service import make_function, make_role
from tests.support.policies import refusal_code
from tests.support.server import RunningServer

LETTERS = string.ascii_letters
EVERYTHING_BUT_A = (string.ascii_letters + string.digits + string.punctuation).replace("a", "")


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


@pytest.fixture(scope="module")
def function(strongroom: RunningServer) -> str:
    """A function that Secrets Manager may invoke."""
    made = make_function(strongroom, make_role(strongroom))
    strongroom.client("lambda").add_permission(
        FunctionName=made["FunctionName"],
        StatementId="rotate",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return str(made["FunctionArn"])


@pytest.mark.parametrize(
    ("parameters", "length", "allowed"),
    [
        ({"PasswordLength": 100}, 100, LETTERS + string.digits + string.punctuation),
        ({"ExcludeCharacters": EVERYTHING_BUT_A}, 32, "a"),
        ({"ExcludeNumbers": True, "PasswordLength": 500}, 500, LETTERS + string.punctuation),
        ({"ExcludePunctuation": True, "PasswordLength": 500}, 500, LETTERS + string.digits),
        (
            {"ExcludeUppercase": True, "PasswordLength": 500},
            500,
            string.ascii_lowercase + string.digits + string.punctuation,
        ),
        (
            {"ExcludeLowercase": True, "PasswordLength": 500},
            500,
            string.ascii_uppercase + string.digits + string.punctuation,
        ),
        ({"IncludeSpace": True, "ExcludeCharacters": EVERYTHING_BUT_A}, 32, "a "),
        ({"RequireEachIncludedType": False, "PasswordLength": 1}, 1, LETTERS + string.digits + string.punctuation),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_passwords(client: Any, parameters: dict[str, Any], length: int, allowed: str) -> None:
    password = client.get_random_password(**parameters)["RandomPassword"]
    assert len(password) == length
    assert set(password) <= set(allowed)


def test_rotation_rules_are_shown_as_they_were_given(client: Any, function: str) -> None:
    name = f"parameters/{uuid.uuid4().hex}"
    client.create_secret(Name=name, SecretString="x")
    token = str(uuid.uuid4())
    answer = client.rotate_secret(
        SecretId=name,
        ClientRequestToken=token,
        RotationLambdaARN=function,
        RotationRules={"ScheduleExpression": "rate(10 days)", "Duration": "3h"},
    )
    assert (answer["Name"], answer["VersionId"]) == (name, token)
    described = client.describe_secret(SecretId=name)
    (listed,) = client.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]
    for found in (described, listed):
        assert (found["RotationEnabled"], found["RotationLambdaARN"]) == (True, function)
        assert found["RotationRules"] == {
            "AutomaticallyAfterDays": 10,
            "Duration": "3h",
            "ScheduleExpression": "rate(10 days)",
        }
        assert found["NextRotationDate"] > found["CreatedDate"]
    cancelled = client.cancel_rotate_secret(SecretId=name)
    assert cancelled["VersionId"] == token
    assert client.describe_secret(SecretId=name)["RotationEnabled"] is False


def test_a_rotation_token_that_nobody_was_given(client: Any) -> None:
    name = f"parameters/{uuid.uuid4().hex}"
    client.create_secret(Name=name, SecretString="x")
    code = refusal_code(client, "put_secret_value", SecretId=name, SecretString="y", RotationToken="0" * 64)
    assert code == "InvalidParameterException"
    assert client.get_secret_value(SecretId=name)["SecretString"] == "x"
