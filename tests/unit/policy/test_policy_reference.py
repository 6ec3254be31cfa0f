"""The compiled engine against the slow reference, on random policies and requests.

50,000 decisions; ``STRONGROOM_POLICY_DECISIONS`` asks for more, or for fewer.
"""

from __future__ import annotations

import json
import os
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.policy.reference import Document, Json, decide

from strongroom.policy import (
    AuthorizationRequest,
    Context,
    Policy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    compile_policy,
    evaluate,
    explain,
)

HOME, AWAY = "111122223333", "444455556666"
USER = f"arn:aws:iam::{HOME}:user/bob"
ROLE = f"arn:aws:iam::{HOME}:role/app"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/app/one"
GUEST = f"arn:aws:sts::{HOME}:federated-user/guest"
PROVIDER = f"arn:aws:iam::{HOME}:oidc-provider/tokens.example.com"
PRINCIPALS = [
    PrincipalFacts(USER, USER, HOME, "user", identifiers=frozenset({"AIDABOBBOBBOBBOB"})),
    PrincipalFacts(ROLE, SESSION, HOME, "role-session", identifiers=frozenset({"AROAAPPAPPAPPAPP"})),
    PrincipalFacts(f"arn:aws:iam::{HOME}:root", f"arn:aws:iam::{HOME}:root", HOME, "root"),
    PrincipalFacts(GUEST, GUEST, HOME, "federated-user", identifiers=frozenset({"AIDABOBBOBBOBBOB"})),
    PrincipalFacts("", "", "", "service", service="lambda.amazonaws.com"),
    PrincipalFacts(PROVIDER, PROVIDER, "", "web-identity"),
    PrincipalFacts("", "", "", "anonymous"),
]
RESOURCES = [f"arn:aws:secretsmanager:eu-west-1:{HOME}:secret:{name}" for name in ("app/db-a1", "app/*", "other")]
ACTIONS = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "kms:Decrypt"]
CONTEXTS: list[Context] = [
    {},
    {"aws:username": "app", "aws:tagkeys": ("a", "b"), "s3:n": "10", "aws:sourceip": "10.1.2.3"},
    {
        "aws:username": "*",
        "aws:tagkeys": (),
        "s3:n": "x",
        "aws:sourceip": "192.0.2.1",
        "aws:principalarn": ROLE,
        "aws:currenttime": "2026-01-01T00:00:00Z",
        "aws:securetransport": "true",
    },
    {"aws:username": "", "aws:tagkeys": ("b",), "aws:principalarn": "no arn", "aws:currenttime": "1767225599"},
    {
        "aws:viaawsservice": "true",
        "aws:calledvia": ("secretsmanager.amazonaws.com",),
        "kms:viaservice": "secretsmanager.eu-west-1.amazonaws.com",
        "kms:encryptioncontextkeys": ("SecretARN", "SecretVersionId"),
        "a:binary": "QQ==",
    },
]
WHO = list(product(PRINCIPALS, (HOME, AWAY)))
WHAT = list(product(RESOURCES, ACTIONS, CONTEXTS))
QUESTIONS = list(product(WHO, WHAT))
STRIDE = 11
"""Each set of policies is asked every so many questions; no factor of the lists' lengths, so that all are met."""


def some(values: list[str], most: int = 2) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most)


actions = some(
    [
        "*",
        "*",
        "secretsmanager:*",
        "secretsmanager:*",
        "secretsmanager:Get*",
        "SecretsManager:??tSecretValue",
        "kms:Decrypt",
    ]
)
resources = some(
    [
        *["*"] * 4,
        *RESOURCES,
        f"arn:aws:secretsmanager:*:{HOME}:secret:app/??-a1",
        "arn:aws:secretsmanager:*:secret:*-a?",
        f"arn:aws:secretsmanager:eu-west-1:{HOME}:secret:${{aws:username}}/*",
        f"arn:aws:secretsmanager:eu-west-1:{HOME}:secret:${{aws:username, 'app'}}/${{*}}",
    ]
)
texts = some(["app", "*", "A*", "${aws:username}", "${aws:username, 'app'}", "?", ""])
arns = some(
    [ROLE, f"arn:aws:iam::{HOME}:role/*", "arn:aws:iam::*", "arn:*:*:*:*:*p", "arn:aws:iam::*:role/${aws:username}"]
)
VALUES = {
    "String": ("aws:Username", texts),
    "Tags": ("aws:TagKeys", some(["a", "b", "?"])),
    "Numeric": ("s3:n", some(["10", "9.5", "11"])),
    "Date": ("aws:CurrentTime", some(["2026-01-01", "2025-12-31T23:59:59Z", "1767225600"])),
    "Bool": ("aws:SecureTransport", some(["true", "false"])),
    "Ip": ("aws:SourceIp", some(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])),
    "Arn": ("aws:PrincipalArn", arns),
    "Null": ("aws:username", some(["true", "false"])),
    "NullList": ("aws:TagKeys", some(["true", "false"])),
    "Binary": ("a:Binary", some(["QQ==", "QUE="])),
    "Via": ("aws:ViaAWSService", some(["true", "false"])),
    "CalledVia": ("aws:CalledVia", some(["secretsmanager.amazonaws.com", "lambda.*", "*.amazonaws.com"])),
    "ViaService": (
        "kms:ViaService",
        some(["secretsmanager.*.amazonaws.com", "secretsmanager.eu-west-1.amazonaws.com"]),
    ),
}
OPERATORS = [
    *[
        (name, family)
        for family in ("String", "Tags")
        for name in (
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        )
    ],
    *[(f"{family}{sign}", family) for family in ("Numeric", "Date") for sign in ("Equals", "NotEquals", "LessThan",
      "LessThanEquals", "GreaterThan", "GreaterThanEquals")],
    ("Bool", "Bool"),
    ("Bool", "Via"),
    *[(name, family) for family in ("CalledVia", "ViaService") for name in ("StringEquals", "StringLike",
      "StringNotLike")],
    ("BinaryEquals", "Binary"),
    ("IpAddress", "Ip"),
    ("NotIpAddress", "Ip"),
    *[(name, "Arn") for name in ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")],
]  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn) -> Json:
    block: Json = {}
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        name, family = draw(st.sampled_from([*OPERATORS, ("Null", "Null"), ("Null", "NullList")]))
        key, values = VALUES[family]
        if name != "Null":
            name = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"])) + name
            name += draw(st.sampled_from(["", "", "IfExists"]))
        block[name] = {key: draw(values)}
    return block


principals = st.one_of(
    st.just("*"),
    st.fixed_dictionaries(
        {
            "AWS": some(
                [
                    "*",
                    HOME,
                    f"arn:aws:iam::{HOME}:root",
                    USER,
                    ROLE,
                    SESSION,
                    GUEST,
                    AWAY,
                    "AIDABOBBOBBOBBOB",
                    "AROAAPPAPPAPPAPP",
                ],
                4,
            )
        },
        optional={
            "Service": some(["lambda.amazonaws.com", "rds.amazonaws.com"]),
            "Federated": some([PROVIDER, "accounts.example.com"]),
        },
    ),
)


@st.composite
def documents(draw: st.DrawFn, kind: PolicyKind) -> str:
    statements: list[Json] = []
    for _ in range(draw(st.integers(1, 3))):
        statement: Json = {"Effect": draw(st.sampled_from(["Allow"] * 5 + ["Deny"]))}
        statement[draw(st.sampled_from(["Action", "Action", "Action", "NotAction"]))] = draw(actions)
        if kind is not PolicyKind.TRUST:
            statement[draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"]))] = draw(resources)
        if kind in {PolicyKind.RESOURCE, PolicyKind.KEY, PolicyKind.TRUST}:
            statement[draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"]))] = draw(principals)
        block = draw(conditions())
        if block:
            statement["Condition"] = block
        statements.append(statement)
    content: Json = {"Statement": statements}
    version = draw(st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17", None]))
    return json.dumps(content | ({"Version": version} if version else {}))


def pair(text: str, kind: PolicyKind) -> tuple[Policy, Document]:
    return compile_policy(text, kind, name=kind.name), Document(text)


DECISIONS = int(os.environ.get("STRONGROOM_POLICY_DECISIONS", "50000"))
RESOURCE_KINDS = [PolicyKind.RESOURCE, PolicyKind.KEY, PolicyKind.TRUST]


@pytest.mark.timeout(0)
@settings(
    max_examples=-(-DECISIONS // (len(QUESTIONS) // STRIDE)),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_engine_agrees_with_the_reference(data: st.DataObject) -> None:
    identity = [
        pair(text, PolicyKind.IDENTITY)
        for text in data.draw(st.lists(documents(PolicyKind.IDENTITY), max_size=2), label="identity")
    ]
    boundary_text = data.draw(st.none() | documents(PolicyKind.BOUNDARY), label="boundary")
    session_texts = data.draw(st.none() | st.lists(documents(PolicyKind.SESSION), max_size=1), label="session")
    control_texts = data.draw(
        st.lists(st.lists(documents(PolicyKind.SERVICE_CONTROL), min_size=1, max_size=2), max_size=2), label="control"
    )
    kind = data.draw(st.sampled_from(RESOURCE_KINDS), label="kind")
    resource_text = data.draw(st.none() | documents(kind), label="resource")
    boundary = pair(boundary_text, PolicyKind.BOUNDARY) if boundary_text else None
    session = [pair(text, PolicyKind.SESSION) for text in session_texts] if session_texts is not None else None
    control = [[pair(text, PolicyKind.SERVICE_CONTROL) for text in level] for level in control_texts]
    resource = pair(resource_text, kind) if resource_text else None
    policies = PolicySet(
        tuple(policy for policy, _ in identity),
        boundary[0] if boundary else None,
        tuple(policy for policy, _ in session) if session is not None else None,
        tuple(tuple(policy for policy, _ in level) for level in control),
    )
    delegates = kind is PolicyKind.RESOURCE
    first = data.draw(st.integers(0, STRIDE - 1), label="first question")
    for (principal, owner), (target, action, context) in QUESTIONS[first::STRIDE]:
        request = AuthorizationRequest(principal, action, target, owner, context)
        expected = decide(
            request,
            [document for _, document in identity],
            boundary[1] if boundary else None,
            [document for _, document in session] if session is not None else None,
            resource[1] if resource else None,
            must_decide=not delegates,
            control=[[document for _, document in level] for level in control],
        )
        found = evaluate(request, policies, resource[0] if resource else None, delegates_to_identity=delegates)
        told = explain(request, policies, resource[0] if resource else None, delegates_to_identity=delegates)
        actual = "allow" if found.allowed else "explicit" if found.reason.name.startswith("EXPLICIT") else "implicit"
        assert actual == expected
        assert (told.allowed, told.reason) == (found.allowed, found.reason)
        assert set(found.statements) <= set(told.statements)
        assert bool(told.missing) == (expected == "implicit")
