"""Which documents are policies of which kind, and what a compiled one is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.policy import MalformedPolicy, Policy, PolicyKind, StatementId, compile_policy

GOOD: dict[PolicyKind, dict[str, Any]] = {
    PolicyKind.IDENTITY: {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    PolicyKind.SESSION: {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    PolicyKind.BOUNDARY: {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    PolicyKind.SERVICE_CONTROL: {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    PolicyKind.RESOURCE: {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"},
    PolicyKind.KEY: {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"},
    PolicyKind.TRUST: {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
}


def compiled(statement: Any, kind: PolicyKind = PolicyKind.IDENTITY, **document: Any) -> Policy:
    content = {"Version": "2012-10-17", "Statement": statement} | document
    return compile_policy(json.dumps(content), kind, name="test")


@pytest.mark.parametrize("kind", PolicyKind)
def test_good_documents(kind: PolicyKind) -> None:
    policy = compiled([GOOD[kind] | {"Sid": "One"}, GOOD[kind]], kind, Id="x")
    assert policy.kind is kind
    identifiers = [statement.id for statement in policy.statements]
    assert identifiers == [StatementId("test", "One", 0), StatementId("test", "", 1)]
    assert [str(identifier) for identifier in identifiers] == ["test#One", "test#1"]
    assert compiled(GOOD[kind], kind).statements[0].allows


@pytest.mark.parametrize("kind", PolicyKind)
@pytest.mark.parametrize(
    "change",
    [
        {"Effect": None},
        {"Effect": "allow"},
        {"Effect": None, "effect": "Allow"},
        {"Action": None},
        {"Action": []},
        {"Action": ""},
        {"Action": "Decrypt"},
        {"Action": "kms:"},
        {"Action": "km*:Decrypt"},
        {"Action": "kms:Dec rypt"},
        {"Action": {"kms": "Decrypt"}},
        {"NotAction": "kms:Encrypt"},
        {"Sid": 5},
        {"Extra": "x"},
        {"Condition": {"StringLikes": {"a:b": "c"}}},
        {"Condition": []},
    ],
)
def test_refused_in_every_kind(kind: PolicyKind, change: dict[str, Any]) -> None:
    statement = {key: value for key, value in (GOOD[kind] | change).items() if value is not None}
    with pytest.raises(MalformedPolicy):
        compiled(statement, kind)


@pytest.mark.parametrize("kind", [PolicyKind.IDENTITY, PolicyKind.SESSION, PolicyKind.BOUNDARY])
def test_no_principal_where_the_caller_is_implied(kind: PolicyKind) -> None:
    for element in ("Principal", "NotPrincipal"):
        with pytest.raises(MalformedPolicy, match="should not specify a principal"):
            compiled(GOOD[kind] | {element: "*"}, kind)


@pytest.mark.parametrize("kind", [PolicyKind.RESOURCE, PolicyKind.KEY, PolicyKind.TRUST])
def test_a_principal_where_it_is_needed(kind: PolicyKind) -> None:
    with pytest.raises(MalformedPolicy, match="Missing required field Principal"):
        compiled({key: value for key, value in GOOD[kind].items() if key != "Principal"}, kind)
    with pytest.raises(MalformedPolicy, match="both"):
        compiled(GOOD[kind] | {"NotPrincipal": "*"}, kind)


def test_resources() -> None:
    for resource in ("bucket", "", "*x"):
        with pytest.raises(MalformedPolicy, match="must be in ARN format"):
            compiled(GOOD[PolicyKind.IDENTITY] | {"Resource": resource})
    with pytest.raises(MalformedPolicy, match="must contain resources"):
        compiled(GOOD[PolicyKind.IDENTITY] | {"Resource": []})
    with pytest.raises(MalformedPolicy, match="must contain resources"):
        compiled({"Effect": "Allow", "Action": "*"})
    with pytest.raises(MalformedPolicy, match="prohibited field Resource"):
        compiled(GOOD[PolicyKind.TRUST] | {"Resource": "*"}, PolicyKind.TRUST)
    with pytest.raises(MalformedPolicy, match="last part of the ARN"):
        compiled(GOOD[PolicyKind.IDENTITY] | {"Resource": "arn:aws:iam::${aws:PrincipalAccount}:user/x"})
    assert compiled(GOOD[PolicyKind.IDENTITY] | {"Resource": "arn:aws:iam::1:user/${aws:username}"})


@pytest.mark.parametrize(
    "document", [{"Version": "2020-01-01"}, {"Version": 2012}, {"version": "2012-10-17"}, {"Id": 5}, {"Extra": 1}]
)
def test_document_elements(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedPolicy):
        compiled(GOOD[PolicyKind.IDENTITY], **document)


def test_statements_are_needed_and_may_be_none() -> None:
    with pytest.raises(MalformedPolicy, match="Statement is missing"):
        compile_policy('{"Version": "2012-10-17"}', PolicyKind.IDENTITY)
    with pytest.raises(MalformedPolicy):
        compiled(["x"])
    assert compiled([]).statements == ()


def test_sids_follow_iam_where_iam_keeps_the_policy() -> None:
    good = GOOD[PolicyKind.IDENTITY]
    with pytest.raises(MalformedPolicy, match="unique"):
        compiled([good | {"Sid": "A"}, good | {"Sid": "A"}])
    with pytest.raises(MalformedPolicy, match="alpha-numeric"):
        compiled(good | {"Sid": "Enable IAM"})
    assert compiled([GOOD[PolicyKind.KEY] | {"Sid": "Enable IAM User Permissions"}] * 2, PolicyKind.KEY)


def test_variables_belong_to_the_new_version() -> None:
    statement = GOOD[PolicyKind.IDENTITY] | {"Resource": "arn:aws:s3:::${"}
    assert compiled(statement, Version="2008-10-17")
    assert compile_policy(json.dumps({"Statement": statement}), PolicyKind.IDENTITY)
    with pytest.raises(MalformedPolicy, match="closing brace"):
        compiled(statement)


def test_conditions_take_numbers_and_booleans() -> None:
    policy = compiled(
        GOOD[PolicyKind.IDENTITY] | {"Condition": {"NumericEquals": {"s3:max-keys": 10}, "Bool": {"aws:Via": [True]}}}
    )
    assert policy.statements[0].applies("*", {"s3:max-keys": "10", "aws:via": "true"})
    assert [condition.values for condition in policy.statements[0].conditions] == [("10",), ("true",)]


def test_a_policy_is_itself_only() -> None:
    one, two = compiled(GOOD[PolicyKind.IDENTITY]), compiled(GOOD[PolicyKind.IDENTITY])
    assert one != two
    assert len({one, two, one}) == 2


@pytest.mark.parametrize(
    ("element", "patterns", "covered", "spared"),
    [
        ("Action", "*", ["kms:Decrypt", "s3:GetObject"], []),
        ("Action", "*:*", ["kms:Decrypt"], []),
        ("Action", "KMS:decrypt", ["kms:Decrypt"], ["kms:Encrypt"]),
        ("Action", ["iam:*AccessKey*", "s3:Get?bject"], ["iam:CreateAccessKey", "s3:GetObject"], ["iam:GetUser"]),
        ("NotAction", ["iam:*"], ["s3:GetObject"], ["iam:GetUser"]),
    ],
)
def test_actions(element: str, patterns: Any, covered: list[str], spared: list[str]) -> None:
    policy = compiled({"Effect": "Deny", element: patterns, "Resource": "*"})
    for action in covered * 2:
        assert len(policy.select(action.lower()).denies) == 1
    for action in spared * 2:
        assert policy.select(action.lower()).denies == ()


def test_remembered_actions_are_bounded() -> None:
    policy = compiled(GOOD[PolicyKind.IDENTITY])
    for number in range(2000):
        assert policy.select(f"kms:{number}").allows == ()
    assert policy.select("kms:decrypt").allows == policy.statements
    assert "_selections" not in repr(policy)
