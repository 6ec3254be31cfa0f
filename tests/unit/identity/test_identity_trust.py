"""Trust policies: kept by unique id, shown by ARN."""

from __future__ import annotations

import json

import pytest
from tests.support.harness_identity import ACCOUNT, TRUST_ACCOUNT, IdentityHarness

from strongroom.errors import OperatorError
from strongroom.identity.directory import Role
from strongroom.identity.trust import (
    NOBODY_TRUSTED,
    compile_trust,
    shown_trust_policy,
    stored_trust_policy,
    trusts_service,
)
from strongroom.policy import MalformedPolicy, principal_arns, principal_identifiers
from strongroom.services.iam.owners import USER, delete_owner


def _trust(*principals: object, element: str = "Principal") -> str:
    statements = [{"Effect": "Allow", element: one, "Action": "sts:AssumeRole"} for one in principals]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _stored(house: IdentityHarness, text: str) -> str:
    return house.store.read_now(lambda transaction: stored_trust_policy(transaction, text))


def _shown(house: IdentityHarness, text: str) -> str:
    return house.store.read_now(lambda transaction: shown_trust_policy(transaction, text))


def test_users_and_roles_are_kept_by_id_and_shown_by_arn(house: IdentityHarness) -> None:
    user, role = house.user("bob", "/x/"), house.role("app")
    text = _trust({"AWS": [user.arn, role.arn, ACCOUNT]}, {"AWS": user.arn, "Service": "lambda.amazonaws.com"})
    stored = _stored(house, text)
    policy = compile_trust(stored)
    assert principal_identifiers(policy) == {user.user_id, role.role_id}
    assert not principal_arns(policy)
    assert json.loads(_shown(house, stored)) == json.loads(text)


def test_not_principal_is_kept_by_id_too(house: IdentityHarness) -> None:
    user = house.user("bob")
    stored = _stored(house, _trust({"AWS": [user.arn, ACCOUNT]}, element="NotPrincipal"))
    assert principal_identifiers(compile_trust(stored)) == {user.user_id}


def test_a_principal_that_is_gone_is_shown_by_its_id(house: IdentityHarness) -> None:
    user = house.user("bob")
    stored = _stored(house, _trust({"AWS": user.arn}))
    house.write(lambda transaction: delete_owner(transaction, USER, user.user_id))
    again = house.user("bob")
    assert again.arn == user.arn
    assert json.loads(_shown(house, stored))["Statement"][0]["Principal"] == {"AWS": user.user_id}
    with pytest.raises(MalformedPolicy):
        _stored(house, stored)


@pytest.mark.parametrize("text", [TRUST_ACCOUNT, _trust({"Service": "lambda.amazonaws.com"}), _trust("*")])
def test_what_names_nobody_in_particular_stays_as_it_was_sent(house: IdentityHarness, text: str) -> None:
    assert _stored(house, text) == text
    assert _shown(house, text) == text


def test_an_arn_elsewhere_in_the_document_stays(house: IdentityHarness) -> None:
    user = house.user("bob")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": user.arn},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": user.arn}},
    }
    stored = json.loads(_stored(house, json.dumps({"Version": "2012-10-17", "Statement": statement})))
    assert stored["Statement"]["Principal"] == {"AWS": user.user_id}
    assert stored["Statement"]["Condition"] == statement["Condition"]


@pytest.mark.parametrize(
    "principal",
    [f"arn:aws:iam::{ACCOUNT}:user/nobody", f"arn:aws:iam::{ACCOUNT}:role/nobody", "AIDAAAAAAAAAAAAAAAAAA"],
)
def test_a_principal_that_does_not_exist_is_refused(house: IdentityHarness, principal: str) -> None:
    with pytest.raises(MalformedPolicy) as caught:
        _stored(house, _trust({"AWS": principal}))
    assert caught.value.message == f'Invalid principal in policy: "AWS":"{principal}"'


def test_a_session_may_be_named_before_it_exists(house: IdentityHarness) -> None:
    text = _trust({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/one"})
    assert _stored(house, text) == text


def _role(trust_policy: str) -> Role:
    return Role(ACCOUNT, "app", "/", "AROAAAAAAAAAAAAAAAAAA", 0, None, None, trust_policy, 3600)


def test_which_service_a_role_trusts() -> None:
    role = _role(_trust({"Service": "lambda.amazonaws.com"}))
    assert trusts_service(role, "lambda.amazonaws.com")
    assert not trusts_service(role, "secretsmanager.amazonaws.com")
    assert not trusts_service(_role(TRUST_ACCOUNT), "lambda.amazonaws.com")


def test_nobody_is_trusted_by_what_is_not_there() -> None:
    assert NOBODY_TRUSTED.statements == ()


def test_a_stored_policy_that_is_damaged_is_the_operators_matter() -> None:
    with pytest.raises(OperatorError, match="can no longer be read"):
        compile_trust("{")
