"""What is said to be always allowed is, whatever the request; and what is said never to be allowed never is."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.policy.test_policy_reference import CONTEXTS, HOME, PRINCIPALS, RESOURCES, documents

from strongroom.policy import AuthorizationRequest, Context, Policy, PolicyKind, PolicySet, compile_policy, evaluate
from strongroom.services.access.certainty import Certainty
from strongroom.services.access.principals import Standing
from strongroom.services.clients import GrantRights, ResourceRights

ACTION = "secretsmanager:GetSecretValue"
KINDS = {"user": "user", "role-session": "role"}


def _split(context: Context, standing: Standing, *, known: bool) -> dict[str, str | tuple[str, ...]]:
    return {key: value for key, value in context.items() if standing.unknown(key) is not known}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_always_and_never_hold_for_every_request(data: st.DataObject) -> None:
    own = data.draw(st.lists(documents(PolicyKind.IDENTITY), max_size=2), label="identity")
    boundary = data.draw(st.none() | documents(PolicyKind.BOUNDARY), label="boundary")
    control = data.draw(st.lists(documents(PolicyKind.SERVICE_CONTROL), max_size=1), label="control")
    resource = data.draw(st.none() | documents(PolicyKind.KEY), label="resource")
    grant = data.draw(st.none() | documents(PolicyKind.KEY), label="grant")
    policies = PolicySet(
        tuple(compile_policy(text, PolicyKind.IDENTITY, name="own") for text in own),
        None if boundary is None else compile_policy(boundary, PolicyKind.BOUNDARY, name="boundary"),
        None,
        tuple((compile_policy(text, PolicyKind.SERVICE_CONTROL, name="control"),) for text in control),
    )
    certainty = Certainty(ACTION)
    for facts, arn, known in product(PRINCIPALS, RESOURCES, CONTEXTS):
        if facts.kind not in KINDS:
            continue
        standing = Standing(facts.arn, KINDS[facts.kind], facts, policies, {})
        granted = () if grant is None else (GrantRights("g", compile_policy(grant, PolicyKind.KEY), None),)
        policy = None if resource is None else compile_policy(resource, PolicyKind.KEY)
        rights = ResourceRights(arn, HOME, policy, decides_alone=True, grants=granted)
        fixed = _split(known, standing, known=True)
        found = certainty.decide(standing, rights, fixed)
        for request in CONTEXTS:
            context = {**fixed, **_split(request, standing, known=False)}
            question = AuthorizationRequest(facts, ACTION, arn, HOME, context)
            allowed = any(
                evaluate(question, policies, each, delegates_to_identity=False).allowed
                for each in (policy, *(grant.policy for grant in granted))
            )
            if found is None:
                assert not allowed
            elif not found.conditions:
                assert allowed


ADDRESS = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
IN_WORDS = "IpAddress aws:SourceIp 10.0.0.0/8"


def _policy(kind: PolicyKind, **more: Any) -> Policy:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", **more}
    return compile_policy(json.dumps({"Version": "2012-10-17", "Statement": statement}), kind, name=kind.name)


@pytest.mark.parametrize(
    ("identity", "boundary", "key", "expected"),
    [
        ({}, None, {}, ()),
        ({"Condition": ADDRESS}, None, {}, (f"if {IN_WORDS}",)),
        ({}, {"Condition": ADDRESS}, {}, (f"if {IN_WORDS}",)),
        ({}, None, {"Condition": ADDRESS}, (f"if {IN_WORDS}",)),
        ({"Condition": ADDRESS}, {"Condition": ADDRESS}, {"Condition": ADDRESS}, (f"if {IN_WORDS}",)),
        ({"Action": "s3:*", "Condition": ADDRESS}, None, {}, None),
        ({}, None, {"Effect": "Deny", "Condition": ADDRESS}, None),
    ],
)
def test_conditions_of_every_policy_that_must_allow(
    identity: dict[str, Any], boundary: dict[str, Any] | None, key: dict[str, Any], expected: tuple[str, ...] | None
) -> None:
    """The key's policy names the account, which hands the decision to the principal's own policies."""
    facts = PRINCIPALS[0]
    policies = PolicySet(
        (_policy(PolicyKind.IDENTITY, **identity),),
        None if boundary is None else _policy(PolicyKind.BOUNDARY, **boundary),
    )
    rights = ResourceRights(
        RESOURCES[0], HOME, _policy(PolicyKind.KEY, Principal={"AWS": HOME}, **key), decides_alone=True
    )
    found = Certainty(ACTION).decide(Standing(facts.arn, "user", facts, policies, {}), rights, {})
    assert (None if found is None else found.conditions) == expected
