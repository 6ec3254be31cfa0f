"""KMS aliases through boto3."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.refusals import told
from tests.support.server import RunningServer


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


@pytest.fixture
def alias() -> str:
    return f"alias/test/{uuid.uuid4().hex}"


def test_an_alias_stands_for_its_key(kms: Any, strongroom: RunningServer, alias: str) -> None:
    metadata = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=metadata["KeyId"])
    arn = f"arn:aws:kms:{strongroom.region}:{strongroom.account}:{alias}"
    for name in (alias, arn):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == metadata["Arn"]
        sealed = kms.encrypt(KeyId=name, Plaintext=b"x")
        assert sealed["KeyId"] == metadata["Arn"]
        assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], KeyId=name)["Plaintext"] == b"x"
    (listed,) = kms.list_aliases(KeyId=metadata["KeyId"])["Aliases"]
    assert listed["AliasName"] == alias
    assert listed["AliasArn"] == arn
    assert listed["TargetKeyId"] == metadata["KeyId"]


def test_an_alias_that_exists(kms: Any, strongroom: RunningServer, alias: str) -> None:
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    with pytest.raises(ClientError) as refused:
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    arn = f"arn:aws:kms:{strongroom.region}:{strongroom.account}:{alias}"
    assert told(refused) == ("AlreadyExistsException", f"An alias with the name {arn} already exists")


def test_an_alias_that_does_not_exist(kms: Any, strongroom: RunningServer, alias: str) -> None:
    expected = (
        "NotFoundException",
        f"Alias arn:aws:kms:{strongroom.region}:{strongroom.account}:{alias} is not found.",
    )
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    uses: tuple[Callable[[], Any], ...] = (
        lambda: kms.describe_key(KeyId=alias),
        lambda: kms.encrypt(KeyId=alias, Plaintext=b"x"),
        lambda: kms.delete_alias(AliasName=alias),
        lambda: kms.update_alias(AliasName=alias, TargetKeyId=key_id),
    )
    for use in uses:
        with pytest.raises(ClientError) as refused:
            use()
        assert told(refused) == expected


def test_attack_01_an_alias_in_another_case_is_another_alias(kms: Any, alias: str) -> None:
    kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    with pytest.raises(ClientError) as refused:
        kms.describe_key(KeyId=alias.replace("test", "Test"))
    assert told(refused)[0] == "NotFoundException"


def test_update_alias(kms: Any, alias: str) -> None:
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    kms.create_alias(AliasName=alias, TargetKeyId=first)
    sealed = kms.encrypt(KeyId=alias, Plaintext=b"x")["CiphertextBlob"]
    kms.update_alias(AliasName=alias, TargetKeyId=second)
    assert kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == second
    assert kms.decrypt(CiphertextBlob=sealed)["KeyId"] == first
    with pytest.raises(ClientError) as refused:
        kms.decrypt(CiphertextBlob=sealed, KeyId=alias)
    assert told(refused)[0] == "IncorrectKeyException"


def test_delete_alias_leaves_the_key(kms: Any, alias: str) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=alias, TargetKeyId=arn)
    kms.delete_alias(AliasName=alias)
    assert kms.list_aliases(KeyId=arn)["Aliases"] == []
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Enabled"] is True


def test_list_aliases_in_pages(kms: Any) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    made = sorted(f"alias/{uuid.uuid4().hex}" for _ in range(3))
    for name in made:
        kms.create_alias(AliasName=name, TargetKeyId=arn)
    pages = kms.get_paginator("list_aliases").paginate(KeyId=arn, PaginationConfig={"PageSize": 2})
    assert sorted(entry["AliasName"] for page in pages for entry in page["Aliases"]) == made


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("alias/aws/mine", "NotAuthorizedException"),
        ("mine", "ValidationException"),
        ("alias/a:b", "ValidationException"),
    ],
)
def test_names_that_are_refused(kms: Any, name: str, code: str) -> None:
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError) as refused:
        kms.create_alias(AliasName=name, TargetKeyId=key_id)
    assert told(refused)[0] == code


def test_an_alias_stands_for_a_key_only(kms: Any, alias: str) -> None:
    kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    with pytest.raises(ClientError) as refused:
        kms.create_alias(AliasName=f"{alias}-2", TargetKeyId=alias)
    assert told(refused) == ("ValidationException", "Aliases must refer to keys. Not aliases")


def test_keys_are_managed_by_id_or_arn_only(kms: Any, alias: str) -> None:
    kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    with pytest.raises(ClientError) as refused:
        kms.disable_key(KeyId=alias)
    assert told(refused) == ("NotFoundException", f"Invalid keyId '{alias}'")


def test_changing_an_alias_needs_permission_on_alias_and_key(kms: Any, strongroom: RunningServer, alias: str) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    alias_arn = f"arn:aws:kms:{strongroom.region}:{strongroom.account}:{alias}"
    for allowed in ([arn], [alias_arn]):
        statement = {"Effect": "Allow", "Action": "kms:CreateAlias", "Resource": allowed}
        user = strongroom.client("kms", strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]}))
        with pytest.raises(ClientError) as refused:
            user.create_alias(AliasName=alias, TargetKeyId=arn)
        assert told(refused)[0] == "AccessDeniedException"
    statement = {"Effect": "Allow", "Action": "kms:CreateAlias", "Resource": [arn, alias_arn]}
    user = strongroom.client("kms", strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]}))
    user.create_alias(AliasName=alias, TargetKeyId=arn)
