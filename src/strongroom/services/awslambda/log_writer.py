"""Keeping what functions print: lines are gathered, sealed and stored in groups, in the background.

A function never waits for its log. What comes faster than it can be stored, and what the store refuses three times,
is dropped, and the server's log says how much.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from strongroom.errors import StrongroomError
from strongroom.keyring import Keyring
from strongroom.services.awslambda.log_records import LogEvent, LogStream, SealedEvent, insert_events, seal_event
from strongroom.store import Store

__all__ = ["LogGroup", "LogWriter"]

_LOG: Final = logging.getLogger("strongroom.functions")
_GROUP: Final = 200
_GATHER_SECONDS: Final = 0.1
_MOST_WAITING: Final = 16 * 1024 * 1024  # characters
_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 1.0


class LogGroup(str):
    """The name of a log group that remembers whose it is.

    The function pool hands a function's log group back with each line it prints. Names of groups are unique only
    within an account and region, so this one carries both.
    """

    __slots__ = ("account", "region")

    account: str
    region: str

    @classmethod
    def of(cls, name: str, account: str, region: str) -> LogGroup:
        """The group ``name`` in an account and region."""
        group = cls(name)
        group.account = account
        group.region = region
        return group


class LogWriter:
    """The place where the function pool leaves what functions print.

    Args:
        store: Where log events are kept.
        keyring: Seals them.
    """

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring
        self._waiting: deque[tuple[LogStream, LogEvent]] = deque()
        self._size = 0
        self._dropped = 0
        self._sequence = itertools.count(1)
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

    def write(self, log_group: str, log_stream: str, entries: Sequence[tuple[int, str]]) -> None:
        """Take lines to keep; returns at once.

        Args:
            log_group: A `LogGroup`.
            log_stream: The stream's name.
            entries: Pairs of (milliseconds since the epoch, text), in order.

        Raises:
            TypeError: ``log_group`` does not say whose it is.
        """
        if not isinstance(log_group, LogGroup):
            raise TypeError("a log group without an owner")
        stream = LogStream(log_group.account, log_group.region, str(log_group), log_stream)
        for timestamp_ms, text in entries:
            if self._size + len(text) > _MOST_WAITING:
                self._dropped += 1
                continue
            self._size += len(text)
            self._waiting.append((stream, LogEvent(next(self._sequence), timestamp_ms, text)))
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
        group = [self._waiting.popleft() for _ in range(min(_GROUP, len(self._waiting)))]
        self._size -= sum(len(event.message) for _, event in group)
        sealed = await asyncio.to_thread(self._seal, group)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._store.write(lambda transaction: insert_events(transaction, sealed))
            except StrongroomError as error:
                problem = error
            else:
                return
            if attempt < _ATTEMPTS:
                await asyncio.sleep(_PAUSE_SECONDS)
        _LOG.warning("%d lines that functions printed could not be stored and were dropped: %s", len(group), problem)

    def _seal(self, group: Sequence[tuple[LogStream, LogEvent]]) -> list[SealedEvent]:
        return [seal_event(self._keyring, stream, event) for stream, event in group]
