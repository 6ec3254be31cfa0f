"""The condition keys that a user or a role session has by itself.

Source: IAM User Guide, "AWS global condition context keys", "Properties of the principal".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from strongroom.identity.directory import Role, User
from strongroom.identity.organization import Organization
from strongroom.world import from_milliseconds

__all__ = ["PrincipalKeys", "add_tags", "role_keys", "user_keys"]

PrincipalKeys: TypeAlias = dict[str, str | tuple[str, ...]]
"""Lower-cased condition key to its value or values."""


def user_keys(user: User, tags: Mapping[str, str], organization: Organization) -> PrincipalKeys:
    """The condition keys of a user.

    Args:
        user: The user.
        tags: Its tags.
        organization: The organization, of which its account may be a member.
    """
    keys: PrincipalKeys = {
        "aws:username": user.name,
        "aws:userid": user.user_id,
        "aws:principalarn": user.arn,
        "aws:principalaccount": user.account,
        "aws:principaltype": "User",
        "aws:principalisawsservice": "false",
    }
    _add_organization(keys, organization, user.account)
    add_tags(keys, tags)
    return keys


def role_keys(
    role: Role, session_name: str, issued_ms: int, tags: Mapping[str, str], organization: Organization
) -> PrincipalKeys:
    """The condition keys that every session of a role has.

    Args:
        role: The role.
        session_name: The session's name.
        issued_ms: When it began, in milliseconds since the epoch.
        tags: The role's tags.
        organization: The organization, of which its account may be a member.
    """
    keys: PrincipalKeys = {
        "aws:userid": f"{role.role_id}:{session_name}",
        "aws:principalarn": role.arn,
        "aws:principalaccount": role.account,
        "aws:principaltype": "AssumedRole",
        "aws:principalisawsservice": "false",
        "aws:tokenissuetime": from_milliseconds(issued_ms).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:multifactorauthpresent": "false",
    }
    _add_organization(keys, organization, role.account)
    add_tags(keys, tags)
    return keys


def add_tags(keys: PrincipalKeys, tags: Mapping[str, str]) -> None:
    """Add tags of a principal or session; they take the place of those that are there."""
    for key, value in tags.items():
        keys[f"aws:principaltag/{key.lower()}"] = value


def _add_organization(keys: PrincipalKeys, organization: Organization, account: str) -> None:
    path = organization.path(account)
    if path is not None:
        keys["aws:principalorgid"] = organization.id
        keys["aws:principalorgpaths"] = (path,)
