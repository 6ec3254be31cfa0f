"""Policies in the best and the worst case of condition keys that nobody knows yet."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policy.test_policy_reference import CONTEXTS, HOME, RESOURCES, documents

from strongroom.policy import (
    AuthorizationRequest,
    Context,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    assume,
    compile_policy,
    evaluate,
    unknown_conditions,
)

ACTION = "secretsmanager:GetSecretValue"
BOB = f"arn:aws:iam::{HOME}:user/bob"
USER = PrincipalFacts(BOB, BOB, HOME, "user")
SECRET = f"arn:aws:secretsmanager:eu-west-1:{HOME}:secret:red/db-AbCdEf"
ADDRESS = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
TEAM = f"arn:aws:secretsmanager:*:{HOME}:secret:${{aws:PrincipalTag/team}}/*"


def is_unknown(key: str) -> bool:
    return key in {"aws:sourceip", "aws:principaltag/team", "aws:username", "aws:tagkeys"}


def cases(*statements: dict[str, Any], context: Context | None = None) -> tuple[bool, bool]:
    """Allowed in the best case, and in the worst."""
    filled = [{"Effect": "Allow", "Action": "*"} | statement for statement in statements]
    filled = [each if "NotResource" in each else {"Resource": "*"} | each for each in filled]
    policy = compile_policy(json.dumps({"Version": "2012-10-17", "Statement": filled}), PolicyKind.IDENTITY)
    request = AuthorizationRequest(USER, ACTION, SECRET, HOME, context or {})
    best, worst = [
        evaluate(request, PolicySet((assume(policy, ACTION.lower(), is_unknown, best=best),)), None).allowed
        for best in (True, False)
    ]
    return best, worst


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([{}], (True, True)),
        ([{"Condition": ADDRESS}], (True, False)),
        ([{}, {"Effect": "Deny", "Condition": ADDRESS}], (True, False)),
        ([{}, {"Effect": "Deny"}], (False, False)),
        ([{"Condition": ADDRESS}, {"Effect": "Deny", "Condition": ADDRESS}], (True, False)),
        ([{"Condition": ADDRESS | {"StringEquals": {"aws:ResourceTag/a": "b"}}}], (False, False)),
        ([{"Resource": TEAM}], (True, False)),
        ([{"Resource": TEAM.replace(":secret:", ":secret:x")}], (False, False)),
        ([{"Resource": [TEAM, SECRET]}], (True, True)),
        ([{"NotResource": TEAM}], (True, False)),
        ([{"NotResource": [TEAM, SECRET]}], (False, False)),
        ([{}, {"Effect": "Deny", "Resource": TEAM}], (True, False)),
        ([{}, {"Effect": "Deny", "NotResource": TEAM}], (True, False)),
        ([{}, {"Effect": "Deny", "NotResource": [TEAM, SECRET]}], (True, True)),
        ([{"Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}}], (True, False)),
        ([{"Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:other, 'red'}"}}}], (True, True)),
        ([{"Resource": "arn:aws:*:*:*:secret:${*}/${aws:PrincipalTag/team}"}], (False, False)),
    ],
)
def test_cases(statements: list[dict[str, Any]], expected: tuple[bool, bool]) -> None:
    assert cases(*statements, context={"aws:resourcetag/team": "red"}) == expected


def test_a_policy_that_asks_for_nothing_unknown_stays_itself() -> None:
    text = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": ADDRESS}})
    policy = compile_policy(text, PolicyKind.IDENTITY)
    assert assume(policy, ACTION.lower(), lambda _: False, best=True) is policy
    assert assume(policy, ACTION.lower(), is_unknown, best=True) is not policy


def test_unknown_conditions_in_words() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": [TEAM, "*"], "Condition": ADDRESS}
    policy = compile_policy(json.dumps({"Version": "2012-10-17", "Statement": statement}), PolicyKind.IDENTITY)
    words = unknown_conditions(policy.statements[0], is_unknown)
    assert words == ["IpAddress aws:SourceIp 10.0.0.0/8", f"Resource {TEAM}"]
    assert unknown_conditions(policy.statements[0], lambda _: False) == []


@settings(max_examples=60, deadline=None)
@given(text=documents(PolicyKind.IDENTITY), known=st.sampled_from(CONTEXTS))
def test_every_value_lies_between_the_cases(text: str, known: Context) -> None:
    policy = compile_policy(text, PolicyKind.IDENTITY)
    for resource, values in product(RESOURCES, CONTEXTS):
        unknown = {key: value for key, value in values.items() if is_unknown(key)}
        fixed = {key: value for key, value in known.items() if not is_unknown(key)}

        def allowed(which: bool | None, context: Context, resource: str = resource) -> bool:
            read = policy if which is None else assume(policy, ACTION.lower(), is_unknown, best=which)
            return evaluate(
                AuthorizationRequest(USER, ACTION, resource, HOME, context), PolicySet((read,)), None
            ).allowed

        best, worst, actual = allowed(True, fixed), allowed(False, fixed), allowed(None, {**fixed, **unknown})
        assert worst <= actual <= best
