"""Grants: what one allows, to whom, and for which requests.

Sources: KMS Developer Guide, "Grants in AWS KMS" and "Creating grants"; the KMS service model, ``GrantConstraints``.

A grant decides beside the key policy, as one more Allow of the key: an explicit Deny, a permissions boundary and a
session policy limit it as they limit a key policy that names the same principal. It is enough by itself for a principal
of another account too. A grant for a whole account hands the decision to that account's identity-based policies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from strongroom.policy import Policy, PolicyKind, compile_policy
from strongroom.services.call import Call
from strongroom.services.kms.grant_records import GrantRecord

__all__ = [
    "EQUALS",
    "SOURCE_ARN",
    "SUBSET",
    "Grant",
    "GrantTerms",
    "as_grantee",
    "is_account",
    "load_grant",
    "own_side",
    "retirement_policies",
]

SUBSET: Final = "EncryptionContextSubset"
EQUALS: Final = "EncryptionContextEquals"
SOURCE_ARN: Final = "SourceArn"

_UNCONSTRAINED: Final = frozenset({"DescribeKey", "RetireGrant"})
"""What a constraint on the encryption context does not concern."""

_VERSION: Final = "2012-10-17"
_Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What a grant allows and asks for, apart from whom it is for.

    Args:
        operations: What it allows.
        subset: Pairs that the encryption context must hold; None for no such constraint.
        equals: Pairs that the encryption context must be; None for no such constraint.
        source_arn: The resource on whose behalf a request must be made.
    """

    operations: frozenset[str]
    subset: _Pairs | None = None
    equals: _Pairs | None = None
    source_arn: str | None = None

    @classmethod
    def of(cls, operations: Sequence[str], constraints: Mapping[str, object]) -> GrantTerms:
        """Terms from the members of the API."""

        def pairs(name: str) -> _Pairs | None:
            given = constraints.get(name)
            return frozenset(given.items()) if isinstance(given, Mapping) else None

        source_arn = constraints.get(SOURCE_ARN)
        return cls(
            frozenset(operations), pairs(SUBSET), pairs(EQUALS), source_arn if isinstance(source_arn, str) else None
        )

    def admits_context(self, encryption_context: Mapping[str, str]) -> bool:
        """Whether a request with this encryption context meets the constraints."""
        if self.equals is not None and self.equals != encryption_context.items():
            return False
        return self.subset is None or self.subset <= encryption_context.items()

    def admits_grant(self, wanted: GrantTerms) -> bool:
        """Whether the grantee may make a grant on the wanted terms: no more operations, no looser constraints."""
        if not wanted.operations <= self.operations or self.source_arn not in {None, wanted.source_arn}:
            return False
        if self.equals is not None and wanted.equals != self.equals:
            return False
        return self.subset is None or self.subset <= (wanted.subset or frozenset()) | (wanted.equals or frozenset())


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """A grant as it decides.

    Args:
        record: Its row.
        terms: What it allows.
        key_policy: The key's policy, whose Deny statements hold for the grant too.
    """

    record: GrantRecord
    terms: GrantTerms
    key_policy: str = field(repr=False)

    @property
    def policy(self) -> Policy:
        """The grant in the form in which the policy engine decides on it."""
        record = self.record
        return _compiled(
            self.key_policy,
            _principal(record.grantee_principal, record.grantee_service),
            tuple(sorted(self.terms.operations)),
            self.terms.source_arn,
        )

    @property
    def is_for_account(self) -> bool:
        """Whether the grantee is a whole account."""
        return is_account(self.record.grantee_principal)

    def covers(
        self, operation: str, encryption_context: Mapping[str, str] | None, wanted: GrantTerms | None = None
    ) -> bool:
        """Whether the grant is about such a request, whoever makes it.

        Args:
            operation: Such as ``Decrypt``.
            encryption_context: That of the request; None for a request that has none.
            wanted: The terms of the grant that a CreateGrant asks for.
        """
        terms = self.terms
        if operation not in terms.operations:
            return False
        if wanted is not None:
            return terms.admits_grant(wanted)
        return operation in _UNCONSTRAINED or terms.admits_context(encryption_context or {})


def load_grant(record: GrantRecord, key_policy: str) -> Grant:
    """A grant from its row and the policy of its key."""
    terms = GrantTerms.of(json.loads(record.operations), json.loads(record.constraints))
    return Grant(record, terms, key_policy)


def is_account(principal: str | None) -> bool:
    """Whether a principal is a whole account, by its number or as ``...:root``."""
    return principal is not None and (principal.isdigit() or principal.endswith(":root"))


def as_grantee(call: Call, action: str, key_account: str, key_arn: str, *, delegates: bool) -> Call:
    """The call as a grant decides on it.

    Whoever a grant names needs no Allow of its own account's policies, also for a key of another account: EC2 Auto
    Scaling's service-linked role uses keys of other accounts by nothing but a grant (EC2 Auto Scaling User Guide,
    "Required AWS KMS key policy for use with encrypted volumes"). Every Deny and every boundary stands.

    Args:
        call: The call.
        action: Such as ``kms:Decrypt``.
        key_account: The account that owns the key.
        key_arn: The key.
        delegates: Whether the grant names a whole account, which decides by its own policies.
    """
    caller = call.caller
    if delegates or caller.account == key_account:
        return call
    identity = (*caller.policies.identity, own_side(action, key_arn))
    return replace(call, caller=replace(caller, policies=replace(caller.policies, identity=identity)))


@lru_cache(maxsize=1024)
def own_side(action: str, key_arn: str) -> Policy:
    """The Allow that a grantee of another account is taken to have among its own policies.

    Args:
        action: Such as ``kms:Decrypt``.
        key_arn: The key.
    """
    statement = {"Effect": "Allow", "Action": action, "Resource": key_arn}
    return compile_policy(json.dumps({"Version": _VERSION, "Statement": statement}), PolicyKind.IDENTITY, name="grant")


@lru_cache(maxsize=1024)
def _compiled(key_policy: str, principal: str, operations: tuple[str, ...], source_arn: str | None) -> Policy:
    allow: dict[str, object] = _allow(json.loads(principal), [f"kms:{name}" for name in operations])
    if source_arn is not None:
        allow["Condition"] = {"StringEquals": {"aws:SourceArn": source_arn}}
    document: dict[str, Any] = json.loads(key_policy)
    statements = document["Statement"]
    denies = [
        statement
        for statement in (statements if isinstance(statements, list) else [statements])
        if statement["Effect"] == "Deny"
    ]
    return compile_policy(json.dumps({**document, "Statement": [*denies, allow]}), PolicyKind.KEY, name="grant")


def retirement_policies(record: GrantRecord, key_account: str) -> list[tuple[Policy, bool]]:
    """Who may retire a grant: policies of which one must allow it, and whether each hands the decision to an account.

    Source: KMS Developer Guide, "Retiring and revoking grants": the retiring principal; the grantee, if the grant
    allows it; and, by their identity-based policies, principals of the account in which the grant was made and of the
    account that owns the key.
    """
    named = [
        ({"AWS": f"arn:aws:iam::{account}:root"}, True) for account in sorted({record.issuing_account, key_account})
    ]
    if record.retiring_principal or record.retiring_service:
        principal = json.loads(_principal(record.retiring_principal, record.retiring_service))
        named.append((principal, is_account(record.retiring_principal)))
    if "RetireGrant" in json.loads(record.operations):
        principal = json.loads(_principal(record.grantee_principal, record.grantee_service))
        named.append((principal, is_account(record.grantee_principal)))
    return [(_retirement(json.dumps(principal)), delegates) for principal, delegates in named]


@lru_cache(maxsize=1024)
def _retirement(principal: str) -> Policy:
    statement = _allow(json.loads(principal), ["kms:RetireGrant"])
    return compile_policy(json.dumps({"Version": _VERSION, "Statement": statement}), PolicyKind.KEY, name="grant")


def _principal(principal: str | None, service: str | None) -> str:
    """A Principal element as text, which a cache can be asked by."""
    return json.dumps({"Service": service} if principal is None else {"AWS": principal})


def _allow(principal: object, actions: list[str]) -> dict[str, object]:
    return {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
