"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.services.awslambda.aliases import AliasOperations
from strongroom.services.awslambda.creation import CreationOperations
from strongroom.services.awslambda.event_config_operations import EventConfigOperations
from strongroom.services.awslambda.functions import FunctionOperations
from strongroom.services.awslambda.invocation import InvokeOperations
from strongroom.services.awslambda.layer_permissions import LayerPermissionOperations
from strongroom.services.awslambda.layers import LayerOperations
from strongroom.services.awslambda.permissions import PermissionOperations
from strongroom.services.awslambda.publishing import PublishingOperations
from strongroom.services.awslambda.settings_operations import SettingOperations
from strongroom.services.awslambda.tags import TagOperations

__all__ = ["Lambda"]


class Lambda(
    CreationOperations,
    FunctionOperations,
    PublishingOperations,
    AliasOperations,
    LayerOperations,
    LayerPermissionOperations,
    InvokeOperations,
    EventConfigOperations,
    PermissionOperations,
    SettingOperations,
    TagOperations,
):
    """AWS Lambda: functions and layers from zip archives, versions, aliases, and calling them."""
