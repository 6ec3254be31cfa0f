"""Parameters and their refusals, tokens and labels with boto3, as AWS answers."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.support.policies import refusal
from tests.support.raw_http import exchange, json_request, request_bytes, signed
from tests.support.server import RunningServer

INVALID_NAME = (
    "ValidationException",
    "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
)
NEW_TOKEN = "You must provide a ClientRequestToken value. We recommend a UUID-type value."


def unique(prefix: str = "semantics") -> str:
    return f"{prefix}/{uuid.uuid4().hex}"


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


def refused(server: RunningServer, operation: str, **parameters: Any) -> tuple[str, str]:
    """Code and text for a request that boto3 would complete, or not let out."""
    body = json.dumps(parameters).encode()
    answer = exchange(server, request_bytes(signed(server, json_request(operation), body), body))
    assert answer.status == 400
    return answer.error


def test_all_violations_are_told_together(strongroom: RunningServer) -> None:
    code, message = refused(strongroom, "CreateSecret", Name="", Description="x" * 2049, ClientRequestToken="short")
    assert code == "ValidationException"
    assert message == (
        "3 validation errors detected: "
        "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 2048; "
        "Value 'short' at 'clientRequestToken' failed to satisfy constraint: "
        "Member must have length greater than or equal to 32"
    )


@pytest.mark.parametrize(
    ("operation", "parameters", "member"),
    [
        ("CreateSecret", {"Name": "n", "SecretString": ""}, "secretString"),
        ("CreateSecret", {"Name": "n", "SecretBinary": ""}, "secretBinary"),
        ("PutSecretValue", {"SecretId": "n", "SecretString": "canary" * 11_000}, "secretString"),
        (
            "PutSecretValue",
            {"SecretId": "n", "SecretString": "x", "RotationToken": "canary canary " * 3},
            "rotationToken",
        ),
    ],
)
def test_a_violation_never_shows_a_secret(
    strongroom: RunningServer, operation: str, parameters: dict[str, str], member: str
) -> None:
    code, message = refused(strongroom, operation, ClientRequestToken=str(uuid.uuid4()), **parameters)
    assert code == "ValidationException"
    assert f"1 validation error detected: Value at '{member}' failed to satisfy constraint" in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CreateSecret", "InvalidRequestException"),
        ("PutSecretValue", "InvalidRequestException"),
        ("UpdateSecret", "InvalidRequestException"),
        ("RotateSecret", "InvalidParameterException"),
    ],
)
def test_a_token_is_wanted_before_anything_is_looked_at(strongroom: RunningServer, operation: str, code: str) -> None:
    name = {"Name" if operation == "CreateSecret" else "SecretId": unique()}
    assert refused(strongroom, operation, **name) == (code, NEW_TOKEN)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("get_secret_value", {}),
        ("put_secret_value", {"SecretString": "x"}),
        ("update_secret", {"Description": "x"}),
        ("describe_secret", {}),
        ("list_secret_version_ids", {}),
        ("update_secret_version_stage", {"VersionStage": "x", "MoveToVersionId": "v" * 32}),
        ("delete_secret", {}),
        ("delete_secret", {"ForceDeleteWithoutRecovery": True}),
        ("restore_secret", {}),
        ("tag_resource", {"Tags": []}),
        ("untag_resource", {"TagKeys": []}),
        ("rotate_secret", {}),
        ("cancel_rotate_secret", {}),
    ],
)
def test_what_cannot_be_a_name_is_said_to_be_none(client: Any, operation: str, parameters: dict[str, Any]) -> None:
    for secret_id in ("no spaces", "name:with:colons", "line\n", "ünïcode"):
        assert refusal(client, operation, SecretId=secret_id, **parameters) == INVALID_NAME


def test_a_name_that_is_another_ones_name_and_suffix(client: Any) -> None:
    name = unique()
    first = client.create_secret(Name=name, SecretString="first")["ARN"]
    second_name = f"{name}-{first[-6:]}"
    second = client.create_secret(Name=second_name, SecretString="second")["ARN"]

    def read(secret_id: str) -> str:
        return str(client.get_secret_value(SecretId=secret_id)["SecretString"])

    assert (read(name), read(first), read(first[:-7])) == ("first", "first", "first")
    assert (read(second_name), read(second)) == ("second", "second")
    # The second one's partial ARN is the first one's full ARN.
    assert second[:-7] == first


def test_tags_keep_their_rules(client: Any) -> None:
    name = unique()
    longest = {"Key": "k" * 128, "Value": "ü" * 256}
    client.create_secret(Name=name, Tags=[longest, {"Key": "a b_.:/=+-@ <1>", "Value": ""}])
    assert client.describe_secret(SecretId=name)["Tags"][0] == longest
    for key, value, code in (
        ("k" * 129, "", "ValidationException"),
        ("k", "v" * 257, "ValidationException"),
        ("aws:k", "", "InvalidParameterException"),
        ("AWS:k", "", "InvalidParameterException"),
    ):
        tag = {"Key": key, "Value": value}
        assert refusal(client, "tag_resource", SecretId=name, Tags=[tag])[0] == code
        assert refusal(client, "create_secret", Name=unique(), Tags=[tag])[0] == code
    twice = [{"Key": "same", "Value": "1"}, {"Key": "same", "Value": "2"}]
    assert refusal(client, "tag_resource", SecretId=name, Tags=twice)[0] == "InvalidParameterException"
    client.tag_resource(SecretId=name, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(48)])
    too_many = [{"Key": "one-more", "Value": ""}]
    assert refusal(client, "tag_resource", SecretId=name, Tags=too_many)[0] == "InvalidParameterException"
    assert len(client.describe_secret(SecretId=name)["Tags"]) == 50


def test_tags_that_are_not_there_are_removed_without_a_trace(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, Tags=[{"Key": "a", "Value": "1"}])
    before = client.describe_secret(SecretId=name)
    client.untag_resource(SecretId=name, TagKeys=["A", "b"])
    after = client.describe_secret(SecretId=name)
    assert (after["LastChangedDate"], after["Tags"]) == (before["LastChangedDate"], before["Tags"])
    client.untag_resource(SecretId=name, TagKeys=["a", "b"])
    assert "Tags" not in client.describe_secret(SecretId=name)


def test_an_update_with_the_same_token_again(client: Any) -> None:
    name = unique()
    arn = client.create_secret(Name=name, SecretString="1")["ARN"]
    token = str(uuid.uuid4())
    client.update_secret(SecretId=name, SecretString="2", ClientRequestToken=token)
    before = client.describe_secret(SecretId=name)
    assert client.update_secret(SecretId=name, SecretString="2", ClientRequestToken=token)["VersionId"] == token
    assert client.describe_secret(SecretId=name)["LastChangedDate"] == before["LastChangedDate"]
    assert refusal(client, "update_secret", SecretId=name, SecretString="3", ClientRequestToken=token) == (
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}.",
    )
    assert client.get_secret_value(SecretId=name)["SecretString"] == "2"


def test_previous_follows_current_whatever_was_put_between(client: Any) -> None:
    name = unique()
    versions = [client.create_secret(Name=name, SecretString="0")["VersionId"]]
    versions += [client.put_secret_value(SecretId=name, SecretString=f"{n}")["VersionId"] for n in (1, 2)]
    pending = client.put_secret_value(SecretId=name, SecretString="p", VersionStages=["AWSPENDING", "mine"])
    assert client.describe_secret(SecretId=name)["VersionIdsToStages"] == {
        versions[1]: ["AWSPREVIOUS"],
        versions[2]: ["AWSCURRENT"],
        pending["VersionId"]: pending["VersionStages"],
    }
    client.update_secret_version_stage(
        SecretId=name,
        VersionStage="AWSCURRENT",
        MoveToVersionId=pending["VersionId"],
        RemoveFromVersionId=versions[2],
    )
    stages = client.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert stages[versions[2]] == ["AWSPREVIOUS"]
    assert versions[1] not in stages
    # Back to the version that has lost its labels.
    client.update_secret_version_stage(
        SecretId=name,
        VersionStage="AWSCURRENT",
        MoveToVersionId=versions[0],
        RemoveFromVersionId=pending["VersionId"],
    )
    assert client.get_secret_value(SecretId=name)["SecretString"] == "0"
    assert client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "p"


def test_the_last_label_taken_leaves_a_deprecated_version(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="0")
    put = client.put_secret_value(SecretId=name, SecretString="1", VersionStages=["mine"])["VersionId"]
    client.update_secret_version_stage(SecretId=name, VersionStage="mine", RemoveFromVersionId=put)
    assert put not in client.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert client.get_secret_value(SecretId=name, VersionId=put)["SecretString"] == "1"
    client.update_secret_version_stage(SecretId=name, VersionStage="again", MoveToVersionId=put)
    assert client.get_secret_value(SecretId=name, VersionStage="again")["VersionId"] == put


def test_labels_are_limited_on_every_way(client: Any) -> None:
    name = unique()
    first = client.create_secret(Name=name, SecretString="1")["VersionId"]
    client.put_secret_value(SecretId=name, SecretString="2", VersionStages=[f"label-{n}" for n in range(19)])
    move = {"VersionStage": "one-more", "MoveToVersionId": first}
    assert refusal(client, "update_secret_version_stage", SecretId=name, **move)[0] == "LimitExceededException"
    # A new current value needs AWSPREVIOUS, the 21st label; nothing of it stays.
    assert refusal(client, "put_secret_value", SecretId=name, SecretString="3")[0] == "LimitExceededException"
    assert client.get_secret_value(SecretId=name)["SecretString"] == "1"
    assert len(client.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]) == 2


def test_a_password_need_not_have_a_space(client: Any) -> None:
    shortest = client.get_random_password(PasswordLength=4, IncludeSpace=True)["RandomPassword"]
    assert len(shortest) == 4
    assert " " not in shortest
    spaces = client.get_random_password(
        PasswordLength=64,
        IncludeSpace=True,
        ExcludeLowercase=True,
        ExcludeUppercase=True,
        ExcludePunctuation=True,
        ExcludeCharacters="123456789",
    )["RandomPassword"]
    assert set(spaces) <= {"0", " "}
    assert refusal(client, "get_random_password", PasswordLength=4097)[0] == "ValidationException"
