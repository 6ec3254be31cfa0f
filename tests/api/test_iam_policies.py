"""Inline and managed policies, their versions, attachments and boundaries, from outside."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import RunningServer

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def _name(kind: str = "policy") -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def _allow(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _refused(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int, str]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def test_inline_policies_of_a_user_and_a_role(strongroom: RunningServer) -> None:
    iam, user, role = strongroom.client("iam"), _name("user"), _name("role")
    trust = json.dumps(
        {"Statement": {"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"}}
    )
    iam.create_user(UserName=user)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    for kind, owner in (("user", {"UserName": user}), ("role", {"RoleName": role})):
        put, get = getattr(iam, f"put_{kind}_policy"), getattr(iam, f"get_{kind}_policy")
        listed, delete = getattr(iam, f"list_{kind}_policies"), getattr(iam, f"delete_{kind}_policy")
        put(**owner, PolicyName="b", PolicyDocument=_allow("iam:GetUser"))
        put(**owner, PolicyName="a", PolicyDocument=_allow("iam:GetUser"))
        put(**owner, PolicyName="a", PolicyDocument=_allow("iam:GetRole"))
        assert get(**owner, PolicyName="a")["PolicyDocument"] == json.loads(_allow("iam:GetRole"))
        first = listed(**owner, MaxItems=1)
        assert (first["PolicyNames"], first["IsTruncated"]) == (["a"], True)
        assert listed(**owner, Marker=first["Marker"])["PolicyNames"] == ["b"]
        delete(**owner, PolicyName="a")
        with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
            get(**owner, PolicyName="a")
        assert _refused(caught)[2] == f"The {kind} policy with name a cannot be found."


def test_documents_travel_percent_encoded(strongroom: RunningServer) -> None:
    iam, user = strongroom.client("iam"), _name("user")
    iam.create_user(UserName=user)
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Action": "iam:GetUser",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/x": "a+b %41 é~/&<"}},
            },
        },
        ensure_ascii=False,
    )
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)
    assert iam.get_user_policy(UserName=user, PolicyName="p")["PolicyDocument"] == json.loads(document)


@pytest.mark.parametrize("document", ["[]", "{}", '{"Statement":[{"Effect":"Allow","Action":"x","Resource":"*"}]}'])
def test_what_is_no_policy_is_refused(strongroom: RunningServer, document: str) -> None:
    iam = strongroom.client("iam")
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException) as caught:
        iam.create_policy(PolicyName=_name(), PolicyDocument=document)
    assert _refused(caught)[:2] == ("MalformedPolicyDocument", 400)


def test_inline_policies_of_one_user_share_a_quota(strongroom: RunningServer) -> None:
    iam, user = strongroom.client("iam"), _name("user")
    iam.create_user(UserName=user)
    half = _allow(*[f"secretsmanager:Operation{number:04}" for number in range(35)])
    iam.put_user_policy(UserName=user, PolicyName="a", PolicyDocument=half)
    iam.put_user_policy(UserName=user, PolicyName="a", PolicyDocument=half)
    with pytest.raises(iam.exceptions.LimitExceededException) as caught:
        iam.put_user_policy(UserName=user, PolicyName="b", PolicyDocument=half)
    assert _refused(caught)[2] == f"Maximum policy size of 2048 bytes exceeded for user {user}"


def test_a_managed_policy_and_its_versions(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name()
    made = iam.create_policy(
        PolicyName=name, Path="/app/", PolicyDocument=_allow("iam:GetUser"), Description="for a test"
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{strongroom.account}:policy/app/{name}"
    assert (made["DefaultVersionId"], made["AttachmentCount"]) == ("v1", 0)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Description"] == "for a test"

    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=_allow("iam:GetRole"), SetAsDefault=True)
    assert second["PolicyVersion"]["VersionId"] == "v2"
    assert second["PolicyVersion"]["IsDefaultVersion"] is True
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    shown = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert (shown["Document"], shown["IsDefaultVersion"]) == (json.loads(_allow("iam:GetUser")), False)
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=_allow("iam:GetRole"))
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=_allow("iam:GetRole"))
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [version["VersionId"] for version in versions] == ["v5", "v4", "v3", "v2", "v1"]
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_policy(PolicyArn=arn)
    for version in ("v2", "v3", "v4", "v5"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_policy_version(PolicyArn=arn, VersionId="v2")
    assert _refused(caught)[2] == f"Policy {arn} version v2 does not exist or is not attachable."
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_policy(PolicyArn=arn)
    assert _refused(caught) == ("NoSuchEntity", 404, f"Policy {arn} was not found.")


def test_attaching_and_detaching(strongroom: RunningServer) -> None:
    iam, user, name = strongroom.client("iam"), _name("user"), _name()
    iam.create_user(UserName=user)
    arn = iam.create_policy(PolicyName=name, PolicyDocument=_allow("iam:GetUser"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
    assert attached == [{"PolicyName": name, "PolicyArn": arn}]
    assert iam.list_attached_user_policies(UserName=user, PathPrefix="/no/")["AttachedPolicies"] == []
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    with pytest.raises(iam.exceptions.DeleteConflictException) as conflict:
        iam.delete_policy(PolicyArn=arn)
    assert _refused(conflict)[2] == "Cannot delete a policy attached to entities."
    iam.detach_user_policy(UserName=user, PolicyArn=arn)
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.detach_user_policy(UserName=user, PolicyArn=arn)
    assert _refused(caught)[2] == f"Policy {arn} was not found."
    missing = f"{arn}-missing"
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.attach_user_policy(UserName=user, PolicyArn=missing)
    assert _refused(caught)[2] == f"Policy {missing} does not exist or is not attachable."
    with pytest.raises(iam.exceptions.InvalidInputException) as invalid:
        iam.attach_user_policy(UserName=user, PolicyArn="arn:aws:sns:us-east-1:000000000000:topic")
    assert _refused(invalid)[2] == "ARN arn:aws:sns:us-east-1:000000000000:topic is not valid."


def test_ten_attached_policies_and_no_more(strongroom: RunningServer) -> None:
    iam, user = strongroom.client("iam"), _name("user")
    iam.create_user(UserName=user)
    arns = [
        iam.create_policy(PolicyName=_name(), PolicyDocument=_allow("iam:GetUser"))["Policy"]["Arn"] for _ in range(10)
    ]
    for arn in arns:
        iam.attach_user_policy(UserName=user, PolicyArn=arn)
    with pytest.raises(iam.exceptions.LimitExceededException) as caught:
        iam.attach_user_policy(UserName=user, PolicyArn=ADMINISTRATOR)
    assert _refused(caught)[2] == "Cannot exceed quota for PoliciesPerUser: 10"


def test_policies_are_listed_by_scope_path_and_use(strongroom: RunningServer) -> None:
    iam, path, user = strongroom.client("iam"), f"/{uuid.uuid4().hex}/", _name("user")
    names = sorted(_name() for _ in range(3))
    arns = [
        iam.create_policy(PolicyName=name, Path=path, PolicyDocument=_allow("iam:GetUser"))["Policy"]["Arn"]
        for name in names
    ]
    pages = list(
        iam.get_paginator("list_policies").paginate(Scope="Local", PathPrefix=path, PaginationConfig={"PageSize": 2})
    )
    assert [policy["PolicyName"] for page in pages for policy in page["Policies"]] == names
    assert [len(page["Policies"]) for page in pages] == [2, 1]
    iam.create_user(UserName=user, PermissionsBoundary=arns[0])
    iam.attach_user_policy(UserName=user, PolicyArn=arns[1])

    def used(**usage: str) -> list[str]:
        found = iam.list_policies(Scope="Local", PathPrefix=path, OnlyAttached=True, **usage)
        return [policy["Arn"] for policy in found["Policies"]]

    assert used() == arns[:2]
    assert used(PolicyUsageFilter="PermissionsPolicy") == [arns[1]]
    assert used(PolicyUsageFilter="PermissionsBoundary") == [arns[0]]
    amazon = iam.list_policies(Scope="AWS")["Policies"]
    assert ADMINISTRATOR in {policy["Arn"] for policy in amazon}


def test_policies_of_aws_can_be_read_and_not_changed(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    assert iam.get_policy(PolicyArn=ADMINISTRATOR)["Policy"]["PolicyName"] == "AdministratorAccess"
    version = iam.get_policy_version(PolicyArn=ADMINISTRATOR, VersionId="v1")["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == "*"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_policy(PolicyArn=ADMINISTRATOR)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.create_policy_version(PolicyArn=ADMINISTRATOR, PolicyDocument=_allow("iam:GetUser"))
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.tag_policy(PolicyArn=ADMINISTRATOR, Tags=[{"Key": "a", "Value": "b"}])


def test_policy_tags(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    arn = iam.create_policy(
        PolicyName=_name(), PolicyDocument=_allow("iam:GetUser"), Tags=[{"Key": "a", "Value": "1"}]
    )["Policy"]["Arn"]
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_boundary_limits_its_user_from_the_next_request_on(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    user = strongroom.make_user(json.loads(_allow("iam:*")))
    theirs = strongroom.client("iam", user)
    boundary = iam.create_policy(PolicyName=_name(), PolicyDocument=_allow("iam:GetUser"))["Policy"]["Arn"]
    theirs.list_users(MaxItems=1)
    iam.put_user_permissions_boundary(UserName=user.user_name, PermissionsBoundary=boundary)
    shown = theirs.get_user()["User"]
    assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    with pytest.raises(ClientError) as caught:
        theirs.list_users(MaxItems=1)
    assert _refused(caught)[2].endswith("because no permissions boundary allows the iam:ListUsers action")
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_policy(PolicyArn=boundary)
    iam.delete_user_permissions_boundary(UserName=user.user_name)
    theirs.list_users(MaxItems=1)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_user_permissions_boundary(UserName=user.user_name)
    with pytest.raises(iam.exceptions.NoSuchEntityException) as missing:
        iam.create_user(UserName=_name("user"), PermissionsBoundary=f"{boundary}-missing")
    assert _refused(missing)[2] == f"Scope ARN: {boundary}-missing does not exist or is not attachable."
