"""The operations on roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from strongroom.identity.credentials import ROLE_ID, new_unique_id
from strongroom.identity.directory import Role, tags_of
from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.documents import encoded_trust_policy, trust_policy
from strongroom.services.iam.managed import require_boundary
from strongroom.services.iam.owner_policies import attached_arns, inline_documents
from strongroom.services.iam.owners import (
    ROLE,
    add_role,
    authorized_role,
    delete_owner,
    list_rows,
    name_is_taken,
    require_room,
    shown_boundary,
    update_role,
)
from strongroom.services.iam.paging import DEFAULT_MAX_ITEMS, after_marker, tail
from strongroom.services.iam.problems import already_exists, delete_conflict
from strongroom.services.iam.tags import TagList, add_tags, request_tags, shown_tags, tag_request_context
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["RoleOperations", "shown_role"]

_DEFAULT_SESSION_SECONDS: Final = 3600
_NOTHING: Final[Mapping[str, object]] = {}


def _shown(transaction: Transaction, role: Role) -> dict[str, object]:
    shown: dict[str, object] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.role_id,
        "Arn": role.arn,
        "CreateDate": from_milliseconds(role.created_ms),
        "AssumeRolePolicyDocument": encoded_trust_policy(transaction, role.trust_policy),
        "MaxSessionDuration": role.max_session_seconds,
    }
    if role.description is not None:
        shown["Description"] = role.description
    return shown


def _shown_with_tags(transaction: Transaction, role: Role) -> dict[str, object]:
    tags = tags_of(transaction, role.role_id)
    tagged = {"Tags": shown_tags(tags)} if tags else {}
    return {**_shown(transaction, role), **shown_boundary(role.boundary_arn), **tagged}


def shown_role(transaction: Transaction, role: Role) -> dict[str, object]:
    """A role with everything that is told of it. What was never used has an empty ``RoleLastUsed``."""
    used: dict[str, object] = {}
    if role.used_ms is not None:
        used = {"LastUsedDate": from_milliseconds(role.used_ms), "Region": role.used_region}
    return {**_shown_with_tags(transaction, role), "RoleLastUsed": used}


class RoleOperations(Operations):
    """CreateRole, GetRole, UpdateRole, UpdateRoleDescription, UpdateAssumeRolePolicy, DeleteRole, ListRoles."""

    async def create_role(
        self,
        call: Call,
        *,
        RoleName: str,
        AssumeRolePolicyDocument: str,
        Path: str = "/",
        Description: str | None = None,
        MaxSessionDuration: int = _DEFAULT_SESSION_SECONDS,
        PermissionsBoundary: str | None = None,
        Tags: TagList | None = None,
    ) -> dict[str, object]:
        """Create a role, which can do nothing yet and which its trust policy says who may assume."""
        planned = Role(
            account=call.account,
            name=RoleName,
            path=Path,
            role_id=new_unique_id(self._entropy, ROLE_ID),
            created_ms=call.now_ms,
            boundary_arn=PermissionsBoundary,
            description=Description,
            trust_policy=AssumeRolePolicyDocument,
            max_session_seconds=MaxSessionDuration,
        )

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = tag_request_context(Tags)
            if PermissionsBoundary is not None:
                context["iam:permissionsboundary"] = PermissionsBoundary
            call.authorize("iam:CreateRole", planned.arn, context=context)
            tags = request_tags(Tags)
            role = replace(planned, trust_policy=trust_policy(transaction, AssumeRolePolicyDocument))
            if name_is_taken(transaction, ROLE, call.account, RoleName):
                raise already_exists(f"Role with name {RoleName} already exists.")
            require_room(transaction, ROLE, call.account)
            require_boundary(transaction, call.account, PermissionsBoundary)
            add_role(transaction, role)
            add_tags(transaction, role.role_id, tags)
            call.touches(role.arn, ROLE.resource_type, role.account)
            transaction.raise_epoch()
            return {"Role": _shown_with_tags(transaction, role)}

        return dict(await call.write(work))

    async def get_role(self, call: Call, *, RoleName: str) -> dict[str, object]:
        """Show a role."""

        def work(transaction: Transaction) -> dict[str, object]:
            return {"Role": shown_role(transaction, authorized_role(transaction, call, RoleName))}

        return await call.read(work)

    async def update_role(
        self, call: Call, *, RoleName: str, Description: str | None = None, MaxSessionDuration: int | None = None
    ) -> dict[str, object]:
        """Change what a role is said to be for, or how long its sessions may last."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName)
            description = role.description if Description is None else Description
            seconds = MaxSessionDuration or role.max_session_seconds
            update_role(transaction, replace(role, description=description, max_session_seconds=seconds))
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def update_role_description(self, call: Call, *, RoleName: str, Description: str) -> dict[str, object]:
        """Change what a role is said to be for. `update_role` came later and does more."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = replace(authorized_role(transaction, call, RoleName), description=Description)
            update_role(transaction, role)
            return {"Role": _shown_with_tags(transaction, role)}

        return dict(await call.write(work))

    async def update_assume_role_policy(self, call: Call, *, RoleName: str, PolicyDocument: str) -> dict[str, object]:
        """Change who may assume a role. Sessions that exist go on."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName)
            update_role(transaction, replace(role, trust_policy=trust_policy(transaction, PolicyDocument)))
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def delete_role(self, call: Call, *, RoleName: str) -> dict[str, object]:
        """Delete a role that has no policies any more. Its sessions end with it."""

        def work(transaction: Transaction) -> Mapping[str, object]:
            role = authorized_role(transaction, call, RoleName)
            if attached_arns(transaction, role.role_id):
                raise delete_conflict("Cannot delete entity, must detach all policies first.")
            if inline_documents(transaction, role.role_id):
                raise delete_conflict("Cannot delete entity, must delete policies first.")
            delete_owner(transaction, ROLE, role.role_id)
            transaction.raise_epoch()
            return _NOTHING

        return dict(await call.write(work))

    async def list_roles(
        self, call: Call, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The account's roles, by name."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("iam:ListRoles", f"arn:aws:iam::{call.account}:role{PathPrefix}")
            count = MaxItems or DEFAULT_MAX_ITEMS
            rows = list_rows(transaction, ROLE, call.account, PathPrefix, after_marker(Marker), count + 1)
            roles = [Role(*row) for row in rows]
            shown = roles[:count]
            return {
                "Roles": [_shown(transaction, role) for role in shown],
                **tail(shown[-1].name.lower() if len(roles) > count else None),
            }

        return await call.read(work)
