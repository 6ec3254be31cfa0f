"""The Runtime API's listener, spoken to over plain sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from strongroom.services.awslambda.runtime import api as api_module
from strongroom.services.awslambda.runtime.api import RuntimeApi
from strongroom.services.awslambda.runtime.channel import Invocation
from strongroom.services.awslambda.runtime.model import PAYLOAD_LIMIT
from strongroom.world import SystemEntropy

RESPONSE = "/2018-06-01/runtime/invocation/id-1/response"


def with_api(scenario: Callable[[RuntimeApi], Awaitable[None]]) -> None:
    async def run() -> None:
        api = RuntimeApi(SystemEntropy())
        await api.start()
        try:
            await scenario(api)
        finally:
            await api.stop()

    asyncio.run(run())


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.partition("/")[0].partition(":")
    return await asyncio.open_connection(host, int(port))


async def exchange(address: str, request: bytes) -> bytes:
    reader, writer = await connect(address)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b"reset"
    finally:
        writer.close()


def request(method: str, target: str, body: bytes = b"", extra: str = "Connection: close\r\n") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_one_connection_carries_many_requests() -> None:
    async def scenario(api: RuntimeApi) -> None:
        _, address, channel = api.open_channel()
        path = "/" + address.partition("/")[2]
        reader, writer = await connect(address)
        for number in range(3):
            answer = channel.assign(Invocation("id-1", b"%d" % number, 1, "arn", "trace", None))
            writer.write(request("GET", f"{path}/2018-06-01/runtime/invocation/next", extra=""))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert await reader.readexactly(1) == b"%d" % number
            writer.write(request("POST", path + RESPONSE, b"x" * 100_000, extra=""))
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 202 Accepted")
            assert (await answer).payload == b"x" * 100_000
        writer.close()

    with_api(scenario)


def test_attack_17_answers_no_other_functions_invocation() -> None:
    async def scenario(api: RuntimeApi) -> None:
        token, address, channel = api.open_channel()
        channel.assign(Invocation("id-1", b"secret", 1, "arn", "trace", None))
        for guess in ("0" * 64, token.upper(), "", f"{token}0", token[:-1]):
            answer = await exchange(address, request("GET", f"/{guess}/2018-06-01/runtime/invocation/next"))
            assert answer.startswith(b"HTTP/1.1 403")
            assert b"secret" not in answer
        api.close_channel(token)
        gone = await exchange(address, request("GET", f"/{token}/2018-06-01/runtime/invocation/next"))
        assert gone.startswith(b"HTTP/1.1 403")

    with_api(scenario)


def test_a_body_over_the_limit_is_cut_off() -> None:
    async def scenario(api: RuntimeApi) -> None:
        token, address, channel = api.open_channel()
        answer = channel.assign(Invocation("id-1", b"", 1, "arn", "trace", None))
        body = bytes(PAYLOAD_LIMIT + 1)
        assert await exchange(address, request("POST", f"/{token}{RESPONSE}", body)) in (b"reset",) or answer.done()
        assert (await answer).failed

    with_api(scenario)


def test_a_head_without_end_and_nonsense_are_refused() -> None:
    async def scenario(api: RuntimeApi) -> None:
        _, address, _ = api.open_channel()
        endless = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5000))
        for nonsense in (endless, b"\x16\x03\x01 TLS?\r\n\r\n", b"GET\r\n\r\n"):
            assert (await exchange(address, nonsense))[:12] in {b"HTTP/1.1 400", b"reset"}

    with_api(scenario)


def test_requests_are_not_piled_up() -> None:
    async def scenario(api: RuntimeApi) -> None:
        token, address, _ = api.open_channel()
        poll = request("GET", f"/{token}/2018-06-01/runtime/invocation/next", extra="")
        assert await exchange(address, poll + poll) in {b"", b"reset"}

    with_api(scenario)


def test_too_many_connections_are_turned_away() -> None:
    async def scenario(api: RuntimeApi) -> None:
        _, address, _ = api.open_channel()
        limit, api_module._CONNECTION_LIMIT = api_module._CONNECTION_LIMIT, 2
        try:
            kept = [await connect(address) for _ in range(2)]
            await asyncio.sleep(0.01)
            assert await exchange(address, b"") in {b"", b"reset"}
            for _, writer in kept:
                writer.close()
        finally:
            api_module._CONNECTION_LIMIT = limit

    with_api(scenario)
