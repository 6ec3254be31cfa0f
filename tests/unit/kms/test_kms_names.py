"""What a request calls a key resolves in one way only."""

from __future__ import annotations

import pytest

from strongroom.errors import AwsError
from strongroom.services.kms.names import KeyReference, check_alias_name, local_key_arn, parse_reference, sealing_name

ACCOUNT = "123456789012"
OTHER = "210987654321"
REGION = "eu-central-1"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"


@pytest.mark.parametrize(
    ("key_id", "expected"),
    [
        (KEY_ID, KeyReference(ACCOUNT, REGION, KEY_ARN)),
        (KEY_ARN, KeyReference(ACCOUNT, REGION, KEY_ARN)),
        (
            f"arn:aws:kms:{REGION}:{OTHER}:key/{KEY_ID}",
            KeyReference(OTHER, REGION, f"arn:aws:kms:{REGION}:{OTHER}:key/{KEY_ID}"),
        ),
        ("alias/a/b", KeyReference(ACCOUNT, REGION, f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a/b", "alias/a/b")),
        (
            f"arn:aws:kms:{REGION}:{OTHER}:alias/x",
            KeyReference(OTHER, REGION, f"arn:aws:kms:{REGION}:{OTHER}:alias/x", "alias/x"),
        ),
    ],
)
def test_every_form_of_a_key_id(key_id: str, expected: KeyReference) -> None:
    assert parse_reference(key_id, ACCOUNT, REGION) == expected


@pytest.mark.parametrize(
    "key_id",
    [
        "nothing",
        f" {KEY_ID}",
        f"{KEY_ID} ",
        f"{KEY_ID}\n",
        f"key/{KEY_ID}",
        "alias/",
        "alias/a b",
        "Alias/a",
        "alias/a:b",
        "alias/%2e%2e",
        "alias/caf\u00e9",
        "alias/a\x00",
        f"{KEY_ARN}/",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:key/../{KEY_ID}",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:key//{KEY_ID}",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:grant/{KEY_ID}",
        f"arn:aws:kms:{REGION}:{ACCOUNT}1:key/{KEY_ID}",
        f"arn:aws:kms:{REGION}::key/{KEY_ID}",
        f"arn:aws:s3:{REGION}:{ACCOUNT}:key/{KEY_ID}",
        f"arn:aws-cn:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}",
        "arn:aws:kms",
    ],
)
def test_attack_01_other_spellings_name_no_key(key_id: str) -> None:
    with pytest.raises(AwsError) as refused:
        parse_reference(key_id, ACCOUNT, REGION)
    assert refused.value.code == "NotFoundException"
    assert refused.value.message == f"Invalid keyId '{key_id}'"


def test_an_arn_of_another_region() -> None:
    with pytest.raises(AwsError) as refused:
        parse_reference(f"arn:aws:kms:us-west-2:{ACCOUNT}:key/{KEY_ID}", ACCOUNT, REGION)
    assert (refused.value.code, refused.value.message) == ("NotFoundException", "Invalid arn us-west-2")


def test_not_found_names_the_key_or_the_alias() -> None:
    key = parse_reference(KEY_ID, ACCOUNT, REGION).not_found()
    assert key.message == f"Key '{KEY_ARN}' does not exist"
    alias = parse_reference("alias/x", ACCOUNT, REGION).not_found()
    assert alias.message == f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/x is not found."


def test_the_key_that_a_ciphertext_names() -> None:
    assert local_key_arn(KEY_ARN, REGION) == KEY_ARN
    assert local_key_arn(KEY_ARN, "us-east-1") is None
    assert local_key_arn(KEY_ARN.replace(REGION, ""), REGION) is None
    assert local_key_arn(KEY_ID, REGION) is None
    assert local_key_arn(f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/x", REGION) is None


def test_the_keys_of_a_multi_region_key_have_one_name_in_ciphertexts() -> None:
    key_id = f"mrk-{KEY_ID.replace('-', '')}"
    names = {sealing_name(f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}", key_id) for region in (REGION, "us-east-1")}
    assert names == {f"arn:aws:kms::{ACCOUNT}:key/{key_id}"}
    assert local_key_arn(names.pop(), "us-east-1") == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
    assert sealing_name(KEY_ARN, KEY_ID) == KEY_ARN


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("mine", "ValidationException"),
        ("alias", "ValidationException"),
        ("alias/a:b", "ValidationException"),
        ("alias/", "InvalidAliasNameException"),
        ("alias/a\n", "InvalidAliasNameException"),
        ("alias/aws/secretsmanager", "NotAuthorizedException"),
        ("alias/aws/", "NotAuthorizedException"),
    ],
)
def test_alias_names_that_callers_may_not_have(name: str, code: str) -> None:
    with pytest.raises(AwsError) as refused:
        check_alias_name(name)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["alias/a", "alias/aws", "alias/awsome", "alias/a/b_c-d"])
def test_alias_names_that_callers_may_have(name: str) -> None:
    check_alias_name(name)
