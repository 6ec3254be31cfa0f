"""The words of the policy room: who asks, what applies to them, and what was decided.

Everything here is plain data. Documents become `Policy` objects in `compiler`, and `evaluation` turns a request and
the policies that apply to it into a `Decision`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

__all__ = [
    "AuthorizationRequest",
    "Context",
    "Decision",
    "Layer",
    "MalformedPolicy",
    "PolicyKind",
    "PrincipalFacts",
    "PrincipalKind",
    "Reason",
    "StatementId",
]

Context: TypeAlias = Mapping[str, str | tuple[str, ...]]
"""Request context: lower-cased condition key to its value, or to a tuple for a multivalued key."""

PrincipalKind: TypeAlias = Literal[
    "root", "user", "role-session", "federated-user", "service", "web-identity", "anonymous"
]


class PolicyKind(Enum):
    """What a document is attached to. It decides which elements the document must and must not have."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"
    SESSION = "session policy"
    BOUNDARY = "permissions boundary"
    KEY = "key policy"
    SERVICE_CONTROL = "service control policy"


class Layer(Enum):
    """A type of policy, of which an Allow can be needed."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SERVICE_CONTROL = "service control policy"


class Reason(Enum):
    """Why a request was allowed or denied."""

    ALLOWED_BY_IDENTITY = "allowed by an identity-based policy"
    ALLOWED_BY_RESOURCE = "allowed by a resource-based policy"
    ALLOWED_ACCOUNT_ROOT = "allowed as the root user of the account that owns the resource"
    EXPLICIT_DENY_IDENTITY = "explicit deny in an identity-based policy"
    EXPLICIT_DENY_RESOURCE = "explicit deny in a resource-based policy"
    EXPLICIT_DENY_TRUST = "explicit deny in the role trust policy"
    EXPLICIT_DENY_BOUNDARY = "explicit deny in a permissions boundary"
    EXPLICIT_DENY_SESSION = "explicit deny in a session policy"
    EXPLICIT_DENY_SERVICE_CONTROL = "explicit deny in a service control policy"
    IMPLICIT_DENY_IDENTITY = "no identity-based policy allows the action"
    IMPLICIT_DENY_RESOURCE = "no resource-based policy allows the action"
    IMPLICIT_DENY_TRUST = "no role trust policy allows the action"
    IMPLICIT_DENY_BOUNDARY = "no permissions boundary allows the action"
    IMPLICIT_DENY_SESSION = "no session policy allows the action"
    IMPLICIT_DENY_SERVICE_CONTROL = "no service control policy allows the action"

    @property
    def is_explicit(self) -> bool:
        """Whether a statement denies it, which no Allow can overcome."""
        return self.name.startswith("EXPLICIT_DENY")


class MalformedPolicy(ValueError):
    """A document that is not a policy of its kind.

    Args:
        message: The reason in plain words. Services translate it to their own error code and text.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class PrincipalFacts:
    """Who is calling, as far as policies can tell.

    Args:
        arn: The value of ``aws:PrincipalArn``: the user's ARN, or the role's ARN for a role session. For a web
            identity, which has no ARN of its own, the ARN of its provider.
        session_arn: ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`` for a role session, the same as ``arn``
            for every other kind.
        account: Twelve digits; empty for services, web identities and anonymous callers.
        kind: What sort of caller this is.
        service: The service principal's name, such as ``secretsmanager.amazonaws.com``, for kind ``service``.
        identifiers: Unique ids of the user (``AIDA...``) or of the session's role (``AROA...``). A policy that
            names an id does not apply to a user or role that was made again under the old name.
    """

    arn: str
    session_arn: str
    account: str
    kind: PrincipalKind
    service: str = ""
    identifiers: frozenset[str] = frozenset()


@dataclass(slots=True)
class AuthorizationRequest:
    """One question to the policy engine.

    Args:
        principal: Who is asking.
        action: ``service:Operation``; compared without regard to case.
        resource: The ARN acted upon, or ``*`` for an action that has no resource.
        resource_account: The account that owns the resource, twelve digits.
        context: The request context, keys in lower case.
    """

    principal: PrincipalFacts
    action: str
    resource: str
    resource_account: str
    context: Context


@dataclass(frozen=True, slots=True)
class StatementId:
    """Which statement: the policy's name, the statement's Sid (may be empty) and its position from 0."""

    policy: str
    sid: str
    index: int

    def __str__(self) -> str:
        return f"{self.policy}#{self.sid or self.index}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one `AuthorizationRequest`.

    Args:
        allowed: May the caller do it?
        reason: Why.
        statements: The statements that decided; empty when nothing matched.
    """

    allowed: bool
    reason: Reason
    statements: tuple[StatementId, ...] = ()
