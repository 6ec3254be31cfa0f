"""The way out of a function's own network: Unix sockets that are shown to it, and what listens behind them.

One leads to the Runtime API. The other leads to Strongroom's own endpoint, byte by byte: what a function may do there,
the policies of its role say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from strongroom.errors import OperatorError

__all__ = ["RUNTIME_PORT", "Doors"]

RUNTIME_PORT = 9001
"""Where a function in a network of its own finds the Runtime API: the port that Lambda itself uses."""

_CHUNK = 64 * 1024
_FIRST_PORT = 1024  # a function has no right to listen below
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


class Doors:
    """The sockets.

    Args:
        folder: Where to make them.
        endpoint_url: Strongroom's own URL.
    """

    def __init__(self, folder: Path, endpoint_url: str) -> None:
        self._folder = folder
        self._endpoint = urlsplit(endpoint_url)
        self._server: asyncio.Server | None = None
        self._carriers: set[asyncio.Task[None]] = set()

    @property
    def runtime_socket(self) -> Path:
        """Where the Runtime API has to listen."""
        return self._folder / "runtime.sock"

    @property
    def ports(self) -> Mapping[int, Path]:
        """The ports that a function sees, and where each leads."""
        return {RUNTIME_PORT: self.runtime_socket, self._endpoint.port or 0: self._folder / "endpoint.sock"}

    async def start(self) -> None:
        """Begin to carry connections to Strongroom's endpoint.

        Raises:
            OperatorError: The endpoint is one that a function could not name in a network of its own.
        """
        host, port = self._endpoint.hostname, self._endpoint.port
        if host not in _LOOPBACK or port is None or port < _FIRST_PORT or port == RUNTIME_PORT:
            raise OperatorError(
                "Functions cannot reach Strongroom from a network of their own.",
                why=f"They can only reach a port of 127.0.0.1 above {_FIRST_PORT - 1}, other than {RUNTIME_PORT}.",
                fix="Listen on 127.0.0.1 or 0.0.0.0 and such a port, or set function_network to host.",
            )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / "endpoint.sock"
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, path)
        path.chmod(0o666)  # the folder is the server's alone; a function sees the socket and nothing else of it

    async def stop(self) -> None:
        """End every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._carriers):
            task.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._carriers.add(task)
        task.add_done_callback(self._carriers.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward, answer = await asyncio.open_connection(self._endpoint.hostname, self._endpoint.port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, answer), _copy(onward, writer))
        finally:
            answer.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
