"""The operations on groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.errors import AwsError
from strongroom.identity.credentials import GROUP_ID, new_unique_id
from strongroom.identity.directory import Group
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.memberships import has_members, list_members, shown_group
from strongroom.services.iam.owner_policies import attached_arns, inline_documents
from strongroom.services.iam.owners import (
    GROUP,
    add_group,
    authorized_group,
    delete_owner,
    list_rows,
    name_is_taken,
    rename,
    require_room,
)
from strongroom.services.iam.paging import DEFAULT_MAX_ITEMS, after_marker, tail
from strongroom.services.iam.problems import already_exists, delete_conflict
from strongroom.services.iam.users import shown_user
from strongroom.store import Transaction

__all__ = ["GroupOperations"]

_NOTHING: Final[Mapping[str, object]] = {}


def _taken(name: str) -> AwsError:
    return already_exists(f"Group with name {name} already exists.")


class GroupOperations(Operations):
    """CreateGroup, GetGroup, UpdateGroup, DeleteGroup, ListGroups."""

    async def create_group(self, call: Call, *, GroupName: str, Path: str = "/") -> dict[str, object]:
        """Create a group, which has no members and no policies yet."""
        group = Group(call.account, GroupName, Path, new_unique_id(self._entropy, GROUP_ID), call.now_ms)

        def work(transaction: Transaction) -> Mapping[str, object]:
            call.authorize("iam:CreateGroup", group.arn)
            if name_is_taken(transaction, GROUP, call.account, GroupName):
                raise _taken(GroupName)
            require_room(transaction, GROUP, call.account)
            add_group(transaction, group)
            call.touches(group.arn, GROUP.resource_type, group.account)
            return {"Group": shown_group(group)}

        return dict(await call.write(work))

    async def get_group(
        self, call: Call, *, GroupName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """Show a group with its members, who come in pages."""

        def work(transaction: Transaction) -> dict[str, object]:
            group = authorized_group(transaction, call, GroupName)
            most = MaxItems or DEFAULT_MAX_ITEMS
            users = list_members(transaction, group, after_marker(Marker), most + 1)
            shown = users[:most]
            return {
                "Group": shown_group(group),
                "Users": [shown_user(user) for user in shown],
                **tail(shown[-1].name.lower() if len(users) > most else None),
            }

        return await call.read(work)

    async def update_group(
        self, call: Call, *, GroupName: str, NewPath: str | None = None, NewGroupName: str | None = None
    ) -> dict[str, object]:
        """Give a group another name or path. Needs the permission for both ARNs, as AWS does."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, GroupName)
            name, path = NewGroupName or group.name, NewPath or group.path
            call.authorize("iam:UpdateGroup", f"arn:aws:iam::{group.account}:group{path}{name}")
            if name.lower() != group.name.lower() and name_is_taken(transaction, GROUP, group.account, name):
                raise _taken(name)
            rename(transaction, GROUP, group.group_id, name, path)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def delete_group(self, call: Call, *, GroupName: str) -> dict[str, object]:
        """Delete a group that has no members and no policies any more."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, GroupName)
            if has_members(transaction, group):
                raise delete_conflict("Cannot delete entity, must remove users from group first.")
            if attached_arns(transaction, group.group_id):
                raise delete_conflict("Cannot delete entity, must detach all policies first.")
            if inline_documents(transaction, group.group_id):
                raise delete_conflict("Cannot delete entity, must delete policies first.")
            delete_owner(transaction, GROUP, group.group_id)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def list_groups(
        self, call: Call, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The account's groups, by name."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:ListGroups", f"arn:aws:iam::{call.account}:group{PathPrefix}")
            most = MaxItems or DEFAULT_MAX_ITEMS
            rows = list_rows(transaction, GROUP, call.account, PathPrefix, after_marker(Marker), most + 1)
            groups = [Group(*row) for row in rows]
            shown = groups[:most]
            return {
                "Groups": [shown_group(group) for group in shown],
                **tail(shown[-1].name.lower() if len(groups) > most else None),
            }

        return await call.read(work)
