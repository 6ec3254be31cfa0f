"""Groups and their policies, inline and attached, which count for their members. A group has no boundary."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.services.call import Call
from strongroom.services.iam import permissions
from strongroom.services.iam.base import Operations
from strongroom.services.iam.owners import GROUP, authorized_group
from strongroom.store import Transaction

__all__ = ["GroupPermissionOperations"]


class GroupPermissionOperations(Operations):
    """The policy operations of groups."""

    async def put_group_policy(
        self, call: Call, *, GroupName: str, PolicyName: str, PolicyDocument: str
    ) -> dict[str, object]:
        """Add an inline policy, or replace the one of this name."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, GroupName)
            return permissions.put_policy(transaction, GROUP, group, PolicyName, PolicyDocument)

        return dict(await call.write(work))

    async def get_group_policy(self, call: Call, *, GroupName: str, PolicyName: str) -> dict[str, object]:
        """Show an inline policy."""

        def work(transaction: Transaction) -> dict[str, object]:
            group = authorized_group(transaction, call, GroupName)
            return {"GroupName": group.name, **permissions.get_policy(transaction, GROUP, group, PolicyName)}

        return await call.read(work)

    async def delete_group_policy(self, call: Call, *, GroupName: str, PolicyName: str) -> dict[str, object]:
        """Delete an inline policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, GroupName)
            return permissions.delete_policy(transaction, GROUP, group, PolicyName)

        return dict(await call.write(work))

    async def list_group_policies(
        self, call: Call, *, GroupName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """Names of the inline policies."""

        def work(transaction: Transaction) -> dict[str, object]:
            group = authorized_group(transaction, call, GroupName)
            return permissions.list_inline(transaction, group, Marker, MaxItems)

        return await call.read(work)

    async def attach_group_policy(self, call: Call, *, GroupName: str, PolicyArn: str) -> dict[str, object]:
        """Attach a managed policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, GroupName, {"iam:policyarn": PolicyArn})
            return permissions.attach_policy(transaction, call, GROUP, group, PolicyArn)

        return dict(await call.write(work))

    async def detach_group_policy(self, call: Call, *, GroupName: str, PolicyArn: str) -> dict[str, object]:
        """Detach a managed policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, GroupName, {"iam:policyarn": PolicyArn})
            return permissions.detach_policy(transaction, group, PolicyArn)

        return dict(await call.write(work))

    async def list_attached_group_policies(
        self,
        call: Call,
        *,
        GroupName: str,
        PathPrefix: str = "/",
        Marker: str | None = None,
        MaxItems: int | None = None,
    ) -> dict[str, object]:
        """Names and ARNs of the attached policies."""

        def work(transaction: Transaction) -> dict[str, object]:
            group = authorized_group(transaction, call, GroupName)
            return permissions.list_attached(transaction, group, PathPrefix, Marker, MaxItems)

        return await call.read(work)
