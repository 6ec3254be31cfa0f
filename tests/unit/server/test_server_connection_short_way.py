"""The short way of a whole POST past ASGI: same answers, same order, and everything else goes the long way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from strongroom.server.app import Application
from strongroom.server.connection import Connection
from strongroom.wire import HttpRequest, HttpResponse


class _Handler:
    """Answers with the body that it was given; a body ``wait`` waits to be let go."""

    def __init__(self) -> None:
        self.seen: list[HttpRequest] = []
        self.go = asyncio.Event()

    async def handle(self, request: HttpRequest, *, secure: bool) -> HttpResponse:
        self.seen.append(request)
        if request.body == b"wait":
            await self.go.wait()
        if request.body == b"bug":
            raise RuntimeError("bug")
        return HttpResponse(200, [(b"content-length", b"%d" % len(request.body))], request.body)

    def answer_again(self, request: HttpRequest, *, secure: bool, respond: Callable[[HttpResponse], None]) -> bool:
        return False

    async def problems(self) -> list[str]:
        return []

    async def warnings(self) -> list[str]:
        return []


class _Scene:
    """A server with one client."""

    def __init__(self, handler: _Handler, state: ServerState) -> None:
        self.handler = handler
        self.state = state
        self.asgi = 0
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def answer(self) -> tuple[bytes, bytes]:
        """The next answer: head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head, await self.reader.readexactly(length)


@asynccontextmanager
async def scene() -> AsyncIterator[_Scene]:
    handler = _Handler()
    state = ServerState()
    state.default_headers = [(b"date", b"today")]
    there = _Scene(handler, state)

    class Counting(Application):
        async def __call__(self, scope: dict[str, object], receive: object, send: object) -> None:
            there.asgi += 1
            await super().__call__(scope, receive, send)  # type: ignore[arg-type]

    config = uvicorn.Config(Counting(handler), http=Connection, ws="none", lifespan="off", log_config=None)
    config.load()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
    there.reader, there.writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with server:
        yield there
        there.writer.close()


def post(body: bytes, *lines: bytes, path: bytes = b"/", version: bytes = b"1.1") -> bytes:
    head = [b"POST %b HTTP/%b" % (path, version), b"Host: localhost", b"Content-Length: %d" % len(body), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def test_a_whole_post_is_answered_without_asgi() -> None:
    async def talk() -> None:
        async with scene() as there:
            for number in range(3):
                there.writer.write(post(b"body %d" % number, b"X-Name: Value"))
                head, body = await there.answer()
                assert head == b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 6\r\n\r\n"
                assert body == b"body %d" % number
            request = there.handler.seen[0]
            assert (request.method, request.raw_path, request.query_string) == ("POST", b"/", b"")
            assert request.headers == (
                (b"host", b"localhost"),
                (b"content-length", b"6"),
                (b"x-name", b"Value"),
            )
            assert request.client_address == "127.0.0.1"
            assert there.asgi == 0
            assert there.state.total_requests == 3
            assert there.state.tasks == set()

    asyncio.run(talk())


@pytest.mark.parametrize("pieces", [[1], [40], [60, 3], [70, 1, 1]])
def test_a_post_in_pieces_arrives_as_a_whole(pieces: list[int]) -> None:
    async def talk() -> None:
        async with scene() as there:
            whole = post(b"a body of some length", b"Expect: 100-continue")
            at = 0
            for length in pieces:
                there.writer.write(whole[at : at + length])
                await asyncio.sleep(0.02)
                at += length
            there.writer.write(whole[at:])
            if at >= whole.index(b"\r\n\r\n") + 4:
                assert await there.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert (await there.answer())[1] == b"a body of some length"
            assert there.handler.seen[0].body == b"a body of some length"
            there.writer.write(post(b"the next"))
            assert (await there.answer())[1] == b"the next"

    asyncio.run(talk())


def test_requests_sent_at_once_are_answered_in_order() -> None:
    async def talk() -> None:
        async with scene() as there:
            there.writer.write(
                post(b"wait") + post(b"two") + post(b"three", path=b"/2015-03-31/functions") + post(b"4")
            )
            await asyncio.sleep(0.05)
            assert [request.body for request in there.handler.seen] == [b"wait"]
            there.handler.go.set()
            assert [(await there.answer())[1] for _ in range(4)] == [b"wait", b"two", b"three", b"4"]

    asyncio.run(talk())


def test_pages_and_other_paths_go_the_long_way() -> None:
    async def talk() -> None:
        async with scene() as there:
            there.writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await there.answer())[1] == b'{"status":"live"}'
            for path in (b"/?a=b", b"/path", b"//", b"http://localhost/"):
                there.writer.write(post(b"body", path=path))
                assert (await there.answer())[1] == b"body"
            assert there.asgi == 5
            assert [request.raw_path for request in there.handler.seen] == [b"/", b"/path", b"//", b"/"]
            assert there.handler.seen[0].query_string == b"a=b"

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("request_", "closes"),
    [
        (post(b"body", b"Connection: close"), True),
        (post(b"body", version=b"1.0"), True),
        (post(b"body"), False),
    ],
)
def test_the_connection_ends_when_the_client_asks_for_it(request_: bytes, closes: bool) -> None:
    async def talk() -> None:
        async with scene() as there:
            there.writer.write(request_)
            head, _ = await there.answer()
            assert (b"connection: close" in head) is closes
            if closes:
                assert await there.reader.read() == b""

    asyncio.run(talk())


def test_stopping_finishes_what_is_under_way_and_then_closes() -> None:
    async def talk() -> None:
        async with scene() as there:
            there.writer.write(post(b"wait"))
            await asyncio.sleep(0.02)
            (connection,) = there.state.connections
            connection.shutdown()
            assert len(there.state.tasks) == 1
            there.handler.go.set()
            head, body = await there.answer()
            assert (body, b"connection: close" in head) == (b"wait", True)
            assert await there.reader.read() == b""

    asyncio.run(talk())


def test_a_client_that_leaves_and_a_bug_end_the_connection_only() -> None:
    async def talk() -> None:
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
        async with scene() as there:
            there.writer.write(post(b"wait"))
            await asyncio.sleep(0.02)
            there.writer.close()
            await asyncio.sleep(0.02)
            there.handler.go.set()
            await asyncio.sleep(0.02)
            assert there.state.tasks == set()
            assert there.state.connections == set()
        async with scene() as there:
            there.writer.write(post(b"bug"))
            assert await there.reader.read() == b""
            assert there.state.tasks == set()

    asyncio.run(talk())
