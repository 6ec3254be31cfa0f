"""Attack 4: policy variables whose value holds ``*``, ``?``, ``/`` or ``${``: a value is text, never a pattern."""

from __future__ import annotations

import json
import uuid

import pytest
from tests.support.policies import allow, document, refusal_code
from tests.support.raw import send
from tests.support.server import Credentials, RunningServer

pytestmark = pytest.mark.system

WILD = ("*", "?", "a*", "team-?", "${aws:username}", "${*}", "$", "${", "*/*")
KMS = allow("kms:*")


def test_attack_04_names_and_tags_hold_no_wildcards(strongroom: RunningServer) -> None:
    """What IAM gives to variables cannot hold them to begin with."""
    iam, sts = strongroom.client("iam"), strongroom.client("sts")
    user = strongroom.make_user().user_name
    trust = {**allow("sts:AssumeRole", "sts:TagSession"), "Principal": {"AWS": strongroom.account}}
    del trust["Resource"]
    role = iam.create_role(RoleName=uuid.uuid4().hex, AssumeRolePolicyDocument=json.dumps(document(trust)))["Role"]
    for value in WILD:
        assert refusal_code(iam, "create_user", UserName=value) == "ValidationError"
        tags = [{"Key": "team", "Value": value}]
        assert refusal_code(iam, "tag_user", UserName=user, Tags=tags) == "ValidationError"
        assert refusal_code(sts, "assume_role", RoleArn=role["Arn"], RoleSessionName=value * 2) == "ValidationError"
        tagged = refusal_code(sts, "assume_role", RoleArn=role["Arn"], RoleSessionName="me", Tags=tags)
        assert tagged == "ValidationError"


@pytest.mark.parametrize("value", WILD)
def test_attack_04_a_tag_of_the_request_is_no_pattern(strongroom: RunningServer, value: str) -> None:
    """The caller chooses the tag, and with it the name that the policy demands; other names stay out of reach."""
    condition = {"StringLike": {"secretsmanager:Name": "${aws:RequestTag/owner}/*"}}
    create = allow("secretsmanager:CreateSecret", "secretsmanager:TagResource", Condition=condition)
    client = strongroom.client("secretsmanager", strongroom.make_user(document(create, KMS)))
    unique = uuid.uuid4().hex
    code = refusal_code(
        client,
        "create_secret",
        Name=f"team-b/{unique}",
        SecretString="x",
        Tags=[{"Key": "owner", "Value": value}],
    )
    assert code == "AccessDeniedException"
    client.create_secret(Name=f"team-a/{unique}", SecretString="x", Tags=[{"Key": "owner", "Value": "team-a"}])


@pytest.mark.parametrize("value", WILD)
def test_attack_04_a_tag_of_the_secret_is_no_pattern(strongroom: RunningServer, value: str) -> None:
    """Whoever may tag a secret must not be able to open it to everybody whose name a pattern matches."""
    admin = strongroom.client("secretsmanager")
    name = f"owned/{uuid.uuid4().hex}"
    admin.create_secret(Name=name, SecretString="x", Tags=[{"Key": "owner", "Value": value}])
    condition = {"StringLike": {"aws:username": "${aws:ResourceTag/owner}"}}
    read = allow("secretsmanager:GetSecretValue", Condition=condition)
    user = strongroom.make_user(document(read, KMS), name=f"team-a-{uuid.uuid4().hex}")
    client = strongroom.client("secretsmanager", user)
    assert refusal_code(client, "get_secret_value", SecretId=name) == "AccessDeniedException"
    admin.tag_resource(SecretId=name, Tags=[{"Key": "owner", "Value": user.user_name}])
    assert client.get_secret_value(SecretId=name)["SecretString"] == "x"


def read_as(server: RunningServer, who: Credentials, user_agent: str, name: str) -> int:
    """The status of a GetSecretValue whose User-Agent is exactly this."""
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "secretsmanager.GetSecretValue",
        "User-Agent": user_agent,
    }
    body = json.dumps({"SecretId": name}).encode()
    answer = send(server, "secretsmanager", body, headers, credentials=who)
    assert answer.status == 200 or "AccessDeniedException" in answer.text
    return answer.status


@pytest.mark.parametrize("value", ["*", "?????", "vault", "${aws:username}", "val*", "x/../value"])
def test_attack_04_what_the_caller_says_of_himself_is_no_pattern_in_a_resource(
    strongroom: RunningServer, value: str
) -> None:
    admin = strongroom.client("secretsmanager")
    unique = uuid.uuid4().hex
    for name in (f"{unique}/value", f"{unique}/other"):
        admin.create_secret(Name=name, SecretString=name)
    resource = f"arn:aws:secretsmanager:*:*:secret:{unique}/${{aws:UserAgent}}-*"
    user = strongroom.make_user(document(allow("secretsmanager:GetSecretValue", resource=resource), KMS))
    for name in (f"{unique}/value", f"{unique}/other"):
        assert read_as(strongroom, user, value, name) == 400
    assert read_as(strongroom, user, "value", f"{unique}/value") == 200
    assert read_as(strongroom, user, "value", f"{unique}/other") == 400


def test_attack_04_a_deny_with_a_variable_cannot_be_dodged_by_its_value(strongroom: RunningServer) -> None:
    """A Deny for names that do not begin with the user's own name holds, whatever the name looks like."""
    condition = {"StringNotLike": {"secretsmanager:Name": "${aws:username}/*"}}
    everything = allow("secretsmanager:*", "kms:*")
    refuse = {**allow("secretsmanager:CreateSecret", Condition=condition), "Effect": "Deny"}
    user = strongroom.make_user(document(everything, refuse))
    client = strongroom.client("secretsmanager", user)
    for name in ("other/x", f"{user.user_name}x/x", f"x/{user.user_name}/x", f"{user.user_name.upper()}/x"):
        assert refusal_code(client, "create_secret", Name=name, SecretString="x") == "AccessDeniedException"
    client.create_secret(Name=f"{user.user_name}/x", SecretString="x")


def test_attack_04_a_variable_that_has_no_value_matches_nothing(strongroom: RunningServer) -> None:
    admin = strongroom.client("secretsmanager")
    name = f"untagged/{uuid.uuid4().hex}"
    admin.create_secret(Name=name, SecretString="x")
    for resource in (
        "arn:aws:secretsmanager:*:*:secret:*${aws:PrincipalTag/team}*",
        "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/team}*",
        "arn:aws:secretsmanager:*:*:secret:*${no:suchvariable}*",
    ):
        user = strongroom.make_user(document(allow("secretsmanager:GetSecretValue", resource=resource), KMS))
        client = strongroom.client("secretsmanager", user)
        assert refusal_code(client, "get_secret_value", SecretId=name) == "AccessDeniedException", resource
