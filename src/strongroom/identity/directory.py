"""Who there is: users, groups, roles, keys and the policies on them, as the store has them.

Reading only, and only what a decision about a caller needs; `services.iam` changes these tables. A name finds exactly
the user, group or role that is spelled so: names are unique without regard to case, but one spelling resolves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import and_, bindparam, func, or_, select

from strongroom.arn import Arn
from strongroom.errors import OperatorError
from strongroom.identity.aws_managed import AWS_MANAGED
from strongroom.store import Statement, Transaction
from strongroom.store.schema import (
    iam_access_keys,
    iam_attachments,
    iam_group_members,
    iam_groups,
    iam_inline_policies,
    iam_policies,
    iam_policy_versions,
    iam_roles,
    iam_tags,
    iam_users,
)

__all__ = [
    "GROUP_COLUMNS",
    "ROLE_COLUMNS",
    "USER_COLUMNS",
    "Group",
    "NamedDocument",
    "Role",
    "StoredKey",
    "User",
    "access_key",
    "group_by_name",
    "groups_of",
    "managed_document",
    "policies_of",
    "role_by_arn",
    "role_by_id",
    "role_by_name",
    "tags_of",
    "user_by_arn",
    "user_by_id",
    "user_by_name",
]


@dataclass(frozen=True, slots=True)
class User:
    """A row of ``iam_users``."""

    account: str
    name: str
    path: str
    user_id: str
    created_ms: int
    boundary_arn: str | None

    @property
    def arn(self) -> str:
        """Its ARN, path included."""
        return f"arn:aws:iam::{self.account}:user{self.path}{self.name}"

    @property
    def unique_id(self) -> str:
        """``user_id``, by the name that groups and roles share."""
        return self.user_id


@dataclass(frozen=True, slots=True)
class Role:
    """A row of ``iam_roles``. Principals of the trust policy that live here are kept by unique id."""

    account: str
    name: str
    path: str
    role_id: str
    created_ms: int
    boundary_arn: str | None
    description: str | None
    trust_policy: str
    max_session_seconds: int
    used_ms: int | None = None
    used_region: str | None = None

    @property
    def arn(self) -> str:
        """Its ARN, path included."""
        return f"arn:aws:iam::{self.account}:role{self.path}{self.name}"

    @property
    def unique_id(self) -> str:
        """``role_id``, by the name that users and groups share."""
        return self.role_id


@dataclass(frozen=True, slots=True)
class Group:
    """A row of ``iam_groups``: users who share policies. A group is no principal."""

    account: str
    name: str
    path: str
    group_id: str
    created_ms: int

    @property
    def arn(self) -> str:
        """Its ARN, path included."""
        return f"arn:aws:iam::{self.account}:group{self.path}{self.name}"

    @property
    def unique_id(self) -> str:
        """``group_id``, by the name that users and roles share."""
        return self.group_id


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A row of ``iam_access_keys``; ``sealed`` is for `credentials.open_secret`."""

    access_key_id: str
    account: str
    user_id: str
    status: str
    sealed: bytes = field(repr=False)
    created_ms: int = 0


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A policy document with the name or ARN that decisions call it by.

    Args:
        name: The name of an inline policy, the ARN of a managed one.
        text: The document.
        group: The name of the group that hands it on to a user; empty for the user's or role's own.
    """

    name: str
    text: str
    group: str = ""


_u, _r, _k, _g, _m = iam_users.c, iam_roles.c, iam_access_keys.c, iam_groups.c, iam_group_members.c
_i, _a, _p, _v = iam_inline_policies.c, iam_attachments.c, iam_policies.c, iam_policy_versions.c

USER_COLUMNS: Final = (_u.account, _u.name, _u.path, _u.user_id, _u.created_ms, _u.boundary_arn)
"""What a `User` is made of, in its order."""

ROLE_COLUMNS: Final = (
    _r.account,
    _r.name,
    _r.path,
    _r.role_id,
    _r.created_ms,
    _r.boundary_arn,
    _r.description,
    _r.trust_policy,
    _r.max_session_seconds,
    _r.used_ms,
    _r.used_region,
)
"""What a `Role` is made of, in its order."""

GROUP_COLUMNS: Final = (_g.account, _g.name, _g.path, _g.group_id, _g.created_ms)
"""What a `Group` is made of, in its order."""

_KEY: Final = Statement(
    select(_k.access_key_id, _k.account, _k.user_id, _k.status, _k.secret_access_key, _k.created_ms).where(
        _k.access_key_id == bindparam("access_key")
    )
)
_USER_BY_ID: Final = Statement(select(*USER_COLUMNS).where(_u.user_id == bindparam("id")))
_USER_BY_NAME: Final = Statement(
    select(*USER_COLUMNS).where(
        _u.account == bindparam("owner"), _u.folded_name == bindparam("folded"), _u.name == bindparam("exact")
    )
)
_ROLE_BY_ID: Final = Statement(select(*ROLE_COLUMNS).where(_r.role_id == bindparam("id")))
_ROLE_BY_NAME: Final = Statement(
    select(*ROLE_COLUMNS).where(
        _r.account == bindparam("owner"), _r.folded_name == bindparam("folded"), _r.name == bindparam("exact")
    )
)
_GROUP_BY_NAME: Final = Statement(
    select(*GROUP_COLUMNS).where(
        _g.account == bindparam("owner"), _g.folded_name == bindparam("folded"), _g.name == bindparam("exact")
    )
)
_GROUPS: Final = Statement(
    select(*GROUP_COLUMNS)
    .select_from(iam_group_members.join(iam_groups, _g.group_id == _m.group_id))
    .where(_m.user_id == bindparam("id"))
    .order_by(_g.folded_name)
)

# A user has its own policies and those of its groups. A role's id is in no group.
_THEIR_GROUPS: Final = select(_m.group_id).where(_m.user_id == bindparam("id"))
_GROUP_NAME: Final = func.coalesce(_g.name, "")
_INLINE: Final = Statement(
    select(_i.name, _i.document, _GROUP_NAME)
    .select_from(iam_inline_policies.outerjoin(iam_groups, _g.group_id == _i.owner_id))
    .where(or_(_i.owner_id == bindparam("id"), _i.owner_id.in_(_THEIR_GROUPS)))
    .order_by(_GROUP_NAME, _i.name)
)
_IS_DEFAULT: Final = and_(_v.policy_arn == _p.arn, _v.version_id == _p.default_version_id)
# One outer join after the other: SQLite would read every version there is to make an inner join on their right side.
_ATTACHED: Final = Statement(
    select(_a.policy_arn, _v.document, _GROUP_NAME)
    .select_from(
        iam_attachments.outerjoin(iam_groups, _g.group_id == _a.owner_id)
        .outerjoin(iam_policies, _p.arn == _a.policy_arn)
        .outerjoin(iam_policy_versions, _IS_DEFAULT)
    )
    .where(or_(_a.owner_id == bindparam("id"), _a.owner_id.in_(_THEIR_GROUPS)))
    .order_by(_GROUP_NAME, _a.policy_arn)
)
_MANAGED: Final = Statement(
    select(_v.document)
    .select_from(iam_policies.join(iam_policy_versions, _IS_DEFAULT))
    .where(_p.arn == bindparam("policy"))
)
_TAGS: Final = Statement(
    select(iam_tags.c.key, iam_tags.c.value).where(iam_tags.c.owner_id == bindparam("id")).order_by(iam_tags.c.key)
)


def access_key(transaction: Transaction, access_key_id: str) -> StoredKey | None:
    """The long-term key with this id, whatever its status."""
    row = transaction.one(_KEY, {"access_key": access_key_id})
    return None if row is None else StoredKey(*row)


def user_by_id(transaction: Transaction, user_id: str) -> User | None:
    """The user with this unique id."""
    row = transaction.one(_USER_BY_ID, {"id": user_id})
    return None if row is None else User(*row)


def user_by_name(transaction: Transaction, account: str, name: str) -> User | None:
    """The user spelled exactly so."""
    row = transaction.one(_USER_BY_NAME, {"owner": account, "folded": name.lower(), "exact": name})
    return None if row is None else User(*row)


def user_by_arn(transaction: Transaction, arn: str) -> User | None:
    """The user whose ARN is exactly this."""
    named = _account_and_name(arn, "user/")
    user = None if named is None else user_by_name(transaction, *named)
    return user if user is not None and user.arn == arn else None


def role_by_id(transaction: Transaction, role_id: str) -> Role | None:
    """The role with this unique id."""
    row = transaction.one(_ROLE_BY_ID, {"id": role_id})
    return None if row is None else Role(*row)


def role_by_name(transaction: Transaction, account: str, name: str) -> Role | None:
    """The role spelled exactly so."""
    row = transaction.one(_ROLE_BY_NAME, {"owner": account, "folded": name.lower(), "exact": name})
    return None if row is None else Role(*row)


def role_by_arn(transaction: Transaction, arn: str) -> Role | None:
    """The role whose ARN is exactly this."""
    named = _account_and_name(arn, "role/")
    role = None if named is None else role_by_name(transaction, *named)
    return role if role is not None and role.arn == arn else None


def group_by_name(transaction: Transaction, account: str, name: str) -> Group | None:
    """The group spelled exactly so."""
    row = transaction.one(_GROUP_BY_NAME, {"owner": account, "folded": name.lower(), "exact": name})
    return None if row is None else Group(*row)


def groups_of(transaction: Transaction, user_id: str) -> list[Group]:
    """The groups of a user, by name."""
    return [Group(*row) for row in transaction.all(_GROUPS, {"id": user_id})]


def _account_and_name(arn: str, kind: str) -> tuple[str, str] | None:
    parsed = Arn.parse(arn)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith(kind):
        return None
    return parsed.account, parsed.resource.rpartition("/")[2]


def managed_document(transaction: Transaction, arn: str) -> str | None:
    """The document of a managed policy's default version: the account's own, or one that AWS manages."""
    known = AWS_MANAGED.get(arn)
    if known is not None:
        return known.document
    row = transaction.one(_MANAGED, {"policy": arn})
    return None if row is None else str(row[0])


def policies_of(transaction: Transaction, owner_id: str) -> list[NamedDocument]:
    """Every identity-based policy of a user or role, those of a user's groups included.

    Inline ones come first, then attached ones; among each its own ones before those of groups.

    Raises:
        OperatorError: An attached policy does not exist. It may have held a Deny, so nothing can be decided.
    """
    found = [NamedDocument(name, text, group) for name, text, group in transaction.all(_INLINE, {"id": owner_id})]
    for arn, text, group in transaction.all(_ATTACHED, {"id": owner_id}):
        if text is not None:
            found.append(NamedDocument(arn, text, group))
        elif arn in AWS_MANAGED:
            found.append(NamedDocument(arn, AWS_MANAGED[arn].document, group))
        else:
            raise OperatorError(
                f"The policy {arn} is attached to {group or owner_id} and does not exist.",
                fix=f"detach it, or use a Strongroom that knows it, if {arn} is one of AWS's",
            )
    return found


def tags_of(transaction: Transaction, owner_id: str) -> Mapping[str, str]:
    """The tags of a user, role or managed policy, by key."""
    return dict(transaction.all(_TAGS, {"id": owner_id}))
