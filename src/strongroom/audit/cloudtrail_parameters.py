"""What may enter the trail of CloudTrail's operations."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.allow_list import fields, list_of, names, scalar
from strongroom.audit.rules import Rule, read

__all__ = ["CLOUDTRAIL"]

_TEXTS = list_of(scalar)

CLOUDTRAIL: Mapping[str, Rule] = {
    "DescribeTrails": read("includeShadowTrails", trailNameList=_TEXTS),
    "GetTrail": read("Name"),
    "GetTrailStatus": read("Name"),
    "ListTrails": read(),
    "LookupEvents": read(
        "StartTime EndTime EventCategory MaxResults",
        LookupAttributes=list_of(fields(names("AttributeKey AttributeValue"))),
    ),
}
