"""The organization as decisions read it."""

from __future__ import annotations

import pytest
from sqlalchemy import delete
from tests.support.harness_identity import ACCOUNT, IdentityHarness

from strongroom.errors import AwsError, OperatorError
from strongroom.identity.organization import (
    FULL_AWS_ACCESS_ID,
    Organization,
    OrganizationCache,
    account_exists,
    load_organization,
    touch_organization,
)
from strongroom.store import Statement
from strongroom.store.schema import accounts, organizations

ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}'
FULL = (FULL_AWS_ACCESS_ID, ALLOW)
OWN = ("p-own00000", ALLOW)


def organization(**attached: tuple[tuple[str, str], ...]) -> Organization:
    return Organization(
        id="o-1",
        management_account="1",
        root_id="r-1",
        revision=1,
        parents={"1": "r-1", "2": "ou-2", "ou-1": "r-1", "ou-2": "ou-1"},
        closed=frozenset({"3"}),
        attached={target.replace("_", "-"): policies for target, policies in attached.items()},
    )


def test_paths_lead_from_the_root() -> None:
    found = organization()
    assert found.path("2") == "o-1/r-1/ou-1/ou-2/"
    assert found.path("1") == "o-1/r-1/"
    assert found.path("9") is None
    assert [found.is_open(account) for account in ("2", "3", "9")] == [True, False, False]


def test_levels_that_let_everything_through_are_left_out() -> None:
    found = organization(r_1=(FULL,), ou_1=(FULL, OWN), ou_2=(FULL,), **{"2": (OWN,)})
    names = [[policy.name for policy in level] for level in found.service_control("2")]
    own = f"arn:aws:organizations::1:policy/o-1/service_control_policy/{OWN[0]}"
    assert names == [[f"arn:aws:organizations::aws:policy/service_control_policy/{FULL_AWS_ACCESS_ID}", own], [own]]
    assert found.service_control("1") == ()


def test_a_level_without_policies_stays_and_allows_nothing() -> None:
    assert organization(r_1=(FULL,), ou_2=(FULL,), **{"2": (FULL,)}).service_control("2") == ((),)


def test_a_policy_that_cannot_be_read_stops_its_own_accounts_only() -> None:
    found = organization(r_1=(FULL,), ou_1=(FULL,), ou_2=(FULL,), **{"2": (("p-broken00", "{"),)})
    with pytest.raises(OperatorError, match="p-broken00"):
        found.service_control("2")
    assert found.service_control("1") == ()


def test_it_is_read_again_when_it_changed(house: IdentityHarness) -> None:
    cache = OrganizationCache()
    first = house.store.read_now(cache.current)
    house.user("somebody")
    assert house.store.read_now(cache.current) is first
    house.write(touch_organization)
    second = house.store.read_now(cache.current)
    assert second is not first
    assert second.revision == first.revision + 1


def test_accounts(house: IdentityHarness) -> None:
    other = house.account("210987654321")
    asked = (ACCOUNT, other, "999999999999")
    there = house.store.read_now(lambda transaction: [account_exists(transaction, account) for account in asked])
    assert there == [True, True, False]
    assert house.store.read_now(load_organization).path(other) is not None


def test_without_an_organization_nobody_is_recognised(house: IdentityHarness) -> None:
    house.write(lambda transaction: transaction.run(Statement(delete(organizations))))
    with pytest.raises(OperatorError, match="no organization"):
        house.authenticate(house.administrator)


def test_a_key_of_an_account_that_is_not_there_is_nobodys(house: IdentityHarness) -> None:
    house.write(lambda transaction: transaction.run(Statement(delete(accounts))))
    house.write(touch_organization)
    with pytest.raises(AwsError) as caught:
        house.authenticate(house.administrator)
    assert caught.value.code == "InvalidSignatureException"
