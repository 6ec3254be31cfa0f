"""Creating, reading and replacing secret values with boto3, as AWS answers."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.refusals import told
from tests.support.server import RunningServer


def unique(prefix: str = "test") -> str:
    return f"{prefix}/{uuid.uuid4().hex}"


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


def test_a_secret_is_read_by_name_arn_and_partial_arn(client: Any, strongroom: RunningServer) -> None:
    name = unique()
    created = client.create_secret(Name=name, SecretString="value")
    prefix = f"arn:aws:secretsmanager:{strongroom.region}:{strongroom.account}:secret:{name}"
    assert created["ARN"][:-7] == prefix
    assert created["Name"] == name
    for secret_id in (name, created["ARN"], prefix):
        found = client.get_secret_value(SecretId=secret_id)
        assert found["SecretString"] == "value"
        assert found["VersionId"] == created["VersionId"]
        assert found["VersionStages"] == ["AWSCURRENT"]
        assert found["ARN"] == created["ARN"]
        assert "SecretBinary" not in found


def test_binary_and_awkward_texts_come_back_as_they_were(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, SecretBinary=bytes(range(256)))
    assert client.get_secret_value(SecretId=name)["SecretBinary"] == bytes(range(256))
    for text in ("\0", '{"a": "ü\u2028\U0001f600"}', " ", "x" * 65_536):
        client.put_secret_value(SecretId=name, SecretString=text)
        assert client.get_secret_value(SecretId=name)["SecretString"] == text


def test_a_value_is_limited_in_bytes(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.create_secret(Name=unique(), SecretString="ü" * 40_000)
    code, message = told(caught)
    assert code == "ValidationException"
    assert "ü" not in message


def test_a_secret_without_a_value(client: Any) -> None:
    name = unique()
    assert "VersionId" not in client.create_secret(Name=name)
    assert "VersionIdsToStages" not in client.describe_secret(SecretId=name)
    with pytest.raises(ClientError) as caught:
        client.get_secret_value(SecretId=name)
    assert told(caught) == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    )


def test_a_missing_secret(client: Any) -> None:
    for operation in (client.get_secret_value, client.describe_secret, client.delete_secret, client.restore_secret):
        with pytest.raises(ClientError) as caught:
            operation(SecretId=unique())
        assert told(caught) == ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def test_a_name_that_ends_like_a_suffix_has_no_partial_arn(client: Any) -> None:
    arn = client.create_secret(Name=unique() + "-secret", SecretString="x")["ARN"]
    with pytest.raises(ClientError) as caught:
        client.get_secret_value(SecretId=arn[:-7])
    assert told(caught)[0] == "ResourceNotFoundException"


def test_a_name_is_checked(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.create_secret(Name="no spaces", SecretString="x")
    assert told(caught) == (
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    )


def test_a_name_is_taken(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="x")
    with pytest.raises(ClientError) as caught:
        client.create_secret(Name=name, SecretString="x")
    assert told(caught) == (
        "ResourceExistsException",
        f"The operation failed because the secret {name} already exists.",
    )


def test_the_same_creation_again_is_the_same_secret(client: Any) -> None:
    request = {"Name": unique(), "SecretString": "x", "ClientRequestToken": str(uuid.uuid4())}
    first = client.create_secret(**request)
    again = client.create_secret(**request)
    assert (again["ARN"], again["VersionId"]) == (first["ARN"], first["VersionId"])
    with pytest.raises(ClientError) as caught:
        client.create_secret(**{**request, "SecretString": "y"})
    assert told(caught) == (
        "ResourceExistsException",
        f"You can't use ClientRequestToken {request['ClientRequestToken']} because that value is already in use for a "
        f"version of secret {first['ARN']}.",
    )


def test_any_text_of_32_characters_is_a_version_id(client: Any) -> None:
    name = unique()
    token = f"terraform-{uuid.uuid4().hex}"
    assert client.create_secret(Name=name, SecretString="x", ClientRequestToken=token)["VersionId"] == token
    assert client.get_secret_value(SecretId=name, VersionId=token)["SecretString"] == "x"


def test_a_new_value_becomes_current_and_the_last_one_previous(client: Any) -> None:
    name = unique()
    first = client.create_secret(Name=name, SecretString="1")["VersionId"]
    second = client.put_secret_value(SecretId=name, SecretString="2")
    assert second["VersionStages"] == ["AWSCURRENT"]
    third = client.update_secret(SecretId=name, SecretString="3")["VersionId"]
    assert client.describe_secret(SecretId=name)["VersionIdsToStages"] == {
        second["VersionId"]: ["AWSPREVIOUS"],
        third: ["AWSCURRENT"],
    }
    assert client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "2"
    found = client.get_secret_value(SecretId=name, VersionId=first)
    assert found["SecretString"] == "1"
    assert "VersionStages" not in found


def test_putting_the_same_token_again(client: Any) -> None:
    name = unique()
    arn = client.create_secret(Name=name, SecretString="1")["ARN"]
    token = str(uuid.uuid4())
    client.put_secret_value(SecretId=name, SecretString="2", ClientRequestToken=token)
    changed = client.describe_secret(SecretId=name)["LastChangedDate"]
    client.put_secret_value(SecretId=name, SecretString="2", ClientRequestToken=token)
    assert client.update_secret(SecretId=name, SecretString="2", ClientRequestToken=token)["VersionId"] == token
    assert client.describe_secret(SecretId=name)["LastChangedDate"] == changed
    for other in ({"SecretString": "3"}, {"SecretBinary": b"2"}):
        with pytest.raises(ClientError) as caught:
            client.put_secret_value(SecretId=name, ClientRequestToken=token, **other)
        assert told(caught) == (
            "ResourceExistsException",
            f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
            f"{arn}.",
        )


def test_custom_labels_move_silently_and_come_in_javas_order(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="1")
    put = client.put_secret_value(SecretId=name, SecretString="2", VersionStages=["two", "AWSCURRENT", "one"])
    assert put["VersionStages"] == ["one", "AWSCURRENT", "two"]
    third = client.put_secret_value(SecretId=name, SecretString="3", VersionStages=["two"])["VersionId"]
    stages = client.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert stages[put["VersionId"]] == ["one", "AWSCURRENT"]
    assert stages[third] == ["two"]


def test_only_custom_labels_on_a_first_version(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name)
    assert client.put_secret_value(SecretId=name, SecretString="1", VersionStages=["mine"])["VersionStages"] == ["mine"]


def test_there_are_at_most_20_labels(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="1")
    client.put_secret_value(SecretId=name, SecretString="2", VersionStages=[f"label-{n}" for n in range(19)])
    with pytest.raises(ClientError) as caught:
        client.put_secret_value(SecretId=name, SecretString="3", VersionStages=["one-more"])
    assert told(caught)[0] == "LimitExceededException"


def test_a_version_and_a_label_must_belong_together(client: Any) -> None:
    name = unique()
    version = client.create_secret(Name=name, SecretString="1")["VersionId"]
    with pytest.raises(ClientError) as caught:
        client.get_secret_value(SecretId=name, VersionId=version, VersionStage="AWSPREVIOUS")
    assert told(caught) == (
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    )
    missing = str(uuid.uuid4())
    with pytest.raises(ClientError) as caught:
        client.get_secret_value(SecretId=name, VersionId=missing)
    assert told(caught) == (
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {missing}",
    )


def test_values_that_are_missing_or_doubled(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name)
    with pytest.raises(ClientError) as caught:
        client.put_secret_value(SecretId=name)
    assert told(caught) == ("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    with pytest.raises(ClientError) as caught:
        client.put_secret_value(SecretId=name, SecretString="x", SecretBinary=b"x")
    assert told(caught)[0] == "InvalidParameterException"


def test_updating_without_a_value_touches_no_version(client: Any) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="1", Description="old")
    before = client.describe_secret(SecretId=name)
    assert "VersionId" not in client.update_secret(SecretId=name, Description="new")
    after = client.describe_secret(SecretId=name)
    assert after["Description"] == "new"
    assert after["VersionIdsToStages"] == before["VersionIdsToStages"]
    assert after["LastChangedDate"] > before["LastChangedDate"]


def test_a_batch_tells_values_and_errors_in_the_order_of_the_request(client: Any) -> None:
    prefix = unique()
    names = [f"{prefix}/{number}" for number in range(3)]
    for name in names:
        client.create_secret(Name=name, SecretString=name)
    ids = [names[2], f"{prefix}/missing", names[0]]
    found = client.batch_get_secret_value(SecretIdList=ids)
    assert [value["SecretString"] for value in found["SecretValues"]] == [names[2], names[0]]
    [error] = found["Errors"]
    assert (error["SecretId"], error["ErrorCode"]) == (ids[1], "ResourceNotFoundException")
    filters = [{"Key": "name", "Values": [prefix]}]
    pages = client.batch_get_secret_value(Filters=filters, MaxResults=2)
    rest = client.batch_get_secret_value(Filters=filters, MaxResults=2, NextToken=pages["NextToken"])
    assert [value["Name"] for value in pages["SecretValues"] + rest["SecretValues"]] == names
    with pytest.raises(ClientError) as caught:
        client.batch_get_secret_value(SecretIdList=ids, Filters=filters)
    assert told(caught)[0] == "InvalidParameterException"


def test_random_passwords(client: Any) -> None:
    password = client.get_random_password()["RandomPassword"]
    assert len(password) == 32
    assert " " not in password
    assert client.get_random_password(
        PasswordLength=8, ExcludeLowercase=True, ExcludeUppercase=True, ExcludePunctuation=True
    )["RandomPassword"].isdigit()
    with pytest.raises(ClientError) as caught:
        client.get_random_password(PasswordLength=3)
    assert told(caught)[0] == "InvalidParameterException"
