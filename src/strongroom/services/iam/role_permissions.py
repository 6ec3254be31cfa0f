"""Roles and their policies: inline, attached, and the permissions boundary."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.services.call import Call
from strongroom.services.iam import permissions
from strongroom.services.iam.base import Operations
from strongroom.services.iam.owners import ROLE, authorized_role
from strongroom.store import Transaction

__all__ = ["RolePermissionOperations"]


class RolePermissionOperations(Operations):
    """The policy and boundary operations of roles."""

    async def put_role_policy(
        self, call: Call, *, RoleName: str, PolicyName: str, PolicyDocument: str
    ) -> dict[str, object]:
        """Add an inline policy, or replace the one of this name."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName)
            return permissions.put_policy(transaction, ROLE, role, PolicyName, PolicyDocument)

        return dict(await call.write(work))

    async def get_role_policy(self, call: Call, *, RoleName: str, PolicyName: str) -> dict[str, object]:
        """Show an inline policy."""

        def work(transaction: Transaction) -> dict[str, object]:
            role = authorized_role(transaction, call, RoleName)
            return {"RoleName": role.name, **permissions.get_policy(transaction, ROLE, role, PolicyName)}

        return await call.read(work)

    async def delete_role_policy(self, call: Call, *, RoleName: str, PolicyName: str) -> dict[str, object]:
        """Delete an inline policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName)
            return permissions.delete_policy(transaction, ROLE, role, PolicyName)

        return dict(await call.write(work))

    async def list_role_policies(
        self, call: Call, *, RoleName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """Names of the inline policies."""

        def work(transaction: Transaction) -> dict[str, object]:
            role = authorized_role(transaction, call, RoleName)
            return permissions.list_inline(transaction, role, Marker, MaxItems)

        return await call.read(work)

    async def attach_role_policy(self, call: Call, *, RoleName: str, PolicyArn: str) -> dict[str, object]:
        """Attach a managed policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName, {"iam:policyarn": PolicyArn})
            return permissions.attach_policy(transaction, call, ROLE, role, PolicyArn)

        return dict(await call.write(work))

    async def detach_role_policy(self, call: Call, *, RoleName: str, PolicyArn: str) -> dict[str, object]:
        """Detach a managed policy."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName, {"iam:policyarn": PolicyArn})
            return permissions.detach_policy(transaction, role, PolicyArn)

        return dict(await call.write(work))

    async def list_attached_role_policies(
        self,
        call: Call,
        *,
        RoleName: str,
        PathPrefix: str = "/",
        Marker: str | None = None,
        MaxItems: int | None = None,
    ) -> dict[str, object]:
        """Names and ARNs of the attached policies."""

        def work(transaction: Transaction) -> dict[str, object]:
            role = authorized_role(transaction, call, RoleName)
            return permissions.list_attached(transaction, role, PathPrefix, Marker, MaxItems)

        return await call.read(work)

    async def put_role_permissions_boundary(
        self, call: Call, *, RoleName: str, PermissionsBoundary: str
    ) -> dict[str, object]:
        """Set the permissions boundary. The condition key is about the new one."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = {"iam:permissionsboundary": PermissionsBoundary}
            role = authorized_role(transaction, call, RoleName, context)
            return permissions.put_boundary(transaction, call, role, PermissionsBoundary)

        return dict(await call.write(work))

    async def delete_role_permissions_boundary(self, call: Call, *, RoleName: str) -> dict[str, object]:
        """Remove the permissions boundary."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName)
            return permissions.delete_boundary(transaction, ROLE, role)

        return dict(await call.write(work))
