"""Explanations: the same decision, every statement that applied, what kept the others from it, and what is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.policy import (
    AuthorizationRequest,
    Context,
    Explanation,
    Layer,
    Policy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    Reason,
    compile_policy,
    explain,
    required_keys,
)

A, B = "111122223333", "444455556666"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{A}:secret:app/db-AbCdEf"
READ = "secretsmanager:GetSecretValue"
USER_ARN = f"arn:aws:iam::{A}:user/bob"
ROLE_ARN = f"arn:aws:iam::{A}:role/app"
USER = PrincipalFacts(USER_ARN, USER_ARN, A, "user")
SESSION = PrincipalFacts(ROLE_ARN, f"arn:aws:sts::{A}:assumed-role/app/one", A, "role-session")
STRANGER = PrincipalFacts(f"arn:aws:iam::{B}:user/eve", f"arn:aws:iam::{B}:user/eve", B, "user")
STRANGE_ROOT = PrincipalFacts(f"arn:aws:iam::{B}:root", f"arn:aws:iam::{B}:root", B, "root")
SERVICE = PrincipalFacts("", "", "", "service", service="lambda.amazonaws.com")


def policy(kind: PolicyKind, *statements: dict[str, Any], name: str = "") -> Policy:
    filled = [{"Effect": "Allow", "Action": "*", "Resource": "*"} | statement for statement in statements]
    text = json.dumps({"Version": "2012-10-17", "Statement": filled})
    return compile_policy(text, kind, name=name or kind.name.lower())


ALLOW: dict[str, Any] = {}
OTHER: dict[str, Any] = {"Action": "s3:*"}
DENY: dict[str, Any] = {"Effect": "Deny"}
ID_ALLOW, ID_OTHER = policy(PolicyKind.IDENTITY, ALLOW), policy(PolicyKind.IDENTITY, OTHER)
ID_DENY = policy(PolicyKind.IDENTITY, DENY)
BOUND_OTHER = policy(PolicyKind.BOUNDARY, OTHER)


def grants(principal: Any, kind: PolicyKind = PolicyKind.RESOURCE, **more: Any) -> Policy:
    return policy(kind, {"Principal": principal} | more)


def told(
    who: PrincipalFacts,
    resource_policy: Policy | None,
    policies: PolicySet,
    *,
    delegates: bool = True,
    context: Context | None = None,
) -> Explanation:
    request = AuthorizationRequest(who, READ, SECRET, A, context or {})
    return explain(request, policies, resource_policy, delegates_to_identity=delegates)


@pytest.mark.parametrize(
    ("who", "resource_policy", "policies", "delegates", "missing"),
    [
        (USER, None, PolicySet(), True, (Layer.IDENTITY,)),
        (USER, None, PolicySet((ID_OTHER,), BOUND_OTHER, ()), True, (Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION)),
        (USER, None, PolicySet((ID_ALLOW,), BOUND_OTHER), True, (Layer.BOUNDARY,)),
        (SESSION, grants({"AWS": ROLE_ARN}), PolicySet((), BOUND_OTHER), True, (Layer.BOUNDARY,)),
        (USER, grants({"AWS": USER_ARN}), PolicySet((), None, ()), True, (Layer.SESSION,)),
        (STRANGER, None, PolicySet(), True, (Layer.RESOURCE, Layer.IDENTITY)),
        (STRANGE_ROOT, None, PolicySet(), True, (Layer.RESOURCE,)),
        (USER, None, PolicySet((ID_ALLOW,)), False, (Layer.RESOURCE,)),
        (USER, grants({"AWS": A}, PolicyKind.KEY), PolicySet(), False, (Layer.IDENTITY,)),
        (SERVICE, None, PolicySet(), True, (Layer.RESOURCE,)),
        (USER, None, PolicySet((ID_ALLOW,)), True, ()),
        (USER, grants({"AWS": USER_ARN}), PolicySet((), BOUND_OTHER), True, ()),
        (USER, None, PolicySet((ID_DENY,), BOUND_OTHER), True, ()),
    ],
)
def test_what_is_missing(
    who: PrincipalFacts,
    resource_policy: Policy | None,
    policies: PolicySet,
    delegates: bool,
    missing: tuple[Layer, ...],
) -> None:
    explanation = told(who, resource_policy, policies, delegates=delegates)
    assert explanation.missing == missing
    assert explanation.allowed is (not missing and ID_DENY not in policies.identity)


def test_every_statement_that_applied_is_named() -> None:
    own = policy(PolicyKind.IDENTITY, ALLOW | {"Sid": "A"}, OTHER, DENY | {"Sid": "B"}, ALLOW)
    explanation = told(USER, grants({"AWS": [USER_ARN, B]}), PolicySet((own,)))
    assert explanation.reason is Reason.EXPLICIT_DENY_IDENTITY
    assert [str(each) for each in explanation.decision.statements] == ["identity#B"]
    assert [str(each) for each in explanation.statements] == ["resource#0", "identity#B", "identity#A", "identity#3"]
    resource, identity = explanation.layers
    assert (resource.layer, resource.allows, resource.denies) == (Layer.RESOURCE, True, False)
    assert (identity.layer, identity.allows, identity.denies) == (Layer.IDENTITY, False, True)


def test_what_kept_a_statement_from_applying() -> None:
    home = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "true"}}
    own = policy(PolicyKind.IDENTITY, {"Sid": "Home", "Condition": home}, OTHER)
    context: Context = {"aws:sourceip": "192.0.2.1", "aws:securetransport": "true"}
    (identity,) = told(USER, None, PolicySet((own,)), context=context).layers[1:]
    assert identity.applied == ()
    (finding,) = identity.unmet
    assert (finding.id.sid, finding.allows) == ("Home", True)
    assert [str(condition) for condition in finding.unmet] == ["IpAddress aws:SourceIp 10.0.0.0/8"]


def test_keys_that_the_request_lacks() -> None:
    team = {"StringEquals": {"aws:ResourceTag/Team": "${aws:PrincipalTag/Team}"}, "Null": {"aws:TagKeys": "true"}}
    own = policy(PolicyKind.IDENTITY, {"Condition": team}, OTHER | {"Condition": {"Bool": {"a:other": "true"}}})
    explanation = told(USER, None, PolicySet((own,)), context={"aws:resourcetag/team": "red", "aws:tagkeys": ()})
    assert explanation.absent_keys == ("aws:principaltag/team", "aws:tagkeys")


def test_each_level_of_the_organization_is_told() -> None:
    everything, other = policy(PolicyKind.SERVICE_CONTROL), policy(PolicyKind.SERVICE_CONTROL, OTHER, name="p-other")
    everything = policy(PolicyKind.SERVICE_CONTROL, ALLOW, name="p-all")
    explanation = told(USER, None, PolicySet((ID_ALLOW,), service_control=((everything,), (other, other))))
    root, account = [each for each in explanation.layers if each.layer is Layer.SERVICE_CONTROL]
    assert (root.level, root.policies, root.allows, root.needed) == (1, ("p-all",), True, True)
    assert (account.level, account.policies, account.allows) == (2, ("p-other", "p-other"), False)
    assert explanation.missing == (Layer.SERVICE_CONTROL,)


def test_services_have_no_policies_of_their_own() -> None:
    explanation = told(SERVICE, grants({"Service": "lambda.amazonaws.com"}), PolicySet((ID_DENY,)))
    assert [each.layer for each in explanation.layers] == [Layer.RESOURCE]
    assert explanation.allowed


def test_the_keys_that_policies_ask_about() -> None:
    statement = {
        "Resource": f"arn:aws:secretsmanager:*:{A}:secret:${{aws:username}}/${{aws:PrincipalTag/Team, 'none'}}/*",
        "Condition": {
            "StringEquals": {"aws:ResourceTag/Team": ["${aws:userid}", "${*}"]},
            "DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"},
            "StringLike": {"AWS:resourceTag/team": "x"},
        },
    }
    assert required_keys([policy(PolicyKind.IDENTITY, statement, ALLOW)]) == [
        "aws:ResourceTag/Team",
        "aws:CurrentTime",
        "aws:principaltag/team",
        "aws:userid",
        "aws:username",
    ]
    text = json.dumps({"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Action": "*"} | statement})
    old = compile_policy(text, PolicyKind.IDENTITY)
    assert required_keys([old]) == ["aws:ResourceTag/Team", "aws:CurrentTime"]
