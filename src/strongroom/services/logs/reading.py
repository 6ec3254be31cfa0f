"""Reading logs: GetLogEvents and FilterLogEvents.

Messages are opened and searched on a thread of their own, so many at a time that an answer has a megabyte at most. A
page may hold less than was asked for, none even; its token leads on (CloudWatch Logs API Reference, both operations).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from strongroom.services.call import Call
from strongroom.services.logs import failures
from strongroom.services.logs.access import authorized_group
from strongroom.services.logs.base import Operations
from strongroom.services.logs.event_records import (
    LogEvent,
    Position,
    SealedEvent,
    Window,
    events_of_group,
    events_of_stream,
    open_event,
)
from strongroom.services.logs.names import GroupReference, parse_group
from strongroom.services.logs.paging import page_after, page_token
from strongroom.services.logs.patterns import compile_pattern
from strongroom.services.logs.stream_records import find_stream
from strongroom.store import Transaction

__all__ = ["ReadingOperations"]

_MOST: Final = 10_000  # events of a page
_MOST_BYTES: Final = 1024 * 1024  # of a page
_MOST_SEARCHED: Final = 10_000  # events that one call of FilterLogEvents looks at
_MOST_SEARCHED_BYTES: Final = 8 * 1024 * 1024
_NOWHERE: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class _Page:
    """Sealed events, and whether there may be more behind the last."""

    events: list[SealedEvent]
    more: bool


class ReadingOperations(Operations):
    """GetLogEvents and FilterLogEvents."""

    async def get_log_events(
        self,
        call: Call,
        *,
        logGroupName: str | None = None,
        logGroupIdentifier: str | None = None,
        logStreamName: str,
        startTime: int = 0,
        endTime: int = _NOWHERE,
        nextToken: str | None = None,
        limit: int = _MOST,
        startFromHead: bool = False,
        unmask: bool = False,
    ) -> dict[str, object]:
        """The events of a stream, in their order; the newest ones first of all, unless ``startFromHead`` says so.

        At the end of the stream a token leads to itself.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such group or stream; ``InvalidParameterException``: the token
                is none of ours.
        """
        del unmask
        reference = parse_group(logGroupName, logGroupIdentifier, call.account, call.region)
        span = Window((startTime, -1, ""), (endTime, -1, ""))
        token = _Token.parse(nextToken)
        backwards = not startFromHead if token is None else token.direction == "b"
        window = span if token is None else token.narrowed(span)

        def work(transaction: Transaction) -> _Page:
            authorized_group(transaction, call, "logs:GetLogEvents", reference, stream=logStreamName)
            if find_stream(transaction, reference, logStreamName) is None:
                raise failures.stream_not_found()
            found = events_of_stream(transaction, reference, logStreamName, window, newest_first=backwards)
            return _taken(found, limit, _MOST_BYTES)

        page = await call.read(work)
        events = page.events[::-1] if backwards else page.events
        opened = await asyncio.to_thread(self._opened, reference, events)
        if events:
            forward, backward = events[-1].position, events[0].position
        elif token is not None:
            forward = backward = token.position
        else:
            forward, backward = window.after, window.before if backwards else window.after
        return {
            "events": [_output(event) for event in opened],
            "nextForwardToken": str(_Token("f", forward)),
            "nextBackwardToken": str(_Token("b", backward)),
        }

    async def filter_log_events(
        self,
        call: Call,
        *,
        logGroupName: str | None = None,
        logGroupIdentifier: str | None = None,
        logStreamNames: Sequence[str] = (),
        logStreamNamePrefix: str | None = None,
        startTime: int = 0,
        endTime: int = _NOWHERE - 1,
        filterPattern: str = "",
        nextToken: str | None = None,
        limit: int = _MOST,
        startFromHead: bool = True,
        interleaved: bool | None = None,
        unmask: bool = False,
    ) -> dict[str, object]:
        """The events of a group, or of some of its streams, that match a pattern, by time.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``InvalidParameterException``: the pattern or the token cannot be
                read, or streams are chosen in two ways.
        """
        del unmask, interleaved  # always interleaved, as on AWS since 2019
        reference = parse_group(logGroupName, logGroupIdentifier, call.account, call.region)
        matches = compile_pattern(filterPattern)
        if logStreamNames and logStreamNamePrefix is not None:
            raise failures.invalid_parameter("logStreamNames and logStreamNamePrefix are mutually exclusive.")
        chosen = _stream_filter(logStreamNames, logStreamNamePrefix)
        window = Window((startTime, -1, ""), (endTime + 1, -1, ""))
        token = page_after(nextToken, 3)
        if token is not None:
            place = _position(token)
            window = Window(place, window.before) if startFromHead else Window(window.after, place)

        def work(transaction: Transaction) -> _Page:
            authorized_group(transaction, call, "logs:FilterLogEvents", reference)
            found = events_of_group(transaction, reference, window, newest_first=not startFromHead)
            return _taken(found, _MOST_SEARCHED, _MOST_SEARCHED_BYTES)

        page = await call.read(work)
        found, last = await asyncio.to_thread(self._searched, reference, page.events, chosen, matches, limit)
        answer: dict[str, object] = {"events": [_filtered(event) for event in found], "searchedLogStreams": []}
        rest = last is not None and (page.more or last != page.events[-1].position)
        return answer | {"nextToken": page_token(*last)} if rest and last is not None else answer

    def _opened(self, group: GroupReference, events: Sequence[SealedEvent]) -> list[LogEvent]:
        return [open_event(self._keyring, group, event) for event in events]

    def _searched(
        self,
        group: GroupReference,
        events: Sequence[SealedEvent],
        chosen: Callable[[str], bool],
        matches: Callable[[str], bool],
        limit: int,
    ) -> tuple[list[LogEvent], Position | None]:
        """The events that match, as many as an answer takes, and the place of the last that was looked at."""
        found: list[LogEvent] = []
        last: Position | None = None
        size = 0
        for sealed in events:
            last = sealed.position
            if not chosen(sealed.stream):
                continue
            event = open_event(self._keyring, group, sealed)
            if matches(event.message):
                found.append(event)
                size += len(sealed.message)
                if len(found) >= limit or size >= _MOST_BYTES:
                    break
        return found, last


def _taken(events: Iterable[SealedEvent], most: int, most_bytes: int) -> _Page:
    """So many events of a log as make a page: one at least."""
    taken: list[SealedEvent] = []
    size = 0
    for event in events:
        if taken and (len(taken) >= most or size + len(event.message) > most_bytes):
            return _Page(taken, more=True)
        taken.append(event)
        size += len(event.message)
    return _Page(taken, more=False)


def _stream_filter(names: Sequence[str], prefix: str | None) -> Callable[[str], bool]:
    if names:
        wanted = frozenset(names)
        return lambda name: name in wanted
    return lambda name: name.startswith(prefix or "")


@dataclass(frozen=True, slots=True)
class _Token:
    """Where a page of GetLogEvents goes on, and in which direction."""

    direction: Literal["f", "b"]
    position: Position

    def __str__(self) -> str:
        return f"{self.direction}/{page_token(*self.position)}"

    @classmethod
    def parse(cls, text: str | None) -> _Token | None:
        if text is None:
            return None
        direction, _, rest = text.partition("/")
        values = page_after(rest, 3)
        if values is None or direction not in {"f", "b"}:
            raise failures.invalid_parameter("The specified nextToken is invalid.")
        return cls("f" if direction == "f" else "b", _position(values))

    def narrowed(self, span: Window) -> Window:
        """The part of ``span`` that lies on this token's side."""
        if self.direction == "f":
            return Window(max(span.after, self.position), span.before)
        return Window(span.after, min(span.before, self.position))


def _position(values: Sequence[str]) -> Position:
    try:
        return int(values[0]), int(values[1]), values[2]
    except ValueError:
        raise failures.invalid_parameter("The specified nextToken is invalid.") from None


def _output(event: LogEvent) -> dict[str, object]:
    """An event in the model's ``OutputLogEvent``."""
    return {"timestamp": event.timestamp_ms, "message": event.message, "ingestionTime": event.ingested_ms}


def _filtered(event: LogEvent) -> dict[str, object]:
    """An event in the model's ``FilteredLogEvent``; its id is of digits, as AWS's are, and tells its place."""
    place = event.stream.encode().hex()
    return {
        "logStreamName": event.stream,
        **_output(event),
        "eventId": f"{event.timestamp_ms:015d}{event.sequence:020d}{int(place or '0', 16) % 10**21:021d}",
    }
