"""AWS's evaluation rules, one documented case after the other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.policy import (
    AuthorizationRequest,
    Context,
    Decision,
    Policy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    Reason,
    StatementId,
    compile_policy,
    evaluate,
)

A, B = "111122223333", "444455556666"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{A}:secret:app/db-AbCdEf"
KEY = f"arn:aws:kms:eu-west-1:{A}:key/1234abcd"
READ = "secretsmanager:GetSecretValue"
USER_ARN = f"arn:aws:iam::{A}:user/bob"
ROLE_ARN = f"arn:aws:iam::{A}:role/examplerole"
SESSION_ARN = f"arn:aws:sts::{A}:assumed-role/examplerole/examplesession"
USER = PrincipalFacts(USER_ARN, USER_ARN, A, "user")
SESSION = PrincipalFacts(ROLE_ARN, SESSION_ARN, A, "role-session")
ROOT = PrincipalFacts(f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:root", A, "root")
STRANGER = PrincipalFacts(f"arn:aws:iam::{B}:user/eve", f"arn:aws:iam::{B}:user/eve", B, "user")
STRANGE_ROOT = PrincipalFacts(f"arn:aws:iam::{B}:root", f"arn:aws:iam::{B}:root", B, "root")
SERVICE = PrincipalFacts("", "", "", "service", service="secretsmanager.amazonaws.com")
ANONYMOUS = PrincipalFacts("", "", "", "anonymous")


def policy(kind: PolicyKind, *statements: dict[str, Any]) -> Policy:
    filled = [{"Effect": "Allow", "Action": "*"} | statement for statement in statements]
    if kind is not PolicyKind.TRUST:
        filled = [{"Resource": "*"} | statement for statement in filled]
    return compile_policy(json.dumps({"Version": "2012-10-17", "Statement": filled}), kind, name=kind.name.lower())


ALLOW: dict[str, Any] = {}
DENY: dict[str, Any] = {"Effect": "Deny"}
OTHER: dict[str, Any] = {"Action": "s3:*"}
ID_ALLOW = policy(PolicyKind.IDENTITY, ALLOW)
ID_OTHER = policy(PolicyKind.IDENTITY, OTHER)
ID_DENY = policy(PolicyKind.IDENTITY, DENY)
BOUND_ALLOW = policy(PolicyKind.BOUNDARY, ALLOW)
BOUND_OTHER = policy(PolicyKind.BOUNDARY, OTHER)
BOUND_DENY = policy(PolicyKind.BOUNDARY, DENY)
SESSION_ALLOW = policy(PolicyKind.SESSION, ALLOW)
SESSION_OTHER = policy(PolicyKind.SESSION, OTHER)
SESSION_DENY = policy(PolicyKind.SESSION, DENY)


def grants(principal: Any, kind: PolicyKind = PolicyKind.RESOURCE, **more: Any) -> Policy:
    return policy(kind, {"Principal": principal} | more)


def ask(
    who: PrincipalFacts,
    resource_policy: Policy | None = None,
    *,
    identity: tuple[Policy, ...] = (),
    boundary: Policy | None = None,
    session: tuple[Policy, ...] | None = None,
    action: str = READ,
    resource: str = SECRET,
    context: Context | None = None,
    owner: str = A,
    delegates: bool = True,
) -> Decision:
    request = AuthorizationRequest(who, action, resource, owner, context or {})
    return evaluate(request, PolicySet(identity, boundary, session), resource_policy, delegates_to_identity=delegates)


# --- one account ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "resource_policy", "reason"),
    [
        ((), None, Reason.IMPLICIT_DENY_IDENTITY),
        ((ID_OTHER,), None, Reason.IMPLICIT_DENY_IDENTITY),
        ((ID_ALLOW,), None, Reason.ALLOWED_BY_IDENTITY),
        ((ID_OTHER, ID_ALLOW), None, Reason.ALLOWED_BY_IDENTITY),
        ((ID_ALLOW, ID_DENY), None, Reason.EXPLICIT_DENY_IDENTITY),
        ((), grants({"AWS": USER_ARN}), Reason.ALLOWED_BY_RESOURCE),
        ((), grants("*"), Reason.ALLOWED_BY_RESOURCE),
        ((), grants({"AWS": A}), Reason.IMPLICIT_DENY_IDENTITY),
        ((), grants({"AWS": ROLE_ARN}), Reason.IMPLICIT_DENY_IDENTITY),
        ((ID_ALLOW,), grants({"AWS": ROLE_ARN}), Reason.ALLOWED_BY_IDENTITY),
        ((ID_ALLOW,), grants({"AWS": A}), Reason.ALLOWED_BY_IDENTITY),
        ((ID_DENY,), grants({"AWS": USER_ARN}), Reason.EXPLICIT_DENY_IDENTITY),
        ((ID_ALLOW,), grants({"AWS": USER_ARN}, Effect="Deny"), Reason.EXPLICIT_DENY_RESOURCE),
        ((ID_ALLOW,), grants({"AWS": A}, Effect="Deny"), Reason.EXPLICIT_DENY_RESOURCE),
        ((ID_ALLOW,), grants({"AWS": B}, Effect="Deny"), Reason.ALLOWED_BY_IDENTITY),
        ((ID_ALLOW,), policy(PolicyKind.RESOURCE, {"NotPrincipal": {"AWS": USER_ARN}, "Effect": "Deny"}),
         Reason.EXPLICIT_DENY_RESOURCE),
        ((ID_ALLOW,), policy(PolicyKind.RESOURCE, {"NotPrincipal": {"AWS": [USER_ARN, A]}, "Effect": "Deny"}),
         Reason.ALLOWED_BY_IDENTITY),
    ],
)  # fmt: skip
def test_identity_and_resource_policies_of_one_account(
    identity: tuple[Policy, ...], resource_policy: Policy | None, reason: Reason
) -> None:
    assert ask(USER, resource_policy, identity=identity).reason is reason


@pytest.mark.parametrize(
    ("boundary", "session", "reason"),
    [
        (BOUND_ALLOW, None, Reason.ALLOWED_BY_IDENTITY),
        (BOUND_OTHER, None, Reason.IMPLICIT_DENY_BOUNDARY),
        (BOUND_DENY, None, Reason.EXPLICIT_DENY_BOUNDARY),
        (None, (SESSION_ALLOW,), Reason.ALLOWED_BY_IDENTITY),
        (None, (SESSION_OTHER, SESSION_ALLOW), Reason.ALLOWED_BY_IDENTITY),
        (None, (SESSION_OTHER,), Reason.IMPLICIT_DENY_SESSION),
        (None, (), Reason.IMPLICIT_DENY_SESSION),
        (None, (SESSION_ALLOW, SESSION_DENY), Reason.EXPLICIT_DENY_SESSION),
        (BOUND_OTHER, (SESSION_OTHER,), Reason.IMPLICIT_DENY_BOUNDARY),
        (BOUND_ALLOW, (SESSION_ALLOW,), Reason.ALLOWED_BY_IDENTITY),
    ],
)
def test_identity_policies_are_intersected(
    boundary: Policy | None, session: tuple[Policy, ...] | None, reason: Reason
) -> None:
    assert ask(SESSION, identity=(ID_ALLOW,), boundary=boundary, session=session).reason is reason


@pytest.mark.parametrize(
    ("who", "principal", "limited"),
    [
        (USER, {"AWS": USER_ARN}, False),
        (SESSION, {"AWS": SESSION_ARN}, False),
        (SESSION, {"AWS": ROLE_ARN}, True),
        (SESSION, {"AWS": [ROLE_ARN, SESSION_ARN]}, False),
        (SESSION, "*", False),
        (USER, "*", False),
    ],
)
def test_how_the_resource_policy_names_the_caller_decides_what_limits_it(
    who: PrincipalFacts, principal: Any, limited: bool
) -> None:
    """IAM User Guide: "Resource-based policies and implicit denies in other policy types (same account)"."""
    resource_policy = grants(principal)
    allowed = Reason.ALLOWED_BY_RESOURCE
    assert ask(who, resource_policy).reason is allowed
    assert ask(who, resource_policy, identity=(ID_OTHER,), boundary=BOUND_ALLOW).reason is allowed
    expected = Reason.IMPLICIT_DENY_BOUNDARY if limited else allowed
    assert ask(who, resource_policy, boundary=BOUND_OTHER).reason is expected
    assert ask(who, resource_policy, boundary=BOUND_DENY).reason is Reason.EXPLICIT_DENY_BOUNDARY
    if who is SESSION:
        expected = Reason.IMPLICIT_DENY_SESSION if limited else allowed
        assert ask(who, resource_policy, session=(SESSION_OTHER,)).reason is expected


def test_a_session_of_a_user_is_not_the_user() -> None:
    """A federated user session under a policy that names its parent user is limited by session policies."""
    assert ask(USER, grants({"AWS": USER_ARN}), session=(SESSION_OTHER,)).reason is Reason.IMPLICIT_DENY_SESSION
    assert ask(USER, grants({"AWS": USER_ARN}), session=(SESSION_ALLOW,)).allowed


def test_the_root_user_may_do_everything_in_its_account() -> None:
    assert ask(ROOT).reason is Reason.ALLOWED_ACCOUNT_ROOT
    assert ask(ROOT, grants({"AWS": B})).reason is Reason.ALLOWED_ACCOUNT_ROOT
    assert ask(ROOT, grants({"AWS": A})).reason is Reason.ALLOWED_BY_RESOURCE
    assert ask(ROOT, grants("*", Effect="Deny")).reason is Reason.EXPLICIT_DENY_RESOURCE
    assert ask(ROOT, owner=B).reason is Reason.IMPLICIT_DENY_RESOURCE


def test_a_boundary_makes_not_principal_deny_everybody() -> None:
    """IAM User Guide, "NotPrincipal": it denies whoever has a boundary, whatever the element names."""
    resource_policy = policy(PolicyKind.RESOURCE, {"NotPrincipal": {"AWS": [USER_ARN, A]}, "Effect": "Deny"})
    assert ask(USER, resource_policy, identity=(ID_ALLOW,)).allowed
    decision = ask(USER, resource_policy, identity=(ID_ALLOW,), boundary=BOUND_ALLOW)
    assert decision.reason is Reason.EXPLICIT_DENY_RESOURCE


# --- two accounts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "principal", "reason"),
    [
        ((ID_ALLOW,), {"AWS": B}, Reason.ALLOWED_BY_RESOURCE),
        ((ID_ALLOW,), {"AWS": STRANGER.arn}, Reason.ALLOWED_BY_RESOURCE),
        ((ID_ALLOW,), "*", Reason.ALLOWED_BY_RESOURCE),
        ((ID_ALLOW,), {"AWS": A}, Reason.IMPLICIT_DENY_RESOURCE),
        ((ID_ALLOW,), None, Reason.IMPLICIT_DENY_RESOURCE),
        ((), {"AWS": B}, Reason.IMPLICIT_DENY_IDENTITY),
        ((), {"AWS": STRANGER.arn}, Reason.IMPLICIT_DENY_IDENTITY),
        ((), "*", Reason.IMPLICIT_DENY_IDENTITY),
        ((ID_DENY, ID_ALLOW), "*", Reason.EXPLICIT_DENY_IDENTITY),
    ],
)
@pytest.mark.parametrize("kind", [PolicyKind.RESOURCE, PolicyKind.KEY])
def test_across_accounts_both_sides_must_allow(
    kind: PolicyKind, identity: tuple[Policy, ...], principal: Any, reason: Reason
) -> None:
    assert ask(STRANGER, grants(principal, kind) if principal else None, identity=identity).reason is reason


def test_across_accounts_boundary_and_session_always_limit() -> None:
    named = grants({"AWS": STRANGER.arn})
    assert ask(STRANGER, named, identity=(ID_ALLOW,), boundary=BOUND_OTHER).reason is Reason.IMPLICIT_DENY_BOUNDARY
    assert ask(STRANGER, named, identity=(ID_ALLOW,), session=()).reason is Reason.IMPLICIT_DENY_SESSION
    assert ask(STRANGER, named, identity=(ID_ALLOW,), boundary=BOUND_ALLOW).allowed
    assert ask(STRANGE_ROOT, grants({"AWS": B})).allowed
    assert not ask(STRANGE_ROOT, grants({"AWS": A})).allowed


def test_across_accounts_both_statements_are_named() -> None:
    decision = ask(STRANGER, grants({"AWS": B}), identity=(ID_OTHER, ID_ALLOW))
    assert decision.statements == (StatementId("identity", "", 0), StatementId("resource", "", 0))


# --- key policies and trust policies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "identity", "principal", "reason"),
    [
        (USER, (ID_ALLOW,), None, Reason.IMPLICIT_DENY_RESOURCE),
        (USER, (ID_ALLOW,), {"AWS": ROLE_ARN}, Reason.IMPLICIT_DENY_RESOURCE),
        (USER, (ID_ALLOW,), {"AWS": A}, Reason.ALLOWED_BY_IDENTITY),
        (USER, (ID_ALLOW,), {"AWS": f"arn:aws:iam::{A}:root"}, Reason.ALLOWED_BY_IDENTITY),
        (USER, (ID_OTHER,), {"AWS": A}, Reason.IMPLICIT_DENY_IDENTITY),
        (USER, (ID_DENY,), {"AWS": USER_ARN}, Reason.EXPLICIT_DENY_IDENTITY),
        (USER, (), {"AWS": USER_ARN}, Reason.ALLOWED_BY_RESOURCE),
        (USER, (), "*", Reason.ALLOWED_BY_RESOURCE),
        (SESSION, (), {"AWS": ROLE_ARN}, Reason.ALLOWED_BY_RESOURCE),
        (ROOT, (), None, Reason.IMPLICIT_DENY_RESOURCE),
        (ROOT, (), {"AWS": USER_ARN}, Reason.IMPLICIT_DENY_RESOURCE),
        (ROOT, (), {"AWS": A}, Reason.ALLOWED_BY_RESOURCE),
    ],
)
def test_key_policies(who: PrincipalFacts, identity: tuple[Policy, ...], principal: Any, reason: Reason) -> None:
    """KMS Developer Guide, "Key policies": not even the root user has any permission without the key policy."""
    key_policy = grants(principal, PolicyKind.KEY, Action="kms:*") if principal else None
    decision = ask(who, key_policy, identity=identity, action="kms:Decrypt", resource=KEY, delegates=False)
    assert decision.reason is reason
    if key_policy is not None:
        assert ask(who, key_policy, identity=identity, action="kms:Decrypt", resource=KEY) == decision


def test_a_key_policy_delegates_only_what_it_allows() -> None:
    """The default key policy as far as it goes: another action, or a failing condition, delegates nothing."""
    via = {"StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}}
    key_policy = grants({"AWS": A}, PolicyKind.KEY, Action="kms:Decrypt", Condition=via)
    context = {"kms:viaservice": "secretsmanager.eu-west-1.amazonaws.com"}

    def reason(action: str, context: Context) -> Reason:
        return ask(USER, key_policy, identity=(ID_ALLOW,), action=action, resource=KEY, context=context).reason

    assert reason("kms:Decrypt", context) is Reason.ALLOWED_BY_IDENTITY
    assert reason("kms:Decrypt", {}) is Reason.IMPLICIT_DENY_RESOURCE
    assert reason("kms:Encrypt", context) is Reason.IMPLICIT_DENY_RESOURCE


def test_delegation_and_a_role_grant_together() -> None:
    key_policy = policy(PolicyKind.KEY, {"Principal": {"AWS": ROLE_ARN}}, {"Principal": {"AWS": A}})
    for boundary, reason in ((BOUND_OTHER, Reason.IMPLICIT_DENY_BOUNDARY), (None, Reason.ALLOWED_BY_RESOURCE)):
        assert ask(SESSION, key_policy, identity=(ID_ALLOW,), boundary=boundary, resource=KEY).reason is reason


@pytest.mark.parametrize(
    ("who", "identity", "principal", "reason"),
    [
        (USER, (ID_ALLOW,), {"AWS": ROLE_ARN}, Reason.IMPLICIT_DENY_TRUST),
        (USER, (ID_ALLOW,), {"AWS": A}, Reason.ALLOWED_BY_IDENTITY),
        (USER, (), {"AWS": A}, Reason.IMPLICIT_DENY_IDENTITY),
        (USER, (), {"AWS": USER_ARN}, Reason.ALLOWED_BY_RESOURCE),
        (STRANGER, (), {"AWS": STRANGER.arn}, Reason.IMPLICIT_DENY_IDENTITY),
        (STRANGER, (ID_ALLOW,), {"AWS": STRANGER.arn}, Reason.ALLOWED_BY_RESOURCE),
        (STRANGER, (ID_ALLOW,), {"AWS": A}, Reason.IMPLICIT_DENY_TRUST),
        (SERVICE, (), {"Service": "secretsmanager.amazonaws.com"}, Reason.ALLOWED_BY_RESOURCE),
        (SERVICE, (), {"Service": "lambda.amazonaws.com"}, Reason.IMPLICIT_DENY_TRUST),
    ],
)
def test_trust_policies(who: PrincipalFacts, identity: tuple[Policy, ...], principal: Any, reason: Reason) -> None:
    trust = grants(principal, PolicyKind.TRUST, Action="sts:AssumeRole")
    assert ask(who, trust, identity=identity, action="sts:AssumeRole", resource=ROLE_ARN).reason is reason


def test_a_trust_policy_can_deny() -> None:
    trust = policy(PolicyKind.TRUST, {"Principal": "*"}, {"Principal": {"AWS": USER_ARN}, "Effect": "Deny"})
    assert ask(USER, trust, action="sts:AssumeRole", resource=ROLE_ARN).reason is Reason.EXPLICIT_DENY_TRUST


# --- services and anonymous callers ---------------------------------------------------------------------------------


def test_services_have_only_the_resource_policy() -> None:
    named = grants({"Service": "secretsmanager.amazonaws.com"})
    assert ask(SERVICE, named).reason is Reason.ALLOWED_BY_RESOURCE
    assert ask(SERVICE, named, owner=B, boundary=BOUND_OTHER, session=()).allowed
    assert ask(SERVICE, grants("*")).allowed
    assert ask(SERVICE, grants({"AWS": A})).reason is Reason.IMPLICIT_DENY_RESOURCE
    assert ask(SERVICE, identity=(ID_ALLOW,)).reason is Reason.IMPLICIT_DENY_RESOURCE
    assert ask(
        SERVICE, policy(PolicyKind.RESOURCE, {"Principal": "*"}, {"Principal": "*", "Effect": "Deny"})
    ).reason is (Reason.EXPLICIT_DENY_RESOURCE)


def test_anonymous_callers_are_everybody_and_nobody_else() -> None:
    assert ask(ANONYMOUS, grants("*")).allowed
    assert not ask(ANONYMOUS, grants({"AWS": A}), owner="").allowed
    assert not ask(ANONYMOUS, identity=(ID_ALLOW,)).allowed


# --- statements -----------------------------------------------------------------------------------------------------


def test_not_resource_and_not_action() -> None:
    text = json.dumps({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "NotResource": [f"{SECRET}*", KEY]}})
    own = compile_policy(text, PolicyKind.IDENTITY)
    assert not ask(USER, identity=(own,)).allowed
    assert not ask(USER, identity=(own,), resource=KEY).allowed
    assert ask(USER, identity=(own,), resource="*").allowed
    assert not ask(USER, identity=(own,), action="IAM:GetUser", resource="*").allowed


def test_conditions_decide() -> None:
    own = policy(
        PolicyKind.IDENTITY, {"Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}}
    )
    tags: Context = {"aws:resourcetag/team": "red", "aws:principaltag/team": "red"}
    assert ask(USER, identity=(own,), context=tags).allowed
    assert not ask(USER, identity=(own,), context=dict(tags) | {"aws:principaltag/team": "blue"}).allowed
    assert not ask(USER, identity=(own,), context={"aws:resourcetag/team": "red"}).allowed


def test_actions_ignore_case_and_resources_do_not() -> None:
    own = policy(PolicyKind.IDENTITY, {"Action": "SECRETSMANAGER:getsecretvalue", "Resource": SECRET})
    assert ask(USER, identity=(own,)).allowed
    assert not ask(USER, identity=(own,), resource=SECRET.upper()).allowed


def test_policies_stand_only_where_their_kind_fits() -> None:
    with pytest.raises(ValueError, match="kind"):
        PolicySet(identity=(BOUND_ALLOW,))
    with pytest.raises(ValueError, match="kind"):
        PolicySet(boundary=ID_ALLOW)
    with pytest.raises(ValueError, match="kind"):
        PolicySet(session=(ID_ALLOW,))
    with pytest.raises(ValueError, match="kind"):
        ask(USER, ID_ALLOW)
