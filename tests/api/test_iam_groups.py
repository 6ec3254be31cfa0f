"""Groups: their life, their members, their policies, and what members may do by them."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import unquote

import pytest
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import RunningServer

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
LISTING = json.dumps(document(allow("iam:ListUsers")))


def _name(kind: str = "group") -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def _group(iam: Any, **parameters: Any) -> str:
    name = _name()
    iam.create_group(GroupName=name, **parameters)
    return name


def _user(iam: Any, *groups: str) -> str:
    name = _name("user")
    iam.create_user(UserName=name)
    for group in groups:
        iam.add_user_to_group(GroupName=group, UserName=name)
    return name


def test_a_group_is_created_shown_renamed_and_deleted(strongroom: RunningServer) -> None:
    iam, name, renamed = strongroom.client("iam"), _name(), _name()
    made = iam.create_group(GroupName=name, Path="/team/")["Group"]
    assert made["Arn"] == f"arn:aws:iam::{strongroom.account}:group/team/{name}"
    assert made["GroupId"].startswith("AGPA")
    assert len(made["GroupId"]) == 21
    shown = iam.get_group(GroupName=name)
    assert (shown["Group"], shown["Users"], shown["IsTruncated"]) == (made, [], False)

    iam.update_group(GroupName=name, NewGroupName=renamed, NewPath="/")
    group = iam.get_group(GroupName=renamed)["Group"]
    assert (group["Arn"], group["GroupId"]) == (
        f"arn:aws:iam::{strongroom.account}:group/{renamed}",
        made["GroupId"],
    )
    iam.update_group(GroupName=renamed, NewGroupName=renamed.upper())
    iam.delete_group(GroupName=renamed.upper())
    missing = ("NoSuchEntity", f"The group with name {renamed} cannot be found.")
    assert refusal(iam, "get_group", GroupName=renamed) == missing


def test_a_taken_group_name_is_refused_in_any_case(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    first, second = _group(iam), _group(iam)
    taken = ("EntityAlreadyExists", f"Group with name {first.upper()} already exists.")
    assert refusal(iam, "create_group", GroupName=first.upper(), Path="/elsewhere/") == taken
    assert refusal(iam, "update_group", GroupName=second, NewGroupName=first.upper()) == taken


def test_groups_are_listed_by_path_in_pages(strongroom: RunningServer) -> None:
    iam, path = strongroom.client("iam"), f"/{uuid.uuid4().hex}/"
    names = sorted(_group(iam, Path=path) for _ in range(3))
    pages = list(iam.get_paginator("list_groups").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert [[group["GroupName"] for group in page["Groups"]] for page in pages] == [names[:2], names[2:]]


def test_members_join_are_listed_and_leave(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    group, other = _group(iam), _group(iam)
    names = sorted(_user(iam, group) for _ in range(3))
    iam.add_user_to_group(GroupName=group, UserName=names[0])  # once more changes nothing
    iam.add_user_to_group(GroupName=other, UserName=names[0])
    pages = list(iam.get_paginator("get_group").paginate(GroupName=group, PaginationConfig={"PageSize": 2}))
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [names[:2], names[2:]]

    of_user = list(
        iam.get_paginator("list_groups_for_user").paginate(UserName=names[0], PaginationConfig={"PageSize": 1})
    )
    assert [found["GroupName"] for page in of_user for found in page["Groups"]] == sorted([group, other])

    iam.remove_user_from_group(GroupName=group, UserName=names[0])
    iam.remove_user_from_group(GroupName=group, UserName=names[0])
    assert [user["UserName"] for user in iam.get_group(GroupName=group)["Users"]] == names[1:]
    assert [found["GroupName"] for found in iam.list_groups_for_user(UserName=names[0])["Groups"]] == [other]
    for operation in ("add_user_to_group", "remove_user_from_group"):
        assert refusal(iam, operation, GroupName=group, UserName="nobody-here") == (
            "NoSuchEntity",
            "The user with name nobody-here cannot be found.",
        )


def test_a_renamed_user_stays_in_its_groups(strongroom: RunningServer) -> None:
    iam, renamed = strongroom.client("iam"), _name("user")
    group = _group(iam)
    iam.update_user(UserName=_user(iam, group), NewUserName=renamed)
    assert [user["UserName"] for user in iam.get_group(GroupName=group)["Users"]] == [renamed]


def test_a_user_may_be_in_ten_groups_and_no_more(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    user = _user(iam, *(_group(iam) for _ in range(10)))
    one_more = _group(iam)
    limit = ("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
    assert refusal(iam, "add_user_to_group", GroupName=one_more, UserName=user) == limit


def test_policies_of_a_group(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    group = _group(iam)
    iam.put_group_policy(GroupName=group, PolicyName="b", PolicyDocument=LISTING)
    iam.put_group_policy(GroupName=group, PolicyName="a", PolicyDocument=LISTING)
    assert iam.list_group_policies(GroupName=group)["PolicyNames"] == ["a", "b"]
    shown = iam.get_group_policy(GroupName=group, PolicyName="a")
    assert (shown["GroupName"], shown["PolicyName"], shown["PolicyDocument"]) == (group, "a", json.loads(LISTING))
    iam.delete_group_policy(GroupName=group, PolicyName="b")
    assert refusal(iam, "get_group_policy", GroupName=group, PolicyName="b") == (
        "NoSuchEntity",
        "The group policy with name b cannot be found.",
    )
    assert refusal(iam, "put_group_policy", GroupName=group, PolicyName="c", PolicyDocument="{}")[0] == (
        "MalformedPolicyDocument"
    )
    large = LISTING.replace("ListUsers", "L" * 5120)
    assert refusal(iam, "put_group_policy", GroupName=group, PolicyName="c", PolicyDocument=large) == (
        "LimitExceeded",
        f"Maximum policy size of 5120 bytes exceeded for group {group}",
    )

    iam.attach_group_policy(GroupName=group, PolicyArn=ADMINISTRATOR)
    iam.attach_group_policy(GroupName=group, PolicyArn=ADMINISTRATOR)
    attached = [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}]
    assert iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"] == attached
    assert iam.list_attached_group_policies(GroupName=group, PathPrefix="/x/")["AttachedPolicies"] == []
    iam.detach_group_policy(GroupName=group, PolicyArn=ADMINISTRATOR)
    assert refusal(iam, "detach_group_policy", GroupName=group, PolicyArn=ADMINISTRATOR)[0] == "NoSuchEntity"


def test_what_a_group_may_do_its_members_may_from_the_next_request_on(strongroom: RunningServer) -> None:
    admin, user = strongroom.client("iam"), strongroom.make_user()
    iam, group = strongroom.client("iam", user), _group(admin)
    admin.put_group_policy(GroupName=group, PolicyName="own", PolicyDocument=LISTING)
    assert refusal_code(iam, "list_users", MaxItems=1) == "AccessDenied"
    admin.add_user_to_group(GroupName=group, UserName=user.user_name)
    iam.list_users(MaxItems=1)
    admin.delete_group_policy(GroupName=group, PolicyName="own")
    assert refusal_code(iam, "list_users", MaxItems=1) == "AccessDenied"
    admin.attach_group_policy(GroupName=group, PolicyArn=ADMINISTRATOR)
    iam.list_users(MaxItems=1)
    admin.put_group_policy(GroupName=group, PolicyName="no", PolicyDocument=json.dumps(document(deny("iam:*"))))
    assert refusal_code(iam, "list_users", MaxItems=1) == "AccessDenied"
    admin.delete_group_policy(GroupName=group, PolicyName="no")
    iam.list_users(MaxItems=1)
    admin.remove_user_from_group(GroupName=group, UserName=user.user_name)
    assert refusal_code(iam, "list_users", MaxItems=1) == "AccessDenied"


def test_a_users_boundary_limits_what_its_groups_give(strongroom: RunningServer) -> None:
    admin, user = strongroom.client("iam"), strongroom.make_user()
    iam, group = strongroom.client("iam", user), _group(admin)
    admin.attach_group_policy(GroupName=group, PolicyArn=ADMINISTRATOR)
    admin.add_user_to_group(GroupName=group, UserName=user.user_name)
    boundary = admin.create_policy(PolicyName=_name("policy"), PolicyDocument=LISTING)["Policy"]["Arn"]
    admin.put_user_permissions_boundary(UserName=user.user_name, PermissionsBoundary=boundary)
    iam.list_users(MaxItems=1)
    assert refusal_code(iam, "list_groups", MaxItems=1) == "AccessDenied"


def test_what_is_in_use_cannot_be_deleted(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    group = _group(iam)
    user = _user(iam, group)
    policy = iam.create_policy(PolicyName=_name("policy"), PolicyDocument=LISTING)["Policy"]["Arn"]
    iam.put_group_policy(GroupName=group, PolicyName="own", PolicyDocument=LISTING)
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 1
    assert refusal(iam, "delete_policy", PolicyArn=policy)[0] == "DeleteConflict"
    in_group = ("DeleteConflict", "Cannot delete entity, must remove users from group first.")
    assert refusal(iam, "delete_user", UserName=user) == in_group
    assert refusal(iam, "delete_group", GroupName=group) == in_group
    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.delete_user(UserName=user)
    for expected, undo, parameters in (
        ("must detach all policies first", iam.detach_group_policy, {"PolicyArn": policy}),
        ("must delete policies first", iam.delete_group_policy, {"PolicyName": "own"}),
    ):
        assert refusal(iam, "delete_group", GroupName=group) == (
            "DeleteConflict",
            f"Cannot delete entity, {expected}.",
        )
        undo(GroupName=group, **parameters)
    iam.delete_group(GroupName=group)


@pytest.mark.parametrize("principal", ["group/{}", "group/elsewhere/{}"])
def test_a_group_is_no_principal(strongroom: RunningServer, principal: str) -> None:
    iam = strongroom.client("iam")
    arn = f"arn:aws:iam::{strongroom.account}:{principal.format(_group(iam))}"
    trust = json.dumps(document({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}))
    code, message = refusal(iam, "create_role", RoleName=_name("role"), AssumeRolePolicyDocument=trust)
    assert code == "MalformedPolicyDocument"
    assert "rincipal" in unquote(message)
