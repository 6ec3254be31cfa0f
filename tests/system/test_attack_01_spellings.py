"""Attack 1: a name or ARN spelled another way. A Deny on a secret holds for every spelling that resolves to it."""

from __future__ import annotations

import json
import unicodedata
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError
from tests.support.policies import allow, deny, document, refusal
from tests.support.server import RunningServer

pytestmark = pytest.mark.system

VALUE = "only for those who may"
OPERATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_secret_value", {}),
    ("describe_secret", {}),
    ("list_secret_version_ids", {}),
    ("put_secret_value", {"SecretString": "x"}),
    ("update_secret", {"SecretString": "x"}),
    ("delete_secret", {}),
    ("tag_resource", {"Tags": [{"Key": "a", "Value": "b"}]}),
    ("untag_resource", {"TagKeys": ["a"]}),
    ("cancel_rotate_secret", {}),
    ("rotate_secret", {}),
    ("update_secret_version_stage", {"VersionStage": "x", "MoveToVersionId": "0" * 32}),
    ("get_resource_policy", {}),
    ("put_resource_policy", {"ResourcePolicy": "{}"}),
    ("delete_resource_policy", {}),
)


def spellings(name: str, arn: str) -> Iterator[str]:
    """Ways to write a secret's name or ARN, some of which resolve."""
    partial, suffix = arn[:-7], arn[-6:]
    yield from (name, arn, partial, f"{name}-{suffix}", f"{partial}-??????", f"{partial}-*", f"{arn}-{suffix}")
    for text in (name, arn, partial):
        yield from (text.lower(), text.upper(), text.swapcase(), text.title())
        yield from (f" {text}", f"{text} ", f"{text}\t", f"{text}\n", f"{text}\r\n", f"{text}\0", f"\0{text}")
        yield from (f"{text}/", f"/{text}", f"./{text}", f"{text}/.", f"x/../{text}", f"{text}/../{name}")
        yield from (text.replace("/", "//"), text.replace("/", "%2F"), text.replace("/", "%2f"), quote(text, safe=""))
        yield from (text.replace("/", "\\"), text.replace("/", "\u2215"), text.replace("/", "\uff0f"))
        yield from (text.replace("-", "\u2010"), text.replace("e", "\u0435"), text.replace("e", "e\u0301"))
        yield from (unicodedata.normalize(form, text.replace("e", "\u00e9")) for form in ("NFC", "NFD", "NFKC"))
        yield from (f"{text}\u200b", f"\ufeff{text}", f"{text}\u00a0", text.replace("a", "\uff41"))
        yield from (f"{text}*", f"{text[:-1]}?", f"{text}#", f"{text}?x=y", f"{text};", f"{text}'--", f"{text}%00")
    yield from (arn.replace("arn:aws:", "arn::"), arn.replace("arn:", "ARN:"), arn.replace(":secret:", ":secret/"))
    yield from (arn.replace(":secret:", ":Secret:"), arn.replace(":secret:", "::secret:"), f"{arn}:AWSCURRENT")


def resolves(client: Any, spelling: str, arn: str) -> bool:
    """Whether an administrator finds the secret under a spelling."""
    try:
        answer = client.get_secret_value(SecretId=spelling)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] < 500, spelling  # noqa: PT017 - it may resolve
        return False
    return bool(answer["ARN"] == arn)


@pytest.fixture(params=["identity policy", "pattern", "resource policy", "boundary"])
def denied(strongroom: RunningServer, request: pytest.FixtureRequest) -> tuple[Any, str, str]:
    """A secret, and a user who may do everything but use that secret, in one of the ways to say so."""
    admin = strongroom.client("secretsmanager")
    name = f"Deny/Me-{uuid.uuid4().hex}"
    arn = admin.create_secret(Name=name, SecretString=VALUE)["ARN"]
    everything = allow("secretsmanager:*", "kms:*")
    if request.param == "identity policy":
        user = strongroom.make_user(document(everything, deny("*", resource=arn)))
    elif request.param == "pattern":
        user = strongroom.make_user(document(everything, deny("*", resource=f"{arn[:-7]}-??????")))
    elif request.param == "resource policy":
        user = strongroom.make_user(document(everything))
        policy = document({**deny("secretsmanager:*"), "Principal": {"AWS": user.arn}})
        admin.put_resource_policy(SecretId=name, ResourcePolicy=json.dumps(policy))
    else:
        user = strongroom.make_user(document(everything))
        iam = strongroom.client("iam")
        boundary = json.dumps(document(everything, deny("secretsmanager:*", resource=arn)))
        policy_arn = iam.create_policy(PolicyName=uuid.uuid4().hex, PolicyDocument=boundary)["Policy"]["Arn"]
        iam.put_user_permissions_boundary(UserName=user.user_name, PermissionsBoundary=policy_arn)
    return strongroom.client("secretsmanager", user), name, arn


def test_attack_01_a_deny_holds_for_every_spelling_that_resolves(
    strongroom: RunningServer, denied: tuple[Any, str, str]
) -> None:
    client, name, arn = denied
    admin = strongroom.client("secretsmanager")
    resolved = set()
    for spelling in spellings(name, arn):
        code, message = refusal(client, "get_secret_value", SecretId=spelling)
        if resolves(admin, spelling, arn):
            resolved.add(spelling)
            assert (code, "explicit deny" in message) == ("AccessDeniedException", True), spelling
    assert resolved == {name, arn, arn[:-7]}
    batch = client.batch_get_secret_value(SecretIdList=sorted(resolved))
    assert batch["SecretValues"] == []
    assert {error["ErrorCode"] for error in batch["Errors"]} == {"AccessDeniedException"}


def test_attack_01_a_deny_holds_for_every_operation(denied: tuple[Any, str, str]) -> None:
    client, name, arn = denied
    for operation, parameters in OPERATIONS:
        for spelling in (name, arn, arn[:-7]):
            code, message = refusal(client, operation, SecretId=spelling, **parameters)
            assert (code, "explicit deny" in message) == ("AccessDeniedException", True), (operation, spelling)


def test_attack_01_a_secret_named_like_the_arn_of_another(strongroom: RunningServer) -> None:
    """A name may end like a suffix: then the full ARN of one secret reads like the partial ARN of the other."""
    admin = strongroom.client("secretsmanager")
    name = f"twin-{uuid.uuid4().hex}"
    arn = admin.create_secret(Name=name, SecretString="the first")["ARN"]
    like_it = f"{name}-{arn[-6:]}"
    other = admin.create_secret(Name=like_it, SecretString="the other")["ARN"]
    everything = allow("secretsmanager:*", "kms:*")
    without_first = strongroom.client(
        "secretsmanager", strongroom.make_user(document(everything, deny("*", resource=arn)))
    )
    without_other = strongroom.client(
        "secretsmanager", strongroom.make_user(document(everything, deny("*", resource=other)))
    )
    for spelling in (name, arn, arn[:-7]):
        assert "explicit deny" in refusal(without_first, "get_secret_value", SecretId=spelling)[1]
        assert without_other.get_secret_value(SecretId=spelling)["SecretString"] == "the first"
    for spelling in (like_it, other):
        assert "explicit deny" in refusal(without_other, "get_secret_value", SecretId=spelling)[1]
        assert without_first.get_secret_value(SecretId=spelling)["SecretString"] == "the other"


def test_attack_01_an_allow_for_one_name_is_none_for_its_neighbours(strongroom: RunningServer) -> None:
    admin = strongroom.client("secretsmanager")
    base = f"near-{uuid.uuid4().hex}"
    names = [base, base.upper(), f"{base}/x", f"{base}-x", f"{base}-AbCdEf", f"x/{base}", f"{base}."]
    arns = {name: admin.create_secret(Name=name, SecretString=name)["ARN"] for name in names}
    user = strongroom.make_user(document(allow("secretsmanager:GetSecretValue", resource=arns[base])))
    client = strongroom.client("secretsmanager", user)
    assert client.get_secret_value(SecretId=base)["SecretString"] == base
    for name in names[1:]:
        for spelling in (name, arns[name], arns[name][:-7]):
            assert refusal(client, "get_secret_value", SecretId=spelling)[0] == "AccessDeniedException", spelling
