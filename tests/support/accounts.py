"""Further accounts of an installation, and their administrators."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.server import Credentials, RunningServer

__all__ = ["ACCESS_ROLE", "Account", "assume_role", "attached_policy", "make_account"]

ACCESS_ROLE = "OrganizationAccountAccessRole"


@dataclass(frozen=True)
class Account:
    """A member account.

    Attributes:
        id: Its account id.
        administrator: A session of its access role.
    """

    server: RunningServer
    id: str
    administrator: Credentials

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        """A client in this account; as its administrator unless other credentials are given."""
        return self.server.client(service, credentials or self.administrator)

    def make_user(self, policy: Mapping[str, Any] | None = None, *, name: str | None = None) -> Credentials:
        """Create a user of this account with an access key and, if given, one inline policy."""
        return self.server.make_user(policy, name=name, creator=self.administrator)


def assume_role(server: RunningServer, role_arn: str, credentials: Credentials | None = None) -> Credentials:
    """A session of a role."""
    answer = server.client("sts", credentials).assume_role(RoleArn=role_arn, RoleSessionName="test")
    found = answer["Credentials"]
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def make_account(server: RunningServer, **parameters: Any) -> Account:
    """A new member account, and a way into it."""
    name = f"account-{uuid.uuid4().hex[:12]}"
    given = {"AccountName": name, "Email": f"{name}@example.com", **parameters}
    status = server.client("organizations").create_account(**given)["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    account = status["AccountId"]
    return Account(server, account, assume_role(server, f"arn:aws:iam::{account}:role/{ACCESS_ROLE}"))


@contextmanager
def attached_policy(server: RunningServer, content: str, target: str) -> Iterator[str]:
    """A service control policy that holds ``target`` for the time of a block; its id."""
    client = server.client("organizations")
    policy = client.create_policy(
        Content=content, Description="", Name=f"policy-{uuid.uuid4().hex}", Type="SERVICE_CONTROL_POLICY"
    )["Policy"]["PolicySummary"]["Id"]
    client.attach_policy(PolicyId=policy, TargetId=target)
    try:
        yield policy
    finally:
        client.detach_policy(PolicyId=policy, TargetId=target)
        client.delete_policy(PolicyId=policy)
