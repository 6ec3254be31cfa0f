"""When keys and roles were used last."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from tests.support.accounts import assume_role, make_account
from tests.support.policies import allow, document, refusal
from tests.support.server import RunningServer


def _soon(look: Callable[[], Any]) -> Any:
    """What ``look`` finds once it finds something: uses are written a second late."""
    until = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return found


def test_the_use_of_a_key_is_told_with_its_service_and_region(strongroom: RunningServer) -> None:
    iam, user = strongroom.client("iam"), strongroom.make_user()
    unused = iam.get_access_key_last_used(AccessKeyId=user.access_key_id)
    assert (unused["UserName"], unused["AccessKeyLastUsed"]) == (
        user.user_name,
        {"ServiceName": "N/A", "Region": "N/A"},
    )
    refusal(strongroom.client("secretsmanager", user), "list_secrets")  # a refused request is a use, too

    def used() -> Any:
        found = iam.get_access_key_last_used(AccessKeyId=user.access_key_id)["AccessKeyLastUsed"]
        return found if "LastUsedDate" in found else None

    found = _soon(used)
    assert (found["ServiceName"], found["Region"]) == ("secretsmanager", strongroom.region)
    made = iam.list_access_keys(UserName=user.user_name)["AccessKeyMetadata"][0]["CreateDate"]
    assert found["LastUsedDate"] >= made


def test_the_use_of_a_role_is_told_by_get_role(strongroom: RunningServer) -> None:
    iam, name = strongroom.client("iam"), f"role-{uuid.uuid4().hex[:12]}"
    trust = document({"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    session = assume_role(strongroom, role["Arn"])
    assert iam.get_role(RoleName=name)["Role"]["RoleLastUsed"] == {}
    strongroom.client("sts", session).get_caller_identity()
    used = _soon(lambda: iam.get_role(RoleName=name)["Role"]["RoleLastUsed"])
    assert used["Region"] == strongroom.region
    assert used["LastUsedDate"] >= role["CreateDate"]
    assert "RoleLastUsed" not in iam.list_roles(PathPrefix="/")["Roles"][0]


def test_a_key_that_one_may_not_ask_about_looks_like_none(strongroom: RunningServer) -> None:
    elsewhere = make_account(strongroom).make_user()
    weak = strongroom.make_user()
    asking = strongroom.make_user(document(allow("iam:GetAccessKeyLastUsed")))
    for caller, key in (
        (weak, weak.access_key_id),
        (asking, elsewhere.access_key_id),
        (asking, "AKIAIOSFODNN7EXAMPLE"),
    ):
        assert refusal(strongroom.client("iam", caller), "get_access_key_last_used", AccessKeyId=key) == (
            "AccessDenied",
            f"User: {caller.arn} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key {key}",
        )
    found = strongroom.client("iam", asking).get_access_key_last_used(AccessKeyId=weak.access_key_id)
    assert found["UserName"] == weak.user_name
