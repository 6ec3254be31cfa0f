"""One process's side of the Runtime API: which invocation it has, and what it answered.

The rules are those of AWS's "Using the Lambda runtime API": the process asks for the next invocation and waits; it
answers that invocation, by its id, exactly once; then it asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

__all__ = ["Answer", "Channel", "Invocation", "Reply", "ReplySlot"]

_PREFIX = "/2018-06-01/runtime/"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way to a process."""

    request_id: str
    payload: bytes = field(repr=False)
    deadline_ms: int
    function_arn: str
    trace_id: str
    client_context: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a process made of an invocation: its answer, or its error document."""

    payload: bytes = field(repr=False)
    failed: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response of the Runtime API."""

    status: HTTPStatus
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class ReplySlot(Protocol):
    """Where the response to one HTTP request goes, now or later."""

    @property
    def open(self) -> bool:
        """Whether the client is still there."""
        ...

    def send(self, reply: Reply) -> None:
        """Send the response."""
        ...


def _error(status: HTTPStatus, kind: str, message: str) -> Reply:
    return Reply(status, b'{"errorMessage":"%s","errorType":"%s"}' % (message.encode(), kind.encode()))


_ACCEPTED = Reply(HTTPStatus.ACCEPTED, b'{"status":"OK"}')
_WRONG_STATE = _error(HTTPStatus.FORBIDDEN, "InvalidStateTransition", "State transition is not allowed")
_WRONG_ID = _error(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
_UNKNOWN = _error(HTTPStatus.NOT_FOUND, "NotFound", "There is no such resource in the Lambda runtime API")
_TOO_LARGE = _error(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", "Exceeded maximum allowed payload size"
)


class Channel:
    """The state of the conversation with one process.

    Attributes:
        started: Done once the process asks for its first invocation (None) or reports that it cannot (its error).
    """

    __slots__ = ("_answer", "_current", "_delivered", "_loop", "_poll", "started")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.started: asyncio.Future[bytes | None] = self._loop.create_future()
        self._poll: ReplySlot | None = None
        self._current: Invocation | None = None
        self._delivered = False
        self._answer: asyncio.Future[Answer] | None = None

    def assign(self, invocation: Invocation) -> asyncio.Future[Answer]:
        """Give the process its next invocation; the future is its answer."""
        self._current = invocation
        self._delivered = False
        self._answer = self._loop.create_future()
        self._deliver()
        return self._answer

    def handle(self, method: str, path: str, body: bytes, slot: ReplySlot) -> None:
        """Serve one request of the process.

        Args:
            method: HTTP method.
            path: The path after the token, starting with ``/``.
            body: The whole body.
            slot: Where the response goes.
        """
        match (method, path.removeprefix(_PREFIX).split("/") if path.startswith(_PREFIX) else []):
            case ("GET", ["invocation", "next"]):
                self._next(slot)
            case ("POST", ["invocation", request_id, "response" | "error" as kind]):
                slot.send(self._finish(request_id, Answer(body, failed=kind == "error")))
            case ("POST", ["init", "error"]):
                slot.send(self._cannot_start(body))
            case _:
                slot.send(_UNKNOWN)

    def refuse_size(self, slot: ReplySlot, limit: int) -> None:
        """The process sent a body of more than ``limit`` bytes: that is its answer, and a failure."""
        if self._answer is not None and not self._answer.done():
            message = b"Response payload size exceeded maximum allowed payload size (%d bytes)." % limit
            document = b'{"errorMessage":"%s","errorType":"Function.ResponseSizeTooLarge"}' % message
            self._answer.set_result(Answer(document, failed=True))
        slot.send(_TOO_LARGE)

    def _next(self, slot: ReplySlot) -> None:
        if self._delivered:
            slot.send(_WRONG_STATE)
            return
        if self._poll is not None and self._poll.open:
            self._poll.send(_WRONG_STATE)  # the newest request is the one that waits
        self._poll = slot
        if not self.started.done():
            self.started.set_result(None)
        self._deliver()

    def _deliver(self) -> None:
        slot, invocation = self._poll, self._current
        if slot is None or invocation is None or self._delivered or not slot.open:
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        if invocation.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        self._poll = None
        self._delivered = True
        slot.send(Reply(HTTPStatus.OK, invocation.payload, headers))

    def _finish(self, request_id: str, answer: Answer) -> Reply:
        current, future = self._current, self._answer
        if current is None or not self._delivered or current.request_id != request_id:
            return _WRONG_ID
        self._current = None
        self._delivered = False
        if future is not None and not future.done():
            future.set_result(answer)
        return _ACCEPTED

    def _cannot_start(self, body: bytes) -> Reply:
        if self.started.done():
            return _WRONG_STATE
        self.started.set_result(body)
        return _ACCEPTED
