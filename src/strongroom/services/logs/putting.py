"""Events from outside: PutLogEvents.

Source: CloudWatch Logs API Reference, "PutLogEvents": a batch is in the order of time, spans a day at most, has a
megabyte at most, counting 26 bytes for each event; events from further away than two hours in the future, two weeks in
the past or the group's retention are left out, and the answer says so. Sequence tokens are accepted and mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from strongroom.services.call import Call
from strongroom.services.logs import failures
from strongroom.services.logs.access import authorized_group
from strongroom.services.logs.base import Operations
from strongroom.services.logs.event_records import (
    LARGEST_EVENT,
    LogEvent,
    first_sequence,
    insert_events,
    last_sequence,
    seal_event,
)
from strongroom.services.logs.group_records import GroupRecord
from strongroom.services.logs.names import GroupReference
from strongroom.services.logs.stream_records import find_stream
from strongroom.store import Transaction

__all__ = ["PuttingOperations"]

_LARGEST_BATCH: Final = 1024 * 1024
_EVENT_OVERHEAD: Final = 26
_DAY_MS: Final = 24 * 3600 * 1000
_FUTURE_MS: Final = 2 * 3600 * 1000
_PAST_MS: Final = 14 * _DAY_MS

Given = Mapping[str, object]


class PuttingOperations(Operations):
    """PutLogEvents."""

    async def put_log_events(
        self,
        call: Call,
        *,
        logGroupName: str,
        logStreamName: str,
        logEvents: Sequence[Given],
        sequenceToken: str | None = None,
        entity: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """Add events to a stream.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such group or stream; ``InvalidParameterException``: the batch
                is out of order or too large.
        """
        del sequenceToken, entity
        reference = GroupReference(call.account, call.region, logGroupName)
        given = [(int(str(event["timestamp"])), str(event["message"])) for event in logEvents]

        def work(transaction: Transaction) -> Mapping[str, object]:
            group = authorized_group(transaction, call, "logs:PutLogEvents", reference, stream=logStreamName)
            _check_batch(given)
            if find_stream(transaction, reference, logStreamName) is None:
                raise failures.stream_not_found()
            rejected = _rejected(given, group, call.now_ms)
            first = max(rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0))
            kept = given[first : rejected.get("tooNewLogEventStartIndex")]
            if kept:
                self._store(transaction, reference, logStreamName, kept, call.now_ms)
            answer: dict[str, object] = {"nextSequenceToken": str(call.now_ms)}
            return answer | {"rejectedLogEventsInfo": rejected} if rejected else answer

        return dict(await call.write(work))

    def _store(
        self,
        transaction: Transaction,
        group: GroupReference,
        stream: str,
        events: Sequence[tuple[int, str]],
        now_ms: int,
    ) -> None:
        first = first_sequence(now_ms, last_sequence(transaction, group, stream))
        sealed = [
            seal_event(self._keyring, group, LogEvent(stream, first + place, timestamp_ms, now_ms, message))
            for place, (timestamp_ms, message) in enumerate(events)
        ]
        insert_events(transaction, group, stream, sealed, now_ms)


def _check_batch(events: Sequence[tuple[int, str]]) -> None:
    if any(first > second for (first, _), (second, _) in pairwise(events)):
        raise failures.invalid_parameter("Log events in a single PutLogEvents request must be in chronological order.")
    if events and events[-1][0] - events[0][0] > _DAY_MS:
        raise failures.invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    sizes = [len(message.encode()) for _, message in events]
    if any(size > LARGEST_EVENT for size in sizes):
        raise failures.invalid_parameter(f"Log event too large: more than {LARGEST_EVENT} bytes.")
    total = sum(sizes) + _EVENT_OVERHEAD * len(sizes)
    if total > _LARGEST_BATCH:
        raise failures.invalid_parameter(f"Upload too large: {total} bytes exceeds limit of {_LARGEST_BATCH}")


def _rejected(events: Sequence[tuple[int, str]], group: GroupRecord, now_ms: int) -> dict[str, int]:
    """Which events of a batch are left out, as the model's ``RejectedLogEventsInfo`` tells it."""
    times = [timestamp_ms for timestamp_ms, _ in events]
    rejected: dict[str, int] = {}
    too_old = sum(time < now_ms - _PAST_MS for time in times)
    too_new = sum(time > now_ms + _FUTURE_MS for time in times)
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if too_new:
        rejected["tooNewLogEventStartIndex"] = len(times) - too_new
    if group.retention_days is not None:
        expired = sum(time < now_ms - group.retention_days * _DAY_MS for time in times)
        if expired > too_old:
            rejected["expiredLogEventEndIndex"] = expired
    return rejected
