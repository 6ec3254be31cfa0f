"""The Runtime API's HTTP listener, on the loopback.

Every function process has a secret path: ``/<64 hex digits>/2018-06-01/runtime/...``. Processes share the network
with each other, so this secret is what keeps one from fetching or answering the invocations of another. A connection
that has not shown one within seconds is closed.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import cast

import httptools

from strongroom.services.awslambda.runtime.channel import Channel, Reply, ReplySlot
from strongroom.services.awslambda.runtime.model import PAYLOAD_LIMIT
from strongroom.world import Entropy

__all__ = ["RuntimeApi"]

_TOKEN_BYTES = 32
_HEAD_LIMIT = 16 * 1024
_CONNECTION_LIMIT = 1024
_REQUEST_SECONDS = 10.0
_STRANGER = Reply(HTTPStatus.FORBIDDEN, b'{"errorMessage":"Forbidden","errorType":"Forbidden"}')
_MALFORMED = Reply(HTTPStatus.BAD_REQUEST, b'{"errorMessage":"Malformed request","errorType":"BadRequest"}')


class RuntimeApi:
    """The listener and the channels behind it.

    Args:
        entropy: Makes the secret paths.
    """

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._channels: dict[str, Channel] = {}
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    async def start(self, socket: Path | None = None, port: int = 0) -> None:
        """Listen on a free port of 127.0.0.1, or on a Unix socket for functions with a network of their own.

        Args:
            socket: The Unix socket.
            port: The port by which functions reach it then.
        """
        loop = asyncio.get_running_loop()
        if socket is None:
            self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
            self._port = self._server.sockets[0].getsockname()[1]
        else:
            self._server = await loop.create_unix_server(lambda: _Connection(self), socket)
            _open_to_all(socket)
            self._port = port

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        for connection in list(self._connections):
            connection.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def open_channel(self) -> tuple[str, str, Channel]:
        """A channel for a new process: its token, the value of AWS_LAMBDA_RUNTIME_API, and the channel."""
        token = self._entropy.bytes(_TOKEN_BYTES).hex()
        channel = self._channels[token] = Channel()
        return token, f"127.0.0.1:{self._port}/{token}", channel

    def close_channel(self, token: str) -> None:
        """Forget a process: its token opens nothing any more."""
        channel = self._channels.pop(token, None)
        for connection in [each for each in self._connections if channel is not None and each.channel is channel]:
            connection.close()

    def admit(self, connection: _Connection) -> bool:
        """Count a connection; False when there are too many."""
        if len(self._connections) >= _CONNECTION_LIMIT:
            return False
        self._connections.add(connection)
        return True

    def leave(self, connection: _Connection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)

    def resolve(self, target: bytes) -> tuple[Channel | None, str]:
        """The channel that a request target names by its token, and the path after it."""
        token, _, rest = target.decode("latin-1").removeprefix("/").partition("/")
        return self._channels.get(token), "/" + rest.partition("?")[0]


def _open_to_all(socket: Path) -> None:
    """Let every user connect who is shown the socket: its folder is the server's alone."""
    socket.chmod(0o666)


class _Slot:
    """The response to one request of one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: _Connection) -> None:
        self._connection: _Connection | None = connection

    @property
    def open(self) -> bool:
        return self._connection is not None and self._connection.open

    def send(self, reply: Reply) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.respond(reply)


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: one request at a time, of bounded size and time."""

    __slots__ = (
        "_api",
        "_body",
        "_busy",
        "_head",
        "_keep_alive",
        "_parser",
        "_size",
        "_target",
        "_timer",
        "_transport",
        "channel",
    )

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpRequestParser = httptools.HttpRequestParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._head = 0
        self._busy = False
        self._keep_alive = False
        self._size = 0
        self._target = bytearray()
        self._body = bytearray()
        self.channel: Channel | None = None

    @property
    def open(self) -> bool:
        """Whether a response can still be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the client or hang up."""
        # No isinstance: uvloop's transports have the methods but not the base class.
        self._transport = cast("asyncio.Transport", transport)
        if self._api.admit(self):
            self._expect_request()
        else:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self._stop_timer()
        self._transport = None
        self._api.leave(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; anything it cannot read ends the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(_MALFORMED)
            return
        if self._head >= 0:  # still inside a head
            self._head += len(data)
            if self._head > _HEAD_LIMIT:
                self._refuse(_MALFORMED)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request begins. A second one before the first is answered is nothing that a runtime does."""
        if self._busy:
            self.close()
            return
        self._busy = True
        self._head = 0
        self._size = 0
        self._target.clear()
        self._body.clear()

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._target += url

    def on_headers_complete(self) -> None:
        """The head is there: is it one of ours?"""
        self._head = -1
        self.channel, _ = self._api.resolve(bytes(self._target))
        if self.channel is None:
            self._refuse(_STRANGER)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._size += len(body)
        if self._size > PAYLOAD_LIMIT:
            self._body.clear()
            if self.channel is not None and self.open:
                self.channel.refuse_size(_Slot(self), PAYLOAD_LIMIT)
            self.close()
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """The request is whole: serve it."""
        channel, path = self._api.resolve(bytes(self._target))
        if channel is None or not self.open:
            return
        self._stop_timer()
        self._keep_alive = self._parser.should_keep_alive()
        slot: ReplySlot = _Slot(self)
        channel.handle(self._parser.get_method().decode("ascii"), path, bytes(self._body), slot)

    # Responses.

    def respond(self, reply: Reply) -> None:
        """Send a response; then wait for the next request, or close as the client wished."""
        if self._transport is None or self._transport.is_closing():
            return
        self._busy = False
        lines = [
            f"HTTP/1.1 {reply.status.value} {reply.status.phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(reply.body)}",
            *(f"{name}: {value}" for name, value in reply.headers.items()),
        ]
        if not self._keep_alive:
            lines.append("Connection: close")
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + reply.body)
        if self._keep_alive:
            self._expect_request()
        else:
            self.close()

    def close(self) -> None:
        """Close after what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def _refuse(self, reply: Reply) -> None:
        self._keep_alive = False
        self.respond(reply)

    def _expect_request(self) -> None:
        self._stop_timer()
        # A process that runs a long handler keeps its connection meanwhile; only strangers are on the clock.
        if self.channel is None:
            self._timer = asyncio.get_running_loop().call_later(_REQUEST_SECONDS, self.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
