"""The Principal and NotPrincipal elements: who a statement of a resource-based policy is about.

A principal is named by exact text, never by a partial wildcard (IAM User Guide, "Principal"). How it is named decides
how far an Allow carries, so a match has a grade. From weak to strong:

    NOBODY    the statement is not about this caller
    ACCOUNT   it names the caller's account: it delegates to that account and grants nothing by itself there
    ROLE      it names the role behind the session: a boundary or session policy still limits the caller
    DIRECT    it names the user, the session, the service, the identity provider or the account's own root user
    ANYONE    it is about everybody

The last two are not limited by the silence of other policies (same guide, "Policy evaluation logic").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from strongroom.arn import Arn
from strongroom.policy.document import as_object, as_strings
from strongroom.policy.model import MalformedPolicy, PrincipalFacts

__all__ = ["Grade", "PrincipalSet", "compile_principals"]

_ACCOUNT = re.compile(r"[0-9]{12}")
_UNIQUE_ID = re.compile(r"(?:AIDA|AROA)[A-Z0-9]{12,124}")
_SERVICE = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PROVIDER = re.compile(r"arn:aws:iam::[0-9]{12}:(?:oidc|saml)-provider/.+|[a-z0-9-]+(?:\.[a-z0-9-]+)+")
"""An identity provider of an account, or one that AWS itself knows by its domain."""
_NAMEABLE = {
    "iam": re.compile(r"(?:user|role)/[^*]+"),
    "sts": re.compile(r"assumed-role/[^/*]+/[^/*]+|federated-user/[^/*]+"),
}
_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")


class Grade(IntEnum):
    """How closely a statement names the caller; see the module's text."""

    NOBODY = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3
    ANYONE = 4


@dataclass(frozen=True, slots=True)
class PrincipalSet:
    """The principals that one statement names.

    Args:
        anyone: ``*`` is among them.
        accounts: Account numbers, from the bare form and from ``...:root``.
        arns: ARNs of users, roles and sessions.
        identifiers: Unique ids (``AIDA...``, ``AROA...``).
        services: Service principals.
        federated: Identity providers, by ARN.
        others: Canonical-user entries. Callers of that kind do not exist here, so they match nobody.
        inverted: It is a NotPrincipal element.
    """

    anyone: bool
    accounts: frozenset[str]
    arns: frozenset[str]
    identifiers: frozenset[str]
    services: frozenset[str]
    federated: frozenset[str]
    others: frozenset[str]
    inverted: bool

    def _names_principal(self, principal: PrincipalFacts) -> bool:
        """Is the user or role behind the call named, by ARN or unique id?"""
        return principal.arn in self.arns or not self.identifiers.isdisjoint(principal.identifiers)

    def _listed(self, principal: PrincipalFacts) -> Grade:
        if self.anyone:
            return Grade.ANYONE
        kind = principal.kind
        if kind == "service":
            return Grade.DIRECT if principal.service in self.services else Grade.NOBODY
        if kind == "web-identity":
            return Grade.DIRECT if principal.arn in self.federated else Grade.NOBODY
        if kind == "anonymous":
            return Grade.NOBODY
        if principal.session_arn in self.arns:
            return Grade.DIRECT
        if kind != "root" and self._names_principal(principal):
            return Grade.DIRECT if kind == "user" else Grade.ROLE
        if principal.account in self.accounts:
            return Grade.DIRECT if kind == "root" else Grade.ACCOUNT
        return Grade.NOBODY

    def grade(self, principal: PrincipalFacts) -> Grade:
        """How closely an Allow statement with these principals names the caller.

        NotPrincipal with Allow is about everybody except the callers it names in any way, be it only by account.
        """
        listed = self._listed(principal)
        if not self.inverted:
            return listed
        return Grade.NOBODY if listed else Grade.ANYONE

    def denies(self, principal: PrincipalFacts, *, bounded: bool) -> bool:
        """Is a Deny statement with these principals about the caller?

        NotPrincipal with Deny spares a caller only when every identity it has is named: the session, the role or, for
        a federated user, the user behind it, and the account. It never spares one with a permissions boundary (IAM
        User Guide, "NotPrincipal").

        Args:
            principal: The caller.
            bounded: Does the caller have a permissions boundary?
        """
        if not self.inverted:
            return self._listed(principal) is not Grade.NOBODY
        if bounded:
            return True
        if self.anyone or principal.kind in {"service", "web-identity", "anonymous"}:
            return self._listed(principal) is Grade.NOBODY
        if principal.account not in self.accounts:
            return True
        if principal.kind == "root":
            return False
        if principal.kind == "federated-user":  # whose ARN is that of the session
            behind = not self.identifiers.isdisjoint(principal.identifiers)
            return not behind or principal.session_arn not in self.arns
        if not self._names_principal(principal):
            return True
        return principal.kind == "role-session" and principal.session_arn not in self.arns


def _invalid(kind: str, name: str) -> MalformedPolicy:
    return MalformedPolicy(f'Invalid principal in policy: "{kind}":"{name}"')


class _Collector:
    """Sorts principal entries by form while an element is read."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        self.ids = ids
        self.anyone = False
        self.accounts: set[str] = set()
        self.arns: set[str] = set()
        self.identifiers: set[str] = set()
        self.services: set[str] = set()
        self.federated: set[str] = set()
        self.others: set[str] = set()

    def add(self, kind: str, name: str) -> None:
        if kind == "AWS":
            self._add_aws(name)
        elif "*" in name or "?" in name or not name:
            raise _invalid(kind, name)
        elif kind == "Service":
            if not _SERVICE.fullmatch(name):
                raise _invalid(kind, name)
            self.services.add(name)
        elif kind == "Federated":
            if not _PROVIDER.fullmatch(name):
                raise _invalid(kind, name)
            self.federated.add(name)
        else:
            self.others.add(name)

    def _add_aws(self, name: str) -> None:
        if name == "*":
            self.anyone = True
        elif name in self.ids:
            self.identifiers.add(self.ids[name])
        elif _ACCOUNT.fullmatch(name):
            self.accounts.add(name)
        elif _UNIQUE_ID.fullmatch(name):
            self.identifiers.add(name)
        else:
            self._add_arn(name)

    def _add_arn(self, name: str) -> None:
        arn = Arn.parse(name)
        if arn is None or arn.region or not _ACCOUNT.fullmatch(arn.account):
            raise _invalid("AWS", name)
        nameable = _NAMEABLE.get(arn.service)
        if arn.service == "iam" and arn.resource == "root":
            self.accounts.add(arn.account)
        elif nameable is not None and nameable.fullmatch(arn.resource) and "?" not in name:
            self.arns.add(name)
        else:
            raise _invalid("AWS", name)

    def result(self, *, inverted: bool) -> PrincipalSet:
        return PrincipalSet(
            self.anyone,
            frozenset(self.accounts),
            frozenset(self.arns),
            frozenset(self.identifiers),
            frozenset(self.services),
            frozenset(self.federated),
            frozenset(self.others),
            inverted,
        )


def compile_principals(element: object, *, inverted: bool, ids: Mapping[str, str]) -> PrincipalSet:
    """Compile a Principal or NotPrincipal element.

    Args:
        element: The element as plain JSON values: ``"*"`` or an object of principal types.
        inverted: It is NotPrincipal.
        ids: ARN of a user or role -> the unique id that it had when the policy was stored. An ARN found here stands
            for that id and so for nobody else who takes the name later.

    Raises:
        MalformedPolicy: An entry is not a principal, or there is none.
    """
    collector = _Collector(ids)
    if isinstance(element, str):
        if element != "*":
            raise MalformedPolicy("Syntax errors in policy. Principal must be an object or *.")
        collector.add("AWS", "*")
        return collector.result(inverted=inverted)
    entries = as_object(element, "Principal")
    names = [
        (kind, name) for kind, value in entries.items() for name in as_strings(value, "Principal") if kind in _TYPES
    ]
    if not names or not entries.keys() <= set(_TYPES):
        raise MalformedPolicy("Syntax errors in policy. Principal must name AWS, Service, Federated or CanonicalUser.")
    for kind, name in names:
        collector.add(kind, name)
    return collector.result(inverted=inverted)
