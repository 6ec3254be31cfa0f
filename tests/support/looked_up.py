"""What a lookup in a made-up trail finds, and what going through all of its events the plain way finds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.made_trail import MadeTrail

from strongroom.audit.index import Attribute, Indexer, IndexReader, Wanted

__all__ = ["bring_in_step", "expected", "found"]

_MANY = 100_000


def bring_in_step(folder: Path) -> None:
    """Index what is not indexed yet."""
    indexer = Indexer(folder)
    try:
        while indexer.turn():
            pass
    finally:
        indexer.close()


def found(trail: MadeTrail, wanted: Wanted) -> list[str]:
    """The ids of the events that a lookup finds."""
    return [str(event.event["eventID"]) for event in IndexReader(trail.folder).lookup(wanted, _MANY)]


def expected(trail: MadeTrail, wanted: Wanted) -> list[str]:
    """The ids of the events that it is to find, in the same order."""
    chosen = [(event, number) for number, event in enumerate(trail.events) if _is_wanted(event, wanted)]
    chosen.sort(key=lambda pair: (pair[0]["eventTime"], pair[1]), reverse=True)
    return [event["eventID"] for event, _ in chosen]


def _is_wanted(event: Any, wanted: Wanted) -> bool:
    if wanted.account not in {None, event["recipientAccountId"]} or wanted.region not in {None, event["awsRegion"]}:
        return False
    moment = event["eventTime"]
    if wanted.since is not None and moment < _iso(wanted.since):
        return False
    if wanted.until is not None and moment > _iso(wanted.until):
        return False
    return wanted.attribute is Attribute.EVERYTHING or wanted.value in set(_values(event, wanted.attribute))


def _values(event: Any, attribute: Attribute) -> Iterator[str]:
    identity, request = event["userIdentity"], event["requestParameters"] or {}
    arns = [resource["ARN"] for resource in event.get("resources", [])]
    match attribute:
        case Attribute.EVENT_ID:
            yield event["eventID"]
        case Attribute.EVENT_NAME:
            yield event["eventName"]
        case Attribute.EVENT_SOURCE:
            yield event["eventSource"]
        case Attribute.READ_ONLY:
            yield str(event["readOnly"]).lower()
        case Attribute.USERNAME:
            yield identity.get("userName") or identity["invokedBy"]
        case Attribute.ACCESS_KEY_ID:
            yield identity.get("accessKeyId", "")
        case Attribute.RESOURCE_TYPE:
            yield from [resource["type"] for resource in event.get("resources", [])]
            if not arns and request:
                yield "AWS::SecretsManager::Secret"
        case Attribute.RESOURCE_NAME:
            yield from arns
            yield from [arn.rpartition("/")[2] for arn in arns if ":kms:" in arn]
            yield from [arn.partition(":secret:")[2][:-7] for arn in arns if ":secret:" in arn]
            if not arns:
                yield request.get("secretId", "")


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
