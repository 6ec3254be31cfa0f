"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.services.iam.absent import AbsentOperations
from strongroom.services.iam.accounts import AccountOperations
from strongroom.services.iam.credential_report import CredentialReportOperations
from strongroom.services.iam.details import DetailOperations
from strongroom.services.iam.entities import EntityOperations
from strongroom.services.iam.group_permissions import GroupPermissionOperations
from strongroom.services.iam.groups import GroupOperations
from strongroom.services.iam.keys import AccessKeyOperations
from strongroom.services.iam.managed import PolicyOperations
from strongroom.services.iam.memberships import MembershipOperations
from strongroom.services.iam.oidc import IdentityProviderOperations
from strongroom.services.iam.role_permissions import RolePermissionOperations
from strongroom.services.iam.roles import RoleOperations
from strongroom.services.iam.simulation import SimulationOperations
from strongroom.services.iam.tagging import TagOperations
from strongroom.services.iam.user_permissions import UserPermissionOperations
from strongroom.services.iam.users import UserOperations
from strongroom.services.iam.versions import PolicyVersionOperations

__all__ = ["Iam"]


class Iam(
    UserOperations,
    AccessKeyOperations,
    UserPermissionOperations,
    GroupOperations,
    MembershipOperations,
    GroupPermissionOperations,
    RoleOperations,
    RolePermissionOperations,
    PolicyOperations,
    PolicyVersionOperations,
    EntityOperations,
    TagOperations,
    AccountOperations,
    DetailOperations,
    CredentialReportOperations,
    AbsentOperations,
    SimulationOperations,
    IdentityProviderOperations,
):
    """AWS Identity and Access Management, for one account at a time and without regard to regions."""
