"""Index and trail as they were at one moment: what is indexed, and the records behind it that are not yet."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from strongroom.audit.blocks import BLOCK_LENGTH
from strongroom.audit.index.consumers import Consumption, consumption_of, consumptions, merge
from strongroom.audit.index.database import Position, read_position
from strongroom.audit.index.facts import NAMED, Attribute, facts_of, seconds_of
from strongroom.audit.index.ids import keys_of_id
from strongroom.audit.index.keys import KeyMaker, second
from strongroom.audit.index.postings import keys_down
from strongroom.audit.index.records import StoredRecord, durable_end, records_from
from strongroom.audit.index.wanted import FoundEvent, Wanted
from strongroom.audit.segments import Segment, segments
from strongroom.errors import StrongroomError

__all__ = ["IndexBehindError", "View", "found_event", "time_of"]

_LONGEST_TAIL: Final = 48 << 20
"""Bytes of records that are not indexed through which a lookup looks: what a busy host records in some seconds."""

_RECORD_BYTES: Final = 2048
_LONGEST_RECORD: Final = 1 << 20
_TIME: Final = b'"eventTime":"'
_TIME_LENGTH: Final = 20  # 2026-01-31T12:00:00Z
_TERMS: Final = "SELECT id, account, region FROM terms WHERE value = ? AND attribute = ?"
_NAMED_TERMS: Final = (
    "SELECT id, account, region FROM terms WHERE id IN (SELECT term FROM aliases WHERE name = ?) AND attribute = ?"
)
_NOT_WRITTEN: Final = frozenset({Attribute.RESOURCE_TYPE, Attribute.OUTCOME})
"""Attributes whose values may stand nowhere in the record: a resource that only the request names has no type there."""


class IndexBehindError(StrongroomError):
    """So much of the trail is not indexed yet that a lookup would take long: the index is being made."""


class View:
    """What a lookup sees.

    Args:
        folder: The audit folder.
        database: The index, in a transaction; None when there is none.

    Attributes:
        end: Where what is seen ends: the first sequence of a file of the trail, and an offset in it.

    Raises:
        IndexBehindError: The index is far behind the trail.
        OSError: The trail cannot be read.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection | None) -> None:
        self._database = database
        position = Position() if database is None else read_position(database)
        end = durable_end(folder)
        found = segments(folder)
        self._files = {segment.first_sequence: segment for segment in found}
        self._blocks: dict[tuple[int, int], bytes] = {}
        self._tail: list[tuple[int, bytes]] = []
        self.end = position.file, position.offset
        self._read_tail(KeyMaker(database), records_from(found, *self.end, end))

    def events(self, wanted: Wanted) -> Iterator[FoundEvent]:
        """Events, the newest first.

        Args:
            wanted: Which.
        """
        fresh = sorted(self._fresh(wanted), key=_key, reverse=True)
        return heapq.merge(fresh, self._indexed(wanted), key=_key, reverse=True)

    def consumptions(self, secret: str) -> list[Consumption]:
        """What was read of a secret, one for each consumer and version.

        Args:
            secret: Its ARN.
        """
        known = [] if self._database is None else consumptions(self._database, secret)
        found = {(each.consumer, each.version): each for each in known}
        for event in self._fresh(Wanted(attribute=Attribute.RESOURCE_NAME, value=secret)):
            reading = facts_of(event.event).reading
            if reading is not None and reading.secret == secret:
                read = consumption_of(reading, [event.key])
                before = found.get((read.consumer, read.version))
                found[read.consumer, read.version] = read if before is None else merge(before, read)
        return list(found.values())

    def _read_tail(self, keys: KeyMaker, records: Iterator[StoredRecord]) -> None:
        """Read the records that are not indexed yet, and number them as the index will."""
        size = 0
        for record in records:
            size += len(record.line)
            if size > _LONGEST_TAIL:
                raise IndexBehindError(f"record {record.sequence} of the trail is not indexed yet")
            self._tail.append((keys.key(time_of(record.line)), record.line))
            self.end = record.file, record.offset + len(record.line) + 1

    def _fresh(self, wanted: Wanted) -> Iterator[FoundEvent]:
        """Events that are not indexed yet, in the order of the trail."""
        # What is looked up stands in the record as it is written here, which spares parsing the other records.
        needle = b"" if wanted.attribute in _NOT_WRITTEN else orjson.dumps(wanted.value)[1:-1]
        for key, line in self._tail:
            if wanted.covers(key) and needle in line:
                event = found_event(key, line, wanted)
                if event is not None:
                    yield event

    def _indexed(self, wanted: Wanted) -> Iterator[FoundEvent]:
        """Events that are indexed, the newest first. Those whose file is gone are passed over."""
        database = self._database
        if database is None:
            return
        for key in _indexed_keys(database, wanted):
            place = database.execute("SELECT file, offset FROM events WHERE key = ?", (key,)).fetchone()
            line = None if place is None else self._line(*place)
            event = None if line is None else found_event(key, line, wanted)
            if event is not None:
                yield event

    def _line(self, file: int, offset: int) -> bytes | None:
        """The line that begins at a place in the trail."""
        segment = self._files.get(file)
        length = _RECORD_BYTES
        while segment is not None and length <= _LONGEST_RECORD:
            try:
                line, newline, _ = self._read(segment, offset, length).partition(b"\n")
            except (FileNotFoundError, ValueError):  # deleted since, or damaged, which verifying tells of
                return None
            if newline:
                return line
            length *= 8
        return None

    def _read(self, segment: Segment, offset: int, length: int) -> bytes:
        """Bytes of a file. Records of one page stand near to each other, so a block is decompressed once."""
        if not segment.compressed:
            return segment.read(offset, length)
        number, skip = divmod(offset, BLOCK_LENGTH)
        found = self._block(segment, number)
        if len(found) < skip + length:
            found += self._block(segment, number + 1)
        return found[skip : skip + length]

    def _block(self, segment: Segment, number: int) -> bytes:
        place = segment.first_sequence, number
        block = self._blocks.get(place)
        if block is None:
            block = self._blocks[place] = segment.read(number * BLOCK_LENGTH, BLOCK_LENGTH)
        return block


def _indexed_keys(database: sqlite3.Connection, wanted: Wanted) -> Iterator[int]:
    """Keys of events that may be wanted, the highest first."""
    if wanted.attribute is Attribute.EVENT_ID:
        return iter(sorted(filter(wanted.covers, keys_of_id(database, wanted.value)), reverse=True))
    lists = [keys_down(database, term, wanted.lowest, wanted.ceiling) for term in _terms(database, wanted)]
    return lists[0] if len(lists) == 1 else _without_repeats(heapq.merge(*lists, reverse=True))


def _terms(database: sqlite3.Connection, wanted: Wanted) -> list[int]:
    """The terms that are wanted: one in each place, and one for each ARN that has a name."""
    found = database.execute(_TERMS, (wanted.value, int(wanted.attribute))).fetchall()
    if wanted.attribute in NAMED:
        found += database.execute(_NAMED_TERMS, (wanted.value, int(wanted.attribute)))
    return [
        int(number)
        for number, account, region in found
        if wanted.account in {None, account} and wanted.region in {None, region}
    ]


def _without_repeats(keys: Iterator[int]) -> Iterator[int]:
    before = -1
    for key in keys:
        if key != before:
            yield key
        before = key


def found_event(key: int, line: bytes, wanted: Wanted) -> FoundEvent | None:
    """The event of a record, if it is one and is wanted.

    Args:
        key: The key of the event.
        line: The record.
        wanted: What is wanted.
    """
    try:
        record = orjson.loads(line)
        event = record["event"]
        sequence = int(record["sequence"])
        facts = facts_of(event)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return FoundEvent(key, sequence, event) if facts.seconds == second(key) and wanted.admits(facts) else None


def _key(event: FoundEvent) -> int:
    return event.key


def time_of(line: bytes) -> int:
    """When the event of a record happened, in seconds since the epoch, without taking the record apart."""
    start = line.find(_TIME) + len(_TIME)
    return seconds_of(line[start : start + _TIME_LENGTH].decode("latin-1"))
