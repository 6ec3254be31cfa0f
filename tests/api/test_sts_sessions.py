"""AssumeRole and the sessions it makes, from outside."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Credentials, RunningServer

ANYBODY_HERE = "anybody of this account"


def _name() -> str:
    return f"role-{uuid.uuid4().hex[:12]}"


def _allow(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _role(
    strongroom: RunningServer,
    principal: str = ANYBODY_HERE,
    *,
    actions: tuple[str, ...] = ("sts:AssumeRole",),
    condition: Mapping[str, Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """A role that may do everything in IAM."""
    iam = strongroom.client("iam")
    aws = strongroom.account if principal == ANYBODY_HERE else principal
    statement = {"Effect": "Allow", "Principal": {"AWS": aws}, "Action": list(actions), "Condition": condition or {}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role: dict[str, Any] = iam.create_role(RoleName=_name(), AssumeRolePolicyDocument=trust, **settings)["Role"]
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=_allow("iam:*", "sts:*"))
    return role


def _credentials(answer: Mapping[str, Any]) -> Credentials:
    found = answer["Credentials"]
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def _refused(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int, str]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def test_everybody_may_ask_who_they_are(strongroom: RunningServer) -> None:
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
    user = strongroom.make_user(deny)
    told = strongroom.client("sts", user).get_caller_identity()
    assert (told["Account"], told["Arn"]) == (strongroom.account, user.arn)
    assert told["UserId"].startswith("AIDA")


def test_a_session_of_a_role(strongroom: RunningServer) -> None:
    role = _role(strongroom, Path="/deep/er/")
    user = strongroom.make_user(json.loads(_allow("sts:AssumeRole")))
    answer = strongroom.client("sts", user).assume_role(RoleArn=role["Arn"], RoleSessionName="me@work")
    arn = f"arn:aws:sts::{strongroom.account}:assumed-role/{role['RoleName']}/me@work"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role['RoleId']}:me@work", "Arn": arn}
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert 3500 < (answer["Credentials"]["Expiration"] - datetime.now(UTC)).total_seconds() <= 3601
    assert "PackedPolicySize" not in answer
    session = _credentials(answer)
    told = strongroom.client("sts", session).get_caller_identity()
    assert (told["UserId"], told["Arn"]) == (f"{role['RoleId']}:me@work", arn)
    strongroom.client("iam", session).list_users(MaxItems=1)
    with pytest.raises(ClientError) as caught:
        strongroom.client("iam", session).get_user()
    assert _refused(caught)[2] == "Must specify userName when calling with non-User credentials"


def test_both_sides_are_asked_in_one_account(strongroom: RunningServer) -> None:
    role = _role(strongroom)
    powerless = strongroom.make_user()
    with pytest.raises(ClientError) as caught:
        strongroom.client("sts", powerless).assume_role(RoleArn=role["Arn"], RoleSessionName="one")
    text = f"User: {powerless.arn} is not authorized to perform: sts:AssumeRole on resource: {role['Arn']}"
    assert _refused(caught) == ("AccessDenied", 403, text)
    named = _role(strongroom, powerless.arn)
    strongroom.client("sts", powerless).assume_role(RoleArn=named["Arn"], RoleSessionName="one")
    denied = strongroom.make_user(
        {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "sts:*", "Resource": "*"}}
    )
    with pytest.raises(ClientError):
        strongroom.client("sts", denied).assume_role(
            RoleArn=_role(strongroom, denied.arn)["Arn"], RoleSessionName="one"
        )


def test_a_role_that_is_missing_is_refused_like_one_that_trusts_others(strongroom: RunningServer) -> None:
    other = strongroom.make_user()
    role = _role(strongroom, other.arn)
    user = strongroom.make_user(json.loads(_allow("*")))
    told = []
    for arn in (role["Arn"], role["Arn"] + "x", role["Arn"].upper().replace("ARN:AWS:IAM", "arn:aws:iam")):
        with pytest.raises(ClientError) as caught:
            strongroom.client("sts", user).assume_role(RoleArn=arn, RoleSessionName="one")
        told.append((*_refused(caught)[:2], _refused(caught)[2].replace(arn, "ROLE")))
        if "ROLE/" in arn:
            assert told.pop()[0] == "ValidationError"
    assert told[0] == told[1]
    assert told[0][:2] == ("AccessDenied", 403)


@pytest.mark.parametrize("spelling", ["lower", "path", "space", "encoded"])
def test_attack_01_a_role_is_found_under_its_own_spelling_only(strongroom: RunningServer, spelling: str) -> None:
    role = _role(strongroom, Path="/Team/")
    arn: str = role["Arn"]
    changed = {
        "lower": arn.replace("/Team/", "/team/"),
        "path": arn.replace("/Team/", "/Team//"),
        "space": arn + " ",
        "encoded": arn.replace("/Team/", "%2FTeam%2F"),
    }[spelling]
    with pytest.raises(ClientError):
        strongroom.client("sts").assume_role(RoleArn=changed, RoleSessionName="one")
    strongroom.client("sts").assume_role(RoleArn=arn, RoleSessionName="one")


def test_how_long_a_session_may_last(strongroom: RunningServer) -> None:
    sts = strongroom.client("sts")
    role = _role(strongroom, MaxSessionDuration=7200)
    answer = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one", DurationSeconds=7200)
    assert (answer["Credentials"]["Expiration"] - datetime.now(UTC)).total_seconds() > 7100
    with pytest.raises(ClientError) as caught:
        sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one", DurationSeconds=7201)
    text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    assert _refused(caught) == ("ValidationError", 400, text)
    chained = strongroom.client("sts", _credentials(answer))
    chained.assume_role(RoleArn=role["Arn"], RoleSessionName="two", DurationSeconds=3600)
    with pytest.raises(ClientError) as too_long:
        chained.assume_role(RoleArn=role["Arn"], RoleSessionName="two", DurationSeconds=3601)
    text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    assert _refused(too_long) == ("ValidationError", 400, text)


def test_an_external_id_and_a_session_name_can_be_demanded(strongroom: RunningServer) -> None:
    sts = strongroom.client("sts")
    condition = {"StringEquals": {"sts:ExternalId": "agreed"}, "StringLike": {"sts:RoleSessionName": "app-*"}}
    role = _role(strongroom, condition=condition)
    sts.assume_role(RoleArn=role["Arn"], RoleSessionName="app-1", ExternalId="agreed")
    for wrong in (
        {"RoleSessionName": "app-1"},
        {"RoleSessionName": "app-1", "ExternalId": "Agreed"},
        {"RoleSessionName": "other", "ExternalId": "agreed"},
    ):
        with pytest.raises(ClientError) as caught:
            sts.assume_role(RoleArn=role["Arn"], **wrong)
        assert _refused(caught)[0] == "AccessDenied"


def test_session_policies_only_take_away(strongroom: RunningServer) -> None:
    sts, role = strongroom.client("sts"), _role(strongroom)
    answer = sts.assume_role(
        RoleArn=role["Arn"], RoleSessionName="one", Policy=_allow("iam:GetRole", "secretsmanager:*")
    )
    assert answer["PackedPolicySize"] > 0
    iam = strongroom.client("iam", _credentials(answer))
    iam.get_role(RoleName=role["RoleName"])
    with pytest.raises(ClientError) as caught:
        iam.list_users()
    assert _refused(caught)[2].endswith("because no session policy allows the iam:ListUsers action")

    arn = strongroom.client("iam").create_policy(PolicyName=_name(), PolicyDocument=_allow("iam:ListUsers"))["Policy"][
        "Arn"
    ]
    managed = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="two", PolicyArns=[{"arn": arn}])
    iam = strongroom.client("iam", _credentials(managed))
    iam.list_users(MaxItems=1)
    with pytest.raises(ClientError):
        iam.get_role(RoleName=role["RoleName"])
    strongroom.client("iam").delete_policy(PolicyArn=arn)
    with pytest.raises(ClientError):
        iam.list_users(MaxItems=1)
    for wrong in ({"Policy": "{}"}, {"PolicyArns": [{"arn": arn}]}):
        with pytest.raises(ClientError) as malformed:
            sts.assume_role(RoleArn=role["Arn"], RoleSessionName="two", **wrong)
        assert _refused(malformed)[0] == "MalformedPolicyDocument"


def test_session_tags_need_their_own_permission_and_reach_policies(strongroom: RunningServer) -> None:
    sts = strongroom.client("sts")
    plain = _role(strongroom)
    tags = [{"Key": "Team", "Value": "blue"}]
    user = strongroom.make_user(json.loads(_allow("sts:AssumeRole")))
    with pytest.raises(ClientError) as caught:
        strongroom.client("sts", user).assume_role(RoleArn=plain["Arn"], RoleSessionName="one", Tags=tags)
    assert "sts:TagSession" in _refused(caught)[2]

    role = _role(strongroom, actions=("sts:AssumeRole", "sts:TagSession"))
    only_blue = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Action": "iam:ListUsers",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "blue"}},
        },
    }
    iam = strongroom.client("iam")
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="blue", PolicyDocument=json.dumps(only_blue))
    iam.tag_role(RoleName=role["RoleName"], Tags=[{"Key": "team", "Value": "red"}])
    untagged = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one")
    with pytest.raises(ClientError):
        strongroom.client("iam", _credentials(untagged)).list_users(MaxItems=1)
    tagged = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one", Tags=tags, TransitiveTagKeys=["team"])
    strongroom.client("iam", _credentials(tagged)).list_users(MaxItems=1)

    chained = strongroom.client("sts", _credentials(tagged))
    again = chained.assume_role(RoleArn=role["Arn"], RoleSessionName="two")
    strongroom.client("iam", _credentials(again)).list_users(MaxItems=1)
    with pytest.raises(ClientError) as conflict:
        chained.assume_role(RoleArn=role["Arn"], RoleSessionName="two", Tags=[{"Key": "TEAM", "Value": "red"}])
    assert _refused(conflict)[0] == "InvalidParameterValue"
    with pytest.raises(ClientError):
        chained.assume_role(RoleArn=plain["Arn"], RoleSessionName="two")


def test_a_source_identity_stays(strongroom: RunningServer) -> None:
    role = _role(strongroom, actions=("sts:AssumeRole", "sts:SetSourceIdentity"))
    answer = strongroom.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one", SourceIdentity="ann")
    assert answer["SourceIdentity"] == "ann"
    chained = strongroom.client("sts", _credentials(answer))
    assert chained.assume_role(RoleArn=role["Arn"], RoleSessionName="two")["SourceIdentity"] == "ann"
    with pytest.raises(ClientError):
        chained.assume_role(RoleArn=role["Arn"], RoleSessionName="two", SourceIdentity="bob")


def test_attack_06_a_session_ends_with_its_role(strongroom: RunningServer) -> None:
    iam, role = strongroom.client("iam"), _role(strongroom)
    session = _credentials(strongroom.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one"))
    sts = strongroom.client("sts", session)
    sts.get_caller_identity()
    iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="p")
    iam.delete_role(RoleName=role["RoleName"])
    with pytest.raises(ClientError) as caught:
        sts.get_caller_identity()
    expected = ("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
    assert _refused(caught) == expected
    trust = json.dumps(
        {"Statement": {"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"}}
    )
    iam.create_role(RoleName=role["RoleName"], AssumeRolePolicyDocument=trust)
    with pytest.raises(ClientError) as again:
        sts.get_caller_identity()
    assert _refused(again) == expected


def test_attack_06_a_token_that_is_missing_altered_or_of_another_key(strongroom: RunningServer) -> None:
    role = _role(strongroom)
    sts = strongroom.client("sts")
    first = _credentials(sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one"))
    second = _credentials(sts.assume_role(RoleArn=role["Arn"], RoleSessionName="two"))
    token = first.session_token or ""
    middle = "A" if token[60] != "A" else "B"
    user = strongroom.make_user()
    for wrong in (
        Credentials(first.access_key_id, first.secret_access_key),
        Credentials(first.access_key_id, first.secret_access_key, second.session_token),
        Credentials(second.access_key_id, first.secret_access_key, first.session_token),
        Credentials(first.access_key_id, first.secret_access_key, token[:60] + middle + token[61:]),
        Credentials(first.access_key_id, first.secret_access_key, "not a token"),
        Credentials(user.access_key_id, user.secret_access_key, first.session_token),
    ):
        with pytest.raises(ClientError) as caught:
            strongroom.client("sts", wrong).get_caller_identity()
        assert _refused(caught)[0] == "InvalidClientTokenId"
    with pytest.raises(ClientError) as mistaken:
        strongroom.client("sts", Credentials(first.access_key_id, "w" * 40, token)).get_caller_identity()
    assert _refused(mistaken)[0] == "SignatureDoesNotMatch"


def test_multi_factor_codes_are_refused_rather_than_ignored(strongroom: RunningServer) -> None:
    role = _role(strongroom)
    with pytest.raises(ClientError) as caught:
        strongroom.client("sts").assume_role(
            RoleArn=role["Arn"], RoleSessionName="one", SerialNumber="arn:aws:iam::1:mfa/x", TokenCode="123456"
        )
    assert _refused(caught)[:2] == ("AccessDenied", 403)


def test_roles_of_sessions_can_be_trusted_by_name(strongroom: RunningServer) -> None:
    first = _role(strongroom)
    session = f"arn:aws:sts::{strongroom.account}:assumed-role/{first['RoleName']}/one"
    second = _role(strongroom, session)
    sts = strongroom.client("sts")
    one = _credentials(sts.assume_role(RoleArn=first["Arn"], RoleSessionName="one"))
    two = _credentials(sts.assume_role(RoleArn=first["Arn"], RoleSessionName="two"))
    strongroom.client("sts", one).assume_role(RoleArn=second["Arn"], RoleSessionName="x1")
    with pytest.raises(ClientError):
        strongroom.client("sts", two).assume_role(RoleArn=second["Arn"], RoleSessionName="x1")
