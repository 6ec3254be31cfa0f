"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.services.rds.clusters import ClusterOperations
from strongroom.services.rds.instances import InstanceOperations
from strongroom.services.rds.tagging import TagOperations

__all__ = ["Rds"]


class Rds(InstanceOperations, ClusterOperations, TagOperations):
    """Amazon RDS, as far as it concerns the credentials of registered databases."""
