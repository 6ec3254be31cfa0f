"""Who may do what to which secret: decisions, condition keys, and what a refusal gives away (attacks 1 to 3)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Credentials, RunningServer


def unique(prefix: str = "access") -> str:
    return f"{prefix}/{uuid.uuid4().hex}"


def statement(
    *actions: str, resource: str | Sequence[str] = "*", effect: str = "Allow", condition: Any = None
) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": effect, "Action": list(actions), "Resource": resource}
    if condition is not None:
        found["Condition"] = condition
    return found


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def refused(client: Any, operation: str, **parameters: Any) -> str:
    """The message with which an operation is refused."""
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**parameters)
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    return str(error["Message"])


@pytest.fixture
def admin(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


KMS = statement("kms:Decrypt", "kms:GenerateDataKey")


def test_reading_needs_both_the_secret_and_the_key(strongroom: RunningServer, admin: Any) -> None:
    name = unique()
    key = strongroom.client("kms").create_key()["KeyMetadata"]["Arn"]
    arn = admin.create_secret(Name=name, SecretString="x", KmsKeyId=key)["ARN"]
    secret_only = strongroom.make_user(policy(statement("secretsmanager:GetSecretValue", resource=arn)))
    key_only = strongroom.make_user(policy(statement("kms:Decrypt", resource=key)))
    both = strongroom.make_user(
        policy(
            statement("secretsmanager:GetSecretValue", resource=arn),
            statement("kms:Decrypt", resource=key),
        )
    )

    def client(user: Credentials) -> Any:
        return strongroom.client("secretsmanager", user)

    assert refused(client(secret_only), "get_secret_value", SecretId=name) == "Access to KMS is not allowed"
    assert "secretsmanager:GetSecretValue" in refused(client(key_only), "get_secret_value", SecretId=name)
    assert client(both).get_secret_value(SecretId=name)["SecretString"] == "x"
    strongroom.client("kms").disable_key(KeyId=key)
    with pytest.raises(ClientError) as caught:
        client(both).get_secret_value(SecretId=name)
    assert caught.value.response["Error"]["Code"] == "DecryptionFailure"
    with pytest.raises(ClientError) as caught:
        admin.put_secret_value(SecretId=name, SecretString="y")
    assert caught.value.response["Error"]["Code"] == "EncryptionFailure"


def test_the_default_key_needs_no_kms_permission_of_its_own(strongroom: RunningServer, admin: Any) -> None:
    name = unique()
    arn = admin.create_secret(Name=name, SecretString="x")["ARN"]
    user = strongroom.make_user(policy(statement("secretsmanager:GetSecretValue", resource=arn)))
    assert strongroom.client("secretsmanager", user).get_secret_value(SecretId=name)["SecretString"] == "x"


def test_a_refusal_looks_the_same_whether_the_secret_exists(strongroom: RunningServer, admin: Any) -> None:
    name, missing = unique(), unique()
    admin.create_secret(Name=name, SecretString="x")
    user = strongroom.make_user(policy(statement("secretsmanager:ListSecrets")))
    client = strongroom.client("secretsmanager", user)
    for operation in ("get_secret_value", "describe_secret", "delete_secret", "restore_secret"):
        there = refused(client, operation, SecretId=name)
        nowhere = refused(client, operation, SecretId=missing)
        assert there.replace(name, "?") == nowhere.replace(missing, "?")
        assert f" on resource: {name} because" in there
    assert f" on resource: {name} because" in refused(client, "create_secret", Name=name, SecretString="x")


def test_attack_01_a_deny_holds_for_every_spelling(strongroom: RunningServer, admin: Any) -> None:
    name = unique("Deny/Me")
    arn = admin.create_secret(Name=name, SecretString="x")["ARN"]
    user = strongroom.make_user(
        policy(statement("secretsmanager:*", "kms:*"), statement("*", resource=f"{arn[:-7]}-??????", effect="Deny"))
    )
    client = strongroom.client("secretsmanager", user)
    for spelling in (name, arn, arn[:-7]):
        assert "explicit deny" in refused(client, "get_secret_value", SecretId=spelling)
    others = (name.lower(), name.upper(), f"{name} ", f" {name}", f"{name}\n", name.replace("/", "//"))
    for spelling in (*others, name.replace("/", "%2F"), f"x/../{name}", f"{arn}-AbCdEf", f"{name}\0", arn.upper()):
        with pytest.raises(ClientError):
            client.get_secret_value(SecretId=spelling)


def test_attack_03_lists_and_batches_hide_what_a_deny_hides(strongroom: RunningServer, admin: Any) -> None:
    prefix = unique()
    shown, hidden = f"{prefix}/shown", f"{prefix}/hidden"
    admin.create_secret(Name=shown, SecretString="x")
    arn = admin.create_secret(Name=hidden, SecretString="x")["ARN"]
    user = strongroom.make_user(
        policy(statement("secretsmanager:*", "kms:*"), statement("secretsmanager:*", resource=arn, effect="Deny"))
    )
    client = strongroom.client("secretsmanager", user)
    filters = [{"Key": "name", "Values": [prefix]}]
    listed = client.list_secrets(Filters=filters)["SecretList"]
    assert [secret["Name"] for secret in listed] == [shown]
    batch = client.batch_get_secret_value(Filters=filters)
    assert [value["Name"] for value in batch["SecretValues"]] == [shown]
    assert hidden not in json.dumps(batch["Errors"])
    asked = client.batch_get_secret_value(SecretIdList=[shown, hidden])
    assert [error["ErrorCode"] for error in asked["Errors"]] == ["AccessDeniedException"]
    assert [value["Name"] for value in asked["SecretValues"]] == [shown]


def test_tags_decide_and_nobody_tags_himself_out(strongroom: RunningServer, admin: Any) -> None:
    name = unique()
    admin.create_secret(Name=name, SecretString="x", Tags=[{"Key": "Team", "Value": "blue"}])
    blue = {"StringEquals": {"aws:ResourceTag/Team": "blue"}}
    user = strongroom.make_user(policy(statement("secretsmanager:*", condition=blue), KMS))
    client = strongroom.client("secretsmanager", user)
    assert client.get_secret_value(SecretId=name)["SecretString"] == "x"
    client.tag_resource(SecretId=name, Tags=[{"Key": "other", "Value": "1"}])
    refused(client, "tag_resource", SecretId=name, Tags=[{"Key": "Team", "Value": "red"}])
    refused(client, "untag_resource", SecretId=name, TagKeys=["Team"])
    admin.tag_resource(SecretId=name, Tags=[{"Key": "Team", "Value": "red"}])
    refused(client, "get_secret_value", SecretId=name)


@pytest.mark.parametrize(
    ("operation", "allowed", "denied", "condition"),
    [
        ("GetSecretValue", {}, {"VersionStage": "AWSPREVIOUS"}, {"secretsmanager:VersionStage": "AWSCURRENT"}),
        ("DeleteSecret", {}, {"RecoveryWindowInDays": 7}, {"secretsmanager:RecoveryWindowInDays": "30"}),
        (
            "DeleteSecret",
            {},
            {"ForceDeleteWithoutRecovery": True},
            {"secretsmanager:ForceDeleteWithoutRecovery": "false"},
        ),
        (
            "UpdateSecret",
            {"Description": "plain"},
            {"Description": "other"},
            {"secretsmanager:Description": "plain"},
        ),
        (
            "TagResource",
            {"Tags": [{"Key": "a", "Value": "1"}]},
            {"Tags": [{"Key": "a", "Value": "2"}]},
            {"aws:RequestTag/a": "1"},
        ),
    ],
)
def test_condition_keys_of_the_request(
    strongroom: RunningServer,
    admin: Any,
    operation: str,
    allowed: dict[str, Any],
    denied: dict[str, Any],
    condition: dict[str, str],
) -> None:
    name = unique()
    admin.create_secret(Name=name, SecretString="x")
    admin.put_secret_value(SecretId=name, SecretString="y")
    user = strongroom.make_user(
        policy(statement(f"secretsmanager:{operation}", condition={"StringEquals": condition}), KMS)
    )
    client = strongroom.client("secretsmanager", user)
    method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
    refused(client, method, SecretId=name, **denied)
    getattr(client, method)(SecretId=name, **allowed)


def test_a_secret_with_tags_needs_the_right_to_tag(strongroom: RunningServer) -> None:
    user = strongroom.make_user(policy(statement("secretsmanager:CreateSecret"), KMS))
    client = strongroom.client("secretsmanager", user)
    client.create_secret(Name=unique(), SecretString="x")
    message = refused(client, "create_secret", Name=unique(), SecretString="x", Tags=[{"Key": "a", "Value": "b"}])
    assert "secretsmanager:TagResource" in message


def test_a_resource_policy_counts_on_the_next_request(strongroom: RunningServer, admin: Any) -> None:
    name = unique()
    admin.create_secret(Name=name, SecretString="x")
    user = strongroom.make_user(policy(KMS))
    client = strongroom.client("secretsmanager", user)
    grant = {**statement("secretsmanager:GetSecretValue"), "Principal": {"AWS": user.arn}}
    refused(client, "get_secret_value", SecretId=name)
    for _ in range(3):
        admin.put_resource_policy(SecretId=name, ResourcePolicy=json.dumps(policy(grant)))
        assert client.get_secret_value(SecretId=name)["SecretString"] == "x"
        admin.delete_resource_policy(SecretId=name)
        refused(client, "get_secret_value", SecretId=name)


def test_a_customer_key_is_checked_before_it_is_set(strongroom: RunningServer, admin: Any) -> None:
    key = strongroom.client("kms").create_key()["KeyMetadata"]["KeyId"]
    name = unique()
    admin.create_secret(Name=name, KmsKeyId=key)
    assert admin.describe_secret(SecretId=name)["KmsKeyId"] == key
    without_decrypt = strongroom.make_user(policy(statement("secretsmanager:*", "kms:GenerateDataKey")))
    client = strongroom.client("secretsmanager", without_decrypt)
    assert refused(client, "create_secret", Name=unique(), KmsKeyId=key) == "Access to KMS is not allowed"
    with pytest.raises(ClientError) as caught:
        admin.create_secret(Name=unique(), KmsKeyId=str(uuid.uuid4()), SecretString="x")
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    default = unique()
    admin.create_secret(Name=default, KmsKeyId="alias/aws/secretsmanager", SecretString="x")
    assert "KmsKeyId" not in admin.describe_secret(SecretId=default)
