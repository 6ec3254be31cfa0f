"""The KMS keys of secrets with boto3: chosen, changed, disabled, deleted, forbidden."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.support.policies import allow, deny, document, refusal
from tests.support.server import RunningServer

UNREADABLE = (
    "DecryptionFailure",
    "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
)
FORBIDDEN = ("AccessDeniedException", "Access to KMS is not allowed")
OTHER_KEY = (
    "AccessDeniedException",
    "Access to KMS is not allowed. This version of secret is not encrypted with the current KMS key.",
)


def unique(prefix: str = "keys") -> str:
    return f"{prefix}/{uuid.uuid4().hex}"


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["Arn"])


def keys_of(client: Any, name: str) -> dict[str, str]:
    """The key that each label's version is under."""
    versions = client.list_secret_version_ids(SecretId=name)["Versions"]
    return {label: version["KmsKeyIds"][0] for version in versions for label in version["VersionStages"]}


@pytest.mark.parametrize("end", ["disabled", "deleted"])
def test_a_key_that_cannot_be_used(client: Any, kms: Any, key: str, end: str) -> None:
    name = unique()
    token = client.create_secret(Name=name, SecretString="x", KmsKeyId=key)["VersionId"]
    if end == "disabled":
        kms.disable_key(KeyId=key)
    else:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert refusal(client, "get_secret_value", SecretId=name) == UNREADABLE
    for operation, parameters in (
        ("put_secret_value", {"SecretId": name, "SecretString": "y"}),
        ("update_secret", {"SecretId": name, "SecretString": "y"}),
        ("create_secret", {"Name": unique(), "KmsKeyId": key}),
    ):
        code, message = refusal(client, operation, **parameters)
        assert code == "EncryptionFailure", operation
        assert message.startswith("Secrets Manager can't encrypt the protected secret text using the provided KMS key.")
    # To see whether a request came again takes decryption, too; so does leaving the key.
    again = {"SecretId": name, "SecretString": "x", "ClientRequestToken": token}
    assert refusal(client, "put_secret_value", **again) == UNREADABLE
    assert refusal(client, "update_secret", SecretId=name, KmsKeyId="") == UNREADABLE
    client.describe_secret(SecretId=name)
    client.update_secret(SecretId=name, Description="needs no key")
    if end == "deleted":
        kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "x"
    assert keys_of(client, name) == {"AWSCURRENT": key}


def test_a_key_that_is_not_there(client: Any, strongroom: RunningServer) -> None:
    name = unique()
    missing = f"arn:aws:kms:{strongroom.region}:{strongroom.account}:key/{uuid.uuid4()}"
    for key_id in (missing, missing.rsplit("/", 1)[1], "alias/nothing", "nonsense"):
        code, message = refusal(client, "create_secret", Name=name, SecretString="x", KmsKeyId=key_id)
        assert code == "InvalidParameterException"
        assert message.startswith("The operation failed because of an invalid KMS key: ")
    assert refusal(client, "describe_secret", SecretId=name)[0] == "ResourceNotFoundException"


def test_a_key_that_the_caller_may_not_use(client: Any, strongroom: RunningServer, key: str) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="x", KmsKeyId=key)
    user = strongroom.make_user(document(allow("secretsmanager:*", "kms:*"), deny("kms:Decrypt", resource=key)))
    somebody = strongroom.client("secretsmanager", user)
    assert refusal(somebody, "get_secret_value", SecretId=name) == FORBIDDEN
    assert refusal(somebody, "create_secret", Name=unique(), KmsKeyId=key) == FORBIDDEN
    assert refusal(somebody, "update_secret", SecretId=name, KmsKeyId="") == FORBIDDEN
    # Writing under the key that a secret has takes kms:GenerateDataKey alone.
    assert somebody.put_secret_value(SecretId=name, SecretString="y")["VersionStages"] == ["AWSCURRENT"]


def test_a_change_of_key_brings_along_the_versions_in_use(client: Any, kms: Any, key: str) -> None:
    name = unique()
    values = {"AWSPREVIOUS": "1", "AWSCURRENT": "2", "AWSPENDING": "3", "mine": "4"}
    old = client.create_secret(Name=name, SecretString="0")["VersionId"]
    for value in ("1", "2"):
        client.put_secret_value(SecretId=name, SecretString=value)
    for label in ("AWSPENDING", "mine"):
        client.put_secret_value(SecretId=name, SecretString=values[label], VersionStages=[label])
    assert "VersionId" not in client.update_secret(SecretId=name, KmsKeyId=key)
    default = "DefaultEncryptionKey"
    assert keys_of(client, name) == {"AWSPREVIOUS": key, "AWSCURRENT": key, "AWSPENDING": key, "mine": default}
    assert {
        label: client.get_secret_value(SecretId=name, VersionStage=label)["SecretString"] for label in values
    } == values
    assert client.get_secret_value(SecretId=name, VersionId=old)["SecretString"] == "0"
    kms.disable_key(KeyId=key)
    for label in ("AWSPREVIOUS", "AWSCURRENT", "AWSPENDING"):
        assert refusal(client, "get_secret_value", SecretId=name, VersionStage=label) == UNREADABLE
    assert client.get_secret_value(SecretId=name, VersionStage="mine")["SecretString"] == "4"


def test_without_encrypt_on_the_new_key_versions_stay_under_the_old_one(
    client: Any, kms: Any, strongroom: RunningServer, key: str
) -> None:
    name = unique()
    new = str(kms.create_key()["KeyMetadata"]["Arn"])
    client.create_secret(Name=name, SecretString="old", KmsKeyId=key)
    user = strongroom.make_user(document(allow("secretsmanager:*", "kms:*"), deny("kms:Encrypt", resource=new)))
    somebody = strongroom.client("secretsmanager", user)
    somebody.update_secret(SecretId=name, KmsKeyId=new)
    assert client.describe_secret(SecretId=name)["KmsKeyId"] == new
    assert keys_of(client, name) == {"AWSCURRENT": key}
    reader = strongroom.client(
        "secretsmanager", strongroom.make_user(document(allow("secretsmanager:*"), allow("kms:*", resource=new)))
    )
    assert refusal(reader, "get_secret_value", SecretId=name) == OTHER_KEY
    client.put_secret_value(SecretId=name, SecretString="new")
    assert keys_of(client, name) == {"AWSCURRENT": new, "AWSPREVIOUS": key}
    assert reader.get_secret_value(SecretId=name)["SecretString"] == "new"


@pytest.mark.parametrize("spelling", ["", "alias/aws/secretsmanager", "alias ARN", "key ARN"])
def test_back_to_the_services_own_key(
    client: Any, kms: Any, strongroom: RunningServer, key: str, spelling: str
) -> None:
    name = unique()
    client.create_secret(Name=name, SecretString="x", KmsKeyId=key)
    if spelling == "alias ARN":
        spelling = f"arn:aws:kms:{strongroom.region}:{strongroom.account}:alias/aws/secretsmanager"
    elif spelling == "key ARN":
        client.create_secret(Name=unique(), SecretString="makes the key")
        spelling = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]["Arn"]
    client.update_secret(SecretId=name, KmsKeyId=spelling)
    assert "KmsKeyId" not in client.describe_secret(SecretId=name)
    assert keys_of(client, name) == {"AWSCURRENT": "DefaultEncryptionKey"}
    kms.disable_key(KeyId=key)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "x"


def test_an_alias_counts_by_what_it_names_at_the_time(client: Any, kms: Any, key: str) -> None:
    alias = f"alias/{uuid.uuid4().hex}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    name = unique()
    client.create_secret(Name=name, SecretString="1", KmsKeyId=alias)
    assert client.describe_secret(SecretId=name)["KmsKeyId"] == alias
    other = str(kms.create_key()["KeyMetadata"]["Arn"])
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    client.put_secret_value(SecretId=name, SecretString="2")
    assert keys_of(client, name) == {"AWSCURRENT": other, "AWSPREVIOUS": key}
    assert client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "1"
