"""Whom a resource-based policy lets in, read from the policy alone.

`is_public` follows the meaning that Amazon S3 documents for Block Public Access ("The meaning of 'public'"), which
Secrets Manager's BlockPublicPolicy shares: everybody may come in unless a condition holds them to fixed values.
"""

from __future__ import annotations

import ipaddress

from strongroom.arn import Arn
from strongroom.policy.compiler import Policy, Statement
from strongroom.policy.conditions import Condition, SetOperator
from strongroom.policy.principals import PrincipalSet

__all__ = ["is_public", "principal_accounts", "principal_arns", "principal_identifiers", "principal_services"]

_NARROWING_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:username",
        "kms:calleraccount",
    }
)
_STRING_OPERATORS = frozenset({"stringequals", "stringequalsignorecase", "stringlike"})
_ARN_OPERATORS = frozenset({"arnequals", "arnlike"})
_BOUND_BY = {"aws:userid": ":", "aws:principalorgpaths": "/", "aws:sourceorgpaths": "/"}
"""Keys whose values begin with an id of one principal or organization, and what ends that id."""

_WIDEST = {4: 8, 6: 32}
"""The shortest prefix length that is not everybody, per IP version (Amazon S3 User Guide)."""


def _named(policy: Policy) -> list[PrincipalSet]:
    return [statement.principals for statement in policy.statements if statement.principals is not None]


def principal_accounts(policy: Policy) -> frozenset[str]:
    """The accounts that ``policy`` names whole, as 12 digits, be it by number or as their root user."""
    return frozenset[str]().union(*(principals.accounts for principals in _named(policy)))


def principal_arns(policy: Policy) -> frozenset[str]:
    """The ARNs of users, roles and sessions that ``policy`` names, so that a service can check that they exist.

    ARNs that `compile_policy` was told the unique id of are not among them.
    """
    return frozenset[str]().union(*(principals.arns for principals in _named(policy)))


def principal_identifiers(policy: Policy) -> frozenset[str]:
    """The unique ids (``AIDA...``, ``AROA...``) that ``policy`` names."""
    return frozenset[str]().union(*(principals.identifiers for principals in _named(policy)))


def principal_services(policy: Policy) -> frozenset[str]:
    """The service principals that ``policy`` names."""
    return frozenset[str]().union(*(principals.services for principals in _named(policy)))


def _fixed(value: str) -> bool:
    return not any(mark in value for mark in "*?$")


def _fixed_string(value: str, key: str) -> bool:
    """Free of wildcards, or a pattern that holds callers to one account, role or organization all the same."""
    if _fixed(value):
        return True
    if key in _BOUND_BY:
        first, end, _ = value.partition(_BOUND_BY[key])
        return bool(first and end) and _fixed(first)
    arn = Arn.parse(value)
    owned = key in {"aws:principalarn", "aws:sourcearn"} and arn is not None
    return owned and arn is not None and bool(arn.account) and _fixed(arn.account)


def _narrow_network(value: str) -> bool:
    network = ipaddress.ip_network(value, strict=False)
    return network.prefixlen >= _WIDEST[network.version]


def _narrows(condition: Condition) -> bool:
    """Does this condition hold callers to fixed values, and fail when the key is absent?"""
    if condition.key not in _NARROWING_KEYS or condition.if_exists or condition.set_operator is SetOperator.ALL:
        return False
    if condition.operator == "ipaddress":
        return all(_narrow_network(value) for value in condition.values)
    if condition.operator in _STRING_OPERATORS | _ARN_OPERATORS:
        return all(_fixed_string(value, condition.key) for value in condition.values)
    return False


def _opens_to_everybody(statement: Statement) -> bool:
    principals = statement.principals
    if not statement.allows or principals is None:
        return False
    return (principals.anyone or principals.inverted) and not any(map(_narrows, statement.conditions))


def is_public(policy: Policy) -> bool:
    """Does ``policy`` allow anything to everybody?

    True when an Allow has the principal ``*`` or a NotPrincipal, and no condition that holds its callers to fixed
    accounts, principals, sources, networks or organizations.
    """
    return any(_opens_to_everybody(statement) for statement in policy.statements)
