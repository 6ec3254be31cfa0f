"""The application between the socket and the dispatcher: bodies in pieces, limits, clients that leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from strongroom.server.app import Application
from strongroom.wire import HttpRequest, HttpResponse


class _Echo:
    """Answers with the body that it was given."""

    def __init__(self) -> None:
        self.seen: list[HttpRequest] = []
        self.wrong: list[str] = []
        self.worrying: list[str] = []

    async def handle(self, request: HttpRequest, *, secure: bool) -> HttpResponse:
        self.seen.append(request)
        return HttpResponse(200, [(b"x-secure", str(secure).encode())], request.body)

    def answer_again(self, request: HttpRequest, *, secure: bool, respond: Callable[[HttpResponse], None]) -> bool:
        return False

    async def problems(self) -> list[str]:
        return self.wrong

    async def warnings(self) -> list[str]:
        return self.worrying


class _Client:
    """Calls an application with the pieces of one request."""

    def __init__(self, handler: _Echo) -> None:
        self.application = Application(handler)
        self.taken = 0

    def ask(self, *pieces: bytes, path: bytes = b"/", endless: bool = False, leaves: bool = False) -> tuple[int, bytes]:
        """Send pieces and answer status and body; (0, b"") when the application answers nothing."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            number, self.taken = self.taken, self.taken + 1
            if leaves and number == len(pieces):
                return {"type": "http.disconnect"}
            more = endless or leaves or number < len(pieces) - 1
            piece = pieces[0] if endless else pieces[number]
            return {"type": "http.request", "body": piece, "more_body": more}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "scheme": "https",
            "client": ("192.0.2.7", 5),
            "raw_path": path,
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        asyncio.run(self.application(scope, receive, send))
        if not sent:
            return 0, b""
        self.headers = dict(sent[0]["headers"])
        return sent[0]["status"], sent[1]["body"]


@pytest.fixture
def handler() -> _Echo:
    return _Echo()


@pytest.fixture
def client(handler: _Echo) -> _Client:
    return _Client(handler)


@pytest.mark.parametrize("pieces", [(b"",), (b"whole",), (b"in ", b"", b"pieces"), (b"", b"late")])
def test_a_body_arrives_as_it_was_sent(client: _Client, handler: _Echo, pieces: tuple[bytes, ...]) -> None:
    assert client.ask(*pieces) == (200, b"".join(pieces))
    assert handler.seen[0].client_address == "192.0.2.7"
    assert client.headers[b"x-secure"] == b"True"


@pytest.mark.parametrize("pieces", [(), (b"half",), (b"half", b"more")])
def test_nobody_answers_a_client_that_left(client: _Client, handler: _Echo, pieces: tuple[bytes, ...]) -> None:
    assert client.ask(*pieces, leaves=True) == (0, b"")
    assert handler.seen == []


def test_a_body_over_the_limit_is_read_to_its_end_and_refused(client: _Client, handler: _Echo) -> None:
    pieces = [b"a" * 500_000] * 5
    status, body = client.ask(*pieces)
    assert (status, orjson.loads(body)["__type"]) == (413, "RequestEntityTooLargeException")
    assert client.headers[b"connection"] == b"close"
    assert client.taken == len(pieces)
    assert handler.seen == []


def test_a_body_without_end_is_refused_at_some_point(client: _Client, handler: _Echo) -> None:
    assert client.ask(b"a" * 65_536, endless=True)[0] == 413
    assert client.taken < 200
    assert handler.seen == []


def test_function_code_may_be_larger(client: _Client) -> None:
    pieces = [b"a" * 1_000_000] * 3
    assert client.ask(*pieces, path=b"/2015-03-31/functions")[0] == 200


def test_the_health_pages(client: _Client, handler: _Echo) -> None:
    assert client.ask(path=b"/health/live") == (200, b'{"status":"live"}')
    assert client.ask(path=b"/health/ready") == (200, b'{"status":"ready","problems":[]}')
    handler.worrying = ["a rotation keeps failing"]
    worried = b'{"status":"ready","problems":[],"warnings":["a rotation keeps failing"]}'
    assert client.ask(path=b"/health/ready") == (200, worried)
    handler.worrying = []
    handler.wrong = ["the disk is full"]
    assert client.ask(path=b"/health/ready") == (503, b'{"status":"not ready","problems":["the disk is full"]}')
    assert client.ask(path=b"/health/else")[0] == 404
