"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.services.organizations.accounts import AccountOperations
from strongroom.services.organizations.attachments import AttachmentOperations
from strongroom.services.organizations.creation import AccountCreation
from strongroom.services.organizations.policies import PolicyOperations
from strongroom.services.organizations.tagging import TagOperations
from strongroom.services.organizations.tree import TreeOperations
from strongroom.services.organizations.units import UnitOperations

__all__ = ["Organizations"]


class Organizations(
    AccountCreation,
    AccountOperations,
    UnitOperations,
    TreeOperations,
    PolicyOperations,
    AttachmentOperations,
    TagOperations,
):
    """AWS Organizations, without regard to regions."""
