"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.services.clients import DatabaseClient, RotationClient
from strongroom.services.operator.databases import DatabaseOperations
from strongroom.services.operator.rotations import RotationOperations

__all__ = ["Operator"]


class Operator(RotationOperations, DatabaseOperations):
    """The operator's API. One method for each operation of the model.

    Args:
        rotations: The rotations.
        databases: The registered databases.
    """

    def __init__(self, rotations: RotationClient, databases: DatabaseClient) -> None:
        RotationOperations.__init__(self, rotations)
        DatabaseOperations.__init__(self, databases)
