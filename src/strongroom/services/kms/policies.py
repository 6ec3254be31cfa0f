"""Key policies: the ones KMS writes itself, compiling them, and the check that nobody locks himself out.

Sources: KMS Developer Guide, "Default key policy" and "Changing a key policy"; Secrets Manager User Guide, "Key policy
of the AWS managed key (aws/secretsmanager)".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from strongroom.identity.named_principals import stored_principals
from strongroom.policy import MalformedPolicy, Policy, PolicyKind, compile_policy
from strongroom.services.call import Call, Context
from strongroom.services.kms import failures
from strongroom.store import Transaction

__all__ = [
    "SERVICE_KEYS",
    "ServiceKey",
    "accept_policy",
    "compiled_policy",
    "default_policy",
    "require_future_control",
    "stored_policy",
]

_LARGEST_POLICY: Final = 32_768  # bytes; KMS Developer Guide, "Resource quotas"
_VERSION: Final = "2012-10-17"


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A key that a service keeps for itself in every account and region that uses it.

    Args:
        service: The first label of the service's host name.
        title: What the service calls itself.
        description: The key's description.
    """

    service: str
    title: str
    description: str

    def policy(self, account: str, region: str) -> str:
        """The key policy: whoever may use the service in this account may use the key through it, and only so."""
        title = self.title
        sid = f"Allow access through {title} for all principals in the account that are authorized to use {title}"
        own_account = {"kms:CallerAccount": account}
        document = {
            "Version": _VERSION,
            "Id": f"auto-{self.service}-2",
            "Statement": [
                {
                    "Sid": sid,
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:CreateGrant", "kms:DescribeKey"],
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {**own_account, "kms:ViaService": f"{self.service}.{region}.amazonaws.com"}
                    },
                },
                {
                    "Sid": sid,
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": "kms:GenerateDataKey*",
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": own_account,
                        "StringLike": {"kms:ViaService": f"{self.service}.*.amazonaws.com"},
                    },
                },
                {
                    "Sid": "Allow direct access to key metadata to the account",
                    "Effect": "Allow",
                    "Principal": {"AWS": _root(account)},
                    "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                    "Resource": "*",
                },
            ],
        }
        return json.dumps(document, indent=2)


SERVICE_KEYS: Final = {
    "alias/aws/secretsmanager": ServiceKey(
        "secretsmanager",
        "AWS Secrets Manager",
        "Default key that protects my Secrets Manager data when no other key is defined",
    ),
}
"""Alias -> the service's own key that it stands for."""


def default_policy(account: str) -> str:
    """The policy of a key that was made without one: the account decides through its identity-based policies."""
    document = {
        "Version": _VERSION,
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": _root(account)},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    return json.dumps(document, indent=2)


def _root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


@lru_cache(maxsize=4096)
def compiled_policy(text: str) -> Policy:
    """A key policy compiled; the same text is compiled once.

    Raises:
        MalformedPolicy: It is not a key policy.
    """
    return compile_policy(text, PolicyKind.KEY)


def accept_policy(text: str) -> Policy:
    """Check and compile a key policy that a caller sent.

    Raises:
        AwsError: ``MalformedPolicyDocumentException``, or ``LimitExceededException`` for more than 32,768 bytes.
    """
    if len(text.encode()) > _LARGEST_POLICY:
        raise failures.limit_exceeded(f"A key policy can have at most {_LARGEST_POLICY} bytes.")
    try:
        return compiled_policy(text)
    except MalformedPolicy as problem:
        raise failures.malformed_policy(problem.message) from None


def stored_policy(transaction: Transaction, policy: Policy, text: str) -> str:
    """An accepted policy as it is stored: the users and roles that it names stand in it by their unique ids.

    Raises:
        AwsError: ``MalformedPolicyDocumentException``: one of them does not exist.
    """
    try:
        return stored_principals(transaction, policy, text)
    except MalformedPolicy:
        raise failures.malformed_policy("Policy contains a statement with one or more invalid principals.") from None


def require_future_control(call: Call, key_arn: str, account: str, policy: Policy, context: Context) -> None:
    """Refuse a key policy that would keep the caller from changing it again (the policy lockout safety check).

    Args:
        call: The caller's call.
        key_arn: The key.
        account: The account that owns the key.
        policy: The new key policy.
        context: The condition keys that a later PutKeyPolicy would carry.

    Raises:
        AwsError: ``MalformedPolicyDocumentException``.
    """
    if not call.allows(
        "kms:PutKeyPolicy", key_arn, resource_account=account, policy=policy, key_policy=True, context=context
    ):
        raise failures.malformed_policy("The new key policy will not allow you to update the key policy in the future.")
