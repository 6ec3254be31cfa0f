"""A request worker: uvicorn on the shared listening socket, with the whole request path behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import uvicorn

from strongroom.server.app import Application
from strongroom.server.child import Briefing
from strongroom.server.composition import House
from strongroom.server.connection import Connection
from strongroom.server.dispatch import Dispatcher
from strongroom.server.serving import Server
from strongroom.server.turns import FORGETTING_SECONDS, repeat
from strongroom.services.awslambda.remote import SocketInvoker
from strongroom.world import World

__all__ = ["serve"]

_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 30
_USES_SECONDS = 1.0


async def serve(briefing: Briefing, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve requests until ``stopping`` is set, then finish those in flight."""
    settings = briefing.settings
    invoker = SocketInvoker(briefing.function_socket)
    house = House.open(settings, briefing.root_key, World.real(), invoker, briefing.throttles, briefing.sink_gate)
    try:
        dispatcher = Dispatcher(house)

        async def forget() -> None:
            dispatcher.forget_past()
            await house.keys.forgetting.turn()

        config = uvicorn.Config(
            Application(dispatcher),
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
        server = Server(config, ready)
        serving = asyncio.create_task(server.serve(sockets=[briefing.listener]))
        stop = asyncio.create_task(stopping.wait())
        forgetting = asyncio.create_task(repeat("forgetting", forget, FORGETTING_SECONDS, stopping))
        uses = asyncio.create_task(repeat("last uses", dispatcher.last_uses.turn, _USES_SECONDS, stopping))
        await asyncio.wait((stop, serving), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        server.should_exit = True
        await serving
        forgetting.cancel()
        uses.cancel()
    finally:
        house.close()
