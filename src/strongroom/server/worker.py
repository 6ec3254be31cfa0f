"""A request worker: uvicorn on the shared listening socket, with the whole request path behind it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

from strongroom.server.app import Application
from strongroom.server.child import Briefing
from strongroom.server.composition import House
from strongroom.server.connection import Connection
from strongroom.server.dispatch import Dispatcher
from strongroom.services.awslambda.remote import SocketInvoker
from strongroom.world import World

__all__ = ["serve"]

_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 30


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, as the supervisor says when to stop; tells when it serves."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(briefing: Briefing, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve requests until ``stopping`` is set, then finish those in flight."""
    settings = briefing.settings
    house = House.open(settings, briefing.root_key, World.real(), SocketInvoker(briefing.function_socket))
    try:
        config = uvicorn.Config(
            Application(Dispatcher(house)),
            http=Connection,
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        house.warm()
        server = _Server(config, ready)
        serving = asyncio.create_task(server.serve(sockets=[briefing.listener]))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait((stop, serving), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        server.should_exit = True
        await serving
    finally:
        house.close()
