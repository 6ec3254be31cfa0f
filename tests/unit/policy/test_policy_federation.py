"""Callers that an identity provider or a user vouches for: who names them, and how far that carries."""

from __future__ import annotations

import json

import pytest

from strongroom.policy import (
    AuthorizationRequest,
    MalformedPolicy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    compile_policy,
    evaluate,
)

ACCOUNT = "123456789012"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com"
GUEST = f"arn:aws:sts::{ACCOUNT}:federated-user/guest"
WEB = PrincipalFacts(PROVIDER, PROVIDER, "", "web-identity")
FEDERATED = PrincipalFacts(GUEST, GUEST, ACCOUNT, "federated-user", identifiers=frozenset({"AIDAAAAAAAAAAAAAAAAAA"}))
ALLOW_ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


def policy(kind: PolicyKind, effect: str, **principal: object) -> str:
    statement: dict[str, object] = {"Effect": effect, "Action": "sts:AssumeRoleWithWebIdentity", **principal}
    if kind is PolicyKind.RESOURCE:
        statement |= {"Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def assumes(who: PrincipalFacts, *documents: str) -> bool:
    """Whether the trust policies of these statements let somebody in."""
    statements = [json.loads(document)["Statement"] for document in documents]
    trust = compile_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}), PolicyKind.TRUST)
    request = AuthorizationRequest(who, "sts:AssumeRoleWithWebIdentity", "arn:aws:iam::1:role/x", ACCOUNT, {})
    return evaluate(request, PolicySet(), trust).allowed


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ({"Federated": PROVIDER}, True),
        ({"Federated": [PROVIDER + "x", PROVIDER]}, True),
        ("*", True),
        ({"Federated": PROVIDER + "x"}, False),
        ({"Federated": PROVIDER.replace("idp", "IDP")}, False),
        ({"AWS": ACCOUNT}, False),
        ({"Service": "idp.example.com"}, False),
        ({"Federated": "idp.example.com"}, False),
    ],
)
def test_who_lets_a_web_identity_in(principal: object, allowed: bool) -> None:
    assert assumes(WEB, policy(PolicyKind.TRUST, "Allow", Principal=principal)) is allowed


def test_who_keeps_a_web_identity_out() -> None:
    everybody = policy(PolicyKind.TRUST, "Allow", Principal="*")
    for denied in ({"Principal": {"Federated": PROVIDER}}, {"NotPrincipal": {"Federated": PROVIDER + "x"}}):
        assert not assumes(WEB, everybody, policy(PolicyKind.TRUST, "Deny", **denied))
    assert assumes(WEB, everybody, policy(PolicyKind.TRUST, "Deny", NotPrincipal={"Federated": PROVIDER}))


@pytest.mark.parametrize("name", ["anything", "", PROVIDER + "*", "arn:aws:iam::123456789012:user/bob"])
def test_what_is_no_identity_provider(name: str) -> None:
    with pytest.raises(MalformedPolicy, match="Invalid principal in policy"):
        compile_policy(policy(PolicyKind.TRUST, "Allow", Principal={"Federated": name}), PolicyKind.TRUST)


@pytest.mark.parametrize(
    ("principal", "alone", "with_session_policy"),
    [
        ({"AWS": GUEST}, True, True),
        ({"AWS": "AIDAAAAAAAAAAAAAAAAAA"}, False, True),
        ({"AWS": ACCOUNT}, False, False),
        ({"AWS": GUEST + "x"}, False, False),
    ],
)
def test_how_far_the_name_of_a_federated_user_carries(
    principal: object, alone: bool, with_session_policy: bool
) -> None:
    resource = compile_policy(policy(PolicyKind.RESOURCE, "Allow", Principal=principal), PolicyKind.RESOURCE)
    request = AuthorizationRequest(FEDERATED, "kms:Decrypt", "arn:aws:kms:x:1:key/1", ACCOUNT, {})
    session = (compile_policy(ALLOW_ALL, PolicyKind.SESSION),)
    assert evaluate(request, PolicySet(session=()), resource).allowed is alone
    assert evaluate(request, PolicySet(session=session), resource).allowed is with_session_policy


def test_a_deny_spares_a_federated_user_whose_every_name_is_given() -> None:
    request = AuthorizationRequest(FEDERATED, "kms:Decrypt", "arn:aws:kms:x:1:key/1", ACCOUNT, {})
    identity, session = ((compile_policy(ALLOW_ALL, kind),) for kind in (PolicyKind.IDENTITY, PolicyKind.SESSION))
    names = [ACCOUNT, "AIDAAAAAAAAAAAAAAAAAA", GUEST]
    for given, spared in ((names, True), (names[:2], False), (names[1:], False), ([names[0], GUEST], False)):
        document = policy(PolicyKind.RESOURCE, "Deny", NotPrincipal={"AWS": given})
        resource = compile_policy(document, PolicyKind.RESOURCE)
        assert evaluate(request, PolicySet(identity, session=session), resource).allowed is spared
