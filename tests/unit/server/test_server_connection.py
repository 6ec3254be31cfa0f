"""What one connection may make the server keep: bounded heads, bounded waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from strongroom.server.connection import Connection

HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\n"


class _Timer:
    def __init__(self, seconds: float, callback: Callable[[], None]) -> None:
        self.seconds = seconds
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class _Task:
    def add_done_callback(self, callback: object) -> None:
        """Nothing is ever done here."""


class _Loop:
    """Collects timers, and begins no task."""

    def __init__(self) -> None:
        self.timers: list[_Timer] = []
        self.tasks = 0

    def call_later(self, seconds: float, callback: Callable[[], None]) -> _Timer:
        self.timers.append(_Timer(seconds, callback))
        return self.timers[-1]

    def create_task(self, work: Coroutine[Any, Any, None]) -> _Task:
        work.close()
        self.tasks += 1
        return _Task()

    @property
    def armed(self) -> list[float]:
        return [timer.seconds for timer in self.timers if not timer.cancelled]


class _Transport:
    def __init__(self) -> None:
        self.closed = False
        self.written = b""

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def write(self, data: bytes) -> None:
        self.written += data


class _Peer:
    """A client's end: what it sends reaches a `Connection`."""

    def __init__(self) -> None:
        async def nothing(scope: object, receive: object, send: object) -> None:
            """An application that does nothing."""

        config = uvicorn.Config(nothing, http=Connection, ws="none", lifespan="off", log_config=None)
        self.loop = _Loop()
        self.transport = _Transport()
        self.connection = Connection(config, ServerState(), {}, cast(asyncio.AbstractEventLoop, self.loop))
        self.connection.connection_made(cast(asyncio.Transport, self.transport))

    def send(self, data: bytes) -> None:
        self.connection.data_received(data)


@pytest.fixture
def peer() -> _Peer:
    return _Peer()


def test_a_client_that_says_nothing_is_cut_off_like_an_idle_one(peer: _Peer) -> None:
    (timer,) = peer.loop.timers
    assert timer.seconds == peer.connection.timeout_keep_alive
    timer.callback()
    assert peer.transport.closed


def test_a_whole_request_arms_no_deadline(peer: _Peer) -> None:
    peer.send(HEAD + b"body")
    assert peer.loop.tasks == 1
    assert peer.loop.armed == []


@pytest.mark.parametrize("begun", [b"P", HEAD[:-1], HEAD, HEAD + b"bod"])
def test_an_unfinished_request_has_one_deadline(peer: _Peer, begun: bytes) -> None:
    for byte in range(len(begun)):
        peer.send(begun[byte : byte + 1])
    assert peer.loop.armed == [30.0]
    peer.loop.timers[-1].callback()
    assert peer.transport.closed


def test_the_deadline_is_lifted_when_the_request_has_arrived(peer: _Peer) -> None:
    for piece in (HEAD[:20], HEAD[20:], b"bo", b"dy"):
        peer.send(piece)
    assert peer.loop.armed == []
    assert not peer.transport.closed


def test_the_deadline_is_lifted_when_the_client_leaves(peer: _Peer) -> None:
    peer.send(HEAD)
    peer.connection.connection_lost(None)
    assert peer.loop.armed == []


@pytest.mark.parametrize(
    ("begun", "piece"),
    [
        (b"POST / HTTP/1.1\r\n", b"x-header: value\r\n"),
        (b"POST / HTTP/1.1\r\nx-endless: ", b"v" * 1000),
        (b"POST /", b"path/" * 100),
    ],
)
def test_a_head_without_end_is_cut_off(peer: _Peer, begun: bytes, piece: bytes) -> None:
    peer.send(begun)
    sent = 0
    while not peer.transport.closed:
        peer.send(piece)
        sent += len(piece)
        assert sent < 200_000
    assert peer.loop.tasks == 0


def test_a_large_body_is_not_mistaken_for_a_head(peer: _Peer) -> None:
    peer.send(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n")
    peer.connection.flow.pause_reading = lambda: None  # type: ignore[method-assign]
    for _ in range(20):
        peer.send(b"b" * 50_000)
    assert not peer.transport.closed
    assert peer.loop.armed == []


def test_a_malformed_request_is_answered_and_ends_the_connection(peer: _Peer) -> None:
    peer.send(b"this is not HTTP\r\n\r\n")
    assert peer.transport.written.startswith(b"HTTP/1.1 400 ")
    assert peer.transport.closed
    assert peer.loop.armed == []
