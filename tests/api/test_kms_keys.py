"""KMS keys through boto3: making, describing, listing, enabling, disabling, deleting, tagging."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import RunningServer

ABSENT = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def message(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Message"])


def test_create_key(kms: Any, strongroom: RunningServer) -> None:
    metadata = kms.create_key(Description="for a test")["KeyMetadata"]
    assert metadata["Arn"] == f"arn:aws:kms:{strongroom.region}:{strongroom.account}:key/{metadata['KeyId']}"
    assert str(uuid.UUID(metadata["KeyId"])) == metadata["KeyId"]
    assert metadata["AWSAccountId"] == strongroom.account
    assert metadata["Description"] == "for a test"
    assert metadata["Enabled"] is True
    assert metadata["KeyState"] == "Enabled"
    assert metadata["KeyManager"] == "CUSTOMER"
    assert metadata["KeySpec"] == metadata["CustomerMasterKeySpec"] == "SYMMETRIC_DEFAULT"
    assert metadata["KeyUsage"] == "ENCRYPT_DECRYPT"
    assert metadata["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert metadata["Origin"] == "AWS_KMS"
    assert metadata["MultiRegion"] is False
    assert "DeletionDate" not in metadata
    assert kms.describe_key(KeyId=metadata["KeyId"])["KeyMetadata"] == metadata
    assert kms.describe_key(KeyId=metadata["Arn"])["KeyMetadata"] == metadata


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}, "KeySpec RSA_2048"),
        ({"CustomerMasterKeySpec": "ECC_NIST_P256"}, "KeySpec ECC_NIST_P256"),
        ({"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"}, "KeySpec ML_KEM_768"),
        ({"Origin": "AWS_CLOUDHSM"}, "Origin AWS_CLOUDHSM"),
        ({"XksKeyId": "outside"}, "XksKeyId"),
    ],
)
def test_kinds_of_keys_that_are_not_offered(kms: Any, parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(ClientError) as refused:
        kms.create_key(**parameters)
    assert code(refused) == "UnsupportedOperationException"
    assert message(refused).startswith(f"{named} is not supported")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"KeySpec": "HMAC_256"},
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        ),
        (
            {"KeyUsage": "GENERATE_VERIFY_MAC"},
            "KeyUsage GENERATE_VERIFY_MAC is not compatible with KeySpec SYMMETRIC_DEFAULT",
        ),
        (
            {"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
            "CustomerMasterKeySpec is deprecated.",
        ),
    ],
)
def test_parameters_that_contradict_each_other(kms: Any, parameters: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClientError) as refused:
        kms.create_key(**parameters)
    assert (code(refused), message(refused)) == ("ValidationException", expected)


def test_there_are_no_custom_key_stores(kms: Any) -> None:
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []
    uses: tuple[Callable[[], Any], ...] = (
        lambda: kms.create_key(CustomKeyStoreId="cks-1"),
        lambda: kms.generate_random(NumberOfBytes=8, CustomKeyStoreId="cks-1"),
        lambda: kms.describe_custom_key_stores(CustomKeyStoreId="cks-1"),
    )
    for use in uses:
        with pytest.raises(ClientError) as refused:
            use()
        assert code(refused) == "CustomKeyStoreNotFoundException"
        assert "cks-1" in message(refused)


@pytest.mark.parametrize("operation", ["describe_key", "enable_key", "disable_key", "get_key_policy"])
def test_a_key_that_does_not_exist(kms: Any, strongroom: RunningServer, operation: str) -> None:
    arn = f"arn:aws:kms:{strongroom.region}:{strongroom.account}:key/{ABSENT}"
    for name in (ABSENT, arn):
        with pytest.raises(ClientError) as refused:
            getattr(kms, operation)(KeyId=name)
        assert code(refused) == "NotFoundException"
        assert message(refused) == f"Key '{arn}' does not exist"
    with pytest.raises(ClientError) as refused:
        getattr(kms, operation)(KeyId="not-a-key")
    assert code(refused) == "NotFoundException"
    assert message(refused) == "Invalid keyId 'not-a-key'"


def test_a_caller_without_permission_does_not_learn_whether_a_key_exists(strongroom: RunningServer, kms: Any) -> None:
    present = kms.create_key()["KeyMetadata"]["KeyId"]
    weak = strongroom.client("kms", strongroom.make_user())
    texts = []
    for name in (present, ABSENT):
        with pytest.raises(ClientError) as refused:
            weak.describe_key(KeyId=name)
        assert code(refused) == "AccessDeniedException"
        texts.append(message(refused).replace(name, "KEY"))
    assert texts[0] == texts[1]


def test_list_keys_in_pages(kms: Any) -> None:
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)}
    listed: list[str] = []
    for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}):
        assert len(page["Keys"]) <= 2
        assert page["Truncated"] == ("NextMarker" in page)
        listed += [key["KeyId"] for key in page["Keys"]]
    assert made <= set(listed)
    assert len(set(listed)) == len(listed)


def test_disable_and_enable(kms: Any) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=arn)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Disabled"
    uses: tuple[Callable[[], Any], ...] = (
        lambda: kms.encrypt(KeyId=arn, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=sealed),
        lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
    )
    for use in uses:
        with pytest.raises(ClientError) as refused:
            use()
        assert code(refused) == "DisabledException"
        assert message(refused) == f"{arn} is disabled."
    kms.enable_key(KeyId=arn)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_deletion_is_scheduled_and_cancelled(kms: Any) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    scheduled = kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert scheduled["KeyId"] == arn
    assert scheduled["KeyState"] == "PendingDeletion"
    assert scheduled["PendingWindowInDays"] == 7
    assert abs(scheduled["DeletionDate"] - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=5)
    uses: tuple[Callable[[], Any], ...] = (
        lambda: kms.encrypt(KeyId=arn, Plaintext=b"x"),
        lambda: kms.enable_key(KeyId=arn),
        lambda: kms.disable_key(KeyId=arn),
        lambda: kms.schedule_key_deletion(KeyId=arn),
        lambda: kms.create_alias(AliasName=f"alias/{uuid.uuid4()}", TargetKeyId=arn),
    )
    for use in uses:
        with pytest.raises(ClientError) as refused:
            use()
        assert code(refused) == "KMSInvalidStateException"
        assert message(refused) == f"{arn} is pending deletion."
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert metadata["DeletionDate"] == scheduled["DeletionDate"]
    assert kms.cancel_key_deletion(KeyId=arn)["KeyId"] == arn
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert metadata["KeyState"] == "Disabled"
    assert "DeletionDate" not in metadata
    with pytest.raises(ClientError) as refused:
        kms.cancel_key_deletion(KeyId=arn)
    assert message(refused) == f"{arn} is not pending deletion."


@pytest.mark.parametrize("days", [6, 31])
def test_a_waiting_period_out_of_bounds(kms: Any, days: int) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError) as refused:
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=days)
    assert code(refused) == "ValidationException"


def test_tags(kms: Any) -> None:
    arn = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "red"}])["KeyMetadata"]["Arn"]
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "team", "TagValue": "blue"}, {"TagKey": "x", "TagValue": ""}])
    listed = kms.list_resource_tags(KeyId=arn)
    assert listed["Tags"] == [{"TagKey": "team", "TagValue": "blue"}, {"TagKey": "x", "TagValue": ""}]
    assert listed["Truncated"] is False
    kms.untag_resource(KeyId=arn, TagKeys=["x", "absent"])
    assert kms.list_resource_tags(KeyId=arn)["Tags"] == [{"TagKey": "team", "TagValue": "blue"}]
    with pytest.raises(ClientError) as refused:
        kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "aws:x", "TagValue": "y"}])
    assert code(refused) == "TagException"


def test_permission_by_tag(kms: Any, strongroom: RunningServer) -> None:
    arn = kms.create_key(Tags=[{"TagKey": "Team", "TagValue": "red"}])["KeyMetadata"]["Arn"]
    statement = {
        "Effect": "Allow",
        "Action": "kms:Encrypt",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/Team": "red"}},
    }
    user = strongroom.client("kms", strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]}))
    user.encrypt(KeyId=arn, Plaintext=b"x")
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "Team", "TagValue": "blue"}])
    with pytest.raises(ClientError) as refused:
        user.encrypt(KeyId=arn, Plaintext=b"x")
    assert code(refused) == "AccessDeniedException"


def test_update_description(kms: Any) -> None:
    arn = kms.create_key(Description="old")["KeyMetadata"]["Arn"]
    kms.update_key_description(KeyId=arn, Description="new")
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Description"] == "new"
