"""Invocations over the Unix socket between a request worker and the background worker."""

from __future__ import annotations

import asyncio
import stat
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from strongroom.errors import AwsError, OperatorError
from strongroom.services.awslambda.frames import (
    MalformedFrame,
    encode_error,
    encode_request,
    encode_result,
    parse_request,
    parse_result,
    read_frame,
)
from strongroom.services.awslambda.remote import InvokerServer, SocketInvoker
from strongroom.services.clients import InvocationRequest, InvocationResult

REQUEST = InvocationRequest("111122223333", "eu-central-1", "arn:f", "id", b'{"a":1}', True)
RESULT = InvocationResult(b"answer", "Unhandled", b"the log", "$LATEST")


def through_the_wire(frame: bytes) -> tuple[object, bytes]:
    async def scene() -> tuple[object, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(frame)
        reader.feed_eof()
        found = await read_frame(reader)
        assert found is not None
        assert await read_frame(reader) is None
        return found

    return asyncio.run(scene())


def test_frames_carry_everything() -> None:
    async def scene() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(encode_request(REQUEST) + encode_result(RESULT) + encode_result(InvocationResult(b"")))
        error = AwsError("TooManyRequestsException", "Rate Exceeded.", status=429, members={"Reason": "r"})
        reader.feed_data(encode_error(error))
        reader.feed_eof()
        frames = [await read_frame(reader) for _ in range(5)]
        assert frames.pop() is None
        request, result, empty, refusal = (frame for frame in frames if frame is not None)
        assert parse_request(request) == REQUEST
        assert parse_result(result) == RESULT
        assert parse_result(empty) == InvocationResult(b"")
        with pytest.raises(AwsError) as refused:
            parse_result(refusal)
        assert vars(refused.value) == vars(error)

    asyncio.run(scene())


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 2, 2**31),
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 2, 0) + b"{x",
    ],
)
def test_frames_that_are_none(frame: bytes) -> None:
    with pytest.raises(MalformedFrame):
        through_the_wire(frame)


def test_a_header_of_something_else() -> None:
    with pytest.raises(MalformedFrame):
        parse_request(({"account": 1}, b""))
    with pytest.raises(MalformedFrame):
        parse_result(({"function_error": None, "executed_version": "1", "log_bytes": 2}, b"x"))


class _Echo:
    """Answers the payload; waits as long as it is told to."""

    def __init__(self) -> None:
        self.arrived = asyncio.Semaphore(0)
        self.go = asyncio.Event()

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        if request.payload == b"refuse":
            raise AwsError("ResourceNotFoundException", "Function not found: arn:f", status=404)
        if request.payload == b"break":
            raise ZeroDivisionError
        if request.payload == b"wait":
            self.arrived.release()
            await self.go.wait()
        return InvocationResult(request.payload, log_tail=b"log" if request.log_tail else b"")


def asking(payload: bytes) -> InvocationRequest:
    return InvocationRequest("111122223333", "eu-central-1", "arn:f", "id", payload)


@asynccontextmanager
async def served(path: Path) -> AsyncIterator[tuple[SocketInvoker, InvokerServer, _Echo]]:
    echo = _Echo()
    server = InvokerServer(path, echo)
    await server.start()
    invoker = SocketInvoker(path)
    try:
        yield invoker, server, echo
    finally:
        await invoker.close()
        await server.stop(grace_seconds=0)


def test_answers_and_refusals(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(tmp_path / "run" / "s") as (invoker, _, _):
            large = b"x" * 6_291_556
            assert await invoker.invoke(asking(large)) == InvocationResult(large)
            assert await invoker.invoke(REQUEST) == InvocationResult(REQUEST.payload, log_tail=b"log")
            with pytest.raises(AwsError) as refused:
                await invoker.invoke(asking(b"refuse"))
            assert refused.value.code == "ResourceNotFoundException"
            assert await invoker.invoke(asking(b"after")) == InvocationResult(b"after")

    asyncio.run(scene())


def test_one_invocation_holds_up_no_other(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(tmp_path / "run" / "s") as (invoker, _, echo):
            waiting = [asyncio.create_task(invoker.invoke(asking(b"wait"))) for _ in range(20)]
            assert await invoker.invoke(asking(b"quick")) == InvocationResult(b"quick")
            for _ in waiting:
                await echo.arrived.acquire()
            echo.go.set()
            assert await asyncio.gather(*waiting) == [InvocationResult(b"wait")] * len(waiting)

    asyncio.run(scene())


def test_a_failure_of_the_invoker_closes_one_connection_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with served(tmp_path / "run" / "s") as (invoker, _, _):
            with pytest.raises(AwsError) as refused:
                await invoker.invoke(asking(b"break"))
            assert (refused.value.code, refused.value.status) == ("ServiceException", 500)
            assert await invoker.invoke(asking(b"after")) == InvocationResult(b"after")

    asyncio.run(scene())
    assert "ZeroDivisionError" in caplog.text


def test_a_background_worker_that_is_away_and_comes_back(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "run" / "s"
        invoker = SocketInvoker(path)
        with pytest.raises(AwsError) as refused:
            await invoker.invoke(asking(b"x"))
        assert (refused.value.code, refused.value.status) == ("ServiceException", 500)
        for _ in range(2):
            server = InvokerServer(path, _Echo())
            await server.start()
            assert await invoker.invoke(asking(b"x")) == InvocationResult(b"x")
            await server.stop(grace_seconds=0)
            await asyncio.sleep(0.01)
            assert not path.exists()
        await invoker.close()

    asyncio.run(scene())


def test_stopping_lets_what_runs_finish(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(tmp_path / "run" / "s") as (invoker, server, echo):
            running = asyncio.create_task(invoker.invoke(asking(b"wait")))
            await echo.arrived.acquire()
            stopping = asyncio.create_task(server.stop())
            await asyncio.sleep(0.01)
            echo.go.set()
            assert await running == InvocationResult(b"wait")
            await stopping

    asyncio.run(scene())


def test_a_stranger_is_shown_the_door(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "run" / "s"
        async with served(path) as (invoker, _, _):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            assert await invoker.invoke(asking(b"x")) == InvocationResult(b"x")

    asyncio.run(scene())


def test_only_the_owner_can_reach_the_socket(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "run" / "s"
        async with served(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.parent.chmod(0o755)
        with pytest.raises(OperatorError):
            await InvokerServer(path, _Echo()).start()

    asyncio.run(scene())
