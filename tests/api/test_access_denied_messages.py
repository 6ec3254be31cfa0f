"""What a caller who is refused is told: principal, action, resource, the type of policy that decided, and which one.

Source: IAM User Guide, "Troubleshoot access denied error messages"; AWS Security Blog, "Enhanced access denied error
messages with policy ARNs".
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.accounts import Account, attached_policy, make_account
from tests.support.refusals import refusal
from tests.support.server import Credentials, RunningServer

READ = "secretsmanager:GetSecretValue"
ALLOWED, DENIED = {"Effect": "Allow"}, {"Effect": "Deny"}


def _name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Action": "*", "Resource": "*", **one} for one in statements]}


EVERYTHING = _policy(ALLOWED)
OTHERWISE = _policy({**ALLOWED, "Action": "sqs:*"})
NOT_READING = _policy(ALLOWED, {**DENIED, "Action": READ})


@dataclass
class Desk:
    """A member account with a secret, in which each case makes its own caller.

    Attributes:
        secret: The ARN of a secret without a resource policy.
    """

    account: Account
    secret: str

    @property
    def server(self) -> RunningServer:
        return self.account.server

    def managed(self, document: dict[str, Any]) -> str:
        made = self.account.client("iam").create_policy(
            PolicyName=_name("managed"), PolicyDocument=json.dumps(document)
        )
        return str(made["Policy"]["Arn"])

    def told(self, credentials: Credentials, secret: str = "") -> str:
        """What a caller is told when it reads the secret."""
        client = self.server.client("secretsmanager", credentials)
        code, message = refusal(client.get_secret_value, SecretId=secret or self.secret)
        assert code == "AccessDeniedException"
        return message

    def session(self, policy: dict[str, Any] | None = None, arn: str = "") -> tuple[Credentials, str]:
        """A session of a role that may do everything, with a session policy; and its ARN."""
        user = self.account.make_user(EVERYTHING)
        iam, role = self.account.client("iam"), _name("role")
        trust = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        role_arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(EVERYTHING))
        given = {"PolicyArns": [{"arn": arn}]} if arn else {"Policy": json.dumps(policy)}
        answer = self.server.client("sts", user).assume_role(RoleArn=role_arn, RoleSessionName="one", **given)
        found = answer["Credentials"]
        key = Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        return key, str(answer["AssumedRoleUser"]["Arn"])


@pytest.fixture(scope="module")
def desk(strongroom: RunningServer) -> Desk:
    account = make_account(strongroom)
    made = account.client("secretsmanager").create_secret(Name=_name("secret"), SecretString="x")
    return Desk(account, made["ARN"])


Case = Callable[[Desk], tuple[str, str, str]]
"""Makes a caller and has it refused: its ARN, what it is told, and how that should end."""


def _identity_implicit(desk: Desk) -> tuple[str, str, str]:
    user = desk.account.make_user(OTHERWISE)
    return user.arn, desk.told(user), f"because no identity-based policy allows the {READ} action"


def _identity_inline(desk: Desk) -> tuple[str, str, str]:
    user = desk.account.make_user(NOT_READING)
    return user.arn, desk.told(user), "with an explicit deny in an identity-based policy"


def _identity_managed(desk: Desk) -> tuple[str, str, str]:
    user, arn = desk.account.make_user(), desk.managed(NOT_READING)
    desk.account.client("iam").attach_user_policy(UserName=user.user_name, PolicyArn=arn)
    return user.arn, desk.told(user), f"with an explicit deny in an identity-based policy: {arn}"


def _bounded(desk: Desk, document: dict[str, Any]) -> tuple[Credentials, str]:
    user, arn = desk.account.make_user(EVERYTHING), desk.managed(document)
    desk.account.client("iam").put_user_permissions_boundary(UserName=user.user_name, PermissionsBoundary=arn)
    return user, arn


def _boundary_implicit(desk: Desk) -> tuple[str, str, str]:
    user, _ = _bounded(desk, OTHERWISE)
    return user.arn, desk.told(user), f"because no permissions boundary allows the {READ} action"


def _boundary_explicit(desk: Desk) -> tuple[str, str, str]:
    user, arn = _bounded(desk, NOT_READING)
    return user.arn, desk.told(user), f"with an explicit deny in a permissions boundary: {arn}"


def _session_implicit(desk: Desk) -> tuple[str, str, str]:
    session, arn = desk.session(OTHERWISE)
    return arn, desk.told(session), f"because no session policy allows the {READ} action"


def _session_explicit(desk: Desk) -> tuple[str, str, str]:
    session, arn = desk.session(NOT_READING)
    return arn, desk.told(session), "with an explicit deny in a session policy"


def _session_managed(desk: Desk) -> tuple[str, str, str]:
    policy = desk.managed(NOT_READING)
    session, arn = desk.session(arn=policy)
    return arn, desk.told(session), f"with an explicit deny in a session policy: {policy}"


def _resource_explicit(desk: Desk) -> tuple[str, str, str]:
    user, client = desk.account.make_user(EVERYTHING), desk.account.client("secretsmanager")
    secret = client.create_secret(Name=_name("secret"), SecretString="x")["ARN"]
    denying = _policy({**DENIED, "Action": READ, "Principal": {"AWS": user.arn}})
    client.put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps(denying))
    return user.arn, desk.told(user, secret), "with an explicit deny in a resource-based policy"


def _resource_implicit(desk: Desk) -> tuple[str, str, str]:
    user = desk.server.make_user(EVERYTHING)  # of another account
    return user.arn, desk.told(user), f"because no resource-based policy allows the {READ} action"


def _control_explicit(desk: Desk) -> tuple[str, str, str]:
    user = desk.account.make_user(EVERYTHING)
    with attached_policy(desk.server, json.dumps(NOT_READING), desk.account.id) as policy:
        told = desk.told(user)
        arn = desk.server.client("organizations").describe_policy(PolicyId=policy)["Policy"]["PolicySummary"]["Arn"]
    return user.arn, told, f"with an explicit deny in a service control policy: {arn}"


def _control_implicit(desk: Desk) -> tuple[str, str, str]:
    user, organizations = desk.account.make_user(EVERYTHING), desk.server.client("organizations")
    with attached_policy(desk.server, json.dumps(OTHERWISE), desk.account.id):
        organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=desk.account.id)
        told = desk.told(user)
        organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId=desk.account.id)
    return user.arn, told, f"because no service control policy allows the {READ} action"


@pytest.mark.parametrize(
    "case",
    [
        _identity_implicit,
        _identity_inline,
        _identity_managed,
        _boundary_implicit,
        _boundary_explicit,
        _session_implicit,
        _session_explicit,
        _session_managed,
        _resource_explicit,
        _resource_implicit,
        _control_explicit,
        _control_implicit,
    ],
)
def test_every_type_of_policy(desk: Desk, case: Case) -> None:
    principal, told, ending = case(desk)
    start = f"User: {principal} is not authorized to perform: {READ} on resource: "
    assert told.startswith(start)
    secret, _, rest = told.removeprefix(start).partition(" ")
    assert secret.startswith("arn:aws:secretsmanager:")
    assert rest == ending


def test_a_trust_policy_is_not_told_of(desk: Desk) -> None:
    """STS tells no reason: it would tell a role that exists from one that does not."""
    user = desk.account.make_user(EVERYTHING)
    sts = desk.server.client("sts", user)
    role = f"arn:aws:iam::{desk.account.id}:role/OrganizationAccountAccessRole"
    missing = f"arn:aws:iam::{desk.account.id}:role/{_name('none')}"
    for arn in (role, missing):
        code, message = refusal(sts.assume_role, RoleArn=arn, RoleSessionName="one")
        assert code == "AccessDenied"
        assert message == f"User: {user.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
