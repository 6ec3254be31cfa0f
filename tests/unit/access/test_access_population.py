"""Everybody at once is everybody one by one: the same policies and keys as when each calls."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import bindparam, insert
from tests.support.harness_identity import ACCOUNT, ALLOW_ALL, IdentityHarness

from strongroom.identity.directory import Group, Role, User
from strongroom.identity.hypothetical import hypothetical_caller
from strongroom.identity.organization import load_organization
from strongroom.policy import Policy
from strongroom.services.access import population as module
from strongroom.services.access.population import Resident, population
from strongroom.services.call import Call, StaleAuthorization
from strongroom.services.iam.owner_policies import attach, put_inline
from strongroom.services.iam.owners import add_group, put_tag, set_boundary
from strongroom.services.iam.policy_records import ManagedPolicy, add_policy
from strongroom.store import Statement, Transaction
from strongroom.store.schema import iam_group_members

ACTIONS = frozenset({"secretsmanager:getsecretvalue"})
READ = json.dumps({"Statement": {"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*"}})
MIXED = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {"Sid": "Read", "Effect": "Deny", "NotAction": "s3:*", "Resource": "*"},
        ]
    }
)


_ADD_MEMBER = Statement(insert(iam_group_members).values(group_id=bindparam("group"), user_id=bindparam("user")))


def _policy(house: IdentityHarness, name: str, document: str) -> str:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    policy = ManagedPolicy(arn, ACCOUNT, name, "/", f"ANPA{name}", None, "v1", 0, 0)
    house.write(lambda transaction: add_policy(transaction, policy, document))
    return arn


def _people(house: IdentityHarness) -> list[User | Role]:
    """Users and roles with every kind of policy."""
    managed, bound = _policy(house, "managed", READ), _policy(house, "bound", ALLOW_ALL)
    plain, rich, member = house.user("plain"), house.user("Rich", "/team/"), house.user("member")
    role = house.role("app")
    group = Group(ACCOUNT, "readers", "/", "AGPAREADERS", 0)

    def work(transaction: Transaction) -> None:
        put_inline(transaction, rich.user_id, "own", MIXED)
        attach(transaction, rich.user_id, managed, 0)
        set_boundary(transaction, rich, bound)
        put_tag(transaction, rich.user_id, "Team", "red")
        add_group(transaction, group)
        put_inline(transaction, group.group_id, "shared", READ)
        attach(transaction, group.group_id, managed, 0)
        transaction.run(_ADD_MEMBER, {"group": group.group_id, "user": member.user_id})
        put_inline(transaction, role.role_id, "own", READ)
        put_tag(transaction, role.role_id, "Team", "blue")

    house.write(work)
    return [plain, replace(rich, boundary_arn=bound), member, role]


def _call(house: IdentityHarness) -> Call:
    administrator = house.authenticate(house.administrator)
    epoch = house.store.read_now(lambda transaction: transaction.epoch())
    return replace(house.call("strongroom", "ListSecretReaders", administrator), epoch=epoch)


def _everybody(house: IdentityHarness, call: Call) -> dict[str, Resident]:
    async def run() -> dict[str, Resident]:
        organization = await call.read(load_organization)
        return {each.standing.arn: each async for each in population(call, organization, [ACCOUNT], ACTIONS)}

    return asyncio.run(run())


def _shown(policies: tuple[Policy, ...]) -> list[tuple[str, str, bool]]:
    """Which statements about the action there are, whatever their policies are called."""
    return sorted(
        (statement.id.policy.partition(" of group ")[0], statement.id.sid, statement.allows)
        for policy in policies
        for statement in (*policy.select(min(ACTIONS)).denies, *policy.select(min(ACTIONS)).allows)
    )


def test_everybody_at_once_is_everybody_one_by_one(house: IdentityHarness) -> None:
    people = _people(house)
    found = _everybody(house, _call(house))
    assert len(found) == len(people) + 1  # and the administrator
    for owner in people:
        standing = found[owner.arn].standing
        alone = house.store.read_now(partial(hypothetical_caller, owner=owner, now_ms=house.clock.now_ms))
        assert standing.facts == alone.facts
        assert standing.context == alone.context
        assert _shown(standing.policies.identity) == _shown(alone.policies.identity)
        assert (standing.policies.boundary is None) == (alone.policies.boundary is None)
    member = found[people[2].arn].standing
    assert {policy.name for policy in member.policies.identity} == {
        "shared of group readers",
        f"arn:aws:iam::{ACCOUNT}:policy/managed",
    }


def test_statements_about_other_actions_are_left_out(house: IdentityHarness) -> None:
    rich = _people(house)[1]
    (own,) = [
        each for each in _everybody(house, _call(house))[rich.arn].standing.policies.identity if each.name == "own"
    ]
    assert [(statement.id.sid, statement.id.index) for statement in own.statements] == [("Read", 1)]


def test_pages_meet_everybody_once(house: IdentityHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    names = ["b", "A", "c", "D", "e"]
    for name in names:
        house.user(name)
        house.role(name)
    found = _everybody(house, _call(house))
    assert sorted(each.standing.facts.arn.rpartition("/")[2] for each in found.values()) == sorted(
        [*names, *names, "administrator"]
    )


def test_a_change_meanwhile_starts_over(house: IdentityHarness) -> None:
    call = _call(house)
    house.user("late")
    with pytest.raises(StaleAuthorization):
        _everybody(house, call)
