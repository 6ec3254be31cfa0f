"""Runs the steps of rotations that are due, one function invocation a step, several rotations at once."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import orjson

from strongroom.errors import AwsError, StrongroomError
from strongroom.keyring import Keyring
from strongroom.services.clients import LambdaClient, SecretOwner
from strongroom.services.secretsmanager.rotation import queue
from strongroom.services.secretsmanager.rotation.outcome import settle
from strongroom.services.secretsmanager.rotation.queue import LEASE_MS, Claim
from strongroom.services.secretsmanager.rotation.scheduled import begin_due
from strongroom.services.secretsmanager.rotations import owner_principal, rotation_token
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["RotationEngine"]

_LOG: Final = logging.getLogger("strongroom.rotation")
_ERROR_TYPE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
_SERVICE: Final = "secretsmanager.amazonaws.com"
_AT_ONCE: Final = 16
_RENEW_SECONDS: Final = LEASE_MS / 1000 / 3
_NO_OWNERS: Final[Mapping[str, SecretOwner]] = {}


class _Ran(NamedTuple):
    """How a step went: what went wrong, in words that hold nothing secret, and where the function's output is."""

    problem: str | None
    log_stream: str | None = None


class RotationEngine:
    """Drives rotations, as one of any number of processes that do.

    Args:
        store: The store that holds the rotations.
        keyring: Seals the RotationToken that a function is given.
        world: Clock and entropy.
        functions: Lambda's client.
        owners: The services that rotate the secrets they manage, by the ids that OwningService shows.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        world: World,
        functions: LambdaClient,
        owners: Mapping[str, SecretOwner] = _NO_OWNERS,
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._world = world
        self._functions = functions
        self._owners = {owner_principal(service): owner for service, owner in owners.items()}
        self._owner = world.entropy.uuid()
        self._running: set[asyncio.Task[None]] = set()

    async def recover(self, *, sole_owner: bool) -> None:
        """Make rotations that were cut short due again at once.

        Args:
            sole_owner: No other process can be working on rotations: true on a store that one host owns.
        """
        if sole_owner:
            released = await self._store.write(queue.release_all)
            if released:
                _LOG.info("%d rotations were under way when the server ended; they go on now", released)

    async def turn(self) -> None:
        """Begin what schedules made due, then work on what is due. Returns at once; the steps run on."""
        now_ms = self._world.clock.milliseconds()
        if await self._store.read(lambda transaction: bool(queue.due_by_schedule(transaction, now_ms, 1)), single=True):
            await self._store.write(lambda transaction: begin_due(transaction, self._world.entropy, now_ms))
        room = _AT_ONCE - len(self._running)
        if room <= 0 or not await self._store.read(lambda tx: queue.any_due(tx, now_ms), single=True):
            return
        for claim in await self._store.write(lambda tx: queue.claim_due(tx, self._owner, now_ms, room)):
            task = asyncio.create_task(self._work(claim))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        """Leave what is under way: its lease is released, and the step runs again after the next start."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, claim: Claim) -> None:
        """Run one step after the other: between the new password in the database and the new label no time is lost."""
        following: Claim | None = claim
        while following is not None:
            following = await self._run_step(following)

    async def _run_step(self, claim: Claim) -> Claim | None:
        renewing = asyncio.create_task(self._keep(claim))
        try:
            return await self._settle(claim, await self._invoke(claim))
        except StrongroomError as error:  # the store or the trail could not take it: the lease runs out, it is retried
            _LOG.warning("a step of a rotation could not be written down: %s", error)
            return None
        finally:
            renewing.cancel()

    async def _keep(self, claim: Claim) -> None:
        """Renew the lease for as long as the step runs."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await self._store.write(self._renewal(claim))

    def _renewal(self, claim: Claim) -> Callable[[Transaction], bool]:
        now_ms = self._world.clock.milliseconds()
        return lambda transaction: queue.renew(transaction, claim, self._owner, now_ms)

    async def _invoke(self, claim: Claim) -> _Ran:
        """Have the claim's step run."""
        if not claim.function_arn.startswith("arn:"):
            return _Ran(await self._ask_owner(claim))
        event = {
            "Step": claim.step,
            "SecretId": claim.arn,
            "ClientRequestToken": claim.token,
            "RotationToken": rotation_token(self._keyring, claim.arn, claim.token),
        }
        try:
            result = await self._functions.invoke_as_service(
                claim.function_arn,
                orjson.dumps(event),
                service=_SERVICE,
                source_arn=claim.arn,
                source_account=claim.account,
            )
        except AwsError as error:
            return _Ran(f"the function could not be invoked: {error.code}")
        problem = None if result.function_error is None else f"the function failed: {_error_type(result.payload)}"
        return _Ran(problem, result.log_stream or None)

    async def _ask_owner(self, claim: Claim) -> str | None:
        """Have the service that manages the secret run the step; answer what went wrong."""
        owner = self._owners.get(claim.function_arn)
        if owner is None:
            return f"{claim.function_arn} does not rotate secrets here"
        try:
            await owner.run_rotation_step(claim.step, claim.arn, claim.token)
        except AwsError as error:
            return f"{claim.function_arn} failed: {error.code}"
        return None

    async def _settle(self, claim: Claim, ran: _Ran) -> Claim | None:
        now_ms = self._world.clock.milliseconds()
        settled = await self._store.write(
            lambda transaction: settle(
                transaction,
                self._world.entropy,
                claim,
                self._owner,
                ran.problem,
                now_ms,
                log_stream=ran.log_stream,
            )
        )
        if settled.problem:
            _LOG.warning(
                "rotation of %s, step %s, attempt %d: %s", claim.arn, claim.step, claim.attempt + 1, settled.problem
            )
        return settled.following


def _error_type(payload: bytes) -> str:
    """The type of a function's error. Its message is the function's own and stays in the function's log."""
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return "an error that is not JSON"
    kind = document.get("errorType") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) and _ERROR_TYPE.fullmatch(kind) else "an error"
