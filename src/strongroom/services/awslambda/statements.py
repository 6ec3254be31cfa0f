"""Statements of a function's policy: built from a permission as Lambda builds them, and the document around them.

Source: Lambda API Reference, "AddPermission", and Lambda Developer Guide, "Working with resource-based IAM policies".
A user or role stands in the stored document by its unique id, so that whoever takes the name later is not meant (IAM
User Guide, "AWS JSON policy elements: Principal"); answers show the ARN again while its owner exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from strongroom.identity.directory import role_by_arn, role_by_id, user_by_arn, user_by_id
from strongroom.policy import MalformedPolicy, Policy, PolicyKind, compile_policy, is_public
from strongroom.services.awslambda import failures
from strongroom.store import Transaction

__all__ = ["Permission", "PolicyDocument", "Statement", "principal_name"]

Statement = dict[str, Any]
"""A policy statement, as JSON has it."""

_LARGEST_POLICY: Final = 20_480  # bytes; Lambda quotas
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ACCOUNT_ARN: Final = re.compile(r"arn:aws:iam::([0-9]{12}):root")
_SERVICE: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazon(aws)?\.com(\.cn)?")
_INVALID_PRINCIPAL: Final = "The provided principal was invalid. Please check the principal and try again."


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission on a function, as AddPermission takes it.

    Args:
        statement_id: The statement's Sid.
        action: What is permitted.
        principal: Who may: a service, an account, the ARN of a user or role, or ``*``.
        source_arn: The resource on whose behalf a service acts; may hold wildcards.
        source_account: The account that owns that resource.
        organization: The organization that the principal belongs to.
        event_source_token: What an Alexa skill must bring.
    """

    statement_id: str
    action: str
    principal: str
    source_arn: str | None = None
    source_account: str | None = None
    organization: str | None = None
    event_source_token: str | None = None

    def statement(self, arn: str) -> Statement:
        """The statement that permits it on the function ``arn``.

        Raises:
            AwsError: ``InvalidParameterValueException``: the principal is none.
        """
        statement: Statement = {
            "Sid": self.statement_id,
            "Effect": "Allow",
            "Principal": self._principal(),
            "Action": self.action,
            "Resource": arn,
        }
        equal = {
            "AWS:SourceAccount": self.source_account,
            "aws:PrincipalOrgID": self.organization,
            "lambda:EventSourceToken": self.event_source_token,
        }
        equal_given = {key: value for key, value in equal.items() if value}
        condition: dict[str, dict[str, str]] = {}
        if equal_given:
            condition["StringEquals"] = equal_given
        if self.source_arn:
            condition["ArnLike"] = {"AWS:SourceArn": self.source_arn}
        return statement | {"Condition": condition} if condition else statement

    def _principal(self) -> str | dict[str, str]:
        if self.principal == "*":
            return "*"
        if _ACCOUNT.fullmatch(self.principal):
            return {"AWS": f"arn:aws:iam::{self.principal}:root"}
        if self.principal.startswith("arn:"):
            return {"AWS": self.principal}
        if _SERVICE.fullmatch(self.principal):
            return {"Service": self.principal}
        raise failures.invalid_parameter(_INVALID_PRINCIPAL)


class PolicyDocument:
    """The policy of one function, while an operation works on it.

    Args:
        text: The stored document; None for a function without a policy.
    """

    def __init__(self, text: str | None) -> None:
        document: Statement = json.loads(text) if text else {}
        self.statements: list[Statement] = document.get("Statement", [])

    def find(self, statement_id: str) -> Statement | None:
        """The statement with this Sid."""
        return next((it for it in self.statements if it["Sid"] == statement_id), None)

    def principal(self, transaction: Transaction, statement: Statement) -> str:
        """Whom a statement is about, as AddPermission was told."""
        principal: str | dict[str, str] = _renamed(statement, _shown_arn(transaction, statement))["Principal"]
        return principal if isinstance(principal, str) else next(iter(principal.values()))

    def text(self) -> str | None:
        """The document as it is stored; None when no statement is left."""
        return _document(self.statements) if self.statements else None

    def add(self, transaction: Transaction, statement: Statement, *, public: bool = False) -> None:
        """Take a statement in, its principal by unique id.

        Args:
            transaction: Where users and roles are.
            statement: The statement.
            public: Whether it may let everybody in, as it may for a layer.

        Raises:
            AwsError: ``ResourceConflictException``: there is one of this Sid; ``InvalidParameterValueException``: its
                principal does not exist; ``PublicPolicyException``; ``PolicyLengthExceededException``.
        """
        if self.find(statement["Sid"]) is not None:
            raise failures.statement_exists(statement["Sid"])
        kept = _renamed(statement, _unique_id(transaction, statement))
        if not public and is_public(_compiled(_document([kept]))):
            raise failures.public_policy()
        self.statements.append(kept)
        size = len(_document(self.statements).encode())
        if size > _LARGEST_POLICY:
            raise failures.policy_too_long(size, _LARGEST_POLICY)

    def shown(self, transaction: Transaction) -> str:
        """The document as answers show it: with ARNs, except for principals that are gone."""
        return _document([_renamed(it, _shown_arn(transaction, it)) for it in self.statements])


def principal_name(principal: str) -> str:
    """The value of ``lambda:Principal``: an account by its number, however it was named; all others as they are."""
    account = _ACCOUNT_ARN.fullmatch(principal)
    return account[1] if account else principal


def _document(statements: list[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":"))


def _compiled(text: str) -> Policy:
    try:
        return compile_policy(text, PolicyKind.RESOURCE)
    except MalformedPolicy:
        raise failures.invalid_parameter(_INVALID_PRINCIPAL) from None


def _named(statement: Mapping[str, Any]) -> str:
    """The principal of a statement when it is of the kind ``AWS``; else empty."""
    principal: object = statement["Principal"]
    return str(principal.get("AWS", "")) if isinstance(principal, Mapping) else ""


def _renamed(statement: Statement, name: str | None) -> Statement:
    return statement if name is None else {**statement, "Principal": {"AWS": name}}


def _unique_id(transaction: Transaction, statement: Statement) -> str | None:
    """The unique id of the user or role that a statement names by ARN; None for every other principal."""
    name = _named(statement)
    if ":user/" not in name and ":role/" not in name:
        return None
    owner = user_by_arn(transaction, name) or role_by_arn(transaction, name)
    if owner is None:
        raise failures.invalid_parameter(_INVALID_PRINCIPAL)
    return owner.unique_id


def _shown_arn(transaction: Transaction, statement: Statement) -> str | None:
    name = _named(statement)
    owner = (
        user_by_id(transaction, name) or role_by_id(transaction, name) if name.startswith(("AIDA", "AROA")) else None
    )
    return None if owner is None else owner.arn
