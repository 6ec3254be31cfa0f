"""How many users, groups and roles an account may have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.harness_identity import ACCOUNT, IdentityHarness

from strongroom.errors import AwsError
from strongroom.identity.directory import Group
from strongroom.services.iam.owners import GROUP, ROLE, USER, add_group, require_room
from strongroom.store import Transaction


def test_the_quotas_are_those_that_aws_grants_at_most() -> None:
    assert [(kind.word, kind.most) for kind in (USER, GROUP, ROLE)] == [("user", 5000), ("group", 300), ("role", 5000)]


def test_an_account_that_is_full_gets_no_more(house: IdentityHarness) -> None:
    two_groups = replace(GROUP, most=2)

    def work(transaction: Transaction) -> None:
        for name in ("one", "two"):
            require_room(transaction, two_groups, ACCOUNT)
            add_group(transaction, Group(ACCOUNT, name, "/", f"AGPA{name}", 0))
        require_room(transaction, two_groups, "another")
        with pytest.raises(AwsError) as caught:
            require_room(transaction, two_groups, ACCOUNT)
        assert (caught.value.code, caught.value.message) == (
            "LimitExceeded",
            "Cannot exceed quota for GroupsPerAccount: 2",
        )

    house.write(work)
