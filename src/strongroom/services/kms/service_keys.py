"""The keys that services keep for themselves, and the policies that AWS gives them.

Sources: Secrets Manager User Guide, "Secret encryption and decryption"; the policies that GetKeyPolicy answers on AWS
for ``aws/ssm``, ``aws/rds`` and ``aws/lambda``. Each lets everybody who may use the service in the account use the key
through it, and only so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["ROTATION_DAYS", "SERVICE_KEYS", "ServiceKey"]

ROTATION_DAYS: Final = 365
"""How often the key of a service is rotated; nobody can change it (KMS API Reference, "EnableKeyRotation")."""

_METADATA: Final = ("kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant")
_Statement = dict[str, object]


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A key that a service keeps for itself in every account and region that uses it.

    Args:
        service: The first label of the service's host name.
        title: What the service calls itself.
        policy_id: The ``Id`` of its policy.
        description: The key's description.
        actions: What it may be used for through the service.
        everywhere: What it may be used for through the service in any region.
    """

    service: str
    title: str
    policy_id: str
    description: str
    actions: tuple[str, ...]
    everywhere: str | None = None

    def policy(self, account: str, region: str) -> str:
        """The key policy in an account and region."""
        host = f"{self.service}.{region}.amazonaws.com"
        owner = {"kms:CallerAccount": account}
        statements = [
            self._through_service(list(self.actions), {"StringEquals": {**owner, "kms:ViaService": host}}),
        ]
        if self.everywhere is not None:
            hosts = {"kms:ViaService": f"{self.service}.*.amazonaws.com"}
            statements.append(
                self._through_service(self.everywhere, {"StringEquals": owner, "StringLike": hosts}),
            )
        statements.append(
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": list(_METADATA),
                "Resource": "*",
            }
        )
        return json.dumps({"Version": "2012-10-17", "Id": self.policy_id, "Statement": statements}, indent=2)

    def _through_service(self, actions: str | list[str], condition: Mapping[str, object]) -> _Statement:
        title = self.title
        return {
            "Sid": f"Allow access through {title} for all principals in the account that are authorized to use {title}",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": actions,
            "Resource": "*",
            "Condition": condition,
        }


_USE: Final = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*")

SERVICE_KEYS: Final[Mapping[str, ServiceKey]] = {
    "alias/aws/secretsmanager": ServiceKey(
        service="secretsmanager",
        title="AWS Secrets Manager",
        policy_id="auto-secretsmanager-2",
        description="Default key that protects my Secrets Manager data when no other key is defined",
        actions=(*_USE, "kms:CreateGrant", "kms:DescribeKey"),
        everywhere="kms:GenerateDataKey*",
    ),
    "alias/aws/ssm": ServiceKey(
        service="ssm",
        title="SSM",
        policy_id="auto-ssm-1",
        description="Default key that protects my SSM parameters when no other key is defined",
        actions=(*_USE, "kms:GenerateDataKey*", "kms:DescribeKey"),
    ),
    "alias/aws/rds": ServiceKey(
        service="rds",
        title="RDS",
        policy_id="auto-rds-2",
        description="Default key that protects my RDS database volumes when no other key is defined",
        actions=(*_USE, "kms:GenerateDataKey*", "kms:CreateGrant", "kms:ListGrants", "kms:DescribeKey"),
    ),
    "alias/aws/lambda": ServiceKey(
        service="lambda",
        title="AWS Lambda",
        policy_id="auto-awslambda",
        description="Default key that protects my Lambda functions when no other key is defined",
        actions=(*_USE, "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"),
    ),
}
"""Alias -> the service's own key that it stands for."""
