"""Who may change who may do what: IAM asks for its own permissions, under AWS's condition keys."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import RunningServer

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)


def _name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **one} for one in statements]}


def _denied(action: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        action()
    response: Any = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403)
    return str(response["Error"]["Message"])


def test_attack_08_a_user_without_permissions_cannot_raise_itself(strongroom: RunningServer) -> None:
    user = strongroom.make_user(_policy({"Action": "iam:Get*"}))
    iam, me = strongroom.client("iam", user), user.user_name
    arn = f"arn:aws:iam::{strongroom.account}:policy/{_name('policy')}"
    for action in (
        lambda: iam.put_user_policy(UserName=me, PolicyName="p", PolicyDocument=ALL),
        lambda: iam.attach_user_policy(UserName=me, PolicyArn=ADMINISTRATOR),
        lambda: iam.create_access_key(UserName="administrator"),
        iam.create_access_key,
        lambda: iam.update_access_key(UserName="administrator", AccessKeyId="A" * 20, Status="Inactive"),
        lambda: iam.create_policy(PolicyName=_name("policy"), PolicyDocument=ALL),
        lambda: iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALL, SetAsDefault=True),
        lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v1"),
        lambda: iam.create_role(RoleName=_name("role"), AssumeRolePolicyDocument=TRUST),
        lambda: iam.update_assume_role_policy(RoleName=_name("role"), PolicyDocument=TRUST),
        lambda: iam.attach_role_policy(RoleName=_name("role"), PolicyArn=ADMINISTRATOR),
        lambda: iam.put_role_policy(RoleName=_name("role"), PolicyName="p", PolicyDocument=ALL),
        lambda: iam.delete_user_permissions_boundary(UserName=me),
        lambda: iam.put_user_permissions_boundary(UserName=me, PermissionsBoundary=ADMINISTRATOR),
        lambda: iam.tag_user(UserName=me, Tags=[{"Key": "team", "Value": "admins"}]),
        lambda: iam.update_user(UserName=me, NewUserName="administrator2"),
        lambda: iam.delete_user(UserName="administrator"),
    ):
        _denied(action)


def test_a_refusal_does_not_say_whether_there_is_such_a_thing(strongroom: RunningServer) -> None:
    user = strongroom.make_user()
    iam = strongroom.client("iam", user)
    there = strongroom.make_user().user_name
    missing = _name("user")
    told = [_denied(lambda name=name: iam.get_user(UserName=name)) for name in (there, missing)]  # type: ignore[misc]
    assert told[0].replace(there, "X") == told[1].replace(missing, "X")


def test_a_deny_on_a_path_holds_for_the_name(strongroom: RunningServer) -> None:
    admin, name = strongroom.client("iam"), _name("user")
    admin.create_user(UserName=name, Path="/secret/")
    deny = {"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:user/secret/*"}
    iam = strongroom.client("iam", strongroom.make_user(_policy({"Action": "iam:*"}, deny)))
    _denied(lambda: iam.get_user(UserName=name))
    _denied(lambda: iam.create_user(UserName=_name("user"), Path="/secret/"))
    _denied(lambda: iam.update_user(UserName=_named(iam), NewPath="/secret/"))


def _named(iam: Any) -> str:
    name = _name("user")
    iam.create_user(UserName=name)
    return name


def test_condition_keys_of_policies_and_boundaries(strongroom: RunningServer) -> None:
    admin = strongroom.client("iam")
    boundary = admin.create_policy(PolicyName=_name("policy"), PolicyDocument=ALL)["Policy"]["Arn"]
    harmless = admin.create_policy(PolicyName=_name("policy"), PolicyDocument=ALL)["Policy"]["Arn"]
    allowed = _policy(
        {
            "Action": ["iam:CreateUser", "iam:PutUserPolicy"],
            "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}},
        },
        {"Action": "iam:AttachUserPolicy", "Condition": {"ArnEquals": {"iam:PolicyARN": harmless}}},
        {"Action": "iam:TagUser", "Condition": {"StringEquals": {"aws:RequestTag/team": "blue"}}},
        {"Action": "iam:DeleteUser", "Condition": {"StringEquals": {"aws:ResourceTag/Team": "blue"}}},
    )
    iam = strongroom.client("iam", strongroom.make_user(allowed))
    name, free = _name("user"), _name("user")
    admin.create_user(UserName=free)
    _denied(lambda: iam.create_user(UserName=name))
    _denied(lambda: iam.create_user(UserName=name, PermissionsBoundary=harmless))
    iam.create_user(UserName=name, PermissionsBoundary=boundary)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=ALL)
    _denied(lambda: iam.put_user_policy(UserName=free, PolicyName="p", PolicyDocument=ALL))
    iam.attach_user_policy(UserName=free, PolicyArn=harmless)
    _denied(lambda: iam.attach_user_policy(UserName=free, PolicyArn=ADMINISTRATOR))
    _denied(lambda: iam.tag_user(UserName=free, Tags=[{"Key": "team", "Value": "red"}]))
    _denied(lambda: iam.delete_user(UserName=free))
    iam.tag_user(UserName=free, Tags=[{"Key": "TEAM", "Value": "blue"}])
    admin.detach_user_policy(UserName=free, PolicyArn=harmless)
    iam.delete_user(UserName=free)


def test_a_right_that_is_taken_away_is_gone_on_the_next_request(strongroom: RunningServer) -> None:
    admin = strongroom.client("iam")
    user = strongroom.make_user(_policy({"Action": "iam:ListUsers"}))
    iam = strongroom.client("iam", user)
    for _ in range(5):
        iam.list_users(MaxItems=1)
        admin.delete_user_policy(UserName=user.user_name, PolicyName="inline")
        assert "no identity-based policy allows" in _denied(lambda: iam.list_users(MaxItems=1))
        document = json.dumps(_policy({"Action": "iam:ListUsers"}))
        admin.put_user_policy(UserName=user.user_name, PolicyName="inline", PolicyDocument=document)


def test_a_new_default_version_counts_at_once(strongroom: RunningServer) -> None:
    admin, user = strongroom.client("iam"), strongroom.make_user()
    iam = strongroom.client("iam", user)
    arn = admin.create_policy(PolicyName=_name("policy"), PolicyDocument=ALL)["Policy"]["Arn"]
    admin.attach_user_policy(UserName=user.user_name, PolicyArn=arn)
    iam.list_users(MaxItems=1)
    nothing = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
    admin.create_policy_version(PolicyArn=arn, PolicyDocument=nothing, SetAsDefault=True)
    assert "with an explicit deny" in _denied(lambda: iam.list_users(MaxItems=1))
    admin.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.list_users(MaxItems=1)
