"""From a signed request to its caller, and everything that must not become one (attacks 6 and 11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import pytest
from sqlalchemy import bindparam, delete, insert, update
from tests.support.harness_identity import ACCOUNT, ALLOW_ALL, IdentityHarness

from strongroom.errors import AwsError, OperatorError
from strongroom.identity import AccessKey, parse_authorization
from strongroom.identity.credentials import TEMPORARY_KEY, new_access_key, open_secret, seal_secret
from strongroom.identity.directory import User
from strongroom.identity.sessions import SessionFacts
from strongroom.policy import AuthorizationRequest, evaluate
from strongroom.services.iam.owner_policies import put_inline
from strongroom.services.iam.owners import ROLE, USER, delete_owner, put_tag, set_boundary
from strongroom.store import Statement
from strongroom.store.schema import iam_access_keys

_ADD_KEY = Statement(
    insert(iam_access_keys).values(
        access_key_id=bindparam("key_id"),
        account=ACCOUNT,
        user_id=bindparam("id"),
        status="Active",
        secret_access_key=bindparam("sealed"),
        created_ms=0,
    )
)
_SET_STATUS = Statement(
    update(iam_access_keys).where(iam_access_keys.c.access_key_id == bindparam("key_id")).values(status=bindparam("s"))
)
_DELETE_KEY = Statement(delete(iam_access_keys).where(iam_access_keys.c.access_key_id == bindparam("key_id")))

MISMATCH = "InvalidSignatureException"
INVALID_TOKEN = "UnrecognizedClientException"


def _key_of(house: IdentityHarness, user: User) -> AccessKey:
    key = new_access_key(house.world.entropy)
    sealed = seal_secret(house.keyring, ACCOUNT, key)
    house.write(
        lambda transaction: transaction.run(
            _ADD_KEY, {"key_id": key.access_key_id, "id": user.user_id, "sealed": sealed}
        )
    )
    return key


def _set_status(house: IdentityHarness, key: AccessKey, status: str) -> None:
    house.write(lambda transaction: transaction.run(_SET_STATUS, {"key_id": key.access_key_id, "s": status}))


def _refusal(action: Callable[[], object]) -> AwsError:
    with pytest.raises(AwsError) as caught:
        action()
    return caught.value


def _facts(house: IdentityHarness, role_id: str, **settings: object) -> SessionFacts:
    plain = SessionFacts(ACCOUNT, role_id, "me", house.clock.now_ms, house.clock.now_ms + 3_600_000)
    return replace(plain, **settings)  # type: ignore[arg-type]  # the settings are fields of the dataclass


def test_a_user(house: IdentityHarness) -> None:
    user = house.user("bob", "/team/")
    house.write(lambda transaction: put_tag(transaction, user.user_id, "Team", "Blue"))
    key = _key_of(house, user)
    caller = house.authenticate(key)
    assert (caller.arn, caller.account, caller.user_id) == (user.arn, ACCOUNT, user.user_id)
    assert caller.facts.identifiers == {user.user_id}
    assert caller.context["aws:username"] == "bob"
    assert caller.context["aws:principaltag/team"] == "Blue"
    assert caller.context["aws:principaltype"] == "User"
    assert "aws:multifactorauthpresent" not in caller.context
    assert caller.audit == {
        "type": "IAMUser",
        "principalId": user.user_id,
        "arn": user.arn,
        "accountId": ACCOUNT,
        "accessKeyId": key.access_key_id,
        "userName": "bob",
    }
    assert house.authenticate(key) is caller


def test_a_session(house: IdentityHarness) -> None:
    role = house.role("app", path="/deep/")
    house.write(lambda transaction: put_tag(transaction, role.role_id, "Team", "red"))
    house.write(lambda transaction: put_tag(transaction, role.role_id, "Stage", "prod"))
    session = house.session(
        _facts(house, role.role_id, tags={"team": "blue"}, transitive_keys=("team",), source_identity="ann")
    )
    caller = house.authenticate(session.key, session.token)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/me"
    assert (caller.arn, caller.facts.arn, caller.user_id) == (arn, role.arn, f"{role.role_id}:me")
    assert caller.context["aws:principaltag/team"] == "blue"
    assert caller.context["aws:principaltag/stage"] == "prod"
    assert caller.context["aws:tokenissuetime"] == "2027-01-15T08:00:00Z"
    assert caller.context["aws:sourceidentity"] == "ann"
    assert caller.transitive_tags == {"team": "blue"}
    assert caller.audit["type"] == "AssumedRole"
    assert house.authenticate(session.key, session.token) is caller


def test_a_session_policy_that_is_gone_leaves_nothing_allowed(house: IdentityHarness) -> None:
    role = house.role("app")
    house.write(lambda transaction: put_inline(transaction, role.role_id, "all", ALLOW_ALL))
    session = house.session(
        _facts(house, role.role_id, policy=ALLOW_ALL, policy_arns=(f"arn:aws:iam::{ACCOUNT}:policy/gone",))
    )
    caller = house.authenticate(session.key, session.token)
    request = AuthorizationRequest(caller.facts, "iam:GetUser", "*", ACCOUNT, caller.context)
    assert caller.policies.session == ()
    assert not evaluate(request, caller.policies, None).allowed


@pytest.mark.parametrize("boundary", [f"arn:aws:iam::{ACCOUNT}:policy/gone"])
def test_a_boundary_that_is_gone_stops_everything(house: IdentityHarness, boundary: str) -> None:
    user = house.user("bob")
    key = _key_of(house, user)
    house.write(lambda transaction: set_boundary(transaction, user, boundary))
    with pytest.raises(OperatorError, match="boundary"):
        house.authenticate(key)


def test_a_change_is_seen_on_the_next_request(house: IdentityHarness) -> None:
    user = house.user("bob")
    key = _key_of(house, user)
    assert house.authenticate(key).policies.identity == ()
    house.write(lambda transaction: put_inline(transaction, user.user_id, "all", ALLOW_ALL))
    assert [policy.name for policy in house.authenticate(key).policies.identity] == ["all"]


def test_attack_06_inactive_and_deleted_keys_are_refused_at_once(house: IdentityHarness) -> None:
    user = house.user("bob")
    key = _key_of(house, user)
    house.authenticate(key)
    _set_status(house, key, "Inactive")
    assert _refusal(lambda: house.authenticate(key)).code == MISMATCH
    _set_status(house, key, "Active")
    house.authenticate(key)
    house.write(lambda transaction: transaction.run(_DELETE_KEY, {"key_id": key.access_key_id}))
    assert _refusal(lambda: house.authenticate(key)).code == MISMATCH


def test_attack_06_a_deleted_user_is_refused_at_once(house: IdentityHarness) -> None:
    user = house.user("bob")
    key = _key_of(house, user)
    house.authenticate(key)
    house.write(lambda transaction: transaction.run(_DELETE_KEY, {"key_id": key.access_key_id}))
    house.write(lambda transaction: delete_owner(transaction, USER, user.user_id))
    assert _refusal(lambda: house.authenticate(key)).code == MISMATCH


@pytest.mark.parametrize("met_before", [True, False])
def test_attack_06_a_session_ends_on_its_millisecond(house: IdentityHarness, met_before: bool) -> None:
    role = house.role("app")
    session = house.session(_facts(house, role.role_id))
    if met_before:
        house.authenticate(session.key, session.token)
    house.clock.now_ms += 3_600_000
    error = _refusal(lambda: house.authenticate(session.key, session.token))
    assert (error.code, error.message) == (
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )
    house.clock.now_ms -= 1
    house.authenticate(session.key, session.token)


def test_attack_06_a_session_ends_with_its_role(house: IdentityHarness) -> None:
    role = house.role("app")
    session = house.session(_facts(house, role.role_id))
    house.authenticate(session.key, session.token)
    house.write(lambda transaction: delete_owner(transaction, ROLE, role.role_id))
    house.role("app")
    assert _refusal(lambda: house.authenticate(session.key, session.token)).code == INVALID_TOKEN


def test_attack_06_key_and_token_belong_together(house: IdentityHarness) -> None:
    role = house.role("app")
    session = house.session(_facts(house, role.role_id))
    other = house.session(_facts(house, role.role_id))
    for key, token in (
        (session.key, None),
        (session.key, other.token),
        (session.key, session.token[:-4]),
        (house.administrator, session.token),
        (new_access_key(house.world.entropy, TEMPORARY_KEY), session.token),
    ):
        assert _refusal(lambda key=key, token=token: house.authenticate(key, token)).code == INVALID_TOKEN  # type: ignore[misc]
    wrong = AccessKey(session.key.access_key_id, "w" * 40)
    assert _refusal(lambda: house.authenticate(wrong, session.token)).code == MISMATCH


def test_attack_11_unknown_inactive_and_wrong_cannot_be_told_apart(house: IdentityHarness) -> None:
    inactive = _key_of(house, house.user("bob"))
    _set_status(house, inactive, "Inactive")
    known = AccessKey(house.administrator.access_key_id, "w" * 40)
    cases = [new_access_key(house.world.entropy), inactive, known]

    def work(key: AccessKey) -> tuple[object, ...]:
        with (
            mock.patch.object(house.store, "read", wraps=house.store.read) as reads,
            mock.patch("strongroom.identity.authenticator.open_secret", wraps=open_secret) as opened,
        ):
            error = _refusal(lambda: house.authenticate(key))
        return error.code, error.message, error.status, reads.await_count, opened.call_count

    told = [work(key) for key in cases]
    house.authenticate(house.administrator)  # remembered from here on
    told += [work(key) for key in cases]
    assert len(set(told)) == 1
    assert told[0][0] == MISMATCH
    assert told[0][3:] == (1, 1)


def test_what_was_read_under_an_old_epoch_is_not_kept(house: IdentityHarness) -> None:
    user = house.user("bob")
    key = _key_of(house, user)
    request = house.sign(key)
    signed = parse_authorization(request)

    async def with_epoch(epoch: int) -> object:
        return await house.authenticator.authenticate(request, signed, epoch, house.clock.now_ms)

    async def run() -> None:
        newest = await house.store.epoch()
        ahead = await with_epoch(newest + 1)  # as if another worker had read a write that this one has not seen
        assert await with_epoch(newest + 1) is not ahead

    asyncio.run(run())
