"""Key policies: the default one, compiling them, and the check that nobody locks himself out.

Source: KMS Developer Guide, "Default key policy" and "Changing a key policy".
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Final

from strongroom.identity.named_principals import stored_principals
from strongroom.policy import MalformedPolicy, Policy, PolicyKind, compile_policy
from strongroom.services.call import Call, Context
from strongroom.services.kms import failures
from strongroom.store import Transaction

__all__ = [
    "accept_policy",
    "compiled_policy",
    "default_policy",
    "require_future_control",
    "stored_policy",
]

_LARGEST_POLICY: Final = 32_768  # bytes; KMS Developer Guide, "Resource quotas"
_VERSION: Final = "2012-10-17"


def default_policy(account: str) -> str:
    """The policy of a key that was made without one: the account decides through its identity-based policies."""
    document = {
        "Version": _VERSION,
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    return json.dumps(document, indent=2)


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
