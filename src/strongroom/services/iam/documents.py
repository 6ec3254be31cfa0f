"""Policy documents on their way in and out.

In: checked, and held to IAM's size quotas, which do not count white space ("IAM and AWS STS quotas"). Out:
percent-encoded as RFC 3986 has it, which is how IAM answers every document.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from strongroom.identity.trust import shown_trust_policy, stored_trust_policy
from strongroom.policy import MalformedPolicy, PolicyKind, compile_policy
from strongroom.services.iam.owner_policies import inline_documents
from strongroom.services.iam.owners import Kind, Owner
from strongroom.services.iam.problems import limit_exceeded, malformed_policy
from strongroom.store import Transaction

__all__ = [
    "MANAGED_CHARACTERS",
    "TRUST_CHARACTERS",
    "check_inline",
    "check_managed",
    "encoded",
    "encoded_trust_policy",
    "trust_policy",
]

MANAGED_CHARACTERS: Final = 6144
"""How long a managed policy may be."""

TRUST_CHARACTERS: Final = 2048
"""How long a trust policy may be."""


def encoded(document: str) -> str:
    """A document as an answer carries it."""
    return quote(document, safe="")


def check_managed(document: str) -> None:
    """Check the document of a managed policy.

    Raises:
        AwsError: ``MalformedPolicyDocument`` or ``LimitExceeded``.
    """
    _compile(document)
    if _size(document) > MANAGED_CHARACTERS:
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {MANAGED_CHARACTERS}")


def check_inline(transaction: Transaction, kind: Kind, owner: Owner, name: str, document: str) -> None:
    """Check an inline policy together with the others of its owner, which share a quota.

    Args:
        transaction: Reads the other ones.
        kind: Users, groups or roles.
        owner: Which of them.
        name: The policy's name, whose earlier document will be replaced.
        document: The document.

    Raises:
        AwsError: ``MalformedPolicyDocument`` or ``LimitExceeded``.
    """
    _compile(document)
    others = sum(_size(text) for other, text in inline_documents(transaction, owner.unique_id) if other != name)
    if others + _size(document) > kind.inline_characters:
        raise limit_exceeded(
            f"Maximum policy size of {kind.inline_characters} bytes exceeded for {kind.word} {owner.name}"
        )


def trust_policy(transaction: Transaction, document: str) -> str:
    """Check a trust policy, and give it as the store keeps it.

    Raises:
        AwsError: ``MalformedPolicyDocument`` or ``LimitExceeded``.
    """
    try:
        stored = stored_trust_policy(transaction, document)
    except MalformedPolicy as reason:
        raise malformed_policy(reason) from None
    if _size(document) > TRUST_CHARACTERS:
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_CHARACTERS}")
    return stored


def encoded_trust_policy(transaction: Transaction, stored: str) -> str:
    """A stored trust policy as an answer carries it."""
    return encoded(shown_trust_policy(transaction, stored))


def _compile(document: str) -> None:
    try:
        compile_policy(document, PolicyKind.IDENTITY)
    except MalformedPolicy as reason:
        raise malformed_policy(reason) from None


def _size(document: str) -> int:
    return len("".join(document.split()))
