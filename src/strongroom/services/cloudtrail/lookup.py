"""LookupEvents: the events of an account and region, the newest first, by one attribute and a range of time.

AWS shows 90 days; this shows all that the trail keeps. Every event here is a management event, those of reads of secret
values included, and is found as soon as the call that it tells of has been answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import orjson

from strongroom.audit.index import (
    Attribute,
    FoundEvent,
    Wanted,
    own_name,
    resources_of,
    second,
    username,
)
from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.cloudtrail.pages import below, token_for
from strongroom.services.lookups import Lookups
from strongroom.world import from_milliseconds

__all__ = ["LookupOperations"]

_PAGE: Final = 50  # CloudTrail API Reference, LookupEvents: the default and the most of MaxResults
_ATTRIBUTES: Final[Mapping[str, Attribute]] = {
    "EventId": Attribute.EVENT_ID,
    "EventName": Attribute.EVENT_NAME,
    "EventSource": Attribute.EVENT_SOURCE,
    "ReadOnly": Attribute.READ_ONLY,
    "Username": Attribute.USERNAME,
    "AccessKeyId": Attribute.ACCESS_KEY_ID,
    "ResourceType": Attribute.RESOURCE_TYPE,
    "ResourceName": Attribute.RESOURCE_NAME,
}


class LookupOperations:
    """LookupEvents.

    Args:
        lookups: Looks events up.
    """

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    async def lookup_events(
        self,
        call: Call,
        *,
        LookupAttributes: Sequence[Mapping[str, str]] = (),
        StartTime: datetime | None = None,
        EndTime: datetime | None = None,
        EventCategory: str | None = None,
        MaxResults: int = _PAGE,
        NextToken: str | None = None,
    ) -> dict[str, object]:
        """The events of the caller's account in the region of the call.

        Raises:
            AwsError: Access denied; ``InvalidLookupAttributesException``, ``InvalidTimeRangeException`` or
                ``InvalidNextTokenException``; or ``ServiceUnavailable`` while the index is being made.
        """
        call.authorize("cloudtrail:LookupEvents", "*")
        attribute, value = _attribute(LookupAttributes)
        since, until = _seconds(StartTime), _seconds(EndTime)
        if since is not None and until is not None and since > until:
            raise AwsError("InvalidTimeRangeException", "The start time occurs after the end time.")
        asked = [call.account, call.region, int(attribute), value, since, until, EventCategory]
        wanted = Wanted(call.account, call.region, attribute, value, since, until, below(NextToken, asked))
        if EventCategory is not None:  # the one there is, insight: nothing here makes such events
            return {"Events": []}
        found = await self._lookups.events(wanted, MaxResults + 1)
        answer: dict[str, object] = {"Events": [_shape(event) for event in found[:MaxResults]]}
        if len(found) > MaxResults:
            answer["NextToken"] = token_for(found[MaxResults - 1].key, asked)
        return answer


def _attribute(given: Sequence[Mapping[str, str]]) -> tuple[Attribute, str]:
    if not given:
        return Attribute.EVERYTHING, ""
    if len(given) > 1:
        raise AwsError("InvalidLookupAttributesException", "Only one lookup attribute can be given.")
    return _ATTRIBUTES[given[0]["AttributeKey"]], given[0]["AttributeValue"]


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _shape(found: FoundEvent) -> dict[str, object]:
    """The model's ``Event``."""
    event = found.event
    identity = event.get("userIdentity")
    who = identity if isinstance(identity, Mapping) else {}
    return {
        "EventId": event.get("eventID"),
        "EventName": event.get("eventName"),
        "ReadOnly": "true" if event.get("readOnly") is True else "false",
        "AccessKeyId": who.get("accessKeyId"),
        "EventTime": from_milliseconds(second(found.key) * 1000),
        "EventSource": event.get("eventSource"),
        "Username": username(who),
        "Resources": [
            {"ResourceType": each.type, "ResourceName": name}
            for each in resources_of(event)
            for name in (each.name, own_name(each.name))
            if name is not None
        ],
        "CloudTrailEvent": orjson.dumps(event).decode(),
    }
