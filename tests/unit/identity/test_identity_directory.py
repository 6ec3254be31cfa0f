"""Looking up users, roles and policies: exactly what was named (attack 1)."""

from __future__ import annotations

import pytest
from tests.support.harness_identity import ACCOUNT, ALLOW_ALL, IdentityHarness

from strongroom.errors import OperatorError
from strongroom.identity.directory import (
    policies_of,
    role_by_arn,
    role_by_name,
    tags_of,
    user_by_arn,
    user_by_id,
    user_by_name,
)
from strongroom.services.iam.owner_policies import attach, put_inline
from strongroom.services.iam.owners import put_tag


@pytest.mark.parametrize(
    "spelling", ["BOB", "Bob", "bob ", " bob", "bob/", "x/bob", "bo\u0301b", "b\u043eb", "bob\0", "%62ob", ""]
)
def test_attack_01_a_user_is_found_under_its_own_spelling_only(house: IdentityHarness, spelling: str) -> None:
    user = house.user("bob", "/x/")
    find = house.store.read_now
    assert find(lambda transaction: user_by_name(transaction, ACCOUNT, "bob")) == user
    assert find(lambda transaction: user_by_name(transaction, ACCOUNT, spelling)) is None
    assert find(lambda transaction: user_by_name(transaction, "210987654321", "bob")) is None


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:role/app",
        f"arn:aws:iam::{ACCOUNT}:role/X/app",
        f"arn:aws:iam::{ACCOUNT}:role/x//app",
        f"arn:aws:iam::{ACCOUNT}:role/x/../x/app",
        f"arn:aws:iam::{ACCOUNT}:role/x/app ",
        f"arn:aws:iam::{ACCOUNT}:role/x/APP",
        f"arn:aws:iam::{ACCOUNT}:user/x/app",
        f"arn:aws:iam:us-east-1:{ACCOUNT}:role/x/app",
        f"arn:aws-cn:iam::{ACCOUNT}:role/x/app",
        "arn:aws:iam::210987654321:role/x/app",
        "app",
    ],
)
def test_attack_01_a_role_is_found_under_its_own_arn_only(house: IdentityHarness, arn: str) -> None:
    role = house.role("app", path="/x/")
    assert house.store.read_now(lambda transaction: role_by_arn(transaction, role.arn)) == role
    assert house.store.read_now(lambda transaction: role_by_arn(transaction, arn)) is None
    assert house.store.read_now(lambda transaction: user_by_arn(transaction, arn)) is None


def test_users_and_roles_are_apart(house: IdentityHarness) -> None:
    user = house.user("same")
    assert house.store.read_now(lambda transaction: role_by_name(transaction, ACCOUNT, "same")) is None
    assert house.store.read_now(lambda transaction: user_by_id(transaction, user.user_id)) == user


def test_policies_come_inline_first_and_then_attached(house: IdentityHarness) -> None:
    user = house.user("bob")
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    house.write(lambda transaction: put_inline(transaction, user.user_id, "own", ALLOW_ALL))
    house.write(lambda transaction: attach(transaction, user.user_id, arn, 1))
    found = house.store.read_now(lambda transaction: policies_of(transaction, user.user_id))
    assert [document.name for document in found] == ["own", arn]


def test_an_attached_policy_that_is_gone_stops_everything(house: IdentityHarness) -> None:
    user = house.user("bob")
    arn = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    house.write(lambda transaction: attach(transaction, user.user_id, arn, 1))
    with pytest.raises(OperatorError, match="does not exist"):
        house.store.read_now(lambda transaction: policies_of(transaction, user.user_id))


def test_tags_are_those_of_the_owner(house: IdentityHarness) -> None:
    user, other = house.user("bob"), house.user("ann")
    house.write(lambda transaction: put_tag(transaction, user.user_id, "k", "v"))
    assert house.store.read_now(lambda transaction: tags_of(transaction, user.user_id)) == {"k": "v"}
    assert house.store.read_now(lambda transaction: tags_of(transaction, other.user_id)) == {}
