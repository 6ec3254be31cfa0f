"""The service: every group of operations in one class."""

from __future__ import annotations

from strongroom.audit import Trail
from strongroom.services.cloudtrail.lookup import LookupOperations
from strongroom.services.cloudtrail.trails import TrailOperations
from strongroom.services.lookups import Lookups

__all__ = ["CloudTrail"]


class CloudTrail(LookupOperations, TrailOperations):
    """CloudTrail over the trail of this host.

    Args:
        lookups: Looks events up in it.
        trail: The trail.
        home_region: The region in which it is shown.
    """

    def __init__(self, lookups: Lookups, trail: Trail, home_region: str) -> None:
        LookupOperations.__init__(self, lookups)
        TrailOperations.__init__(self, trail, home_region)
