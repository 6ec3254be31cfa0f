"""An account that trusts an OpenID Connect issuer, and calls that show its tokens without a signature."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from tests.support.issuer import Issuer
from tests.support.policies import allow, document, refusal
from tests.support.server import Credentials, RunningServer

__all__ = ["NOT_AUTHORIZED", "Federation", "trusted"]

NOT_AUTHORIZED: Final = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
"""Code and text of a refusal by the role."""


@dataclass
class Federation:
    """An account that trusts an issuer.

    Attributes:
        server: The server.
        issuer: The issuer, with the audience ``app``.
        provider: The ARN of the provider in IAM.
    """

    server: RunningServer
    issuer: Issuer
    provider: str

    @cached_property
    def sts(self) -> Any:
        """A client that does not sign."""
        return boto3.session.Session().client(
            "sts",
            endpoint_url=self.server.endpoint,
            region_name=self.server.region,
            config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
        )

    def role(
        self,
        condition: Mapping[str, Any] | None = None,
        *,
        actions: tuple[str, ...] = ("sts:AssumeRoleWithWebIdentity",),
        principal: Any = None,
        **settings: Any,
    ) -> str:
        """The ARN of a role that trusts the provider and may list users."""
        iam = self.server.client("iam")
        trust = {
            "Effect": "Allow",
            "Principal": principal or {"Federated": self.provider},
            "Action": list(actions),
            "Condition": condition or {},
        }
        role = iam.create_role(
            RoleName=f"role-{uuid.uuid4().hex[:12]}", AssumeRolePolicyDocument=json.dumps(document(trust)), **settings
        )["Role"]
        policy = json.dumps(document(allow("iam:ListUsers", "sts:*")))
        iam.put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=policy)
        return str(role["Arn"])

    def assume(self, role: str, token: str, **settings: Any) -> dict[str, Any]:
        """Show a token."""
        settings = {"RoleSessionName": "one", **settings}
        answer: dict[str, Any] = self.sts.assume_role_with_web_identity(
            RoleArn=role, WebIdentityToken=token, **settings
        )
        return answer

    def refused(self, role: str, token: str, **settings: Any) -> tuple[str, str]:
        """Show a token that must be refused; answers code and message."""
        settings = {"RoleSessionName": "one", **settings}
        return refusal(self.sts, "assume_role_with_web_identity", RoleArn=role, WebIdentityToken=token, **settings)

    def client(self, service: str, answer: Mapping[str, Any]) -> Any:
        """A client with the credentials of an answer."""
        found = answer["Credentials"]
        return self.server.client(
            service, Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        )


@contextmanager
def trusted(server: RunningServer, issuer: Issuer, *audiences: str) -> Iterator[Federation]:
    """Let the account trust an issuer's tokens for these audiences, for the time of a block."""
    iam = server.client("iam")
    provider = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=list(audiences))
    arn = provider["OpenIDConnectProviderArn"]
    yield Federation(server, issuer, arn)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
