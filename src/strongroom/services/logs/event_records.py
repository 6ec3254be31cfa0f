"""The rows of log events: sealed messages, ordered by timestamp and, among equals, by their coming.

A sequence number begins with the millisecond in which the event came, so it grows along a stream whoever writes to it;
a message is sealed for its place, so one that was moved or altered does not open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, tuple_

from strongroom.keyring import Keyring
from strongroom.services.logs.group_records import add_stored_bytes, find_group, insert_group
from strongroom.services.logs.names import GroupReference
from strongroom.services.logs.stream_records import insert_stream, note_events
from strongroom.store import Statement, Transaction
from strongroom.store.schema import log_events

__all__ = [
    "LARGEST_EVENT",
    "SEQUENCE_BITS",
    "LogEvent",
    "Position",
    "SealedEvent",
    "Window",
    "delete_oldest",
    "events_of_group",
    "events_of_stream",
    "first_sequence",
    "has_older",
    "insert_events",
    "last_sequence",
    "open_event",
    "seal_event",
]

LARGEST_EVENT: Final = 256 * 1024
"""Bytes of one message."""

SEQUENCE_BITS: Final = 20
"""How many events a stream may get in one millisecond, as a power of two."""

_PURPOSE: Final = "function-log"
_BATCH: Final = 64  # rows of one read: each may have `LARGEST_EVENT` bytes

Position = tuple[int, int, str]
"""Timestamp, sequence number and stream of an event."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event.

    Args:
        stream: The stream's name.
        sequence: Grows along the stream.
        timestamp_ms: When it happened, in milliseconds since the epoch.
        ingested_ms: When it came.
        message: What it says.
    """

    stream: str
    sequence: int
    timestamp_ms: int
    ingested_ms: int
    message: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event as it is stored."""

    stream: str
    sequence: int
    timestamp_ms: int
    ingested_ms: int
    message: bytes = field(repr=False)

    @property
    def position(self) -> Position:
        """Its place among the events of its stream or group."""
        return self.timestamp_ms, self.sequence, self.stream


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a log: the events between two places, both left out.

    Args:
        after: The place before the first.
        before: The place behind the last.
    """

    after: Position = (-1, 0, "")
    before: Position = (1 << 62, 0, "")


_E = log_events.c
_COLUMNS: Final = (_E.log_stream, _E.sequence, _E.timestamp_ms, _E.ingested_ms, _E.message)
_OF_GROUP: Final = (
    _E.account == bindparam("of_account"),
    _E.region == bindparam("of_region"),
    _E.log_group == bindparam("of_group"),
)
_OF_STREAM: Final = (*_OF_GROUP, _E.log_stream == bindparam("of_stream"))
_place = tuple_(_E.timestamp_ms, _E.sequence, _E.log_stream)
_WITHIN: Final = (
    _place > tuple_(bindparam("after_ms"), bindparam("after_sequence"), bindparam("after_stream")),
    _place < tuple_(bindparam("before_ms"), bindparam("before_sequence"), bindparam("before_stream")),
)
_UP: Final = (_E.timestamp_ms, _E.sequence, _E.log_stream)
_DOWN: Final = (_E.timestamp_ms.desc(), _E.sequence.desc(), _E.log_stream.desc())

_INSERT: Final = Statement(
    insert(log_events).values(
        account=bindparam("account"),
        region=bindparam("region"),
        log_group=bindparam("log_group"),
        log_stream=bindparam("log_stream"),
        sequence=bindparam("sequence"),
        timestamp_ms=bindparam("timestamp_ms"),
        ingested_ms=bindparam("ingested_ms"),
        message=bindparam("message"),
    )
)
_LAST: Final = Statement(select(func.max(_E.sequence)).where(*_OF_STREAM))
_STREAM_UP: Final = Statement(select(*_COLUMNS).where(*_OF_STREAM, *_WITHIN).order_by(*_UP).limit(_BATCH))
_STREAM_DOWN: Final = Statement(select(*_COLUMNS).where(*_OF_STREAM, *_WITHIN).order_by(*_DOWN).limit(_BATCH))
_GROUP_UP: Final = Statement(select(*_COLUMNS).where(*_OF_GROUP, *_WITHIN).order_by(*_UP).limit(_BATCH))
_GROUP_DOWN: Final = Statement(select(*_COLUMNS).where(*_OF_GROUP, *_WITHIN).order_by(*_DOWN).limit(_BATCH))

_OLDEST: Final = Statement(
    select(_E.timestamp_ms)
    .where(*_OF_GROUP, _E.timestamp_ms < bindparam("before_ms"))
    .order_by(_E.timestamp_ms)
    .limit(bindparam("most"))
)
_UNTIL: Final = (*_OF_GROUP, _E.timestamp_ms <= bindparam("last_ms"))
_BYTES: Final = Statement(select(func.coalesce(func.sum(func.length(_E.message)), 0)).where(*_UNTIL))
_DELETE: Final = Statement(delete(log_events).where(*_UNTIL))


def _of(group: GroupReference) -> dict[str, object]:
    return {"of_account": group.account, "of_region": group.region, "of_group": group.name}


def first_sequence(now_ms: int, last: int) -> int:
    """The number of the next event of a stream.

    Args:
        now_ms: Now, in milliseconds since the epoch.
        last: The number of the stream's last event; 0 before the first.
    """
    return max(now_ms << SEQUENCE_BITS, last + 1)


def last_sequence(transaction: Transaction, group: GroupReference, stream: str) -> int:
    """The number of a stream's last event; 0 before the first. One statement."""
    row = transaction.one(_LAST, {**_of(group), "of_stream": stream})
    return 0 if row is None or row[0] is None else int(row[0])


def seal_event(keyring: Keyring, group: GroupReference, event: LogEvent) -> SealedEvent:
    """Seal an event for its place in its stream."""
    context = _context(group, event.stream, event.sequence)
    sealed = keyring.seal_system(_PURPOSE, event.message.encode(), context)
    return SealedEvent(event.stream, event.sequence, event.timestamp_ms, event.ingested_ms, sealed)


def open_event(keyring: Keyring, group: GroupReference, event: SealedEvent) -> LogEvent:
    """The event in clear.

    Raises:
        InvalidCiphertext: It was altered, or moved here from elsewhere.
    """
    message = keyring.open_system(_PURPOSE, event.message, _context(group, event.stream, event.sequence))
    return LogEvent(event.stream, event.sequence, event.timestamp_ms, event.ingested_ms, message.decode())


def insert_events(
    transaction: Transaction, group: GroupReference, stream: str, events: Sequence[SealedEvent], now_ms: int
) -> None:
    """Store events of one stream. Group and stream are made if they are missing.

    Args:
        transaction: A write.
        group: The group.
        stream: The stream's name.
        events: The events; one at least.
        now_ms: Now, in milliseconds since the epoch.
    """
    times = [event.timestamp_ms for event in events]
    first_ms, last_ms = min(times), max(times)
    if not note_events(transaction, group, stream, first_ms=first_ms, last_ms=last_ms, now_ms=now_ms):
        if find_group(transaction, group) is None:
            insert_group(transaction, group, now_ms)
        insert_stream(transaction, group, stream, now_ms)
        note_events(transaction, group, stream, first_ms=first_ms, last_ms=last_ms, now_ms=now_ms)
    for event in events:
        transaction.run(
            _INSERT,
            {
                "account": group.account,
                "region": group.region,
                "log_group": group.name,
                "log_stream": stream,
                "sequence": event.sequence,
                "timestamp_ms": event.timestamp_ms,
                "ingested_ms": event.ingested_ms,
                "message": event.message,
            },
        )
    add_stored_bytes(transaction, group, sum(len(event.message) for event in events))


def events_of_stream(
    transaction: Transaction, group: GroupReference, stream: str, window: Window, *, newest_first: bool = False
) -> Iterator[SealedEvent]:
    """The events of a stream within a window, read as they are asked for."""
    statement = _STREAM_DOWN if newest_first else _STREAM_UP
    return _events(transaction, statement, {**_of(group), "of_stream": stream}, window, newest_first=newest_first)


def events_of_group(
    transaction: Transaction, group: GroupReference, window: Window, *, newest_first: bool = False
) -> Iterator[SealedEvent]:
    """The events of all streams of a group within a window, read as they are asked for."""
    statement = _GROUP_DOWN if newest_first else _GROUP_UP
    return _events(transaction, statement, _of(group), window, newest_first=newest_first)


def _events(
    transaction: Transaction,
    statement: Statement,
    parameters: dict[str, object],
    window: Window,
    *,
    newest_first: bool,
) -> Iterator[SealedEvent]:
    after, before = window.after, window.before
    while True:
        rows = transaction.all(
            statement,
            parameters
            | {
                "after_ms": after[0],
                "after_sequence": after[1],
                "after_stream": after[2],
                "before_ms": before[0],
                "before_sequence": before[1],
                "before_stream": before[2],
            },
        )
        for stream, sequence, timestamp_ms, ingested_ms, message in rows:
            came_ms = timestamp_ms if ingested_ms is None else ingested_ms
            yield SealedEvent(stream, sequence, timestamp_ms, came_ms, bytes(message))
        if len(rows) < _BATCH:
            return
        last = (rows[-1][2], rows[-1][1], rows[-1][0])
        after, before = (after, last) if newest_first else (last, before)


def has_older(transaction: Transaction, group: GroupReference, before_ms: int) -> bool:
    """Whether a group has events with timestamps below ``before_ms``. One statement."""
    return transaction.one(_OLDEST, {**_of(group), "before_ms": before_ms, "most": 1}) is not None


def delete_oldest(transaction: Transaction, group: GroupReference, before_ms: int, most: int) -> int:
    """Delete about ``most`` of a group's events with timestamps below ``before_ms``, the oldest first.

    Events of one millisecond go together.

    Returns:
        How many were deleted.
    """
    rows = transaction.all(_OLDEST, {**_of(group), "before_ms": before_ms, "most": most})
    if not rows:
        return 0
    until = {**_of(group), "last_ms": rows[-1][0]}
    found = transaction.one(_BYTES, until)
    deleted = transaction.run(_DELETE, until)
    add_stored_bytes(transaction, group, -int(found[0]) if found is not None else 0)
    return deleted


def _context(group: GroupReference, stream: str, sequence: int) -> dict[str, str]:
    return {
        "Account": group.account,
        "Region": group.region,
        "LogGroup": group.name,
        "LogStream": stream,
        "Sequence": str(sequence),
    }
