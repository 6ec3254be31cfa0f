"""The administrator of a new installation."""

from __future__ import annotations

import pytest
from tests.support.harness_identity import ACCOUNT, IdentityHarness

from strongroom.errors import OperatorError
from strongroom.identity.aws_managed import ADMINISTRATOR_ACCESS
from strongroom.identity.bootstrap import AccessKey, create_administrator
from strongroom.identity.directory import policies_of, user_by_name


def test_the_administrator_can_sign_and_may_do_everything(house: IdentityHarness) -> None:
    caller = house.authenticate(house.administrator)
    assert caller.arn == f"arn:aws:iam::{ACCOUNT}:user/administrator"
    assert [policy.name for policy in caller.policies.identity] == [ADMINISTRATOR_ACCESS]


def test_a_given_key_is_used(house: IdentityHarness) -> None:
    given = AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    account = house.account("210987654321")
    made = house.write(
        lambda transaction: create_administrator(transaction, house.keyring, house.world, account, given)
    )
    assert made == given
    assert house.authenticate(given).account == account


@pytest.mark.parametrize(
    "key",
    [
        AccessKey("short", "s" * 40),
        AccessKey("ASIAIOSFODNN7EXAMPLE", "s" * 40),
        AccessKey("AKIAIOSFODNN7EXAMPL/", "s" * 40),
        AccessKey("AKIAIOSFODNN7EXAMPLE", "tooshort"),
        AccessKey("AKIAIOSFODNN7EXAMPLE", "with space in it and long enough"),
        AccessKey("AKIAIOSFODNN7EXAMPLE", ""),
    ],
)
def test_a_key_that_is_none_is_refused_without_showing_it(house: IdentityHarness, key: AccessKey) -> None:
    with pytest.raises(OperatorError) as caught:
        house.write(lambda transaction: create_administrator(transaction, house.keyring, house.world, "1" * 12, key))
    assert not key.secret_access_key or key.secret_access_key not in caught.value.diagnostics()


def test_nothing_is_left_of_a_refused_one(house: IdentityHarness) -> None:
    with pytest.raises(OperatorError):
        house.write(
            lambda transaction: create_administrator(
                transaction, house.keyring, house.world, "1" * 12, AccessKey("short", "s" * 40)
            )
        )
    assert house.store.read_now(lambda transaction: user_by_name(transaction, "1" * 12, "administrator")) is None


def test_the_policy_is_attached_like_any_other(house: IdentityHarness) -> None:
    def names(user_id: str) -> list[str]:
        return house.store.read_now(lambda transaction: [one.name for one in policies_of(transaction, user_id)])

    user = house.store.read_now(lambda transaction: user_by_name(transaction, ACCOUNT, "administrator"))
    assert user is not None
    assert names(user.user_id) == [ADMINISTRATOR_ACCESS]
