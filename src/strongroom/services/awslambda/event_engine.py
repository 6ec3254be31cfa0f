"""Runs the asynchronous invocations that are queued, tries them again, and tells destinations how they ended.

Source: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation": a function that
fails is tried twice more, after one minute and two; one that cannot be run (no room, a missing key) is tried for six
hours, with pauses from one second to five minutes. An invocation may run more than once.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from strongroom.errors import AwsError, StrongroomError
from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.services.awslambda.destinations import Outcome, tell_destination
from strongroom.services.awslambda.event_configs import EventConfig, find_event_config
from strongroom.services.awslambda.event_records import (
    LEASE_MS,
    QueuedEvent,
    any_event_due,
    claim_events,
    finish_event,
    open_event,
    put_back_event,
    release_events,
    renew_event,
)
from strongroom.services.awslambda.names import LATEST, FunctionReference
from strongroom.services.awslambda.targets import Target, chosen_version, find_target
from strongroom.services.clients import FunctionInvoker, InvocationRequest, InvocationResult
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["EventEngine"]

_LOG: Final = logging.getLogger("strongroom.functions")
_AT_ONCE: Final = 8
_RENEW_SECONDS: Final = LEASE_MS / 1000 / 3
_RETRIES: Final = 2
_RETRY_MS: Final = (60_000, 120_000)
_LONGEST_AGE_SECONDS: Final = 6 * 3600
_SHORTEST_PAUSE_MS: Final = 1_000
_LONGEST_PAUSE_MS: Final = 300_000
_PERMANENT: Final = frozenset({"ResourceNotFoundException", "InvalidRequestContentException"})
"""Refusals that no later try changes."""


class EventEngine:
    """Works on the queue, as one of any number of processes that do.

    Args:
        store: The store that holds the queue.
        keyring: Opens and seals events.
        world: Clock and entropy.
        invoker: Runs functions.
    """

    def __init__(self, store: Store, keyring: Keyring, world: World, invoker: FunctionInvoker) -> None:
        self._store = store
        self._keyring = keyring
        self._world = world
        self._invoker = invoker
        self._owner = world.entropy.uuid()
        self._running: set[asyncio.Task[None]] = set()

    async def recover(self, *, sole_owner: bool) -> None:
        """Make invocations that were cut short due again at once.

        Args:
            sole_owner: No other process can be working on the queue: true on a store that one host owns.
        """
        if sole_owner:
            await self._store.write(release_events)

    async def turn(self) -> None:
        """Begin to work on what is due. Returns at once; the functions run on."""
        now_ms = self._world.clock.milliseconds()
        room = _AT_ONCE - len(self._running)
        if room <= 0 or not await self._store.read(lambda tx: any_event_due(tx, now_ms), single=True):
            return
        for queued in await self._store.write(lambda tx: claim_events(tx, self._owner, now_ms, room)):
            task = asyncio.create_task(self._work(queued))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def settle(self) -> None:
        """Wait until everything that was begun is written down."""
        await asyncio.gather(*self._running)

    async def stop(self) -> None:
        """Leave what is under way: its lease runs out, and it runs again."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, queued: QueuedEvent) -> None:
        renewing = asyncio.create_task(self._keep(queued))
        try:
            await self._attempt(queued)
        except StrongroomError as error:  # the store or the trail could not take it: the lease runs out
            _LOG.warning("an event for %s could not be written down: %s", queued.function_arn, error)
        finally:
            renewing.cancel()

    async def _keep(self, queued: QueuedEvent) -> None:
        """Renew the lease for as long as the function runs."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await self._store.write(lambda tx: renew_event(tx, queued, self._owner, self._world.clock.milliseconds()))

    async def _attempt(self, queued: QueuedEvent) -> None:
        """Run it once, unless it is too old or its function is gone."""
        target, config = await self._store.read(lambda tx: _plan(tx, queued))
        if target is None:
            await self._give_up(queued, "its function, version or alias is gone")
            return
        try:
            payload = open_event(self._keyring, queued)
        except InvalidCiphertext:
            await self._give_up(queued, "it does not open under the root key")
            return
        if self._too_old(queued, config):
            await self._end(queued, config, Outcome("EventAgeExceeded", queued.attempt, payload))
            return
        version = chosen_version(target, self._world.entropy)
        request = InvocationRequest(
            account=queued.account,
            region=queued.region,
            function_arn=queued.function_arn,
            request_id=queued.id,
            payload=payload,
            version=version,
            qualifier=queued.qualifier,
        )
        try:
            result = await self._invoker.invoke(request)
        except AwsError as error:
            await self._refused(queued, error)
            return
        await self._ran(queued, config, payload, result)

    async def _ran(
        self, queued: QueuedEvent, config: EventConfig | None, payload: bytes, result: InvocationResult
    ) -> None:
        attempts = queued.attempt + 1
        if result.function_error is None:
            await self._end(queued, config, Outcome("Success", attempts, payload, result))
        elif queued.attempt >= _retries(config):
            await self._end(queued, config, Outcome("RetriesExhausted", attempts, payload, result))
        else:
            pause_ms = _RETRY_MS[min(queued.attempt, len(_RETRY_MS) - 1)]
            await self._put_back(queued, attempt=attempts, throttled=0, pause_ms=pause_ms)

    async def _refused(self, queued: QueuedEvent, error: AwsError) -> None:
        """The function did not run at all."""
        if error.code in _PERMANENT:
            await self._give_up(queued, error.code)
            return
        pause_ms = min(_SHORTEST_PAUSE_MS << min(queued.throttled, 16), _LONGEST_PAUSE_MS)
        await self._put_back(queued, attempt=queued.attempt, throttled=queued.throttled + 1, pause_ms=pause_ms)

    async def _put_back(self, queued: QueuedEvent, *, attempt: int, throttled: int, pause_ms: int) -> None:
        due_ms = self._world.clock.milliseconds() + pause_ms
        await self._store.write(
            lambda tx: put_back_event(tx, queued, self._owner, attempt=attempt, throttled=throttled, due_ms=due_ms)
        )

    async def _end(self, queued: QueuedEvent, config: EventConfig | None, outcome: Outcome) -> None:
        """Take it out of the queue and put what a destination is told in, in one transaction."""
        if outcome.condition != "Success":
            _LOG.warning("the event %s for %s is given up: %s", queued.id, queued.function_arn, outcome.condition)
        destination = None
        if config is not None:
            destination = config.on_success if outcome.condition == "Success" else config.on_failure

        def work(transaction: Transaction) -> None:
            if finish_event(transaction, queued, self._owner) and destination is not None:
                tell_destination(transaction, self._store, self._keyring, self._world, queued, destination, outcome)

        await self._store.write(work)

    async def _give_up(self, queued: QueuedEvent, reason: str) -> None:
        _LOG.warning("the event %s for %s is dropped: %s", queued.id, queued.function_arn, reason)
        await self._store.write(lambda tx: finish_event(tx, queued, self._owner))

    def _too_old(self, queued: QueuedEvent, config: EventConfig | None) -> bool:
        seconds = _LONGEST_AGE_SECONDS
        if config is not None and config.longest_age_seconds is not None:
            seconds = config.longest_age_seconds
        return self._world.clock.milliseconds() - queued.accepted_ms > seconds * 1000


def _plan(transaction: Transaction, queued: QueuedEvent) -> tuple[Target | None, EventConfig | None]:
    """What an invocation means now, and what was configured for it."""
    name = queued.function_arn.rpartition(":")[2]
    reference = FunctionReference(queued.account, queued.region, name, queued.function_arn, queued.qualifier)
    config = find_event_config(transaction, queued.function_arn, queued.qualifier or LATEST)
    return find_target(transaction, reference), config


def _retries(config: EventConfig | None) -> int:
    return _RETRIES if config is None or config.retries is None else config.retries
