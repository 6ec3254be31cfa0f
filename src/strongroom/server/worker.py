"""A request worker: uvicorn on the shared listening socket, with the whole request path behind it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn
from strongroom.services.awslambda.remote import SocketInvoker

from strongroom.keyring import RootKey
from strongroom.server.app import Application
from strongroom.server.child import Briefing, run_child
from strongroom.server.composition import House
from strongroom.server.dispatch import Dispatcher
from strongroom.world import World

__all__ = ["serve"]

_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 30


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the supervisor says when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(briefing: Briefing, root_key: RootKey, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve requests until ``stopping`` is set, then finish those in flight."""
    settings = briefing.read_settings()
    house = House.open(settings, root_key, World.real(), SocketInvoker(briefing.function_socket))
    try:
        config = uvicorn.Config(
            Application(Dispatcher(house)),
            http="httptools",
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
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[socket.socket(fileno=briefing.listener)]))
        house.warm()
        gc.collect()
        gc.freeze()  # what start-up made lives as long as the process: no collection need look at it again
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        ready()
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait((stop, serving), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        server.should_exit = True
        await serving
    finally:
        house.close()


if __name__ == "__main__":
    run_child(serve, sys.argv[1:])
