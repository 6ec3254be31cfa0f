"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.services.awslambda.creation import CreationOperations
from strongroom.services.awslambda.functions import FunctionOperations
from strongroom.services.awslambda.invocation import InvokeOperations
from strongroom.services.awslambda.permissions import PermissionOperations
from strongroom.services.awslambda.tags import TagOperations

__all__ = ["Lambda"]


class Lambda(CreationOperations, FunctionOperations, InvokeOperations, PermissionOperations, TagOperations):
    """AWS Lambda: functions from zip archives, in the one version ``$LATEST``."""
