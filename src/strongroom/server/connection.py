"""One client connection: uvicorn's HTTP/1.1 protocol with bounds on what a stranger can make it keep.

The parser below has no limits of its own. Here a request's head has a largest size, and a request has a longest time
to arrive, so a client that sends headers without end, or one byte a minute, costs a bounded amount and is then cut off.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["Connection"]

_LARGEST_HEAD: Final = 64 << 10
"""Bytes of request line and headers that may be kept while the head is not complete."""

_ARRIVAL_SECONDS: Final = 30.0
"""How long a request may take from its first byte to its last."""


class Connection(HttpToolsProtocol):
    """Reads requests from one connection.

    A request that arrives whole with one read, as almost all do, costs three assignments.
    """

    _in_head = False
    _arriving = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin. A client that connects and says nothing is treated as one that is idle between requests."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came. An unfinished request gets a deadline, an unfinished head is measured."""
        super().data_received(data)
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
        """A request begins."""
        self._in_head = self._arriving = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is complete."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It has arrived."""
        self._arriving = False
        super().on_message_complete()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
