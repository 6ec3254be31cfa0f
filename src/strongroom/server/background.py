"""The background worker: the one process per host that owns function processes, rotations and maintenance."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from strongroom.backup.hold import is_held
from strongroom.errors import StrongroomError
from strongroom.server.backups import ScheduledBackups
from strongroom.server.child import Briefing
from strongroom.server.composition import House
from strongroom.server.log import describe_failure
from strongroom.services.awslambda.ciphertexts import FunctionCiphertexts
from strongroom.services.awslambda.event_engine import EventEngine
from strongroom.services.awslambda.host import FunctionHost
from strongroom.services.awslambda.remote import InvokerServer
from strongroom.services.kms import KmsServiceClient
from strongroom.services.kms.rewrapping import Rewrapper
from strongroom.services.logs import LogMaintenance, LogWriter
from strongroom.services.secretsmanager.ciphertexts import SecretCiphertexts
from strongroom.services.secretsmanager.maintenance import Maintenance
from strongroom.services.secretsmanager.replication import ReplicationEngine
from strongroom.services.secretsmanager.rotation import RotationEngine
from strongroom.world import World

__all__ = ["serve"]

_LOG: Final = logging.getLogger("strongroom.background")
_MAINTENANCE_SECONDS: Final = 5.0
_ROTATION_SECONDS: Final = 0.1
_REWRAP_SECONDS: Final = 0.2
_REPLICATION_SECONDS: Final = 0.1
_EVENT_SECONDS: Final = 0.1
_CHECK_SECONDS: Final = 0.5
_BACKUP_SECONDS: Final = 60.0
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
        own_network=settings.function_network == "strongroom",
    )
    house = House.open(settings, briefing.root_key, World.real(), host)
    try:
        logs = LogWriter(house.store, house.keyring, house.world)
        await host.start(house.store, house.keyring, house.world, house.iam, KmsServiceClient(house.keys), logs)
        server = InvokerServer(briefing.function_socket, host)
        await server.start()
        engine = RotationEngine(
            house.store, house.keyring, house.world, house.functions, {"rds": house.databases.rotation}
        )
        await engine.recover(sole_owner=settings.store is None)
        replication = ReplicationEngine(
            house.store, house.keyring, house.world, KmsServiceClient(house.keys), house.organization
        )
        await replication.recover(sole_owner=settings.store is None)
        events = EventEngine(house.store, house.keyring, house.world, host)
        await events.recover(sole_owner=settings.store is None)
        await house.database_checks.recover(sole_owner=settings.store is None)

        def unless_held(turn: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
            """After a restore nothing logs in to databases until the operator has looked at the state."""

            async def turn_unless_held() -> None:
                if not await house.store.read(is_held, single=True):
                    await turn()

            return turn_unless_held

        maintenance = Maintenance(house.store, house.world)
        log_maintenance = LogMaintenance(
            house.store, house.world, days=settings.log_days, megabytes=settings.log_group_megabytes
        )
        rewrapper = Rewrapper(house.store, house.keys, house.world, (SecretCiphertexts(), FunctionCiphertexts()))
        checks = unless_held(house.database_checks.turn)
        backups = ScheduledBackups(settings, briefing.root_key, house.store, house.world)
        loops = [
            asyncio.create_task(_repeat("backup", backups.turn, _BACKUP_SECONDS, stopping)),
            asyncio.create_task(_repeat("key maintenance", house.keys.maintain, _MAINTENANCE_SECONDS, stopping)),
            asyncio.create_task(_repeat("rewrap", rewrapper.turn, _REWRAP_SECONDS, stopping)),
            asyncio.create_task(_repeat("rotation", unless_held(engine.turn), _ROTATION_SECONDS, stopping)),
            asyncio.create_task(_repeat("replication", replication.turn, _REPLICATION_SECONDS, stopping)),
            asyncio.create_task(_repeat("maintenance", maintenance.turn, _MAINTENANCE_SECONDS, stopping)),
            asyncio.create_task(_repeat("database check", checks, _CHECK_SECONDS, stopping)),
            asyncio.create_task(_repeat("events", events.turn, _EVENT_SECONDS, stopping)),
            asyncio.create_task(_repeat("log maintenance", log_maintenance.turn, _MAINTENANCE_SECONDS, stopping)),
        ]
        ready()
        await stopping.wait()
        await asyncio.gather(*loops)
        await engine.stop()
        await events.stop()
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
