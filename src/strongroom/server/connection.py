"""One client connection: uvicorn's HTTP/1.1 protocol with bounds on what a stranger can make it keep, and a short way.

The parser below has no limits of its own. Here a request's head has a largest size, and a request has a longest time
to arrive, so a client that sends headers without end, or one byte a minute, costs a bounded amount and is then cut off.

The short way is for what almost every request is: a POST to ``/`` that arrives whole with one read on an idle
connection. It needs none of ASGI's pieces (a scope, messages for head and body in both directions, an event to wait
on), which cost as much as half of a whole bare reply. Everything else is given to uvicorn as if it had just arrived.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from strongroom.server.app import Application
from strongroom.wire import HttpRequest, HttpResponse

__all__ = ["Connection"]

_LARGEST_HEAD: Final = 64 << 10
"""Bytes of request line and headers that may be kept while the head is not complete."""

_ARRIVAL_SECONDS: Final = 30.0
"""How long a request may take from its first byte to its last."""


class _Exchange:
    """A request on the short way, and its answer. Stands where uvicorn keeps its own: it asks for these attributes."""

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete", "task")

    def __init__(self, message_event: asyncio.Event, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.message_event = message_event
        self.disconnected = False
        self.response_complete = False
        self.task: asyncio.Task[None] | None = None


class Connection(HttpToolsProtocol):
    """Reads requests from one connection. The arguments are those with which uvicorn makes its protocols."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._application = config.app if isinstance(config.app, Application) else None
        self._event = asyncio.Event()  # for uvicorn to set; nobody waits
        self._in_head = False
        self._arriving = False
        self._held = False
        """Whether uvicorn does not know of the present request yet."""
        self._head_bytes = 0
        self._body = b""
        self._deadline: asyncio.TimerHandle | None = None
        self._answered_at = 0.0
        self._idle_check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin. A client that connects and says nothing is treated as one that is idle between requests."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        if self._idle_check is not None:
            self._idle_check.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came. An unfinished request gets a deadline, an unfinished head is measured."""
        super().data_received(data)
        if self._held and self._arriving and not self._in_head:
            self._give_to_uvicorn()
        if not self._arriving:
            if self._deadline is not None:
                self._stop_waiting()
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _LARGEST_HEAD:
                self.transport.close()
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(_ARRIVAL_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        """A request begins. Its head is gathered here, as the base class does it."""
        self._in_head = self._arriving = self._held = True
        self._head_bytes = 0
        self._body = b""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Its head is complete."""
        self._in_head = False

    def on_body(self, body: bytes) -> None:
        """A piece of its body came."""
        if self._held:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """It has arrived."""
        self._arriving = False
        if self._held:
            idle = self.cycle is None or self.cycle.response_complete
            if idle and self.url == b"/" and self._application is not None and self.parser.get_method() == b"POST":
                self._held = False
                self._take_short_way(self._application)
                return
            self._give_to_uvicorn()
        super().on_message_complete()

    def _give_to_uvicorn(self) -> None:
        """Let the base class have the present request, as far as it has arrived."""
        self._held = False
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()
        if self._body:
            super().on_body(self._body)

    def _take_short_way(self, application: Application) -> None:
        """Begin to answer. What one read brings is far below every limit on bodies."""
        request = HttpRequest("POST", b"/", b"", tuple(self.headers), self._body, self.client[0] if self.client else "")
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        exchange = _Exchange(self._event, keep_alive)
        self.cycle = exchange  # type: ignore[assignment]
        if not self.flow.write_paused and application.answer_again(
            request, secure=self.scheme == "https", respond=lambda response: self._respond(response, exchange)
        ):
            return
        exchange.task = self.loop.create_task(self._serve(application, request, exchange))
        self.tasks.add(exchange.task)

    async def _serve(self, application: Application, request: HttpRequest, exchange: _Exchange) -> None:
        try:
            response = await application.answer(request, secure=self.scheme == "https")
            if self.flow.write_paused:
                await self.flow.drain()
            self._respond(response, exchange)
        finally:
            if exchange.task is not None:
                self.tasks.discard(exchange.task)
            if not exchange.response_complete:  # cancelled, or a bug: there will be no answer
                self.transport.close()

    def _respond(self, response: HttpResponse, exchange: _Exchange) -> None:
        if self.transport.is_closing():
            return
        pieces = [STATUS_LINE[response.status]]
        pieces += [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        pieces += [b"%b: %b\r\n" % header for header in response.headers]
        pieces += (b"\r\n", response.body) if exchange.keep_alive else (b"connection: close\r\n\r\n", response.body)
        self.transport.write(b"".join(pieces))
        exchange.response_complete = True
        if exchange.keep_alive and not self.pipeline:
            self._rest()
            return
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _rest(self) -> None:
        """Be idle until the next request. One timer looks now and then; uvicorn would set one for each request."""
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if self._idle_check is None:
            self._idle_check = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

    def _look_whether_idle(self) -> None:
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if self._arriving or not self.cycle.response_complete:
            left = self.timeout_keep_alive
        if left <= 0:
            self._idle_check = None
            self.timeout_keep_alive_handler()
        else:
            self._idle_check = self.loop.call_later(left, self._look_whether_idle)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
