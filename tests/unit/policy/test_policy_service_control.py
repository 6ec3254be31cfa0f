"""Service control policies in a decision (Organizations User Guide, "SCP evaluation")."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.policy import (
    AuthorizationRequest,
    Decision,
    Layer,
    MalformedPolicy,
    Policy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    Reason,
    compile_policy,
    evaluate,
    explain,
)

A, B = "111122223333", "444455556666"
READ = "secretsmanager:GetSecretValue"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{B}:secret:db-a1B2c3"
BOB = f"arn:aws:iam::{A}:user/bob"
USER = PrincipalFacts(BOB, BOB, A, "user")
ROOT = PrincipalFacts(f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:root", A, "root")
SERVICE = PrincipalFacts("", "", "", "service", service="lambda.amazonaws.com")


def policy(kind: PolicyKind, effect: str = "Allow", action: str = "*", **more: Any) -> Policy:
    statement = {"Effect": effect, "Action": action, "Resource": "*", **more}
    return compile_policy(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), kind)


OWN = (policy(PolicyKind.IDENTITY),)
EVERYTHING = policy(PolicyKind.SERVICE_CONTROL)
NOT_READING = policy(PolicyKind.SERVICE_CONTROL, "Deny", READ)
OTHER = policy(PolicyKind.SERVICE_CONTROL, action="iam:*")
EVERYBODY = policy(PolicyKind.RESOURCE, Principal="*")
LEVELS = tuple[tuple[Policy, ...], ...]


def ask(who: PrincipalFacts, levels: LEVELS, *, owner: str = A, resource_policy: Policy | None = None) -> Decision:
    request = AuthorizationRequest(who, READ, SECRET, owner, {"aws:principalorgid": "o-1234567890"})
    return evaluate(request, PolicySet(OWN, service_control=levels), resource_policy)


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ((), Reason.ALLOWED_BY_IDENTITY),
        (((EVERYTHING,), (EVERYTHING,)), Reason.ALLOWED_BY_IDENTITY),
        (((EVERYTHING,), (OTHER, EVERYTHING)), Reason.ALLOWED_BY_IDENTITY),
        (((EVERYTHING,), (OTHER,)), Reason.IMPLICIT_DENY_SERVICE_CONTROL),
        (((OTHER,), (EVERYTHING,)), Reason.IMPLICIT_DENY_SERVICE_CONTROL),
        (((EVERYTHING,), ()), Reason.IMPLICIT_DENY_SERVICE_CONTROL),
        (((NOT_READING, EVERYTHING), (EVERYTHING,)), Reason.EXPLICIT_DENY_SERVICE_CONTROL),
        (((EVERYTHING,), (EVERYTHING, NOT_READING)), Reason.EXPLICIT_DENY_SERVICE_CONTROL),
        (((OTHER,), (NOT_READING,)), Reason.EXPLICIT_DENY_SERVICE_CONTROL),
    ],
)
def test_every_level_must_allow_and_none_deny(levels: LEVELS, reason: Reason) -> None:
    assert ask(USER, levels).reason is reason


@pytest.mark.parametrize("owner", [A, B])
@pytest.mark.parametrize("levels", [((OTHER,),), ((EVERYTHING, NOT_READING),)])
def test_no_resource_policy_and_no_root_user_escapes(owner: str, levels: LEVELS) -> None:
    for who in (USER, ROOT):
        assert ask(who, ((EVERYTHING,),), owner=owner, resource_policy=EVERYBODY).allowed
        assert not ask(who, levels, owner=owner, resource_policy=EVERYBODY).allowed


def test_services_are_not_held() -> None:
    assert ask(SERVICE, ((NOT_READING,),), resource_policy=EVERYBODY).allowed


def test_conditions_count() -> None:
    own_organization = {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
    denied = policy(PolicyKind.SERVICE_CONTROL, "Deny", Condition=own_organization)
    assert ask(USER, ((EVERYTHING, denied),)).reason is Reason.EXPLICIT_DENY_SERVICE_CONTROL


def test_one_names_no_principal() -> None:
    with pytest.raises(MalformedPolicy):
        policy(PolicyKind.SERVICE_CONTROL, Principal="*")


def test_another_kind_does_not_fit() -> None:
    with pytest.raises(ValueError, match="kind"):
        PolicySet(service_control=(OWN,))


def test_explain_says_that_a_level_is_silent() -> None:
    request = AuthorizationRequest(USER, READ, SECRET, A, {})
    told = explain(request, PolicySet(OWN, service_control=((EVERYTHING,), (OTHER,))), None)
    assert (told.reason, told.missing) == (Reason.IMPLICIT_DENY_SERVICE_CONTROL, (Layer.SERVICE_CONTROL,))
