"""The condition keys of KMS: each decides (KMS Developer Guide, "AWS KMS condition keys")."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from tests.support.kms_keys import new_key
from tests.support.policies import allow, document, refusal_code
from tests.support.server import RunningServer


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


def admits(strongroom: RunningServer, action: str, condition: dict[str, Any], **request: Any) -> bool:
    """Whether a user whose only permission has this condition may do it."""
    user = strongroom.client("kms", strongroom.make_user(document(allow(action, Condition=condition))))
    try:
        getattr(user, xform_name(action.partition(":")[2]))(**request)
    except ClientError as refused:
        if refused.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("kms:CallerAccount", "000000000000", "111111111111"),
        ("kms:KeySpec", "SYMMETRIC_DEFAULT", "HMAC_256"),
        ("kms:KeyUsage", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC"),
        ("kms:KeyOrigin", "AWS_KMS", "EXTERNAL"),
        ("kms:MultiRegion", "false", "true"),
        ("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256"),
        ("kms:EncryptionContext:Project", "a", "b"),
        ("kms:EncryptionContextKeys", "Project", "Number"),
        ("aws:ResourceTag/Team", "red", "blue"),
    ],
)
def test_conditions_on_encrypt(strongroom: RunningServer, kms: Any, name: str, right: str, wrong: str) -> None:
    key = new_key(kms, Tags=[{"TagKey": "Team", "TagValue": "red"}])
    request = {"KeyId": key, "Plaintext": b"x", "EncryptionContext": {"Project": "a"}}
    operator = "ForAnyValue:StringEquals" if name == "kms:EncryptionContextKeys" else "StringEquals"
    assert admits(strongroom, "kms:Encrypt", {operator: {name: right}}, **request)
    assert not admits(strongroom, "kms:Encrypt", {operator: {name: wrong}}, **request)


def test_via_service_holds_for_calls_through_a_service_only(strongroom: RunningServer, kms: Any) -> None:
    key, name = new_key(kms), f"via-{uuid.uuid4().hex}"
    through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{strongroom.region}.amazonaws.com"}}
    statements = (
        allow("secretsmanager:*"),
        allow("kms:GenerateDataKey", "kms:Decrypt", resource=key, Condition=through),
    )
    user = strongroom.make_user(document(*statements))
    secrets = strongroom.client("secretsmanager", user)
    secrets.create_secret(Name=name, SecretString="value", KmsKeyId=key)
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "value"
    direct = strongroom.client("kms", user)
    assert refusal_code(direct, "generate_data_key", KeyId=key, KeySpec="AES_256") == "AccessDeniedException"


def test_the_alias_of_the_request_and_the_aliases_of_the_key(strongroom: RunningServer, kms: Any) -> None:
    key, alias = new_key(kms), f"alias/{uuid.uuid4().hex}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    by_request = {"StringEquals": {"kms:RequestAlias": alias}}
    assert admits(strongroom, "kms:Encrypt", by_request, KeyId=alias, Plaintext=b"x")
    assert not admits(strongroom, "kms:Encrypt", by_request, KeyId=key, Plaintext=b"x")
    by_resource = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    assert admits(strongroom, "kms:Encrypt", by_resource, KeyId=key, Plaintext=b"x")
    kms.delete_alias(AliasName=alias)
    assert not admits(strongroom, "kms:Encrypt", by_resource, KeyId=key, Plaintext=b"x")


@pytest.mark.parametrize(
    ("action", "name", "value", "right", "wrong"),
    [
        (
            "kms:ScheduleKeyDeletion",
            "kms:ScheduleKeyDeletionPendingWindowInDays",
            "20",
            {"PendingWindowInDays": 20},
            {"PendingWindowInDays": 7},
        ),
        ("kms:TagResource", "aws:RequestTag/Team", "red", {"Tags": "red"}, {"Tags": "blue"}),
        (
            "kms:PutKeyPolicy",
            "kms:BypassPolicyLockoutSafetyCheck",
            "false",
            {},
            {"BypassPolicyLockoutSafetyCheck": True},
        ),
    ],
)
def test_conditions_on_management(
    strongroom: RunningServer,
    kms: Any,
    action: str,
    name: str,
    value: str,
    right: dict[str, Any],
    wrong: dict[str, Any],
) -> None:
    key = new_key(kms)

    def request(given: dict[str, Any]) -> dict[str, Any]:
        given = dict(given)
        if "Tags" in given:
            given["Tags"] = [{"TagKey": "Team", "TagValue": given["Tags"]}]
        if action == "kms:PutKeyPolicy":
            given["Policy"] = kms.get_key_policy(KeyId=key)["Policy"]
        return {"KeyId": key, **given}

    assert not admits(strongroom, action, {"StringEquals": {name: value}}, **request(wrong))
    assert admits(strongroom, action, {"StringEquals": {name: value}}, **request(right))


@pytest.mark.parametrize(
    ("condition", "right", "wrong"),
    [
        ({"kms:KeySpec": "HMAC_256"}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, {}),
        ({"kms:KeyOrigin": "EXTERNAL"}, {"Origin": "EXTERNAL"}, {}),
        ({"kms:MultiRegion": "true"}, {"MultiRegion": True}, {}),
        ({"kms:MultiRegionKeyType": "PRIMARY"}, {"MultiRegion": True}, {}),
        ({"kms:KeyUsage": "ENCRYPT_DECRYPT"}, {}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}),
    ],
)
def test_conditions_on_making_keys(
    strongroom: RunningServer, condition: dict[str, str], right: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert admits(strongroom, "kms:CreateKey", {"StringEquals": condition}, **right)
    assert not admits(strongroom, "kms:CreateKey", {"StringEquals": condition}, **wrong)


def test_re_encrypting_on_the_same_key(strongroom: RunningServer, kms: Any) -> None:
    key, other = new_key(kms), new_key(kms)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    same = {"Bool": {"kms:ReEncryptOnSameKey": "true"}}
    user = strongroom.client("kms", strongroom.make_user(document(allow("kms:ReEncrypt*", Condition=same))))
    user.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=key)
    request = {"CiphertextBlob": sealed, "DestinationKeyId": other}
    assert refusal_code(user, "re_encrypt", **request) == "AccessDeniedException"


def test_a_dry_run_asks_for_permissions_without_a_ciphertext(strongroom: RunningServer, kms: Any) -> None:
    key = new_key(kms)
    ignoring = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    weak = strongroom.client("kms", strongroom.make_user())
    assert refusal_code(kms, "decrypt", KeyId=key, **ignoring) == "DryRunOperationException"
    assert refusal_code(weak, "decrypt", KeyId=key, **ignoring) == "AccessDeniedException"
    assert refusal_code(kms, "decrypt", **ignoring) == "ValidationException"
    move = {"SourceKeyId": key, "DestinationKeyId": key}
    assert refusal_code(kms, "re_encrypt", **move, **ignoring) == "DryRunOperationException"
    assert refusal_code(kms, "decrypt", KeyId=key, DryRunModifiers=["IGNORE_CIPHERTEXT"]) == "ValidationException"
    assert refusal_code(kms, "decrypt", KeyId=key) == "ValidationException"


@pytest.mark.parametrize("service", ["secretsmanager", "ssm", "rds", "lambda"])
def test_the_keys_of_services(strongroom: RunningServer, kms: Any, service: str) -> None:
    name = f"alias/aws/{service}"
    metadata = kms.describe_key(KeyId=name)["KeyMetadata"]
    assert metadata["KeyManager"] == "AWS"
    assert metadata["Description"].startswith("Default key that protects my ")
    for operation, request in (
        ("encrypt", {"KeyId": name, "Plaintext": b"x"}),
        ("schedule_key_deletion", {"KeyId": metadata["Arn"]}),
    ):
        assert refusal_code(kms, operation, **request) == "AccessDeniedException"
