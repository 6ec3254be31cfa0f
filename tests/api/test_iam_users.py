"""Users and access keys, from outside."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Credentials, RunningServer


def _name(kind: str = "user") -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def _refused(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int, str]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def test_a_user_is_created_shown_renamed_and_deleted(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    made = iam.create_user(UserName=name, Path="/team/", Tags=[{"Key": "Cost", "Value": "7"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{strongroom.account}:user/team/{name}"
    assert made["UserId"].startswith("AIDA")
    assert len(made["UserId"]) == 21
    shown = iam.get_user(UserName=name)["User"]
    assert shown["Tags"] == [{"Key": "Cost", "Value": "7"}]
    assert shown["CreateDate"] == made["CreateDate"]

    renamed = _name()
    iam.update_user(UserName=name, NewUserName=renamed, NewPath="/")
    assert iam.get_user(UserName=renamed)["User"]["Arn"] == f"arn:aws:iam::{strongroom.account}:user/{renamed}"
    assert iam.get_user(UserName=renamed)["User"]["UserId"] == made["UserId"]

    iam.delete_user(UserName=renamed)
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_user(UserName=renamed)
    assert _refused(caught) == ("NoSuchEntity", 404, f"The user with name {renamed} cannot be found.")


def test_names_are_unique_without_regard_to_case_and_found_only_as_written(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    iam.create_user(UserName=name)
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException) as caught:
        iam.create_user(UserName=name.upper(), Path="/elsewhere/")
    assert _refused(caught) == ("EntityAlreadyExists", 409, f"User with name {name.upper()} already exists.")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName=name.upper())


def test_a_user_may_change_only_the_case_of_its_name(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    iam.create_user(UserName=name)
    iam.update_user(UserName=name, NewUserName=name.upper())
    assert iam.get_user(UserName=name.upper())["User"]["UserName"] == name.upper()


def test_without_a_name_the_caller_is_meant(strongroom: RunningServer) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": ["iam:GetUser", "iam:*AccessKey*"],
            "Resource": "arn:aws:iam::*:user/${aws:username}",
        },
    }
    user = strongroom.make_user(policy)
    iam = strongroom.client("iam", user)
    assert iam.get_user()["User"]["UserName"] == user.user_name
    assert [key["AccessKeyId"] for key in iam.list_access_keys()["AccessKeyMetadata"]] == [user.access_key_id]
    second = iam.create_access_key()["AccessKey"]
    assert second["UserName"] == user.user_name
    iam.update_access_key(AccessKeyId=second["AccessKeyId"], Status="Inactive")
    iam.delete_access_key(AccessKeyId=second["AccessKeyId"])
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 1


def test_users_are_listed_by_path_in_pages(strongroom: RunningServer) -> None:
    iam, path = strongroom.client("iam"), f"/{uuid.uuid4().hex}/"
    names = sorted(_name() for _ in range(5))
    for name in names:
        iam.create_user(UserName=name, Path=path)
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    assert "Marker" not in pages[-1]
    with pytest.raises(ClientError) as caught:
        iam.list_users(Marker="not a marker")
    assert _refused(caught)[0] == "ValidationError"


def test_a_user_with_keys_or_policies_cannot_be_deleted(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}'
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    for expected, undo in (
        ("must detach all policies first", iam.detach_user_policy),
        ("must delete policies first", iam.delete_user_policy),
        ("must delete access keys first", iam.delete_access_key),
    ):
        with pytest.raises(iam.exceptions.DeleteConflictException) as caught:
            iam.delete_user(UserName=name)
        assert _refused(caught) == ("DeleteConflict", 409, f"Cannot delete entity, {expected}.")
        if undo == iam.detach_user_policy:
            undo(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        elif undo == iam.delete_user_policy:
            undo(UserName=name, PolicyName="own")
        else:
            undo(UserName=name, AccessKeyId=key)
    iam.delete_user(UserName=name)


def test_two_access_keys_and_no_more(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    iam.create_user(UserName=name)
    keys = [iam.create_access_key(UserName=name)["AccessKey"] for _ in range(2)]
    assert all(key["AccessKeyId"].startswith("AKIA") and len(key["SecretAccessKey"]) == 40 for key in keys)
    with pytest.raises(iam.exceptions.LimitExceededException) as caught:
        iam.create_access_key(UserName=name)
    assert _refused(caught) == ("LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2")
    listed = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert {key["AccessKeyId"] for key in listed} == {key["AccessKeyId"] for key in keys}
    assert all("SecretAccessKey" not in key for key in listed)


def test_a_key_is_found_under_its_own_user_only(strongroom: RunningServer) -> None:
    iam, first, second = strongroom.client("iam"), _name(), _name()
    iam.create_user(UserName=first)
    iam.create_user(UserName=second)
    key = iam.create_access_key(UserName=first)["AccessKey"]["AccessKeyId"]
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.delete_access_key(UserName=second, AccessKeyId=key)
    assert _refused(caught) == ("NoSuchEntity", 404, f"The Access Key with id {key} cannot be found.")


def test_attack_06_an_inactive_or_deleted_key_and_a_deleted_user_are_refused_at_once(
    strongroom: RunningServer,
) -> None:
    iam = strongroom.client("iam")
    user = strongroom.make_user()
    sts = strongroom.client("sts", user)
    assert sts.get_caller_identity()["Arn"] == user.arn

    iam.update_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id, Status="Inactive")
    with pytest.raises(ClientError) as inactive:
        sts.get_caller_identity()
    iam.update_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id, Status="Active")
    assert sts.get_caller_identity()["Arn"] == user.arn

    iam.delete_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id)
    with pytest.raises(ClientError) as deleted:
        sts.get_caller_identity()
    wrong = Credentials(strongroom.administrator.access_key_id, "w" * 40)
    with pytest.raises(ClientError) as mistaken:
        strongroom.client("sts", wrong).get_caller_identity()
    assert _refused(inactive) == _refused(deleted) == _refused(mistaken)
    assert _refused(inactive)[:2] == ("SignatureDoesNotMatch", 403)


def test_a_user_made_again_under_the_old_name_has_nothing_of_the_old_one(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}}
    user = strongroom.make_user(allow)
    strongroom.client("iam", user).list_users(MaxItems=1)
    iam.delete_user_policy(UserName=user.user_name, PolicyName="inline")
    iam.delete_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id)
    iam.delete_user(UserName=user.user_name)
    again = strongroom.make_user(name=user.user_name)
    with pytest.raises(ClientError) as caught:
        strongroom.client("iam", again).list_users(MaxItems=1)
    assert _refused(caught)[:2] == ("AccessDenied", 403)


def test_tags_of_a_user_keep_their_case_and_are_unique_without_it(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    iam.create_user(UserName=name)
    iam.tag_user(UserName=name, Tags=[{"Key": "Team", "Value": "a"}, {"Key": "Stage", "Value": "b"}])
    iam.tag_user(UserName=name, Tags=[{"Key": "TEAM", "Value": "c"}])
    assert iam.list_user_tags(UserName=name)["Tags"] == [
        {"Key": "Stage", "Value": "b"},
        {"Key": "TEAM", "Value": "c"},
    ]
    iam.untag_user(UserName=name, TagKeys=["team", "unknown"])
    assert iam.list_user_tags(UserName=name)["Tags"] == [{"Key": "Stage", "Value": "b"}]
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.tag_user(UserName=name, Tags=[{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}])
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.tag_user(UserName=name, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
