"""The background worker: the one process per host that owns function processes, rotations and maintenance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from strongroom.backup.hold import is_held
from strongroom.server.backups import ScheduledBackups
from strongroom.server.child import Briefing
from strongroom.server.composition import House
from strongroom.server.folder import DataFolder
from strongroom.server.indexing import Indexing
from strongroom.server.trail_sinks import TrailSinks
from strongroom.server.trail_upkeep import TrailUpkeep
from strongroom.server.turns import FORGETTING_SECONDS, repeat
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

_MAINTENANCE_SECONDS: Final = 5.0
_ROTATION_SECONDS: Final = 0.1
_REWRAP_SECONDS: Final = 0.2
_REPLICATION_SECONDS: Final = 0.1
_EVENT_SECONDS: Final = 0.1
_CHECK_SECONDS: Final = 0.5
_BACKUP_SECONDS: Final = 60.0
_UPKEEP_SECONDS: Final = 1.0
_INDEX_SECONDS: Final = 1.0


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
    world = World.real()
    house = House.open(settings, briefing.root_key, world, host, sinks=briefing.sink_gate)
    upkeep = TrailUpkeep(settings, house.trail, house.checkpoints, world)
    sinks = TrailSinks(settings, briefing.run_dir, world.clock, upkeep.trouble)
    try:
        await sinks.start()
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
        indexing = Indexing(DataFolder(settings.data_dir).audit, stopping)
        backups = ScheduledBackups(settings, briefing.root_key, house.store, house.world)
        loops = [
            asyncio.create_task(repeat("audit index", indexing.turn, _INDEX_SECONDS, stopping)),
            asyncio.create_task(repeat("backup", backups.turn, _BACKUP_SECONDS, stopping)),
            asyncio.create_task(repeat("audit", lambda: upkeep.turn(sinks.keep_from()), _UPKEEP_SECONDS, stopping)),
            asyncio.create_task(repeat("key maintenance", house.keys.maintain, _MAINTENANCE_SECONDS, stopping)),
            asyncio.create_task(repeat("forgetting", house.keys.forgetting.turn, FORGETTING_SECONDS, stopping)),
            asyncio.create_task(repeat("rewrap", rewrapper.turn, _REWRAP_SECONDS, stopping)),
            asyncio.create_task(repeat("rotation", unless_held(engine.turn), _ROTATION_SECONDS, stopping)),
            asyncio.create_task(repeat("replication", replication.turn, _REPLICATION_SECONDS, stopping)),
            asyncio.create_task(repeat("maintenance", maintenance.turn, _MAINTENANCE_SECONDS, stopping)),
            asyncio.create_task(repeat("database check", checks, _CHECK_SECONDS, stopping)),
            asyncio.create_task(repeat("events", events.turn, _EVENT_SECONDS, stopping)),
            asyncio.create_task(repeat("log maintenance", log_maintenance.turn, _MAINTENANCE_SECONDS, stopping)),
        ]
        ready()
        await stopping.wait()
        await asyncio.gather(*loops)
        upkeep.stop()
        indexing.close()
        await engine.stop()
        await events.stop()
        await server.stop()
        await host.stop()
    finally:
        house.close()
        await sinks.stop()  # the last one, for what ends may record
