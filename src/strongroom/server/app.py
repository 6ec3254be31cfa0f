"""The ASGI application: HTTP bytes in, HTTP bytes out, and the health pages.

Written straight on ASGI: there are two pages and one door, and every layer between the socket and the dispatcher is
paid for by each read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Final, Protocol

import orjson

from strongroom.wire import HttpRequest, HttpResponse

__all__ = ["Application", "Handler"]

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_SMALL_BODY: Final = 1 << 20
_LOG_BODY: Final = 4 << 20
_LOG_TARGET: Final = (b"x-amz-target", b"Logs_20140328.PutLogEvents")
_LARGE_BODY: Final = 70 << 20
_LARGE_BODY_PATHS: Final = (b"/2015-03-31/functions", b"/2018-10-31/layers")
_LARGEST_DRAIN: Final = 8 << 20


class Handler(Protocol):
    """What the application needs behind it."""

    def handle(self, request: HttpRequest, *, secure: bool) -> Coroutine[None, None, HttpResponse]:
        """Answer one AWS request. Never raises."""
        ...

    def answer_again(self, request: HttpRequest, *, secure: bool, respond: Callable[[HttpResponse], None]) -> bool:
        """Answer a request that repeats an earlier one, without waiting.

        Returns:
            Whether ``respond`` was or will be called. Otherwise `handle` is to be called.
        """
        ...

    async def problems(self) -> list[str]:
        """What keeps this worker from serving, in plain words; empty when it is ready."""
        ...

    async def warnings(self) -> list[str]:
        """What needs an operator but keeps nobody from being served, in plain words."""
        ...


class Application:
    """The application that uvicorn runs.

    Args:
        handler: Answers AWS requests and says what is wrong with this worker.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection scope (HTTP only)."""
        if scope["type"] != "http":
            return
        path: bytes = scope["raw_path"]
        if path.startswith(b"/health/"):
            response = await self._health(path)
        else:
            limit = _body_limit(path, scope["headers"])
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body: bytes | None = message["body"]
            if message["more_body"]:
                body = await _rest_of_body(message["body"], receive, limit)
            if body is None:
                return
            if len(body) > limit:
                response = _TOO_LARGE
            else:
                client = scope["client"]
                request = HttpRequest(
                    method=scope["method"],
                    raw_path=path,
                    query_string=scope["query_string"],
                    headers=tuple(scope["headers"]),
                    body=body,
                    client_address=client[0] if client else "",
                )
                response = await self._handler.handle(request, secure=scope["scheme"] == "https")
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": response.body})

    def answer(self, request: HttpRequest, *, secure: bool) -> Coroutine[None, None, HttpResponse]:
        """The answer to an AWS request that has arrived whole, within the limits. Never raises.

        `strongroom.server.connection` comes in here, past the protocol that the rest of this class speaks.
        """
        return self._handler.handle(request, secure=secure)

    def answer_again(self, request: HttpRequest, *, secure: bool, respond: Callable[[HttpResponse], None]) -> bool:
        """As `Handler.answer_again`; for `strongroom.server.connection` too."""
        return self._handler.answer_again(request, secure=secure, respond=respond)

    async def _health(self, path: bytes) -> HttpResponse:
        if path == b"/health/live":
            return _json(200, {"status": "live"})
        if path == b"/health/ready":
            problems = await self._handler.problems()
            status = "not ready" if problems else "ready"
            page: dict[str, object] = {"status": status, "problems": problems}
            warnings = [] if problems else await self._handler.warnings()
            if warnings:
                page["warnings"] = warnings
            return _json(503 if problems else 200, page)
        return _json(404, {"status": "no such page"})


def _body_limit(path: bytes, headers: Collection[tuple[bytes, bytes]]) -> int:
    """How many bytes are read for a request, at most. The router knows what its operation takes."""
    if path.startswith(_LARGE_BODY_PATHS):
        return _LARGE_BODY
    return _LOG_BODY if _LOG_TARGET in headers else _SMALL_BODY


async def _rest_of_body(first: bytes, receive: Receive, limit: int) -> bytes | None:
    """Gather a body that comes in pieces; None when the client went away or was cut off for being slow.

    Of a body past the limit the rest is read and dropped, so that the client gets to read why it is refused; but not
    for ever.
    """
    pieces, size, more = [first], len(first), True
    while more and size <= limit + _LARGEST_DRAIN:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message["body"]
        if size <= limit:
            pieces.append(piece)
        size += len(piece)
        more = message["more_body"]
    return b"".join(pieces)


def _json(status: int, document: dict[str, object]) -> HttpResponse:
    body = orjson.dumps(document)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return HttpResponse(status, headers, body)


_TOO_LARGE: Final = _json(
    413, {"__type": "RequestEntityTooLargeException", "Message": "The request body is larger than this service takes."}
)
_TOO_LARGE.headers.append((b"connection", b"close"))  # some of the body may still be on its way
