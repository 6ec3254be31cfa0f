"""Who has a managed policy."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.support.policies import allow, document, refusal_code
from tests.support.server import RunningServer

ONE = json.dumps(document(allow("iam:GetUser")))
TRUST = json.dumps(
    document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
)


def _name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def holders(strongroom: RunningServer) -> dict[str, str]:
    """A policy that a group, a user and a role have attached, and another user (on a path) as its boundary."""
    iam = strongroom.client("iam")
    names = {kind: _name(kind) for kind in ("group", "user", "role", "bounded")}
    arn = iam.create_policy(PolicyName=_name("policy"), PolicyDocument=ONE)["Policy"]["Arn"]
    iam.create_group(GroupName=names["group"])
    iam.attach_group_policy(GroupName=names["group"], PolicyArn=arn)
    iam.create_user(UserName=names["user"])
    iam.attach_user_policy(UserName=names["user"], PolicyArn=arn)
    iam.create_role(RoleName=names["role"], AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName=names["role"], PolicyArn=arn)
    iam.create_user(UserName=names["bounded"], Path="/team/", PermissionsBoundary=arn)
    return {**names, "arn": arn}


def _found(answer: Any) -> set[str]:
    return {entity[f"{kind}Name"] for kind in ("Group", "User", "Role") for entity in answer.get(f"Policy{kind}s", [])}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"group", "user", "role", "bounded"}),
        ({"EntityFilter": "User"}, {"user", "bounded"}),
        ({"EntityFilter": "Group"}, {"group"}),
        ({"EntityFilter": "Role"}, {"role"}),
        ({"EntityFilter": "LocalManagedPolicy"}, set()),
        ({"PolicyUsageFilter": "PermissionsPolicy"}, {"group", "user", "role"}),
        ({"PolicyUsageFilter": "PermissionsBoundary"}, {"bounded"}),
        ({"PolicyUsageFilter": "PermissionsBoundary", "EntityFilter": "Group"}, set()),
        ({"PathPrefix": "/team/"}, {"bounded"}),
    ],
)
def test_entities_are_found_by_kind_use_and_path(
    strongroom: RunningServer, holders: dict[str, str], parameters: dict[str, str], expected: set[str]
) -> None:
    answer = strongroom.client("iam").list_entities_for_policy(PolicyArn=holders["arn"], **parameters)
    assert _found(answer) == {holders[name] for name in expected}


def test_entities_come_in_pages_with_their_ids(strongroom: RunningServer, holders: dict[str, str]) -> None:
    iam = strongroom.client("iam")
    pages = list(
        iam.get_paginator("list_entities_for_policy").paginate(
            PolicyArn=holders["arn"], PaginationConfig={"PageSize": 3}
        )
    )
    assert [len(_found(page)) for page in pages] == [3, 1]
    assert _found(pages[0]) | _found(pages[1]) == {holders[name] for name in ("group", "user", "role", "bounded")}
    user_id = iam.get_user(UserName=holders["user"])["User"]["UserId"]
    shown = [user for page in pages for user in page.get("PolicyUsers", []) if user["UserName"] == holders["user"]]
    assert shown == [{"UserName": holders["user"], "UserId": user_id}]


def test_a_user_with_a_policy_twice_is_told_once(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), _name("user")
    arn = iam.create_policy(PolicyName=_name("policy"), PolicyDocument=ONE)["Policy"]["Arn"]
    iam.create_user(UserName=name, PermissionsBoundary=arn)
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    assert len(iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"]) == 1


def test_entities_of_a_policy_that_does_not_exist(strongroom: RunningServer) -> None:
    arn = f"arn:aws:iam::{strongroom.account}:policy/{_name('policy')}"
    assert refusal_code(strongroom.client("iam"), "list_entities_for_policy", PolicyArn=arn) == "NoSuchEntity"
