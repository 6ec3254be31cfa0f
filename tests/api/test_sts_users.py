"""GetSessionToken, GetFederationToken and the small operations of STS, from outside."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import Credentials, RunningServer

READ_USERS = document(allow("iam:ListUsers", "secretsmanager:*", "sts:*"))


def credentials(answer: Mapping[str, Any]) -> Credentials:
    found = answer["Credentials"]
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def seconds_left(answer: Mapping[str, Any]) -> float:
    return float((answer["Credentials"]["Expiration"] - datetime.now(UTC)).total_seconds())


def federate(strongroom: RunningServer, user: Credentials, *policies: Mapping[str, Any], **more: Any) -> Credentials:
    """A session of GetFederationToken under the name ``guest``."""
    given = {"Policy": json.dumps(policies[0])} if policies else {}
    return credentials(strongroom.client("sts", user).get_federation_token(Name="guest", **given, **more))


def test_a_session_of_a_user_is_the_user(strongroom: RunningServer) -> None:
    user = strongroom.make_user(READ_USERS)
    answer = strongroom.client("sts", user).get_session_token()
    assert 43_190 < seconds_left(answer) <= 43_201
    session = credentials(answer)
    assert session.access_key_id.startswith("ASIA")
    plain, told = (strongroom.client("sts", who).get_caller_identity() for who in (user, session))
    assert told["Arn"] == user.arn
    assert told["UserId"] == plain["UserId"]
    strongroom.client("secretsmanager", session).list_secrets(MaxResults=1)
    assert seconds_left(strongroom.client("sts", user).get_session_token(DurationSeconds=900)) < 901


def test_a_session_of_a_user_can_neither_call_iam_nor_most_of_sts(strongroom: RunningServer) -> None:
    user = strongroom.make_user(READ_USERS)
    session = credentials(strongroom.client("sts", user).get_session_token())
    iam, sts = strongroom.client("iam", session), strongroom.client("sts", session)
    invalid = ("InvalidClientTokenId", "The security token included in the request is invalid.")
    assert refusal(iam, "list_users") == invalid
    sts.get_caller_identity()  # now every cache knows the session
    assert refusal(iam, "list_users") == invalid
    for operation, name, parameters in (
        ("get_session_token", "GetSessionToken", {}),
        ("get_federation_token", "GetFederationToken", {"Name": "guest"}),
        ("get_access_key_info", "GetAccessKeyInfo", {"AccessKeyId": user.access_key_id}),
        ("decode_authorization_message", "DecodeAuthorizationMessage", {"EncodedMessage": "x"}),
    ):
        text = f"Cannot call {name} with session credentials"
        assert refusal(sts, operation, **parameters) == ("AccessDenied", text)


def test_a_session_of_a_user_may_assume_a_role(strongroom: RunningServer) -> None:
    user = strongroom.make_user(READ_USERS)
    trust = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"}
    role = strongroom.client("iam").create_role(
        RoleName=f"role-{uuid.uuid4().hex[:12]}", AssumeRolePolicyDocument=json.dumps(document(trust))
    )["Role"]
    session = credentials(strongroom.client("sts", user).get_session_token())
    strongroom.client("sts", session).assume_role(RoleArn=role["Arn"], RoleSessionName="one")
    guest = federate(strongroom, user, document(allow("*")))
    text = f"User: arn:aws:sts::{strongroom.account}:federated-user/guest is not authorized to perform: sts:AssumeRole"
    code, told = refusal(strongroom.client("sts", guest), "assume_role", RoleArn=role["Arn"], RoleSessionName="one")
    assert (code, told) == ("AccessDenied", f"{text} on resource: {role['Arn']}")


def test_only_a_user_with_its_own_key_gets_such_sessions(strongroom: RunningServer) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"}
    role = strongroom.client("iam").create_role(
        RoleName=f"role-{uuid.uuid4().hex[:12]}", AssumeRolePolicyDocument=json.dumps(document(trust))
    )["Role"]
    assumed = strongroom.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one")
    sts = strongroom.client("sts", credentials(assumed))
    assert refusal_code(sts, "get_session_token") == "AccessDenied"
    assert refusal_code(sts, "get_federation_token", Name="guest") == "AccessDenied"


def test_no_policy_keeps_a_user_from_its_session(strongroom: RunningServer) -> None:
    user = strongroom.make_user(document(deny("*")))
    answer = strongroom.client("sts", user).get_session_token()
    session = strongroom.client("secretsmanager", credentials(answer))
    assert "explicit deny in an identity-based policy" in refusal(session, "list_secrets")[1]
    code, text = refusal(
        strongroom.client("sts", user), "get_session_token", SerialNumber="arn:aws:iam::1:mfa/x", TokenCode="123456"
    )
    assert code == "AccessDenied"
    assert text.startswith("MultiFactorAuthentication failed, unable to validate MFA code.")


def test_a_condition_can_tell_a_session_of_a_user(strongroom: RunningServer) -> None:
    without_factor = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    user = strongroom.make_user(
        document(allow("secretsmanager:*"), deny("secretsmanager:ListSecrets", Condition=without_factor))
    )
    strongroom.client("secretsmanager", user).list_secrets(MaxResults=1)
    session = credentials(strongroom.client("sts", user).get_session_token())
    assert refusal_code(strongroom.client("secretsmanager", session), "list_secrets") == "AccessDeniedException"


@pytest.mark.parametrize("kind", ["session", "federation"])
@pytest.mark.parametrize("end", ["deactivated", "deleted", "user deleted"])
def test_attack_06_a_session_ends_with_the_key_or_the_user(strongroom: RunningServer, kind: str, end: str) -> None:
    iam, user = strongroom.client("iam"), strongroom.make_user(READ_USERS)
    if kind == "session":
        session = credentials(strongroom.client("sts", user).get_session_token())
    else:
        session = federate(strongroom, user, document(allow("*")))
    key = {"UserName": user.user_name, "AccessKeyId": user.access_key_id}
    secrets = strongroom.client("secretsmanager", session)
    for _ in range(6):  # every worker knows it
        secrets.list_secrets(MaxResults=1)
    if end == "deactivated":
        iam.update_access_key(**key, Status="Inactive")
        assert refusal_code(secrets, "list_secrets") == "UnrecognizedClientException"
        iam.update_access_key(**key, Status="Active")
        secrets.list_secrets(MaxResults=1)
        return
    iam.delete_access_key(**key)
    if end == "user deleted":
        iam.delete_user_policy(UserName=user.user_name, PolicyName="inline")
        iam.delete_user(UserName=user.user_name)
        strongroom.make_user(READ_USERS, name=user.user_name)
    assert {refusal_code(secrets, "list_secrets") for _ in range(6)} == {"UnrecognizedClientException"}


def test_attack_06_older_sessions_can_be_revoked(strongroom: RunningServer) -> None:
    """The policy that AWS's console calls AWSRevokeOlderSessions."""
    user = strongroom.make_user(READ_USERS)
    session = credentials(strongroom.client("sts", user).get_session_token())
    secrets = strongroom.client("secretsmanager", session)
    secrets.list_secrets(MaxResults=1)
    iam = strongroom.client("iam")
    for when, refused in (("2999-01-01T00:00:00Z", True), ("2000-01-01T00:00:00Z", False)):
        older = {"DateLessThan": {"aws:TokenIssueTime": when}}
        iam.put_user_policy(
            UserName=user.user_name,
            PolicyName="AWSRevokeOlderSessions",
            PolicyDocument=json.dumps(document(deny("*", Condition=older))),
        )
        strongroom.client("secretsmanager", user).list_secrets(MaxResults=1)  # not a session
        if refused:
            assert refusal_code(secrets, "list_secrets") == "AccessDeniedException"
        else:
            secrets.list_secrets(MaxResults=1)


def test_a_federated_user_has_what_user_and_session_policies_both_allow(strongroom: RunningServer) -> None:
    user = strongroom.make_user(document(allow("sts:*", "secretsmanager:ListSecrets", "kms:ListKeys")))
    sts = strongroom.client("sts", user)
    policy = document(allow("secretsmanager:*"))
    answer = sts.get_federation_token(Name="guest", Policy=json.dumps(policy), DurationSeconds=900)
    arn = f"arn:aws:sts::{strongroom.account}:federated-user/guest"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{strongroom.account}:guest", "Arn": arn}
    assert 0 < answer["PackedPolicySize"] < 20
    assert 890 < seconds_left(answer) <= 901
    guest = credentials(answer)
    told = strongroom.client("sts", guest).get_caller_identity()
    assert (told["UserId"], told["Arn"]) == (f"{strongroom.account}:guest", arn)
    secrets = strongroom.client("secretsmanager", guest)
    secrets.list_secrets(MaxResults=1)
    text = f"User: {arn} is not authorized to perform: kms:ListKeys because no session policy allows"
    assert refusal(strongroom.client("kms", guest), "list_keys")[1].startswith(text)
    assert "no identity-based policy allows" in refusal(secrets, "create_secret", Name="x", SecretString="x")[1]
    assert refusal_code(strongroom.client("iam", guest), "list_users") == "InvalidClientTokenId"

    nothing = sts.get_federation_token(Name="guest")
    assert "PackedPolicySize" not in nothing
    assert 43_190 < seconds_left(nothing) <= 43_201
    assert (
        refusal_code(strongroom.client("secretsmanager", credentials(nothing)), "list_secrets")
        == "AccessDeniedException"
    )


def test_managed_session_policies_of_a_federated_user(strongroom: RunningServer) -> None:
    user = strongroom.make_user(document(allow("*")))
    read = json.dumps(document(allow("secretsmanager:ListSecrets")))
    created = strongroom.client("iam").create_policy(PolicyName=f"p-{uuid.uuid4().hex[:12]}", PolicyDocument=read)
    guest = federate(strongroom, user, PolicyArns=[{"arn": created["Policy"]["Arn"]}])
    strongroom.client("secretsmanager", guest).list_secrets(MaxResults=1)
    assert "no session policy allows" in refusal(strongroom.client("kms", guest), "list_keys")[1]
    sts = strongroom.client("sts", user)
    foreign = [{"arn": "arn:aws:iam::999999999999:policy/x"}]
    assert refusal_code(sts, "get_federation_token", Name="guest", PolicyArns=foreign) == "MalformedPolicyDocument"
    assert refusal_code(sts, "get_federation_token", Name="guest", Policy="{}") == "MalformedPolicyDocument"


def test_a_resource_can_name_a_federated_user(strongroom: RunningServer) -> None:
    """Named by its own ARN it needs no session policy; named as its user it is limited by one."""
    user = strongroom.make_user(document(allow("sts:*")))
    admin = strongroom.client("secretsmanager")
    arn = f"arn:aws:sts::{strongroom.account}:federated-user/guest"
    name = f"federated/{uuid.uuid4().hex}"
    admin.create_secret(Name=name, SecretString="x")

    def read_by(principal: str, who: Credentials) -> Callable[[], str]:
        statement = {**allow("secretsmanager:GetSecretValue"), "Principal": {"AWS": principal}}
        admin.put_resource_policy(SecretId=name, ResourcePolicy=json.dumps(document(statement)))
        return lambda: refusal_code(strongroom.client("secretsmanager", who), "get_secret_value", SecretId=name)

    # The decryption under the account's own key is allowed by that key's policy to whoever comes through the service.
    guest = federate(strongroom, user)
    read_by(arn, guest)
    value = strongroom.client("secretsmanager", guest).get_secret_value(SecretId=name)
    assert value["SecretString"] == "x"
    assert read_by(user.arn, guest)() == "AccessDeniedException"
    with_policy = federate(strongroom, user, document(allow("secretsmanager:GetSecretValue", "kms:Decrypt")))
    read_by(user.arn, with_policy)
    strongroom.client("secretsmanager", with_policy).get_secret_value(SecretId=name)


def test_tags_of_a_federated_user(strongroom: RunningServer) -> None:
    only_blue = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    user = strongroom.make_user(
        document(allow("sts:GetFederationToken"), allow("secretsmanager:ListSecrets", Condition=only_blue))
    )
    iam, sts = strongroom.client("iam"), strongroom.client("sts", user)
    tags = [{"Key": "Team", "Value": "blue"}]
    policy = json.dumps(document(allow("*")))
    code, text = refusal(sts, "get_federation_token", Name="guest", Policy=policy, Tags=tags)
    assert code == "AccessDenied"
    assert "sts:TagSession" in text
    iam.put_user_policy(
        UserName=user.user_name, PolicyName="tag", PolicyDocument=json.dumps(document(allow("sts:TagSession")))
    )
    iam.tag_user(UserName=user.user_name, Tags=[{"Key": "team", "Value": "red"}])
    plain = federate(strongroom, user, document(allow("*")))
    assert refusal_code(strongroom.client("secretsmanager", plain), "list_secrets") == "AccessDeniedException"
    tagged = federate(strongroom, user, document(allow("*")), Tags=tags)
    strongroom.client("secretsmanager", tagged).list_secrets(MaxResults=1)


def test_federating_needs_a_permission(strongroom: RunningServer) -> None:
    arn = f"arn:aws:sts::{strongroom.account}:federated-user/app-*"
    user = strongroom.make_user(document(allow("sts:GetFederationToken", resource=arn)))
    sts = strongroom.client("sts", user)
    sts.get_federation_token(Name="app-1")
    code, text = refusal(sts, "get_federation_token", Name="other")
    assert code == "AccessDenied"
    assert text.startswith(f"User: {user.arn} is not authorized to perform: sts:GetFederationToken on resource: ")


def test_whose_a_key_is(strongroom: RunningServer) -> None:
    sts, user = strongroom.client("sts"), strongroom.make_user()
    assert sts.get_access_key_info(AccessKeyId=user.access_key_id)["Account"] == strongroom.account
    assert refusal_code(sts, "get_access_key_info", AccessKeyId="AKIAQQQQQQQQQQQQQQQQ") == "ValidationError"
    told = refusal(strongroom.client("sts", user), "get_access_key_info", AccessKeyId=user.access_key_id)
    assert told[0] == "AccessDenied"


def test_there_is_no_encoded_message_to_decode(strongroom: RunningServer) -> None:
    sts = strongroom.client("sts")
    told = refusal(sts, "decode_authorization_message", EncodedMessage="AQICAHg" * 20)
    assert told[0] == "InvalidAuthorizationMessageException"
    powerless = strongroom.client("sts", strongroom.make_user())
    assert refusal_code(powerless, "decode_authorization_message", EncodedMessage="x") == "AccessDenied"
