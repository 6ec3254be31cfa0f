"""Whom a resource-based policy names, and whether that is everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.policy import Policy, PolicyKind, compile_policy, is_public, principal_arns, principal_identifiers

A = "111122223333"
BASE: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def resource_policy(*changes: dict[str, Any], ids: dict[str, str] | None = None) -> Policy:
    statements = [{key: value for key, value in (BASE | change).items() if value is not None} for change in changes]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return compile_policy(text, PolicyKind.RESOURCE, principal_ids=ids)


@pytest.mark.parametrize(
    "changes",
    [
        [{}],
        [{"Principal": {"AWS": "*"}}],
        [{"Principal": {"AWS": [A, "*"]}}],
        [{"Principal": {"AWS": A}}, {}],
        [{"Principal": None, "NotPrincipal": {"AWS": A}}],
        [{"Condition": {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}}],
        [{"Condition": {"StringEqualsIfExists": {"aws:PrincipalAccount": A}}}],
        [{"Condition": {"StringNotEquals": {"aws:PrincipalAccount": A}}}],
        [{"Condition": {"ForAllValues:StringEquals": {"aws:PrincipalAccount": A}}}],
        [{"Condition": {"StringLike": {"aws:PrincipalAccount": ["1111*"]}}}],
        [{"Condition": {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}}],
        [{"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app"}}}],
        [{"Condition": {"ArnLike": {"aws:PrincipalArn": [f"arn:aws:iam::{A}:role/app", "*"]}}}],
        [{"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}],
        [{"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::/0"]}}}],
        [{"Condition": {"Bool": {"aws:SecureTransport": "true"}}}],
        [{"Condition": {"Null": {"aws:PrincipalAccount": "false"}}}],
    ],
)
def test_public(changes: list[dict[str, Any]]) -> None:
    assert is_public(resource_policy(*changes))


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [{"Effect": "Deny"}],
        [{"Principal": {"AWS": A, "Service": "rds.amazonaws.com"}}],
        [{"Condition": {"StringEquals": {"aws:PrincipalAccount": [A, "444455556666"]}}}],
        [{"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-example"}, "Bool": {"aws:SecureTransport": "true"}}}],
        [{"Condition": {"StringEquals": {"kms:CallerAccount": A}}}],
        [{"Condition": {"StringLike": {"aws:userid": "AIDAAAAAAAAAAAAAAAAA"}}}],
        [{"Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:sns:*:{A}:*"}}}],
        [{"Condition": {"StringLike": {"aws:PrincipalArn": f"arn:aws:iam::{A}:role/*"}}}],
        [{"Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}}}],
    ],
)
def test_not_public(changes: list[dict[str, Any]]) -> None:
    assert not is_public(resource_policy(*changes))


def test_named_principals() -> None:
    user, role = f"arn:aws:iam::{A}:user/bob", f"arn:aws:iam::{A}:role/app"
    session = f"arn:aws:sts::{A}:assumed-role/app/one"
    policy = resource_policy(
        {"Principal": {"AWS": [user, A, "*"], "Service": "rds.amazonaws.com"}},
        {"Principal": None, "NotPrincipal": {"AWS": [role, session, "AIDAAAAAAAAAAAAAAAAA"]}, "Effect": "Deny"},
    )
    assert principal_arns(policy) == {user, role, session}
    assert principal_identifiers(policy) == {"AIDAAAAAAAAAAAAAAAAA"}
    mapped = resource_policy({"Principal": {"AWS": user}}, ids={user: "AIDABBBBBBBBBBBBBBBB"})
    assert principal_arns(mapped) == frozenset()
    assert principal_identifiers(mapped) == {"AIDABBBBBBBBBBBBBBBB"}


def test_a_policy_without_principals_names_nobody() -> None:
    identity = compile_policy(
        json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}), PolicyKind.IDENTITY
    )
    assert principal_arns(identity) == frozenset()
    assert not is_public(identity)
