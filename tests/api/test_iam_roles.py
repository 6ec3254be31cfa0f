"""Roles and their trust policies, from outside."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import RunningServer


def _name() -> str:
    return f"role-{uuid.uuid4().hex[:12]}"


def _trust(principal: object) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


LAMBDA = _trust({"Service": "lambda.amazonaws.com"})


def _refused(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int, str]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def test_a_role_is_created_shown_changed_and_deleted(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    made = iam.create_role(
        RoleName=name,
        Path="/service/",
        AssumeRolePolicyDocument=LAMBDA,
        Description="runs rotations",
        MaxSessionDuration=7200,
        Tags=[{"Key": "a", "Value": "b"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{strongroom.account}:role/service/{name}"
    assert made["RoleId"].startswith("AROA")
    shown = iam.get_role(RoleName=name)["Role"]
    assert shown["AssumeRolePolicyDocument"] == json.loads(LAMBDA)
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("runs rotations", 7200)
    assert shown["Tags"] == [{"Key": "a", "Value": "b"}]

    iam.update_role(RoleName=name, MaxSessionDuration=3600)
    changed = iam.get_role(RoleName=name)["Role"]
    assert (changed["Description"], changed["MaxSessionDuration"]) == ("runs rotations", 3600)
    described = iam.update_role_description(RoleName=name, Description="runs them all")["Role"]
    assert (described["RoleId"], described["Description"]) == (made["RoleId"], "runs them all")
    other = _trust({"AWS": strongroom.account})
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=other)
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(other)

    assert iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"] == []
    iam.delete_role(RoleName=name)
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_role(RoleName=name)
    assert _refused(caught) == ("NoSuchEntity", 404, f"The role with name {name} cannot be found.")


def test_a_taken_name_is_refused_in_any_case(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=LAMBDA)
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException) as caught:
        iam.create_role(RoleName=name.upper(), AssumeRolePolicyDocument=LAMBDA)
    assert _refused(caught)[2] == f"Role with name {name.upper()} already exists."


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "This policy contains invalid Json"),
        (_trust({"AWS": "arn:aws:iam::{account}:user/nobody-here"}), "Invalid principal in policy: "),
        (_trust({"AWS": "arn:aws:iam::{account}:role/nobody-here"}), "Invalid principal in policy: "),
        (_trust({"AWS": "AIDAAAAAAAAAAAAAAAAAA"}), "Invalid principal in policy: "),
        (_trust({"AWS": "arn:aws:iam::{account}:user/*"}), "Invalid principal in policy: "),
        (
            json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}),
            "Missing required field Principal",
        ),
    ],
)
def test_a_trust_policy_that_is_none_is_refused(strongroom: RunningServer, document: str, message: str) -> None:
    iam = strongroom.client("iam")
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException) as caught:
        iam.create_role(RoleName=_name(), AssumeRolePolicyDocument=document.replace("{account}", strongroom.account))
    code, status, text = _refused(caught)
    assert (code, status) == ("MalformedPolicyDocument", 400)
    assert text.startswith(message)


def test_a_trust_policy_means_the_user_of_its_day(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    user = strongroom.make_user()
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_trust({"AWS": user.arn}))["Role"]["Arn"]
    sts = strongroom.client("sts", user)
    sts.assume_role(RoleArn=arn, RoleSessionName="one")
    shown = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": user.arn}

    iam.delete_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id)
    user_id = iam.get_user(UserName=user.user_name)["User"]["UserId"]
    iam.delete_user(UserName=user.user_name)
    impostor = strongroom.make_user(name=user.user_name)
    with pytest.raises(ClientError) as caught:
        strongroom.client("sts", impostor).assume_role(RoleArn=arn, RoleSessionName="two")
    assert _refused(caught)[:2] == ("AccessDenied", 403)
    gone = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert gone["Statement"][0]["Principal"] == {"AWS": user_id}


def test_roles_are_listed_by_path_in_pages(strongroom: RunningServer) -> None:
    iam, path = strongroom.client("iam"), f"/{uuid.uuid4().hex}/"
    names = sorted(_name() for _ in range(3))
    for name in names:
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=LAMBDA)
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == names
    assert pages[0]["Roles"][0]["AssumeRolePolicyDocument"] == json.loads(LAMBDA)


def test_a_role_with_policies_cannot_be_deleted(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=LAMBDA)
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_role(RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    iam.delete_role(RoleName=name)


def test_role_tags(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=LAMBDA)
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName=name, TagKeys=["a"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "b", "Value": "2"}]
