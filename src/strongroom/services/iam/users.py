"""The operations on users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.errors import AwsError
from strongroom.identity.credentials import USER_ID, new_unique_id
from strongroom.identity.directory import User, groups_of, tags_of
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.calling import named_user
from strongroom.services.iam.keys import keys_of
from strongroom.services.iam.managed import require_boundary
from strongroom.services.iam.owner_policies import attached_arns, inline_documents
from strongroom.services.iam.owners import (
    USER,
    add_user,
    authorized_user,
    delete_owner,
    list_rows,
    name_is_taken,
    rename,
    require_room,
    shown_boundary,
)
from strongroom.services.iam.paging import DEFAULT_MAX_ITEMS, after_marker, tail
from strongroom.services.iam.problems import already_exists, delete_conflict
from strongroom.services.iam.tags import TagList, add_tags, request_tags, shown_tags, tag_request_context
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["UserOperations", "shown_user", "shown_user_fully"]

_NOTHING: Final[Mapping[str, object]] = {}


def shown_user(user: User) -> dict[str, object]:
    """A user as lists show it."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.user_id,
        "Arn": user.arn,
        "CreateDate": from_milliseconds(user.created_ms),
    }


def shown_user_fully(transaction: Transaction, user: User) -> dict[str, object]:
    """A user with everything that is told of it."""
    tags = tags_of(transaction, user.user_id)
    return {**shown_user(user), **shown_boundary(user.boundary_arn), **({"Tags": shown_tags(tags)} if tags else {})}


def _taken(name: str) -> AwsError:
    return already_exists(f"User with name {name} already exists.")


class UserOperations(Operations):
    """CreateUser, GetUser, UpdateUser, DeleteUser, ListUsers."""

    async def create_user(
        self,
        call: Call,
        *,
        UserName: str,
        Path: str = "/",
        PermissionsBoundary: str | None = None,
        Tags: TagList | None = None,
    ) -> dict[str, object]:
        """Create a user, who can do nothing yet."""
        user = User(
            call.account,
            UserName,
            Path,
            new_unique_id(self._entropy, USER_ID),
            call.now_ms,
            PermissionsBoundary,
        )

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = tag_request_context(Tags)
            if PermissionsBoundary is not None:
                context["iam:permissionsboundary"] = PermissionsBoundary
            call.authorize("iam:CreateUser", user.arn, context=context)
            tags = request_tags(Tags)
            if name_is_taken(transaction, USER, call.account, UserName):
                raise _taken(UserName)
            require_room(transaction, USER, call.account)
            require_boundary(transaction, call.account, PermissionsBoundary)
            add_user(transaction, user)
            add_tags(transaction, user.user_id, tags)
            call.touches(user.arn, USER.resource_type, user.account)
            transaction.raise_epoch()
            return {"User": shown_user_fully(transaction, user)}

        return dict(await call.write(work))

    async def get_user(self, call: Call, *, UserName: str | None = None) -> dict[str, object]:
        """Show a user; without a name, the caller."""

        def work(transaction: Transaction) -> dict[str, object]:
            return {"User": shown_user_fully(transaction, named_user(transaction, call, UserName))}

        return await call.read(work)

    async def update_user(
        self, call: Call, *, UserName: str, NewPath: str | None = None, NewUserName: str | None = None
    ) -> dict[str, object]:
        """Give a user another name or path. Needs the permission for both ARNs, as AWS does."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName)
            name, path = NewUserName or user.name, NewPath or user.path
            call.authorize("iam:UpdateUser", f"arn:aws:iam::{user.account}:user{path}{name}")
            if name.lower() != user.name.lower() and name_is_taken(transaction, USER, user.account, name):
                raise _taken(name)
            rename(transaction, USER, user.user_id, name, path)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def delete_user(self, call: Call, *, UserName: str) -> dict[str, object]:
        """Delete a user that has no keys and no policies any more and is in no group."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName)
            if attached_arns(transaction, user.user_id):
                raise delete_conflict("Cannot delete entity, must detach all policies first.")
            if inline_documents(transaction, user.user_id):
                raise delete_conflict("Cannot delete entity, must delete policies first.")
            if keys_of(transaction, user.user_id):
                raise delete_conflict("Cannot delete entity, must delete access keys first.")
            if groups_of(transaction, user.user_id):
                raise delete_conflict("Cannot delete entity, must remove users from group first.")
            delete_owner(transaction, USER, user.user_id)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def list_users(
        self, call: Call, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The account's users, by name."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:ListUsers", f"arn:aws:iam::{call.account}:user{PathPrefix}")
            count = MaxItems or DEFAULT_MAX_ITEMS
            rows = list_rows(transaction, USER, call.account, PathPrefix, after_marker(Marker), count + 1)
            users = [User(*row) for row in rows]
            shown = users[:count]
            return {
                "Users": [shown_user(user) for user in shown],
                **tail(shown[-1].name.lower() if len(users) > count else None),
            }

        return await call.read(work)
