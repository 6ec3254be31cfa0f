"""What a number of records add to the index, gathered before it is written.

Applications send the same requests again and again, so within a second many records differ in their ids alone. Such
records are taken apart once, and a term's events are written together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import orjson

from strongroom.audit.index.consumers import Consumer, Consumption, consumption_of, merge
from strongroom.audit.index.facts import Attribute, Facts, facts_of
from strongroom.audit.index.keys import KeyMaker
from strongroom.audit.index.records import StoredRecord

__all__ = ["Batch", "Term"]

Term = tuple[str, str, Attribute, str]
"""Account, region, attribute, value."""

_EVERYTHING: Final = (Attribute.EVERYTHING, "")

# The last of each in a record is the event's own: what follows them has names of ours only, and quotes in values are
# escaped. What stands before may hold names that callers chose.
_EVENT: Final = b',"event":'
_REQUEST_ID: Final = b'"requestID":"'
_EVENT_ID: Final = b'","eventID":"'
_ID_LENGTH: Final = 36


class Batch:
    """What records add.

    Args:
        keys: Numbers their events.

    Attributes:
        events: Key, file and offset of each event.
        ids: Key and ``eventID`` of each.
    """

    __slots__ = ("_alike", "_keys", "events", "ids")

    def __init__(self, keys: KeyMaker) -> None:
        self._keys = keys
        self._alike: dict[tuple[bytes, bytes], tuple[Facts | None, list[int]]] = {}
        self.events: list[tuple[int, int, int]] = []
        self.ids: list[tuple[int, bytes]] = []

    def add(self, record: StoredRecord) -> None:
        """Take in the next record. One that holds no event is passed over."""
        line = record.line
        of_event = line.rfind(_EVENT_ID) + len(_EVENT_ID)
        of_request = line.rfind(_REQUEST_ID)
        same = (line[line.find(_EVENT) : of_request], line[of_event + _ID_LENGTH :])
        found = self._alike.get(same)
        if found is None:
            found = self._alike[same] = (_facts(line), [])
        facts, keys = found
        if facts is None:
            return
        key = self._keys.key(facts.seconds)
        keys.append(key)
        self.events.append((key, record.file, record.offset))
        self.ids.append((key, line[of_event : of_event + _ID_LENGTH]))

    def postings(self) -> Mapping[Term, list[int]]:
        """Keys of the events of each term, ascending."""
        gathered: defaultdict[Term, list[int]] = defaultdict(list)
        for facts, keys in self._alike.values():
            if facts is not None:
                for attribute, value in (_EVERYTHING, *facts.terms):
                    gathered[facts.account, facts.region, attribute, value] += keys
        for keys in gathered.values():
            keys.sort()
        return gathered

    def consumptions(self) -> list[Consumption]:
        """What was read, one for each consumer and version."""
        gathered: dict[tuple[Consumer, str], Consumption] = {}
        for facts, keys in self._alike.values():
            if facts is not None and facts.reading is not None:
                read = consumption_of(facts.reading, keys)
                before = gathered.get((read.consumer, read.version))
                gathered[read.consumer, read.version] = read if before is None else merge(before, read)
        return list(gathered.values())


def _facts(line: bytes) -> Facts | None:
    try:
        return facts_of(orjson.loads(line)["event"])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None
