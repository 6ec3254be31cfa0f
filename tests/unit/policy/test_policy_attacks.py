"""Attacks on the policy language, by the numbers of the project's list of attacks.

The bounded-time tests assert no time: a matcher that backtracks would not come back before the test run's timeout.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.policy import (
    AuthorizationRequest,
    Context,
    MalformedPolicy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    compile_policy,
    evaluate,
)
from strongroom.policy.document import MAX_CHARACTERS

A = "111122223333"
PREFIX = f"arn:aws:secretsmanager:eu-west-1:{A}:secret:"
USER = PrincipalFacts(f"arn:aws:iam::{A}:user/bob", f"arn:aws:iam::{A}:user/bob", A, "user")


def allowed(statement: dict[str, Any], resource: str, context: Context) -> bool:
    content = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"} | statement}
    policies = PolicySet((compile_policy(json.dumps(content), PolicyKind.IDENTITY),))
    request = AuthorizationRequest(USER, "secretsmanager:GetSecretValue", resource, A, context)
    return evaluate(request, policies, None).allowed


HOSTILE = [
    "*",
    "?",
    "???",
    "**",
    "*/*",
    "../*",
    "/",
    "a/*",
    "${aws:userid}",
    "${*}",
    "${",
    "$",
    ".*",
    "[a-z]+",
    "(?=",
    "\\E",
    "b|o",
    "bob\n",
    "\0",
    "bob\0",
    "\0bob",
    "",
    "BOB",
    "bob\u0301",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_attack_04_policy_variables_are_literal(value: str) -> None:
    """A tag or session name full of wildcards opens what it spells and nothing else."""
    context = {"aws:principaltag/team": value, "aws:userid": "bob"}
    resource = {"Resource": PREFIX + "${aws:PrincipalTag/team}/*"}
    like = {"Condition": {"StringLike": {"secretsmanager:Name": "${aws:PrincipalTag/team}/*"}}}
    equals = {"Condition": {"StringEquals": {"secretsmanager:Name": "${aws:PrincipalTag/team}"}}}
    ignoring = {"Condition": {"StringEqualsIgnoreCase": {"secretsmanager:Name": "${aws:PrincipalTag/team}x"}}}
    arn = {"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::1:role/${aws:PrincipalTag/team}"}}}
    for other in ("bob", "alice", "a", "abc", "x/y", ".."):
        context["secretsmanager:name"] = f"{other}/db"
        assert not allowed(resource, f"{PREFIX}{other}/db", context)
        assert not allowed(like, "*", context)
        context["secretsmanager:name"] = other
        assert not allowed(equals, "*", context)
        assert not allowed(ignoring, "*", context)
        assert not allowed(arn, "*", context | {"aws:principalarn": f"arn:aws:iam::1:role/{other}"})
    if "\0" not in value:
        assert allowed(resource, f"{PREFIX}{value}/db", context)
        assert allowed(arn, "*", context | {"aws:principalarn": f"arn:aws:iam::1:role/{value}"})


def test_attack_04_a_value_cannot_cross_an_arn_component() -> None:
    statement = {"Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:${aws:PrincipalTag/region}:1:topic"}}}
    context = {"aws:principaltag/region": "eu:1:x:sns"}
    assert not allowed(statement, "*", context | {"aws:sourcearn": "arn:aws:sns:eu:1:x:sns:1:topic"})


def test_attack_04_a_default_is_literal_too() -> None:
    statement = {"Resource": PREFIX + "${aws:PrincipalTag/team, '*'}"}
    assert not allowed(statement, PREFIX + "x", {})
    assert allowed(statement, PREFIX + "*", {})


def test_attack_04_a_variable_in_a_deny_cannot_be_emptied() -> None:
    """A caller that hides its tag does not get past a Deny written with NotEquals."""
    content = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
        },
    ]
    policy = compile_policy(json.dumps({"Version": "2012-10-17", "Statement": content}), PolicyKind.IDENTITY)
    contexts: list[Context] = [{}, {"aws:resourcetag/team": "red"}, {"aws:resourcetag/team": "", "aws:userid": ""}]
    for context in contexts:
        request = AuthorizationRequest(USER, "kms:Decrypt", "*", A, context)
        assert not evaluate(request, PolicySet((policy,)), None).allowed


TEXT = "a" * 2000


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 4000 + "b",
        "*" * 10_000 + "b",
        "*?" * 1500 + "b",
        "a*" * 900 + "b" + "*a" * 900,
        "*" + "?" * 1999 + "b",
        "*" + "a?" * 500 + "b*",
        "(a+)+$*b",
    ],
)
def test_attack_14_glob_backtracking(pattern: str) -> None:
    context = {"aws:principaltag/team": TEXT, "a:b": TEXT, "a:arn": f"arn:aws:iam::1:{TEXT}"}
    assert not allowed({"Resource": f"arn:{pattern}"}, f"arn:{TEXT}", context)
    assert not allowed({"Resource": "arn:::::${aws:PrincipalTag/team}" + pattern}, f"arn:::::{TEXT}{TEXT}", context)
    assert not allowed({"Condition": {"StringLike": {"a:b": [pattern, pattern + "*b"]}}}, "*", context)
    assert not allowed({"Condition": {"ArnLike": {"a:arn": f"*:*:*:*:*:{pattern}"}}}, "*", context)
    assert not allowed(
        {"Condition": {"ArnLike": {"a:arn": f"{pattern}:*:*:*:*:*"}}}, "*", context | {"a:arn": f"{TEXT}:::::x"}
    )


def test_attack_14_the_longest_document_of_patterns() -> None:
    patterns = ["arn:" + "*a?" * 30 + "b"] * 1200
    content = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": patterns}}
    assert len(json.dumps(content)) < MAX_CHARACTERS
    assert not allowed({"Resource": patterns}, f"arn:{TEXT}", {})
    many = ["arn:::::${aws:userid}*" + "${aws:userid, 'a'}?" * 50 + "b"] * 100
    assert not allowed({"Resource": many}, f"arn:::::{TEXT}", {"aws:userid": "a"})


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"Statement":' * 10_000,
        '{"Statement":[' * 5_000 + "]}" * 5_000,
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":'
        + "[" * 60_000
        + "]" * 60_000
        + "}}",
        '{"a":"' + '\\"' * 60_000,
        '"' * 100_000,
        "{" + ",".join('"Version":"2012-10-17"' for _ in range(5000)) + "}",
        '{"Statement":' + "9" * 100_000 + "}",
        '{"Statement":"' + "x" * MAX_CHARACTERS + '"}',
    ],
)
def test_attack_14_deep_long_and_repeated_documents(text: str) -> None:
    for kind in PolicyKind:
        with pytest.raises(MalformedPolicy):
            compile_policy(text, kind)


def test_attack_14_unfinished_variables() -> None:
    for value in ("${" * 30_000, "${a:b, '" * 15_000, "${" + " " * 100_000, "${" + "," * 100_000 + "'x'}"):
        content = {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "*", "Resource": f"arn:::::{value}"},
        }
        with pytest.raises(MalformedPolicy):
            compile_policy(json.dumps(content), PolicyKind.IDENTITY)


def test_attack_14_numbers_of_any_size() -> None:
    statement = {"Condition": {"NumericLessThan": {"a:b": "10"}, "DateLessThan": {"a:c": "2020"}}}
    for number in ("9" * 100_000, "1e999999999", "-" + "9" * 100_000):
        assert not allowed(statement, "*", {"a:b": number, "a:c": "2019"})
        assert not allowed(statement, "*", {"a:b": "1", "a:c": number})


def test_attack_04_principals_are_never_patterns() -> None:
    """A user named with a star does not become everybody, nor does a role path."""
    policy = compile_policy(
        json.dumps(
            {
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{A}:user/bob"},
                    "Action": "*",
                    "Resource": "*",
                }
            }
        ),
        PolicyKind.RESOURCE,
    )
    for name in ("*", "bo*", "bob/x", "Bob", "bob ", "x/bob"):
        arn = f"arn:aws:iam::{A}:user/{name}"
        request = AuthorizationRequest(PrincipalFacts(arn, arn, A, "user"), "kms:Decrypt", "*", A, {})
        assert not evaluate(request, PolicySet(), policy).allowed
