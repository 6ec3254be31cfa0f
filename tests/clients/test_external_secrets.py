"""What the External Secrets Operator says to Secrets Manager, call by call: tokens, tags and errors."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import RunningServer

pytestmark = pytest.mark.system

#: It counts the versions of a secret that it pushes, written as UUIDs.
FIRST, SECOND = (f"00000000-0000-0000-0000-{number:012}" for number in (1, 2))
MANAGED = {"Key": "managed-by", "Value": "external-secrets"}


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"external-{uuid.uuid4().hex[:12]}"


def _push(client: Any, name: str, value: bytes) -> None:
    """Make a secret hold a value, as the operator does for a PushSecret."""
    try:
        described = client.describe_secret(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(Name=name, SecretBinary=value, Tags=[MANAGED], ClientRequestToken=FIRST)
        return
    assert MANAGED in described["Tags"]
    current = client.get_secret_value(SecretId=name)
    if current["SecretBinary"] != value:
        token = str(uuid.UUID(int=uuid.UUID(current["VersionId"]).int + 1))
        client.put_secret_value(SecretId=name, SecretBinary=value, ClientRequestToken=token)


def test_pushed_secrets_and_their_versions(client: Any, name: str) -> None:
    for value in (b"first", b"first", b"second"):
        _push(client, name, value)
    assert client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["VersionId"] == SECOND
    assert client.get_secret_value(SecretId=name, VersionId=FIRST)["SecretBinary"] == b"first"


def test_secrets_found_by_tag_are_read_in_a_batch(client: Any, name: str) -> None:
    tags = [MANAGED, {"Key": name, "Value": "blue"}]
    for number in (1, 2):
        client.create_secret(Name=f"{name}/{number}", SecretString=str(number), Tags=tags)
    filters = [{"Key": "tag-key", "Values": [name]}, {"Key": "tag-value", "Values": ["blue"]}]
    listed = client.list_secrets(Filters=filters)
    assert "NextToken" not in listed  # it goes on for as long as there is one
    assert [secret["Name"] for secret in listed["SecretList"]] == [f"{name}/1", f"{name}/2"]
    batch = client.batch_get_secret_value(Filters=filters)
    assert [(secret["Name"], secret["SecretString"]) for secret in batch["SecretValues"]] == [
        (f"{name}/1", "1"),
        (f"{name}/2", "2"),
    ]


def test_a_secret_that_is_being_deleted_is_told_by_words(client: Any, name: str) -> None:
    _push(client, name, b"value")
    client.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    with pytest.raises(ClientError, match=r"InvalidRequestException.*was marked for deletion"):
        client.get_secret_value(SecretId=name)
    with pytest.raises(ClientError, match=r"InvalidRequestException.*already scheduled for deletion"):
        client.create_secret(Name=name, SecretBinary=b"value", ClientRequestToken=FIRST)
