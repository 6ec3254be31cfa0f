"""The background worker: the one process per host that owns function processes, rotations and maintenance."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from strongroom.errors import StrongroomError
from strongroom.server.child import Briefing
from strongroom.server.composition import House
from strongroom.server.log import describe_failure
from strongroom.services.awslambda.host import FunctionHost
from strongroom.services.awslambda.remote import InvokerServer
from strongroom.services.secretsmanager.maintenance import Maintenance
from strongroom.services.secretsmanager.rotation import RotationEngine
from strongroom.world import World

__all__ = ["serve"]

_LOG: Final = logging.getLogger("strongroom.background")
_MAINTENANCE_SECONDS: Final = 5.0
_ROTATION_SECONDS: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


async def serve(briefing: Briefing, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
    """Run functions, rotations and maintenance until ``stopping`` is set."""
    briefing.listener.close()  # so that nobody can connect once the request workers are gone
    settings = briefing.settings
    host = FunctionHost.prepare(
        endpoint_url=briefing.endpoint,
        work_dir=briefing.run_dir / "functions",
        ca_bundle=settings.ca_bundle,
        max_processes=settings.function_processes,
        hidden_paths=(settings.data_dir.absolute(),),
    )
    house = House.open(settings, briefing.root_key, World.real(), host)
    try:
        await host.start(house.store, house.keyring, house.world, house.iam)
        server = InvokerServer(briefing.function_socket, host)
        await server.start()
        engine = RotationEngine(house.store, house.keyring, house.world, house.functions)
        await engine.recover(sole_owner=settings.store is None)
        maintenance = Maintenance(house.store, house.world)
        loops = [
            asyncio.create_task(_repeat("key deletion", house.keys.destroy_due_keys, _MAINTENANCE_SECONDS, stopping)),
            asyncio.create_task(_repeat("rotation", engine.turn, _ROTATION_SECONDS, stopping)),
            asyncio.create_task(_repeat("maintenance", maintenance.turn, _MAINTENANCE_SECONDS, stopping)),
        ]
        ready()
        await stopping.wait()
        await asyncio.gather(*loops)
        await engine.stop()
        await server.stop()
        await host.stop()
    finally:
        house.close()


async def _repeat(name: str, turn: Callable[[], Awaitable[object]], seconds: float, stopping: asyncio.Event) -> None:
    """Take turns until told to stop. A turn that fails is logged and tried again after a growing pause."""
    pause = seconds
    while not stopping.is_set():
        try:
            await turn()
            pause = seconds
        except Exception as error:  # noqa: BLE001 - the background boundary: one bad turn must not end the loop
            level = logging.WARNING if isinstance(error, StrongroomError) else logging.ERROR
            _LOG.log(level, "the %s loop met a failure", name, extra={"detail": describe_failure(error)})
            pause = min(max(pause * 2, 1.0), _LONGEST_PAUSE)
        try:
            async with asyncio.timeout(pause):
                await stopping.wait()
        except TimeoutError:
            continue
