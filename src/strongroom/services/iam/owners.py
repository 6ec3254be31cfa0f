"""Users and roles as owners of policies, tags and boundaries: the statements that change them.

Both kinds work alike, so each statement is written once and made for either table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sqlalchemy import Integer, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from strongroom.identity.directory import ROLE_COLUMNS, USER_COLUMNS, Role, User, role_by_name, tags_of, user_by_name
from strongroom.services.call import Call
from strongroom.services.iam.problems import not_found
from strongroom.store import Row, Statement, Transaction
from strongroom.store.schema import iam_attachments, iam_inline_policies, iam_roles, iam_tags, iam_users

__all__ = [
    "ROLE",
    "USER",
    "Context",
    "Kind",
    "Owner",
    "add_role",
    "add_user",
    "attach",
    "attached_arns",
    "authorized_role",
    "authorized_user",
    "delete_inline",
    "delete_owner",
    "delete_tag",
    "detach",
    "inline_documents",
    "list_rows",
    "name_is_taken",
    "put_inline",
    "put_tag",
    "rename_user",
    "set_boundary",
    "shown_boundary",
    "tag_context",
    "update_role",
]

Owner: TypeAlias = User | Role
Context: TypeAlias = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Kind:
    """Users or roles.

    Args:
        word: What ARNs and AWS's texts call one.
        resource_type: Its CloudFormation type, for audit records.
        taken: Selects a name without regard to case.
        listing: Selects a page by path prefix, in the order of names.
        set_boundary: Sets or removes the permissions boundary.
        remove: Deletes the row.
    """

    word: Literal["user", "role"]
    resource_type: str
    taken: Statement
    listing: Statement
    set_boundary: Statement
    remove: Statement


def _kind(
    word: Literal["user", "role"], resource_type: str, table: Table, columns: tuple[ColumnElement[object], ...]
) -> Kind:
    row = table.c
    unique_id = row.user_id if word == "user" else row.role_id
    in_account = row.account == bindparam("owner")
    in_path = func.substr(row.path, 1, bindparam("length", type_=Integer)) == bindparam("prefix")
    return Kind(
        word=word,
        resource_type=resource_type,
        taken=Statement(select(row.name).where(in_account, row.folded_name == bindparam("folded"))),
        listing=Statement(
            select(*columns)
            .where(in_account, row.folded_name > bindparam("after"), in_path)
            .order_by(row.folded_name)
            .limit(bindparam("count", type_=Integer))
        ),
        set_boundary=Statement(
            update(table).where(unique_id == bindparam("id")).values(boundary_arn=bindparam("boundary"))
        ),
        remove=Statement(delete(table).where(unique_id == bindparam("id"))),
    )


USER: Final = _kind("user", "AWS::IAM::User", iam_users, USER_COLUMNS)
ROLE: Final = _kind("role", "AWS::IAM::Role", iam_roles, ROLE_COLUMNS)

_u, _r, _i, _a, _t = iam_users.c, iam_roles.c, iam_inline_policies.c, iam_attachments.c, iam_tags.c

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
_RENAME_USER: Final = Statement(
    update(iam_users)
    .where(_u.user_id == bindparam("id"))
    .values(folded_name=bindparam("folded"), name=bindparam("exact"), path=bindparam("location"))
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

_INLINE: Final = Statement(select(_i.name, _i.document).where(_i.owner_id == bindparam("id")).order_by(_i.name))
_THIS_INLINE = (_i.owner_id == bindparam("id"), _i.name == bindparam("policy"))
_REPLACE_INLINE: Final = Statement(update(iam_inline_policies).where(*_THIS_INLINE).values(document=bindparam("text")))
_ADD_INLINE: Final = Statement(
    insert(iam_inline_policies).values(owner_id=bindparam("id"), name=bindparam("policy"), document=bindparam("text"))
)
_DELETE_INLINE: Final = Statement(delete(iam_inline_policies).where(*_THIS_INLINE))

_ATTACHED: Final = Statement(
    select(_a.policy_arn).where(_a.owner_id == bindparam("id")).order_by(_a.attached_ms, _a.policy_arn)
)
_ATTACH: Final = Statement(
    insert(iam_attachments).values(
        owner_id=bindparam("id"), policy_arn=bindparam("policy"), attached_ms=bindparam("now")
    )
)
_DETACH: Final = Statement(
    delete(iam_attachments).where(_a.owner_id == bindparam("id"), _a.policy_arn == bindparam("policy"))
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


def _authorize(
    transaction: Transaction, call: Call, kind: Kind, name: str, owner: Owner | None, context: Context | None
) -> None:
    """Ask about the owner's ARN; for one that does not exist, about the ARN it would have without a path."""
    arn = f"arn:aws:iam::{call.account}:{kind.word}/{name}"
    keys: dict[str, str | tuple[str, ...]] = {}
    if owner is not None:
        arn = owner.arn
        keys = tag_context(tags_of(transaction, owner.unique_id))
        if owner.boundary_arn is not None:
            keys["iam:permissionsboundary"] = owner.boundary_arn
    call.authorize(f"iam:{call.operation}", arn, context={**keys, **(context or {})})
    if owner is not None:
        call.touches(arn, kind.resource_type, owner.account)


def name_is_taken(transaction: Transaction, kind: Kind, account: str, name: str) -> bool:
    """Whether a user or role of this name exists, in any case of letters."""
    return transaction.one(kind.taken, {"owner": account, "folded": name.lower()}) is not None


def list_rows(transaction: Transaction, kind: Kind, account: str, prefix: str, after: str, count: int) -> list[Row]:
    """Rows of users or roles, ordered by name.

    Args:
        transaction: Where to look.
        kind: Which of the two.
        account: Whose.
        prefix: What their paths begin with.
        after: The lower-cased name after which to begin.
        count: How many at most.
    """
    return transaction.all(
        kind.listing, {"owner": account, "prefix": prefix, "length": len(prefix), "after": after, "count": count}
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


def rename_user(transaction: Transaction, user: User, name: str, path: str) -> None:
    """Give a user another name and path. Keys and policies stay with it."""
    transaction.run(_RENAME_USER, {"id": user.user_id, "folded": name.lower(), "exact": name, "location": path})


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
    """Delete a user or role with its tags. Its policies must be gone before."""
    transaction.run(_DELETE_TAGS, {"id": unique_id})
    transaction.run(kind.remove, {"id": unique_id})


def set_boundary(transaction: Transaction, kind: Kind, unique_id: str, boundary_arn: str | None) -> None:
    """Set the permissions boundary of a user or role, or remove it."""
    transaction.run(kind.set_boundary, {"id": unique_id, "boundary": boundary_arn})


def inline_documents(transaction: Transaction, owner_id: str) -> list[tuple[str, str]]:
    """Names and documents of an owner's inline policies, by name."""
    return [(name, text) for name, text in transaction.all(_INLINE, {"id": owner_id})]


def put_inline(transaction: Transaction, owner_id: str, name: str, document: str) -> None:
    """Add an inline policy, or replace the document of the one with this name."""
    values = {"id": owner_id, "policy": name, "text": document}
    if not transaction.run(_REPLACE_INLINE, values):
        transaction.run(_ADD_INLINE, values)


def delete_inline(transaction: Transaction, owner_id: str, name: str) -> bool:
    """Delete an inline policy; whether there was one."""
    return transaction.run(_DELETE_INLINE, {"id": owner_id, "policy": name}) > 0


def attached_arns(transaction: Transaction, owner_id: str) -> list[str]:
    """The ARNs of the managed policies that are attached to an owner, oldest attachment first."""
    return [row[0] for row in transaction.all(_ATTACHED, {"id": owner_id})]


def attach(transaction: Transaction, owner_id: str, policy_arn: str, now_ms: int) -> None:
    """Attach a managed policy that is not attached yet."""
    transaction.run(_ATTACH, {"id": owner_id, "policy": policy_arn, "now": now_ms})


def detach(transaction: Transaction, owner_id: str, policy_arn: str) -> bool:
    """Detach a managed policy; whether it was attached."""
    return transaction.run(_DETACH, {"id": owner_id, "policy": policy_arn}) > 0


def put_tag(transaction: Transaction, owner_id: str, key: str, value: str) -> None:
    """Add a tag whose key the owner does not have."""
    transaction.run(_ADD_TAG, {"id": owner_id, "tag": key, "worth": value})


def delete_tag(transaction: Transaction, owner_id: str, key: str) -> None:
    """Delete the tag with exactly this key, if there is one."""
    transaction.run(_DELETE_TAG, {"id": owner_id, "tag": key})
