"""What a SecretId may be, and that one spelling has one meaning (attacks 1 and 2)."""

from __future__ import annotations

import pytest

from strongroom.services.secretsmanager.names import (
    SecretReference,
    is_valid_name,
    new_secret_arn,
    parse_secret_id,
    would_be_arn,
)
from strongroom.world import SystemEntropy

ACCOUNT, REGION = "123456789012", "eu-central-1"
PREFIX = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"


def parse(secret_id: str) -> SecretReference | None:
    return parse_secret_id(secret_id, ACCOUNT, REGION)


def test_a_name_belongs_to_the_callers_account_and_region() -> None:
    assert parse("app/db") == SecretReference("", ACCOUNT, REGION, "app/db")


def test_an_arn_with_a_suffix_is_a_full_one() -> None:
    found = parse(f"{PREFIX}app/db-AbC123")
    assert found is not None
    assert found.arn == f"{PREFIX}app/db-AbC123"


def test_an_arn_without_a_suffix_is_looked_up_by_name_in_its_own_account() -> None:
    other = f"arn:aws:secretsmanager:{REGION}:210987654321:secret:app/db"
    assert parse(other) == SecretReference("", "210987654321", REGION, "app/db")


def test_a_name_that_ends_like_a_suffix_has_no_partial_arn() -> None:
    found = parse(f"{PREFIX}app-secret")
    assert found is not None
    assert found.arn == f"{PREFIX}app-secret"


@pytest.mark.parametrize(
    "secret_id",
    [
        f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app/db-AbC123",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:secret:app/db-AbC123",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a:b",
        f"arn:aws:secretsmanager:{REGION}::secret:app",
        f"ARN:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app",
        "arn:aws:secretsmanager",
    ],
)
def test_other_arns_name_no_secret(secret_id: str) -> None:
    assert parse(secret_id) is None


@pytest.mark.parametrize(
    "spelling",
    ["app/db ", " app/db", "app/db\0", "app/db\n", "app%2Fdb", "ａpp/db", "app:db", "app*", "", "a" * 513],
)
def test_attack_01_spellings_that_no_secret_can_have(spelling: str) -> None:
    assert parse(spelling) is None
    assert not is_valid_name(spelling)


@pytest.mark.parametrize("spelling", ["APP/DB", "app//db", "app/../app/db", "./app/db", "app/db-AbC123"])
def test_attack_01_spellings_are_kept_as_they_are(spelling: str) -> None:
    found = parse(spelling)
    assert found is not None
    assert (found.arn, found.name) == ("", spelling)


def test_a_new_arn_is_the_name_and_six_letters_or_digits() -> None:
    arn = new_secret_arn("app/db", ACCOUNT, REGION, SystemEntropy())
    suffix = arn.removeprefix(f"{PREFIX}app/db-")
    assert len(suffix) == 6
    assert suffix.isascii()
    assert suffix.isalnum()
    found = parse(arn)
    assert found is not None
    assert found.arn == arn


def test_a_missing_secret_is_decided_on_the_arn_it_would_have() -> None:
    assert would_be_arn("app/db", ACCOUNT, REGION) == f"{PREFIX}app/db"
    assert would_be_arn(f"{PREFIX}app/db", ACCOUNT, REGION) == f"{PREFIX}app/db"
