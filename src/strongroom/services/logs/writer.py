"""Keeping what functions print: lines are gathered, sealed and stored in groups, in the background.

A function never waits for its log. What comes faster than it can be stored, and what the store refuses three times,
is dropped, and the server's log says how much.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from strongroom.errors import StrongroomError
from strongroom.keyring import Keyring
from strongroom.services.logs.event_records import LogEvent, SealedEvent, first_sequence, insert_events, seal_event
from strongroom.services.logs.names import GroupReference
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["LogWriter"]

_LOG: Final = logging.getLogger("strongroom.functions")
_GROUP: Final = 200
_GATHER_SECONDS: Final = 0.1
_MOST_WAITING: Final = 16 * 1024 * 1024  # characters
_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 1.0

_Batch = dict[tuple[GroupReference, str], list[SealedEvent]]


class LogWriter:
    """The implementation of `strongroom.services.clients.LogsClient`: where the function pool leaves its output.

    Args:
        store: Where log events are kept.
        keyring: Seals them.
        world: The clock, from which sequence numbers grow.
    """

    def __init__(self, store: Store, keyring: Keyring, world: World) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = world.clock
        self._waiting: deque[tuple[GroupReference, LogEvent]] = deque()
        self._size = 0
        self._dropped = 0
        self._last = 0
        self._filled = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to store. Call it on the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Store what is waiting, then end."""
        self._stopping = True
        self._filled.set()
        if self._task is not None:
            await self._task

    def write(
        self, account: str, region: str, log_group: str, log_stream: str, entries: Sequence[tuple[int, str]]
    ) -> None:
        """Take lines to keep; returns at once.

        Args:
            account: The account that owns the group.
            region: Its region.
            log_group: The group's name.
            log_stream: The stream's name.
            entries: Pairs of (milliseconds since the epoch, text), in order.
        """
        group = GroupReference(account, region, log_group)
        now_ms = self._clock.milliseconds()
        for timestamp_ms, text in entries:
            if self._size + len(text) > _MOST_WAITING:
                self._dropped += 1
                continue
            self._size += len(text)
            self._last = first_sequence(now_ms, self._last)
            self._waiting.append((group, LogEvent(log_stream, self._last, timestamp_ms, now_ms, text)))
        self._filled.set()

    async def _run(self) -> None:
        while not (self._stopping and not self._waiting):
            await self._filled.wait()
            if not self._stopping:
                await asyncio.sleep(_GATHER_SECONDS)
            self._filled.clear()
            while self._waiting:
                await self._store_group()
            if self._dropped:
                _LOG.warning("%d lines that functions printed came too fast and were dropped", self._dropped)
                self._dropped = 0

    async def _store_group(self) -> None:
        lines = [self._waiting.popleft() for _ in range(min(_GROUP, len(self._waiting)))]
        self._size -= sum(len(event.message) for _, event in lines)
        batch = await asyncio.to_thread(self._sealed, lines)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._store.write(lambda transaction: _insert(transaction, batch, self._clock.milliseconds()))
            except StrongroomError as error:
                problem = error
            else:
                return
            if attempt < _ATTEMPTS:
                await asyncio.sleep(_PAUSE_SECONDS)
        _LOG.warning("%d lines that functions printed could not be stored and were dropped: %s", len(lines), problem)

    def _sealed(self, lines: Sequence[tuple[GroupReference, LogEvent]]) -> _Batch:
        batch: _Batch = {}
        for group, event in lines:
            batch.setdefault((group, event.stream), []).append(seal_event(self._keyring, group, event))
        return batch


def _insert(transaction: Transaction, batch: _Batch, now_ms: int) -> None:
    for (group, stream), events in batch.items():
        insert_events(transaction, group, stream, events, now_ms)
