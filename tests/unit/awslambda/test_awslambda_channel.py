"""The conversation of the Runtime API."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from strongroom.services.awslambda.runtime.channel import Channel, Invocation, Reply

NEXT = "/2018-06-01/runtime/invocation/next"


class Slot:
    """Remembers the response."""

    def __init__(self) -> None:
        self.open = True
        self.reply: Reply | None = None

    def send(self, reply: Reply) -> None:
        assert self.reply is None
        self.reply = reply


def invocation(request_id: str = "id-1", context: str | None = None) -> Invocation:
    return Invocation(
        request_id, b'{"a":1}', 1234, "arn:aws:lambda:eu-central-1:111122223333:function:f", "Root=1", context
    )


def ask(channel: Channel, method: str, path: str, body: bytes = b"") -> Slot:
    slot = Slot()
    channel.handle(method, path, body, slot)
    return slot


def status(slot: Slot) -> HTTPStatus | None:
    return slot.reply.status if slot.reply else None


def test_an_invocation_waits_for_the_process_and_the_process_for_an_invocation() -> None:
    async def scenario() -> None:
        for process_first in (True, False):
            channel = Channel()
            poll = Slot()
            if process_first:
                channel.handle("GET", NEXT, b"", poll)
                assert channel.started.done()
                assert poll.reply is None
            answer = channel.assign(invocation(context="{}"))
            if not process_first:
                channel.handle("GET", NEXT, b"", poll)
            assert poll.reply is not None
            assert poll.reply.body == b'{"a":1}'
            assert poll.reply.headers == {
                "Lambda-Runtime-Aws-Request-Id": "id-1",
                "Lambda-Runtime-Deadline-Ms": "1234",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:111122223333:function:f",
                "Lambda-Runtime-Trace-Id": "Root=1",
                "Lambda-Runtime-Client-Context": "{}",
            }
            assert status(ask(channel, "POST", "/2018-06-01/runtime/invocation/id-1/response", b"2")) == 202
            assert (await answer).payload == b"2"
            assert not (await answer).failed

    asyncio.run(scenario())


def test_an_answer_counts_once_and_under_its_own_id() -> None:
    async def scenario() -> None:
        channel = Channel()
        answer = channel.assign(invocation())
        path = "/2018-06-01/runtime/invocation/id-1/error"
        assert status(ask(channel, "POST", path, b"early")) == 400
        ask(channel, "GET", NEXT)
        assert status(ask(channel, "GET", NEXT)) == 403
        assert status(ask(channel, "POST", "/2018-06-01/runtime/invocation/id-2/response", b"other")) == 400
        assert not answer.done()
        assert status(ask(channel, "POST", path, b"{}")) == 202
        assert status(ask(channel, "POST", path, b"again")) == 400
        assert (await answer).failed

    asyncio.run(scenario())


def test_the_newest_request_for_work_is_the_one_that_waits() -> None:
    async def scenario() -> None:
        channel = Channel()
        first, gone, last = ask(channel, "GET", NEXT), Slot(), Slot()
        channel.handle("GET", NEXT, b"", gone)
        assert status(first) == 403
        gone.open = False
        channel.assign(invocation())
        assert gone.reply is None
        channel.handle("GET", NEXT, b"", last)
        assert status(last) == 200

    asyncio.run(scenario())


def test_a_process_that_cannot_start_says_so_once() -> None:
    async def scenario() -> None:
        channel = Channel()
        assert status(ask(channel, "POST", "/2018-06-01/runtime/init/error", b"{}")) == 202
        assert await channel.started == b"{}"
        assert status(ask(channel, "POST", "/2018-06-01/runtime/init/error", b"{}")) == 403

    asyncio.run(scenario())


def test_an_oversized_answer_is_a_failure() -> None:
    async def scenario() -> None:
        channel = Channel()
        answer = channel.assign(invocation())
        slot = Slot()
        channel.refuse_size(slot, 6291556)
        assert status(slot) == 413
        assert b"6291556 bytes" in (await answer).payload
        channel.refuse_size(Slot(), 6291556)

    asyncio.run(scenario())


def test_there_is_nothing_else() -> None:
    async def scenario() -> None:
        channel = Channel()
        for method, path in (
            ("GET", "/"),
            ("POST", NEXT),
            ("GET", "/2018-06-01/runtime/init/error"),
            ("GET", "/2015-03-31/runtime/invocation/next"),
            ("POST", "/2018-06-01/runtime/invocation/a/b/response"),
        ):
            assert status(ask(channel, method, path)) == 404

    asyncio.run(scenario())
