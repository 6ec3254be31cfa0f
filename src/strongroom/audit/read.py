"""Looks up events in a trail, oldest first. Reads only; checking the chain is `strongroom.audit.verify`'s work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from strongroom.audit.record import parse
from strongroom.audit.segments import lines

__all__ = ["EventFilter", "Record", "read_records"]

_SUFFIX_LENGTH = 7  # a secret's ARN ends in "-" and six characters that are not part of its name


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the trail.

    Attributes:
        sequence: Its place, from 1.
        previous: Hash of the record before it, 64 hex digits.
        event: The CloudTrail record.
    """

    sequence: int
    previous: str
    event: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to show; what is None does not filter.

    Attributes:
        event_name: Exact ``eventName``.
        principal: ARN, user name, principal id or access key id of the caller, or the ARN or name of its role.
        resource: ARN of a resource, or the id or name that the caller gave for it.
        since: Earliest ``eventTime``, as ISO 8601 such as ``2026-01-31`` or ``2026-01-31T12:00:00Z``.
        until: ``eventTime`` before which to stop, in the same form.
    """

    event_name: str | None = None
    principal: str | None = None
    resource: str | None = None
    since: str | None = None
    until: str | None = None

    def admits(self, event: Mapping[str, object]) -> bool:
        """Whether ``event`` is to be shown."""
        if self.event_name is not None and event.get("eventName") != self.event_name:
            return False
        moment = str(event.get("eventTime", ""))
        if (self.since is not None and moment < self.since) or (self.until is not None and moment >= self.until):
            return False
        if self.principal is not None and self.principal not in _principals(event):
            return False
        return self.resource is None or self.resource in _resources(event)


def read_records(folder: Path, wanted: EventFilter | None = None) -> Iterator[Record]:
    """The records of the trail in ``folder`` that ``wanted`` admits, oldest first.

    Lines that are no records, and a last line that is still being written, are passed over.

    Raises:
        OSError: The trail cannot be read.
    """
    wanted = wanted or EventFilter()
    # An event's name stands in its bytes as written here, which spares parsing the events that are not wanted.
    needle = b'"eventName":' + orjson.dumps(wanted.event_name) if wanted.event_name is not None else b""
    for line in lines(folder):
        if needle not in line:
            continue
        parts = parse(line[:-1]) if line.endswith(b"\n") else None
        if parts is None:
            continue
        sequence, previous, content = parts
        try:
            event = orjson.loads(content)
        except orjson.JSONDecodeError:
            continue
        if wanted.admits(event):
            yield Record(sequence, previous, event)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _principals(event: Mapping[str, object]) -> set[object]:
    identity = _mapping(event.get("userIdentity"))
    issuer = _mapping(_mapping(identity.get("sessionContext")).get("sessionIssuer"))
    return {
        *(identity.get(field) for field in ("arn", "userName", "principalId", "accessKeyId", "invokedBy")),
        issuer.get("arn"),
        issuer.get("userName"),
    }


def _resources(event: Mapping[str, object]) -> set[str]:
    """Every text by which the event names what it worked on."""
    found: set[str] = set()
    listed = event.get("resources")
    for entry in listed if isinstance(listed, list) else []:
        found.update(_names_of(_mapping(entry).get("ARN")))
    for part in ("requestParameters", "responseElements", "additionalEventData"):
        for field, value in _mapping(event.get(part)).items():
            if field.lower().endswith(("id", "arn", "name")):
                found.update(_names_of(value))
    return found


def _names_of(value: object) -> Iterator[str]:
    """``value`` and, when it is an ARN, the resource's own id, its name, and a secret's name without its suffix."""
    if not isinstance(value, str):
        return
    yield value
    if value.startswith("arn:"):
        own = value.split(":", 5)[-1]
        yield own
        name = own.partition(":")[2] or own.partition("/")[2]
        yield name
        if own.startswith("secret:"):
            yield name[:-_SUFFIX_LENGTH]
