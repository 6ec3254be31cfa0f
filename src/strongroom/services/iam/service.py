"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.services.iam.keys import AccessKeyOperations
from strongroom.services.iam.managed import PolicyOperations
from strongroom.services.iam.role_permissions import RolePermissionOperations
from strongroom.services.iam.roles import RoleOperations
from strongroom.services.iam.tagging import TagOperations
from strongroom.services.iam.user_permissions import UserPermissionOperations
from strongroom.services.iam.users import UserOperations
from strongroom.services.iam.versions import PolicyVersionOperations

__all__ = ["Iam"]


class Iam(
    UserOperations,
    AccessKeyOperations,
    UserPermissionOperations,
    RoleOperations,
    RolePermissionOperations,
    PolicyOperations,
    PolicyVersionOperations,
    TagOperations,
):
    """AWS Identity and Access Management, for one account at a time and without regard to regions."""
