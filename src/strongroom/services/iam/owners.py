"""Users, groups and roles: finding them, authorising what is done to them, and the statements that change them.

All kinds work alike, so each statement is written once and made for each table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sqlalchemy import Integer, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from strongroom.identity.directory import (
    GROUP_COLUMNS,
    ROLE_COLUMNS,
    USER_COLUMNS,
    Group,
    Role,
    User,
    group_by_name,
    role_by_name,
    tags_of,
    user_by_name,
)
from strongroom.services.call import Call
from strongroom.services.iam.problems import limit_exceeded, not_found
from strongroom.store import Row, Statement, Transaction
from strongroom.store.schema import iam_groups, iam_roles, iam_tags, iam_users

__all__ = [
    "GROUP",
    "ROLE",
    "USER",
    "Context",
    "Kind",
    "Owner",
    "Principal",
    "add_group",
    "add_role",
    "add_user",
    "authorized_group",
    "authorized_role",
    "authorized_user",
    "count",
    "delete_owner",
    "delete_tag",
    "list_rows",
    "name_is_taken",
    "put_tag",
    "rename",
    "require_room",
    "set_boundary",
    "shown_boundary",
    "tag_context",
    "update_role",
]

Principal: TypeAlias = User | Role
Owner: TypeAlias = User | Group | Role
Context: TypeAlias = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Kind:
    """Users, groups or roles.

    Args:
        word: What ARNs and AWS's texts call one.
        resource_type: Its CloudFormation type, for audit records.
        most: How many an account may have: the most that AWS grants on request ("IAM and AWS STS quotas").
        inline_characters: How long the inline policies of one may be together, without white space.
        taken: Selects a name without regard to case.
        listing: Selects a page by path prefix, in the order of names.
        count: Counts those of an account.
        rename: Changes name and path. AWS has no operation that does so to a role.
        remove: Deletes the row.
    """

    word: Literal["user", "group", "role"]
    resource_type: str
    most: int
    inline_characters: int
    taken: Statement
    listing: Statement
    count: Statement
    rename: Statement
    remove: Statement


def _kind(
    word: Literal["user", "group", "role"],
    resource_type: str,
    most: int,
    inline_characters: int,
    table: Table,
    columns: tuple[ColumnElement[object], ...],
) -> Kind:
    row = table.c
    this_one = row[f"{word}_id"] == bindparam("id")
    in_account = row.account == bindparam("owner")
    in_path = func.substr(row.path, 1, bindparam("length", type_=Integer)) == bindparam("prefix")
    return Kind(
        word=word,
        resource_type=resource_type,
        most=most,
        inline_characters=inline_characters,
        taken=Statement(select(row.name).where(in_account, row.folded_name == bindparam("folded"))),
        listing=Statement(
            select(*columns)
            .where(in_account, row.folded_name > bindparam("after"), in_path)
            .order_by(row.folded_name)
            .limit(bindparam("count", type_=Integer))
        ),
        count=Statement(select(func.count()).select_from(table).where(in_account)),
        rename=Statement(
            update(table)
            .where(this_one)
            .values(folded_name=bindparam("folded"), name=bindparam("exact"), path=bindparam("location"))
        ),
        remove=Statement(delete(table).where(this_one)),
    )


USER: Final = _kind("user", "AWS::IAM::User", 5000, 2048, iam_users, USER_COLUMNS)
GROUP: Final = _kind("group", "AWS::IAM::Group", 300, 5120, iam_groups, GROUP_COLUMNS)
ROLE: Final = _kind("role", "AWS::IAM::Role", 5000, 10_240, iam_roles, ROLE_COLUMNS)

_u, _r, _t = iam_users.c, iam_roles.c, iam_tags.c

_ADD_USER: Final = Statement(
    insert(iam_users).values(
        account=bindparam("owner"),
        folded_name=bindparam("folded"),
        name=bindparam("exact"),
        path=bindparam("location"),
        user_id=bindparam("id"),
        created_ms=bindparam("now"),
        boundary_arn=bindparam("boundary"),
    )
)
_ADD_GROUP: Final = Statement(
    insert(iam_groups).values(
        account=bindparam("owner"),
        folded_name=bindparam("folded"),
        name=bindparam("exact"),
        path=bindparam("location"),
        group_id=bindparam("id"),
        created_ms=bindparam("now"),
    )
)
_ADD_ROLE: Final = Statement(
    insert(iam_roles).values(
        account=bindparam("owner"),
        folded_name=bindparam("folded"),
        name=bindparam("exact"),
        path=bindparam("location"),
        role_id=bindparam("id"),
        created_ms=bindparam("now"),
        boundary_arn=bindparam("boundary"),
        description=bindparam("text"),
        trust_policy=bindparam("trust"),
        max_session_seconds=bindparam("seconds"),
    )
)
_UPDATE_ROLE: Final = Statement(
    update(iam_roles)
    .where(_r.role_id == bindparam("id"))
    .values(description=bindparam("text"), trust_policy=bindparam("trust"), max_session_seconds=bindparam("seconds"))
)
_SET_USER_BOUNDARY: Final = Statement(
    update(iam_users).where(_u.user_id == bindparam("id")).values(boundary_arn=bindparam("boundary"))
)
_SET_ROLE_BOUNDARY: Final = Statement(
    update(iam_roles).where(_r.role_id == bindparam("id")).values(boundary_arn=bindparam("boundary"))
)

_DELETE_TAG: Final = Statement(delete(iam_tags).where(_t.owner_id == bindparam("id"), _t.key == bindparam("tag")))
_ADD_TAG: Final = Statement(
    insert(iam_tags).values(owner_id=bindparam("id"), key=bindparam("tag"), value=bindparam("worth"))
)
_DELETE_TAGS: Final = Statement(delete(iam_tags).where(_t.owner_id == bindparam("id")))


# --- finding them -----------------------------------------------------------------------------------------------------


def tag_context(tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of a resource that has ``tags``."""
    context: dict[str, str | tuple[str, ...]] = {}
    for key, value in tags.items():
        folded = key.lower()
        context[f"aws:resourcetag/{folded}"] = value
        context[f"iam:resourcetag/{folded}"] = value
    return context


def authorized_user(transaction: Transaction, call: Call, name: str, context: Context | None = None) -> User:
    """The user of this name in the caller's account, after asking for the call's action on it.

    Args:
        transaction: Where to look.
        call: The call, whose operation is the action.
        name: The user's name.
        context: Condition keys of this request besides those of the user.

    Raises:
        AccessDenied: The caller may not, whether there is such a user or not.
        AwsError: ``NoSuchEntity``.
    """
    user = user_by_name(transaction, call.account, name)
    _authorize(transaction, call, USER, name, user, context)
    if user is None:
        raise not_found("user", name)
    return user


def authorized_role(transaction: Transaction, call: Call, name: str, context: Context | None = None) -> Role:
    """The role of this name, as `authorized_user` finds a user."""
    role = role_by_name(transaction, call.account, name)
    _authorize(transaction, call, ROLE, name, role, context)
    if role is None:
        raise not_found("role", name)
    return role


def authorized_group(transaction: Transaction, call: Call, name: str, context: Context | None = None) -> Group:
    """The group of this name, as `authorized_user` finds a user."""
    group = group_by_name(transaction, call.account, name)
    _authorize(transaction, call, GROUP, name, group, context)
    if group is None:
        raise not_found("group", name)
    return group


def _authorize(
    transaction: Transaction, call: Call, kind: Kind, name: str, owner: Owner | None, context: Context | None
) -> None:
    """Ask about the owner's ARN; for one that does not exist, about the ARN it would have without a path."""
    arn = f"arn:aws:iam::{call.account}:{kind.word}/{name}"
    keys: dict[str, str | tuple[str, ...]] = {}
    if owner is not None:
        arn = owner.arn
    if isinstance(owner, User | Role):
        keys = tag_context(tags_of(transaction, owner.unique_id))
        if owner.boundary_arn is not None:
            keys["iam:permissionsboundary"] = owner.boundary_arn
    call.authorize(f"iam:{call.operation}", arn, context={**keys, **(context or {})})
    if owner is not None:
        call.touches(arn, kind.resource_type, owner.account)


def name_is_taken(transaction: Transaction, kind: Kind, account: str, name: str) -> bool:
    """Whether a user, group or role of this name exists, in any case of letters."""
    return transaction.one(kind.taken, {"owner": account, "folded": name.lower()}) is not None


def count(transaction: Transaction, kind: Kind, account: str) -> int:
    """How many users, groups or roles the account has."""
    row = transaction.one(kind.count, {"owner": account})
    return 0 if row is None else int(row[0])


def require_room(transaction: Transaction, kind: Kind, account: str) -> None:
    """Check that the account may have one more user, group or role.

    Raises:
        AwsError: ``LimitExceeded``.
    """
    if count(transaction, kind, account) >= kind.most:
        raise limit_exceeded(f"Cannot exceed quota for {kind.word.capitalize()}sPerAccount: {kind.most}")


def list_rows(transaction: Transaction, kind: Kind, account: str, prefix: str, after: str, most: int) -> list[Row]:
    """Rows of users, groups or roles, ordered by name.

    Args:
        transaction: Where to look.
        kind: Which of them.
        account: Whose.
        prefix: What their paths begin with.
        after: The lower-cased name after which to begin.
        most: How many at most.
    """
    return transaction.all(
        kind.listing, {"owner": account, "prefix": prefix, "length": len(prefix), "after": after, "count": most}
    )


def shown_boundary(boundary_arn: str | None) -> dict[str, object]:
    """The permissions boundary as a member of an answer; nothing when there is none."""
    if boundary_arn is None:
        return {}
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary_arn}}


# --- changing them ----------------------------------------------------------------------------------------------------


def add_user(transaction: Transaction, user: User) -> None:
    """Insert a user."""
    transaction.run(
        _ADD_USER,
        {
            "owner": user.account,
            "folded": user.name.lower(),
            "exact": user.name,
            "location": user.path,
            "id": user.user_id,
            "now": user.created_ms,
            "boundary": user.boundary_arn,
        },
    )


def add_group(transaction: Transaction, group: Group) -> None:
    """Insert a group."""
    transaction.run(
        _ADD_GROUP,
        {
            "owner": group.account,
            "folded": group.name.lower(),
            "exact": group.name,
            "location": group.path,
            "id": group.group_id,
            "now": group.created_ms,
        },
    )


def rename(transaction: Transaction, kind: Kind, unique_id: str, name: str, path: str) -> None:
    """Give a user or group another name and path. Keys, members and policies stay with it."""
    transaction.run(kind.rename, {"id": unique_id, "folded": name.lower(), "exact": name, "location": path})


def add_role(transaction: Transaction, role: Role) -> None:
    """Insert a role."""
    transaction.run(
        _ADD_ROLE,
        {
            "owner": role.account,
            "folded": role.name.lower(),
            "exact": role.name,
            "location": role.path,
            "id": role.role_id,
            "now": role.created_ms,
            "boundary": role.boundary_arn,
            "text": role.description,
            "trust": role.trust_policy,
            "seconds": role.max_session_seconds,
        },
    )


def update_role(transaction: Transaction, role: Role) -> None:
    """Write a role's description, trust policy and session length."""
    transaction.run(
        _UPDATE_ROLE,
        {
            "id": role.role_id,
            "text": role.description,
            "trust": role.trust_policy,
            "seconds": role.max_session_seconds,
        },
    )


def delete_owner(transaction: Transaction, kind: Kind, unique_id: str) -> None:
    """Delete a user, group or role with its tags. Its policies must be gone before."""
    transaction.run(_DELETE_TAGS, {"id": unique_id})
    transaction.run(kind.remove, {"id": unique_id})


def set_boundary(transaction: Transaction, owner: Principal, boundary_arn: str | None) -> None:
    """Set the permissions boundary of a user or role, or remove it."""
    statement = _SET_USER_BOUNDARY if isinstance(owner, User) else _SET_ROLE_BOUNDARY
    transaction.run(statement, {"id": owner.unique_id, "boundary": boundary_arn})


def put_tag(transaction: Transaction, owner_id: str, key: str, value: str) -> None:
    """Add a tag whose key the owner does not have."""
    transaction.run(_ADD_TAG, {"id": owner_id, "tag": key, "worth": value})


def delete_tag(transaction: Transaction, owner_id: str, key: str) -> None:
    """Delete the tag with exactly this key, if there is one."""
    transaction.run(_DELETE_TAG, {"id": owner_id, "tag": key})
