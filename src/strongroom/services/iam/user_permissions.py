"""Users and their policies: inline, attached, and the permissions boundary."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.services.call import Call
from strongroom.services.iam import permissions
from strongroom.services.iam.base import Operations
from strongroom.services.iam.owners import USER, authorized_user
from strongroom.store import Transaction

__all__ = ["UserPermissionOperations"]


class UserPermissionOperations(Operations):
    """The policy and boundary operations of users."""

    async def put_user_policy(
        self, call: Call, *, UserName: str, PolicyName: str, PolicyDocument: str
    ) -> dict[str, object]:
        """Add an inline policy, or replace the one of this name."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName)
            return permissions.put_policy(transaction, USER, user, PolicyName, PolicyDocument)

        return dict(await call.write(work))

    async def get_user_policy(self, call: Call, *, UserName: str, PolicyName: str) -> dict[str, object]:
        """Show an inline policy."""

        def work(transaction: Transaction) -> dict[str, object]:
            user = authorized_user(transaction, call, UserName)
            return {"UserName": user.name, **permissions.get_policy(transaction, USER, user, PolicyName)}

        return await call.read(work)

    async def delete_user_policy(self, call: Call, *, UserName: str, PolicyName: str) -> dict[str, object]:
        """Delete an inline policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName)
            return permissions.delete_policy(transaction, USER, user, PolicyName)

        return dict(await call.write(work))

    async def list_user_policies(
        self, call: Call, *, UserName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """Names of the inline policies."""

        def work(transaction: Transaction) -> dict[str, object]:
            user = authorized_user(transaction, call, UserName)
            return permissions.list_inline(transaction, user, Marker, MaxItems)

        return await call.read(work)

    async def attach_user_policy(self, call: Call, *, UserName: str, PolicyArn: str) -> dict[str, object]:
        """Attach a managed policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName, {"iam:policyarn": PolicyArn})
            return permissions.attach_policy(transaction, call, USER, user, PolicyArn)

        return dict(await call.write(work))

    async def detach_user_policy(self, call: Call, *, UserName: str, PolicyArn: str) -> dict[str, object]:
        """Detach a managed policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName, {"iam:policyarn": PolicyArn})
            return permissions.detach_policy(transaction, user, PolicyArn)

        return dict(await call.write(work))

    async def list_attached_user_policies(
        self,
        call: Call,
        *,
        UserName: str,
        PathPrefix: str = "/",
        Marker: str | None = None,
        MaxItems: int | None = None,
    ) -> dict[str, object]:
        """Names and ARNs of the attached policies."""

        def work(transaction: Transaction) -> dict[str, object]:
            user = authorized_user(transaction, call, UserName)
            return permissions.list_attached(transaction, user, PathPrefix, Marker, MaxItems)

        return await call.read(work)

    async def put_user_permissions_boundary(
        self, call: Call, *, UserName: str, PermissionsBoundary: str
    ) -> dict[str, object]:
        """Set the permissions boundary. The condition key is about the new one."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = {"iam:permissionsboundary": PermissionsBoundary}
            user = authorized_user(transaction, call, UserName, context)
            return permissions.put_boundary(transaction, call, user, PermissionsBoundary)

        return dict(await call.write(work))

    async def delete_user_permissions_boundary(self, call: Call, *, UserName: str) -> dict[str, object]:
        """Remove the permissions boundary."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            user = authorized_user(transaction, call, UserName)
            return permissions.delete_boundary(transaction, USER, user)

        return dict(await call.write(work))
