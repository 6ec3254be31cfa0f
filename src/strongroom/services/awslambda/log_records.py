"""What functions printed: log events as rows, sealed.

A stream's name holds 128 random bits, so it belongs to one process of one function and its events are numbered by the
worker that ran it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, insert, select

from strongroom.keyring import Keyring
from strongroom.store import Statement, Transaction
from strongroom.store.schema import log_events

__all__ = ["LogEvent", "LogStream", "SealedEvent", "insert_events", "read_log", "seal_event"]

_PURPOSE: Final = "function-log"


@dataclass(frozen=True, slots=True)
class LogStream:
    """One stream of one log group.

    Args:
        account: The account of the function.
        region: Its region.
        log_group: Such as ``/aws/lambda/<name>``.
        log_stream: Such as ``2026/01/31/[$LATEST]<32 hex digits>``.
    """

    account: str
    region: str
    log_group: str
    log_stream: str


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of output.

    Args:
        sequence: Grows along the stream.
        timestamp_ms: When it was printed, in milliseconds since the epoch.
        message: What was printed.
    """

    sequence: int
    timestamp_ms: int
    message: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """A log event as it is stored."""

    stream: LogStream
    sequence: int
    timestamp_ms: int
    message: bytes = field(repr=False)


_events = log_events.c

_INSERT: Final = Statement(
    insert(log_events).values(
        account=bindparam("account"),
        region=bindparam("region"),
        log_group=bindparam("log_group"),
        log_stream=bindparam("log_stream"),
        sequence=bindparam("sequence"),
        timestamp_ms=bindparam("timestamp_ms"),
        message=bindparam("message"),
    )
)
_READ: Final = Statement(
    select(_events.sequence, _events.timestamp_ms, _events.message)
    .where(
        _events.account == bindparam("of_account"),
        _events.region == bindparam("of_region"),
        _events.log_group == bindparam("of_group"),
        _events.log_stream == bindparam("of_stream"),
        _events.sequence > bindparam("after"),
    )
    .order_by(_events.sequence)
    .limit(bindparam("most"))
)


def seal_event(keyring: Keyring, stream: LogStream, event: LogEvent) -> SealedEvent:
    """Seal a log event for its place in its stream."""
    sealed = keyring.seal_system(_PURPOSE, event.message.encode(), _context(stream, event.sequence))
    return SealedEvent(stream, event.sequence, event.timestamp_ms, sealed)


def insert_events(transaction: Transaction, events: Sequence[SealedEvent]) -> None:
    """Store log events."""
    for event in events:
        stream = event.stream
        transaction.run(
            _INSERT,
            {
                "account": stream.account,
                "region": stream.region,
                "log_group": stream.log_group,
                "log_stream": stream.log_stream,
                "sequence": event.sequence,
                "timestamp_ms": event.timestamp_ms,
                "message": event.message,
            },
        )


def read_log(
    transaction: Transaction, keyring: Keyring, stream: LogStream, *, after: int = 0, most: int = 10_000
) -> list[LogEvent]:
    """The events of a stream in their order. One statement.

    Args:
        transaction: Where to look.
        keyring: Opens them.
        stream: The stream; one that does not exist has no events.
        after: Begin behind this sequence number.
        most: How many to answer.

    Raises:
        InvalidCiphertext: An event was altered, or moved here from elsewhere.
    """
    rows = transaction.all(
        _READ,
        {
            "of_account": stream.account,
            "of_region": stream.region,
            "of_group": stream.log_group,
            "of_stream": stream.log_stream,
            "after": after,
            "most": most,
        },
    )
    return [
        LogEvent(sequence, timestamp_ms, _opened(keyring, stream, sequence, bytes(message)))
        for sequence, timestamp_ms, message in rows
    ]


def _opened(keyring: Keyring, stream: LogStream, sequence: int, message: bytes) -> str:
    return keyring.open_system(_PURPOSE, message, _context(stream, sequence)).decode()


def _context(stream: LogStream, sequence: int) -> dict[str, str]:
    return {
        "Account": stream.account,
        "Region": stream.region,
        "LogGroup": stream.log_group,
        "LogStream": stream.log_stream,
        "Sequence": str(sequence),
    }
