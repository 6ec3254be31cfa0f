"""The end of old log events: retention, as a group or the installation has it, and a bound on each group's size."""

from __future__ import annotations

from typing import Final

from strongroom.services.logs.event_records import delete_oldest, has_older
from strongroom.services.logs.group_records import GroupRecord, all_groups, find_group
from strongroom.services.logs.names import GroupReference
from strongroom.services.logs.stream_records import delete_ended_streams
from strongroom.store import Store
from strongroom.world import World

__all__ = ["LogMaintenance"]

_PAUSE_MS: Final = 60_000
_DAY_MS: Final = 24 * 3600 * 1000
_AT_ONCE: Final = 1000
_MEBIBYTE: Final = 1024 * 1024
_FUNCTIONS: Final = "/aws/lambda/"
_NEVER: Final = 1 << 62


class LogMaintenance:
    """The upkeep of logs, in turns.

    Args:
        store: Where logs are kept.
        world: The clock.
        days: How long events are kept in groups without a retention of their own; 0 for ever.
        megabytes: How large one group may grow before its oldest events go.
    """

    def __init__(self, store: Store, world: World, *, days: int, megabytes: int) -> None:
        self._store = store
        self._clock = world.clock
        self._days = days
        self._most_bytes = megabytes * _MEBIBYTE
        self._due_ms = 0

    async def turn(self) -> None:
        """Delete what is due, once a minute. Several workers may do so at once."""
        now_ms = self._clock.milliseconds()
        if now_ms < self._due_ms:
            return
        self._due_ms = now_ms + _PAUSE_MS
        for group in await self._store.read(all_groups, single=True):
            await self._prune(group, now_ms)

    async def _prune(self, group: GroupRecord, now_ms: int) -> None:
        reference = group.reference
        days = self._days if group.retention_days is None else group.retention_days
        before_ms = now_ms - days * _DAY_MS
        if days and await self._store.read(lambda tx: has_older(tx, reference, before_ms), single=True):
            while await self._store.write(lambda tx: delete_oldest(tx, reference, before_ms, _AT_ONCE)):
                pass  # one transaction of bounded size after the other
            await self._drop_streams(reference, before_ms)
        if group.stored_bytes > self._most_bytes:
            while await self._is_too_large(reference):
                if not await self._store.write(lambda tx: delete_oldest(tx, reference, _NEVER, _AT_ONCE)):
                    break

    async def _drop_streams(self, group: GroupReference, before_ms: int) -> None:
        """Forget the streams of function processes that ended long ago: every process had one of its own."""
        if group.name.startswith(_FUNCTIONS):
            await self._store.write(lambda transaction: delete_ended_streams(transaction, group, before_ms))

    async def _is_too_large(self, group: GroupReference) -> bool:
        found = await self._store.read(lambda transaction: find_group(transaction, group), single=True)
        return found is not None and found.stored_bytes > self._most_bytes
