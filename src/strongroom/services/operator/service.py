"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.audit import Checkpoints
from strongroom.services.clients import AccessClient, DatabaseClient, RotationClient, SecretVersionsClient
from strongroom.services.lookups import Lookups
from strongroom.services.operator.access import AccessOperations
from strongroom.services.operator.consumers import ConsumerOperations
from strongroom.services.operator.databases import DatabaseOperations
from strongroom.services.operator.rotations import RotationOperations
from strongroom.services.operator.trail import TrailOperations

__all__ = ["Operator"]


class Operator(RotationOperations, DatabaseOperations, TrailOperations, AccessOperations, ConsumerOperations):
    """The operator's API. One method for each operation of the model.

    Args:
        rotations: The rotations.
        databases: The registered databases.
        checkpoints: Makes checkpoints of the audit trail.
        access: Explains access.
        versions: The versions of secrets.
        lookups: Looks into the audit trail.
    """

    def __init__(
        self,
        rotations: RotationClient,
        databases: DatabaseClient,
        checkpoints: Checkpoints,
        access: AccessClient,
        versions: SecretVersionsClient,
        lookups: Lookups,
    ) -> None:
        RotationOperations.__init__(self, rotations)
        DatabaseOperations.__init__(self, databases)
        TrailOperations.__init__(self, checkpoints)
        AccessOperations.__init__(self, access)
        ConsumerOperations.__init__(self, versions, lookups)
