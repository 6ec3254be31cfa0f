"""Who is in which group: its rows and its operations.

What a group may do, its members may. So joining one is a matter of the group: AWS asks for the permission on the group,
not on the user (Service Authorization Reference, "Actions, resources, and condition keys for IAM").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Integer, bindparam, delete, insert, select

from strongroom.identity.directory import USER_COLUMNS, Group, User, groups_of, user_by_name
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.owners import authorized_group, authorized_user
from strongroom.services.iam.paging import page
from strongroom.services.iam.problems import limit_exceeded, not_found
from strongroom.store import Statement, Transaction
from strongroom.store.schema import iam_group_members, iam_users
from strongroom.world import from_milliseconds

__all__ = ["MOST_GROUPS", "MembershipOperations", "has_members", "list_members", "shown_group"]

MOST_GROUPS: Final = 10
"""How many groups a user may be in ("IAM and AWS STS quotas")."""

_NOTHING: Final[Mapping[str, object]] = {}

_m, _u = iam_group_members.c, iam_users.c
_MEMBERSHIP = (_m.user_id == bindparam("id"), _m.group_id == bindparam("gid"))

_ANY: Final = Statement(select(_m.user_id).where(_m.group_id == bindparam("gid")).limit(1))
_MEMBERS: Final = Statement(
    select(*USER_COLUMNS)
    .select_from(iam_group_members.join(iam_users, _u.user_id == _m.user_id))
    .where(_m.group_id == bindparam("gid"), _u.folded_name > bindparam("after"))
    .order_by(_u.folded_name)
    .limit(bindparam("count", type_=Integer))
)
_JOIN: Final = Statement(insert(iam_group_members).values(user_id=bindparam("id"), group_id=bindparam("gid")))
_LEAVE: Final = Statement(delete(iam_group_members).where(*_MEMBERSHIP))


def shown_group(group: Group) -> dict[str, object]:
    """A group as answers show it."""
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.group_id,
        "Arn": group.arn,
        "CreateDate": from_milliseconds(group.created_ms),
    }


def has_members(transaction: Transaction, group: Group) -> bool:
    """Whether anybody is in the group."""
    return transaction.one(_ANY, {"gid": group.group_id}) is not None


def list_members(transaction: Transaction, group: Group, after: str, most: int) -> list[User]:
    """Members of a group, by name.

    Args:
        transaction: Where to look.
        group: The group.
        after: The lower-cased name after which to begin.
        most: How many at most.
    """
    rows = transaction.all(_MEMBERS, {"gid": group.group_id, "after": after, "count": most})
    return [User(*row) for row in rows]


def _named_member(transaction: Transaction, call: Call, name: str) -> User:
    """The user that an authorised change of a group is about.

    Raises:
        AwsError: ``NoSuchEntity``.
    """
    user = user_by_name(transaction, call.account, name)
    if user is None:
        raise not_found("user", name)
    return user


class MembershipOperations(Operations):
    """AddUserToGroup, RemoveUserFromGroup, ListGroupsForUser."""

    async def add_user_to_group(self, call: Call, *, GroupName: str, UserName: str) -> dict[str, object]:
        """Put a user into a group, whose policies count for it from the next request on."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, GroupName)
            user = _named_member(transaction, call, UserName)
            present = groups_of(transaction, user.user_id)
            if group in present:
                return _NOTHING
            if len(present) >= MOST_GROUPS:
                raise limit_exceeded(f"Cannot exceed quota for GroupsPerUser: {MOST_GROUPS}")
            transaction.run(_JOIN, {"id": user.user_id, "gid": group.group_id})
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def remove_user_from_group(self, call: Call, *, GroupName: str, UserName: str) -> dict[str, object]:
        """Take a user out of a group, and with it what the group may do. One who is not in it stays out."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, GroupName)
            user = _named_member(transaction, call, UserName)
            if transaction.run(_LEAVE, {"id": user.user_id, "gid": group.group_id}):
                transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def list_groups_for_user(
        self, call: Call, *, UserName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The groups that a user is in, by name."""

        def work(transaction: Transaction) -> dict[str, object]:
            user = authorized_user(transaction, call, UserName)
            items, rest = page(groups_of(transaction, user.user_id), Marker, MaxItems)
            return {"Groups": [shown_group(group) for group in items], **rest}

        return await call.read(work)
