"""Functions with a network of their own: Strongroom is reached, and nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from tests.support.functions import DETECTED, Bench, bench

from strongroom.errors import OperatorError
from strongroom.services.awslambda.runtime import PlainSandbox
from strongroom.services.awslambda.runtime.confinement import Tools
from strongroom.services.awslambda.runtime.nodes import is_node_present

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not DETECTED.isolated, reason="bubblewrap does not work here"),
]

PYTHON = """
import os, socket

def attempt(family, place):
    made = socket.socket(family, socket.SOCK_STREAM)
    made.settimeout(5)
    try:
        made.connect(place)
    except OSError as error:
        return error.errno != 0
    return "connected"

def handler(event, context):
    with socket.create_connection(("127.0.0.1", event["endpoint"]), 5) as made:
        made.sendall(b"from the function")
        made.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: made.recv(4096), b"")).decode()
    return {
        "answer": answer,
        "host": attempt(socket.AF_INET, ("127.0.0.1", event["other"])),
        "world": attempt(socket.AF_INET, ("192.0.2.1", 80)),
        "abstract": attempt(socket.AF_UNIX, event["abstract"]),
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
    }
"""


@asynccontextmanager
async def endpoint() -> AsyncIterator[int]:
    """Something that answers what it was sent, in place of Strongroom; answers its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"heard: " + await reader.read())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@contextmanager
def other_services() -> Iterator[tuple[int, str]]:
    """What else listens on this host: a port of the loopback, and an abstract Unix socket."""
    name = "\0strongroom-test-of-networks"
    with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(name)
        abstract.listen()
        yield port.getsockname()[1], name


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[tuple[Bench, int]]:
    async with endpoint() as port:
        made = bench(folder, own_network=True, endpoint_url=f"http://127.0.0.1:{port}")
        async with made as running:
            yield running, port


def test_attack_17_a_function_reaches_strongroom_and_nothing_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        with other_services() as (other, abstract):
            async with stage(tmp_path) as (made, port):
                event = {"endpoint": port, "other": other, "abstract": abstract}
                found = await made.call(made.function(PYTHON), event)
                assert found == {
                    "answer": "heard: from the function",
                    "host": True,
                    "world": True,
                    "abstract": True,
                    "interfaces": ["lo"],
                }

    asyncio.run(scenario())


def test_invocations_go_through_the_relay(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as (made, _):
            echo = made.function("def handler(e, c): return e")
            large = ["x" * 1_000_000] * 5
            assert await made.call(echo, large) == large
            assert [await made.call(echo, number) for number in range(20)] == list(range(20))
            assert sorted(await asyncio.gather(*(made.call(echo, number) for number in range(4)))) == [0, 1, 2, 3]
            printer = made.function("def handler(e, c): print('a line'); raise SystemExit(3)", revision="exits")
            assert (await made.failure(printer))["errorMessage"].endswith("exit status 3")
            assert "a line" in made.logs

    asyncio.run(scenario())


@pytest.mark.skipif(not is_node_present(), reason="no Node.js here")
def test_a_node_function_goes_through_the_relay(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as (made, _):
            source = (
                "const os = require('os');"
                "exports.handler = async (event) => ({ event, interfaces: Object.keys(os.networkInterfaces()) });"
            )
            spec = made.function(source, file="index.js", runtime="nodejs20.x", handler="index.handler")
            assert await made.call(spec, 1) == {"event": 1, "interfaces": ["lo"]}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1:4566", "https://strongroom.example:4566", "http://127.0.0.1:80", "http://127.0.0.1:9001"]
)
def test_an_endpoint_that_could_not_be_named_from_inside(tmp_path: Path, url: str) -> None:
    async def scenario() -> None:
        made = Bench(tmp_path / "work", DETECTED, endpoint_url=url, own_network=True)
        with pytest.raises(OperatorError) as refused:
            await made.pool.start()
        assert "set function_network to host" in refused.value.fix

    asyncio.run(scenario())


def test_without_bubblewrap_there_is_no_such_network(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = Bench(tmp_path / "work", PlainSandbox(Tools.find(), "a test."), own_network=True)
        with pytest.raises(OperatorError, match="network of their own"):
            await made.pool.start()

    asyncio.run(scenario())
