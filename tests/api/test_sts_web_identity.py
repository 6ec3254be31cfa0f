"""AssumeRoleWithWebIdentity, from outside: tokens of an issuer on this host, shown without a signature."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support.federation import NOT_AUTHORIZED, Federation, trusted
from tests.support.issuer import Issuer
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.raw import send_query
from tests.support.server import RunningServer

from strongroom.audit import read_records

TAGS = "https://aws.amazon.com/tags"


@pytest.fixture(scope="module")
def federation(strongroom: RunningServer, issuers: dict[str, Issuer]) -> Iterator[Federation]:
    with trusted(strongroom, issuers["good"], "app", "sts.amazonaws.com") as found:
        yield found


def test_a_session_for_a_token(federation: Federation) -> None:
    role = federation.role()
    answer = federation.assume(role, federation.issuer.token(sub="repo:me/app:ref:refs/heads/main"))
    assert answer["SubjectFromWebIdentityToken"] == "repo:me/app:ref:refs/heads/main"
    assert (answer["Audience"], answer["Provider"]) == ("app", federation.provider)
    assert "PackedPolicySize" not in answer
    assert "SourceIdentity" not in answer
    name = role.rpartition("/")[2]
    arn = f"arn:aws:sts::{federation.server.account}:assumed-role/{name}/one"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert federation.client("sts", answer).get_caller_identity()["Arn"] == arn
    federation.client("iam", answer).list_users(MaxItems=1)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "ES256", "ES384", "ES512"])
def test_every_algorithm(federation: Federation, algorithm: str) -> None:
    key_id = algorithm if algorithm.startswith("ES") else "one"
    federation.assume(federation.role(), federation.issuer.token(algorithm, key_id=key_id))


def test_conditions_on_claims(federation: Federation) -> None:
    prefix = federation.issuer.prefix
    role = federation.role(
        {
            "StringEquals": {f"{prefix}:aud": "app", f"{prefix}:repository_owner": "me"},
            "StringLike": {f"{prefix}:sub": "repo:me/*:ref:refs/heads/main", "sts:RoleSessionName": "o*"},
            "ForAnyValue:StringEquals": {f"{prefix}:amr": "mfa"},
            "ArnEquals": {"aws:FederatedProvider": federation.provider},
        }
    )
    good: dict[str, Any] = {"sub": "repo:me/app:ref:refs/heads/main", "repository_owner": "me", "amr": ["pwd", "mfa"]}
    federation.assume(role, federation.issuer.token(**good))
    changes: tuple[dict[str, Any], ...] = (
        {"sub": "repo:you/app:ref:refs/heads/main"},
        {"repository_owner": "you"},
        {"repository_owner": None, "Repository_Owner": "you"},
        {"repository_owner": None},
        {"amr": ["pwd"]},
        {"aud": "sts.amazonaws.com"},
    )
    for change in changes:
        assert federation.refused(role, federation.issuer.token(**{**good, **change})) == NOT_AUTHORIZED
    assert federation.refused(role, federation.issuer.token(**good), RoleSessionName="two") == NOT_AUTHORIZED


def test_a_session_keeps_whom_the_token_was_about(federation: Federation) -> None:
    prefix, iam = federation.issuer.prefix, federation.server.client("iam")
    role = federation.role()
    only_ann = {"StringNotEquals": {f"{prefix}:sub": "ann", "aws:FederatedProvider": "x"}}
    iam.put_role_policy(
        RoleName=role.rpartition("/")[2],
        PolicyName="deny",
        PolicyDocument=json.dumps(document({**allow("iam:*", Condition=only_ann), "Effect": "Deny"})),
    )
    ann = federation.assume(role, federation.issuer.token(sub="ann"))
    federation.client("iam", ann).list_users(MaxItems=1)
    bob = federation.assume(role, federation.issuer.token(sub="bob"))
    assert refusal_code(federation.client("iam", bob), "list_users") == "AccessDenied"


def test_the_audience_must_be_one_of_the_providers(federation: Federation) -> None:
    role, issuer = federation.role(), federation.issuer
    told = federation.refused(role, issuer.token(aud="somebody else"))
    assert told == ("InvalidIdentityToken", "Incorrect token audience")
    answer = federation.assume(role, issuer.token(aud=["other", "sts.amazonaws.com"]))
    assert answer["Audience"] == "sts.amazonaws.com"
    party = federation.role({"StringEquals": {f"{issuer.prefix}:aud": "app", f"{issuer.prefix}:oaud": "other"}})
    federation.assume(party, issuer.token(aud="other", azp="app"))
    assert federation.refused(party, issuer.token(aud="app", azp="other"))[1] == "Incorrect token audience"


def test_an_audience_that_was_removed_counts_no_longer(federation: Federation, issuers: dict[str, Issuer]) -> None:
    iam, issuer = federation.server.client("iam"), issuers["other"]
    arn = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["app"])["OpenIDConnectProviderArn"]
    role = federation.role(principal={"Federated": arn})
    federation.assume(role, issuer.token())
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="app")
    assert federation.refused(role, issuer.token())[1] == "Incorrect token audience"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    text = f"No OpenIDConnect provider found in your account for {issuer.url}"
    assert federation.refused(role, issuer.token()) == ("InvalidIdentityToken", text)


def test_a_token_that_is_over(federation: Federation) -> None:
    role, now = federation.role(), int(time.time())
    federation.assume(role, federation.issuer.token(exp=now - 240))  # AWS allows five minutes for clocks
    code, text = federation.refused(role, federation.issuer.token(exp=now - 301))
    assert code == "ExpiredTokenException"
    assert text.startswith("Token expired: current date/time ")


def test_session_tags_of_a_token(federation: Federation) -> None:
    tags: dict[str, Any] = {"principal_tags": {"team": ["blue"], "stage": "prod"}, "transitive_tag_keys": ["team"]}
    plain, issuer = federation.role(), federation.issuer
    told = federation.refused(plain, issuer.token(more={TAGS: tags}))
    assert told == ("AccessDenied", "Not authorized to perform sts:TagSession")
    condition = {"StringEquals": {"aws:RequestTag/team": "blue"}}
    role = federation.role(condition, actions=("sts:AssumeRoleWithWebIdentity", "sts:TagSession"))
    answer = federation.assume(role, issuer.token(more={TAGS: tags}))
    assert answer["PackedPolicySize"] > 0
    side_by_side = {f"{TAGS}/principal_tags/team": "blue", f"{TAGS}/transitive_tag_keys": "team"}
    federation.assume(role, issuer.token(more=side_by_side))
    assert federation.refused(role, issuer.token(more={TAGS: {**tags, "principal_tags": {"team": "red"}}})) == (
        NOT_AUTHORIZED
    )
    for wrong in ("text", {"principal_tags": {"team": ["a", "b"]}}, {"principal_tags": {"team": "x" * 257}}):
        assert federation.refused(role, issuer.token(more={TAGS: wrong}))[0] == "IDPRejectedClaim"


def test_the_source_identity_of_a_token(federation: Federation) -> None:
    claim = {"https://aws.amazon.com/source_identity": "ann"}
    told = federation.refused(federation.role(), federation.issuer.token(more=claim))
    assert told == ("AccessDenied", "Not authorized to perform sts:SetSourceIdentity")
    role = federation.role(actions=("sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"))
    assert federation.assume(role, federation.issuer.token(more=claim))["SourceIdentity"] == "ann"
    claim["https://aws.amazon.com/source_identity"] = "not a name"
    assert federation.refused(role, federation.issuer.token(more=claim))[0] == "IDPRejectedClaim"


def test_session_policies_and_durations(federation: Federation) -> None:
    role, token = federation.role(), federation.issuer.token()
    nothing = federation.assume(role, token, Policy=json.dumps(document(allow("sts:*"))), DurationSeconds=900)
    assert refusal_code(federation.client("iam", nothing), "list_users") == "AccessDenied"
    assert federation.refused(role, token, DurationSeconds=3601) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    assert federation.refused(role, token, Policy="{}")[0] == "MalformedPolicyDocument"
    assert federation.refused(role, token, ProviderId="www.amazon.com")[0] == "ValidationError"
    assert federation.refused("arn:aws:iam::123456789012:user/bob", token)[0] == "ValidationError"


def test_who_may_use_the_role(federation: Federation) -> None:
    """A role that trusts users trusts no web identity; a missing role and a foreign provider look like any other."""
    token, account = federation.issuer.token(), federation.server.account
    assert federation.refused(federation.role(principal={"AWS": account}), token) == NOT_AUTHORIZED
    other = federation.provider + "x"
    assert federation.refused(federation.role(principal={"Federated": other}), token) == NOT_AUTHORIZED
    assert federation.refused(f"arn:aws:iam::{account}:role/missing", token) == NOT_AUTHORIZED
    role = federation.role()
    assert refusal_code(federation.server.client("sts"), "assume_role", RoleArn=role, RoleSessionName="one") == (
        "AccessDenied"
    )
    foreign = role.replace(account, "999999999999")
    text = f"No OpenIDConnect provider found in your account for {federation.issuer.url}"
    assert federation.refused(foreign, token) == ("InvalidIdentityToken", text)


def test_what_the_trail_says(federation: Federation) -> None:
    """Whoever is refused before it is known is not recorded, or anybody could fill the disk."""
    subject = f"repo:me/{uuid.uuid4().hex}"
    given, denied, unknown = (f"{word}-{uuid.uuid4().hex}" for word in ("given", "denied", "unknown"))
    role, closed = federation.role(), federation.role({"Null": {"aws:FederatedProvider": "true"}})
    token = federation.issuer.token(sub=subject)
    answer = federation.assume(role, token, RoleSessionName=given)
    federation.client("iam", answer).list_users(MaxItems=1)
    federation.refused(closed, token, RoleSessionName=denied)
    federation.refused(role, token[:-8] + "AAAAAAAA", RoleSessionName=unknown)

    trail = read_records(federation.server.data_dir / "audit")
    records: list[tuple[str, Any]] = [(json.dumps(record.event), record.event) for record in trail]
    assert not any(text for text, _ in records if unknown in text)
    made, used = (event for text, event in records if given in text)
    (refused,) = (event for text, event in records if denied in text)
    identity = {
        "type": "WebIdentityUser",
        "principalId": f"{federation.provider}:app:{subject}",
        "userName": subject,
        "identityProvider": federation.provider,
    }
    assert (refused["errorCode"], refused["userIdentity"]) == ("AccessDeniedException", identity)
    assert made["userIdentity"] == identity
    assert made["recipientAccountId"] == federation.server.account
    assert made["requestParameters"] == {"roleArn": role, "roleSessionName": given}
    told = made["responseElements"]
    assert told["subjectFromWebIdentityToken"] == subject
    assert told["credentials"]["accessKeyId"] == answer["Credentials"]["AccessKeyId"]
    for secret in (token, answer["Credentials"]["SessionToken"], answer["Credentials"]["SecretAccessKey"]):
        assert secret not in json.dumps(made)
    context = used["userIdentity"]["sessionContext"]
    assert context["webIdFederationData"] == {"federatedProvider": federation.provider, "attributes": {}}


def test_a_signed_call_does_the_same(federation: Federation) -> None:
    """Whoever has credentials may sign it: the token decides all the same."""
    role, prefix = federation.role(), federation.issuer.prefix
    parameters = {"RoleSessionName": "one", "WebIdentityToken": federation.issuer.token()}
    signed = send_query(federation.server, "sts", "AssumeRoleWithWebIdentity", {**parameters, "RoleArn": role})
    assert (signed.status, "<SubjectFromWebIdentityToken>somebody<" in signed.text) == (200, True)
    nobody = federation.role({"StringEquals": {f"{prefix}:sub": "nobody"}})
    signed = send_query(federation.server, "sts", "AssumeRoleWithWebIdentity", {**parameters, "RoleArn": nobody})
    assert (signed.status, NOT_AUTHORIZED[1] in signed.text) == (403, True)


def test_a_kubernetes_service_account(federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 in a pod: the token is a file that the cluster renews, and boto3 does the rest."""
    subject = "system:serviceaccount:payments:api"
    prefix = federation.issuer.prefix
    role = federation.role({"StringEquals": {f"{prefix}:aud": "sts.amazonaws.com", f"{prefix}:sub": subject}})
    pod = {"namespace": "payments", "serviceaccount": {"name": "api", "uid": "1"}}
    path = tmp_path / "token"
    path.write_text(federation.issuer.token(sub=subject, aud=["sts.amazonaws.com"], more={"kubernetes.io": pod}))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(path),
        "AWS_ROLE_ARN": role,
        "AWS_ENDPOINT_URL": federation.server.endpoint,
        "AWS_DEFAULT_REGION": federation.server.region,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    session = boto3.session.Session()
    assert session.client("sts").get_caller_identity()["Arn"].startswith("arn:aws:sts::")
    session.client("iam").list_users(MaxItems=1)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        (
            "assume_role_with_saml",
            {
                "RoleArn": "arn:aws:iam::123456789012:role/x",
                "PrincipalArn": "arn:aws:iam::123456789012:saml-provider/x",
                "SAMLAssertion": "x" * 8,
            },
        ),
        (
            "assume_root",
            {
                "TargetPrincipal": "123456789012",
                "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
            },
        ),
        ("get_web_identity_token", {"Audience": ["x"], "SigningAlgorithm": "RS256"}),
        ("get_delegated_access_token", {"TradeInToken": "x"}),
    ],
)
def test_what_is_not_offered_says_so(federation: Federation, operation: str, parameters: Mapping[str, Any]) -> None:
    named: Callable[..., Any] = federation.server.client("sts").meta.method_to_api_mapping.__getitem__
    told = refusal(federation.server.client("sts"), operation, **parameters)
    assert told[0] == "UnsupportedOperationException"
    assert f"sts:{named(operation)}" in told[1]
