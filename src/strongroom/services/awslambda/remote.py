"""Running functions from another process of this host: the two ends of a Unix socket.

Function processes belong to the background worker alone. A request worker reaches it through a `SocketInvoker`; the
background worker answers with an `InvokerServer`. A connection carries one invocation at a time, so an invocation that
takes minutes holds up no other. The socket is open to its owner only, as is its folder.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import stat
from pathlib import Path
from typing import Final

from strongroom.errors import AwsError, OperatorError
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.frames import (
    MalformedFrame,
    encode_error,
    encode_request,
    encode_result,
    parse_request,
    parse_result,
    read_frame,
)
from strongroom.services.clients import FunctionInvoker, InvocationRequest, InvocationResult

__all__ = ["InvokerServer", "SocketInvoker"]

_LOG: Final = logging.getLogger("strongroom.functions")
_MOST_IDLE: Final = 16
_BACKLOG: Final = 128
_BUFFER: Final = 256 * 1024
_GRACE_SECONDS: Final = 10.0

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SocketInvoker:
    """Runs functions through the background worker; the implementation of `FunctionInvoker` in a request worker.

    Args:
        path: The socket that an `InvokerServer` listens on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[_Connection] = []

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        """Run one invocation to its end. It is sent once: whether a lost one has run, nobody can tell.

        Raises:
            AwsError: What Lambda refuses it with; ``ServiceException`` when the background worker is away.
        """
        try:
            reader, writer = await self._connection()
        except OSError:
            raise failures.unavailable() from None
        reusable = False
        try:
            writer.write(encode_request(request))
            await writer.drain()
            frame = await read_frame(reader)
            if frame is None:
                raise failures.unavailable()
            reusable = True
            return parse_result(frame)
        except (OSError, EOFError, MalformedFrame):
            reusable = False
            raise failures.unavailable() from None
        finally:
            if reusable and len(self._idle) < _MOST_IDLE:
                self._idle.append((reader, writer))
            else:
                writer.close()

    async def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()

    async def _connection(self) -> _Connection:
        """An idle connection whose other end is still there, or a new one."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_unix_connection(self._path, limit=_BUFFER)


class InvokerServer:
    """Takes invocations from the request workers of this host.

    Args:
        path: Where to listen. The folder is made if it is missing.
        invoker: Runs them.
    """

    def __init__(self, path: Path, invoker: FunctionInvoker) -> None:
        self._path = path
        self._invoker = invoker
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen.

        Raises:
            OperatorError: The folder is open to others, or the socket cannot be made there.
        """
        self._server = await asyncio.start_unix_server(
            self._accept, sock=_private_socket(self._path), backlog=_BACKLOG, limit=_BUFFER
        )

    async def stop(self, *, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Take no more, let what runs finish for ``grace_seconds``, then close every connection."""
        if self._server is None:
            return
        self._server.close()
        self._path.unlink(missing_ok=True)
        for task in self._connections.keys() - self._busy:
            task.cancel()
        if self._busy:
            await asyncio.wait(list(self._busy), timeout=grace_seconds)
        remaining = list(self._connections)
        for task in remaining:
            task.cancel()
        await asyncio.gather(*remaining, return_exceptions=True)
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task).close()
        self._busy.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            _LOG.error("a connection for invocations failed: %s", type(problem).__name__)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the invocations of one connection, one after the other."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - _accept made it
        try:
            while self._server is not None and self._server.is_serving():
                frame = await read_frame(reader)
                if frame is None:
                    return
                self._busy.add(task)
                writer.write(await self._answer(parse_request(frame)))
                await writer.drain()
                self._busy.discard(task)
        except (OSError, EOFError):
            return  # the request worker is gone; what ran for it has run
        except MalformedFrame as error:
            _LOG.error("a connection for invocations is closed: %s", error)

    async def _answer(self, request: InvocationRequest) -> bytes:
        try:
            return encode_result(await self._invoker.invoke(request))
        except AwsError as error:
            return encode_error(error)


def _private_socket(path: Path) -> socket.socket:
    """A listening place that only its owner can reach: nobody can connect before its mode is set."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(path.parent.stat().st_mode) & 0o077:
            raise OperatorError(
                f"The folder {path.parent} is open to other users.", fix=f"run: chmod 700 {path.parent}"
            )
        path.unlink(missing_ok=True)
        made.bind(str(path))
        path.chmod(0o600)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise OperatorError(
            f"The socket for invocations cannot be made at {path}.", why=error.strerror or str(error)
        ) from None
    except OperatorError:
        made.close()
        raise
    return made
