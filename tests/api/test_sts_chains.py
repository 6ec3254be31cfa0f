"""What goes along a chain of role sessions, what does not, and how sessions are ended."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import Credentials, RunningServer

EVERYTHING = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
BLUE = [{"Key": "team", "Value": "blue"}]


def make_role(
    strongroom: RunningServer,
    condition: Mapping[str, Any] | None = None,
    *,
    actions: tuple[str, ...] = EVERYTHING,
    policy: Mapping[str, Any] | None = None,
) -> str:
    """The ARN of a role that anybody of the account may assume."""
    iam, name = strongroom.client("iam"), f"role-{uuid.uuid4().hex[:12]}"
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": strongroom.account},
        "Action": list(actions),
        "Condition": condition or {},
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document(trust)))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy or document(allow("*"))))
    return str(role["Arn"])


def assume(strongroom: RunningServer, role: str, who: Credentials | None = None, **settings: Any) -> Credentials:
    """A session of a role."""
    settings = {"RoleSessionName": "one", **settings}
    found = strongroom.client("sts", who).assume_role(RoleArn=role, **settings)["Credentials"]
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def refused(strongroom: RunningServer, role: str, who: Credentials | None = None, **settings: Any) -> tuple[str, str]:
    """Code and message of a session that is not given."""
    settings = {"RoleSessionName": "one", **settings}
    return refusal(strongroom.client("sts", who), "assume_role", RoleArn=role, **settings)


def test_transitive_tags_go_all_the_way_and_others_one_step(strongroom: RunningServer) -> None:
    role = make_role(strongroom)
    blue_only = make_role(strongroom, {"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    stage_only = make_role(strongroom, {"StringEquals": {"aws:PrincipalTag/stage": "prod"}})
    tags = [*BLUE, {"Key": "stage", "Value": "prod"}]
    first = assume(strongroom, role, Tags=tags, TransitiveTagKeys=["team"])
    for target in (blue_only, stage_only):
        assume(strongroom, target, first)
    third = assume(strongroom, role, assume(strongroom, role, first))
    assume(strongroom, blue_only, third)
    assert refused(strongroom, stage_only, third)[0] == "AccessDenied"


def test_a_transitive_tag_cannot_be_set_again(strongroom: RunningServer) -> None:
    role = make_role(strongroom)
    session = assume(strongroom, role, Tags=BLUE, TransitiveTagKeys=["team"])
    for tags in (BLUE, [{"Key": "Team", "Value": "red"}]):
        code, text = refused(strongroom, role, session, Tags=tags)
        assert code == "InvalidParameterValue"
        assert "conflicts with a transitive tag key from the calling session" in text
    text = "The specified transitive tag key must be included in the requested tags."
    assert refused(strongroom, role, Tags=BLUE, TransitiveTagKeys=["x"]) == ("InvalidParameterValue", text)


def test_a_trust_policy_can_demand_tags(strongroom: RunningServer) -> None:
    condition = {
        "StringEquals": {"aws:RequestTag/team": "blue"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"], "sts:TransitiveTagKeys": ["team"]},
        "Null": {"sts:TransitiveTagKeys": "false"},
    }
    role = make_role(strongroom, condition)
    assume(strongroom, role, Tags=BLUE, TransitiveTagKeys=["team"])
    for wrong in (
        {},
        {"Tags": BLUE},
        {"Tags": [{"Key": "team", "Value": "red"}], "TransitiveTagKeys": ["team"]},
        {"Tags": [*BLUE, {"Key": "more", "Value": "x"}], "TransitiveTagKeys": ["team"]},
    ):
        assert refused(strongroom, role, **wrong)[0] == "AccessDenied"


def test_a_source_identity_needs_a_permission_at_every_step(strongroom: RunningServer) -> None:
    role, plain = make_role(strongroom), make_role(strongroom, actions=("sts:AssumeRole",))
    code, text = refused(strongroom, plain, SourceIdentity="ann")
    assert code == "AccessDenied"
    assert "sts:SetSourceIdentity" in text
    session = assume(strongroom, role, SourceIdentity="ann")
    assert "sts:SetSourceIdentity" in refused(strongroom, plain, session)[1]
    ann_only = make_role(strongroom, {"StringEquals": {"sts:SourceIdentity": "ann"}})
    again = assume(strongroom, ann_only, session)
    assume(strongroom, ann_only, again)
    assert refused(strongroom, ann_only)[0] == "AccessDenied"
    text = "The source identity of a session cannot be changed."
    assert refused(strongroom, role, again, SourceIdentity="bob") == ("ValidationError", text)


def test_what_a_session_carries_has_its_limit(strongroom: RunningServer) -> None:
    role, sts = make_role(strongroom), strongroom.client("sts")
    tags = [{"Key": f"{number:02}", "Value": "x" * 256} for number in range(10)]
    answer = sts.assume_role(RoleArn=role, RoleSessionName="one", Tags=tags)
    assert 60 < answer["PackedPolicySize"] <= 100
    tags = [{"Key": f"{number:02}", "Value": "x" * 256} for number in range(20)]
    code, text = refused(strongroom, role, Tags=tags)
    assert code == "PackedPolicyTooLarge"
    assert text.startswith("Packed size of session tags consumes 1")
    long = json.dumps(document(*(allow(f"s3:Get{number:03}") for number in range(100))))
    code, text = refused(strongroom, role, Policy=long)
    assert code == "PackedPolicyTooLarge"
    assert text.endswith("% of allotted space, please use smaller policy.")


def test_attack_06_older_sessions_of_a_role_can_be_revoked(strongroom: RunningServer) -> None:
    """The policy that AWS's console puts on a role under the name AWSRevokeOlderSessions."""
    role = make_role(strongroom)
    session = assume(strongroom, role)
    secrets = strongroom.client("secretsmanager", session)
    secrets.list_secrets(MaxResults=1)
    for when, stays in (("2000-01-01T00:00:00.000Z", True), ("2999-01-01T00:00:00.000Z", False)):
        older = {"DateLessThan": {"aws:TokenIssueTime": when}}
        strongroom.client("iam").put_role_policy(
            RoleName=role.rpartition("/")[2],
            PolicyName="AWSRevokeOlderSessions",
            PolicyDocument=json.dumps(document(deny("*", Condition=older))),
        )
        if stays:
            secrets.list_secrets(MaxResults=1)
        else:
            assert {refusal_code(secrets, "list_secrets") for _ in range(6)} == {"AccessDeniedException"}


def test_a_session_of_a_role_outlives_the_key_that_asked_for_it(strongroom: RunningServer) -> None:
    """As on AWS: it is the role's. Revoke it at the role."""
    role, user = make_role(strongroom), strongroom.make_user(document(allow("sts:AssumeRole")))
    session = assume(strongroom, role, user)
    strongroom.client("iam").update_access_key(
        UserName=user.user_name, AccessKeyId=user.access_key_id, Status="Inactive"
    )
    strongroom.client("sts", session).get_caller_identity()


@pytest.mark.parametrize("arn", ["arn:aws:iam::123456789012:user/bob", "arn:aws:sts::123456789012:role/x", "x" * 20])
def test_what_is_no_role(strongroom: RunningServer, arn: str) -> None:
    assert refused(strongroom, arn) == ("ValidationError", f"{arn} is invalid")
