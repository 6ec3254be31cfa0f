"""CloudTrail: looking events up in this host's audit trail, and what AWS's tools ask of the one trail there is.

    service   every operation in one class
    lookup    LookupEvents
    trails    DescribeTrails, GetTrail, GetTrailStatus, ListTrails
    pages     NextToken
    rates     how often events may be looked up

The trail is configured on the host and never through this API: there is no operation that makes, changes, stops or
deletes one. What it may touch: the audit room's index and the trail's health, never the store.
"""

from strongroom.services.cloudtrail.rates import LOOKUP_GROUPS, LOOKUP_RATES
from strongroom.services.cloudtrail.service import CloudTrail

__all__ = ["LOOKUP_GROUPS", "LOOKUP_RATES", "CloudTrail"]
