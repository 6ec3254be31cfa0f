"""Brings replicas in step in the background, as one of any number of processes that do."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from strongroom.errors import StrongroomError
from strongroom.keyring import Keyring
from strongroom.services.clients import KmsClient, OrganizationClient
from strongroom.services.secretsmanager.records import secret_by_arn
from strongroom.services.secretsmanager.replication import links
from strongroom.services.secretsmanager.replication.copying import Copier
from strongroom.services.secretsmanager.replication.keys import (
    KeyRights,
    NoRights,
    ReplicationFailure,
    RoleRights,
    StandingRights,
)
from strongroom.services.secretsmanager.replication.links import Link
from strongroom.services.secretsmanager.service_events import record_replication_event
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["ReplicationEngine"]

_LOG: Final = logging.getLogger("strongroom.replication")
_AT_ONCE: Final = 16
_FIRST_PAUSE_MS: Final = 1_000
_LONGEST_PAUSE_MS: Final = 30_000


class ReplicationEngine:
    """Does what is due. A copy is one transaction: two processes that come to the same link do it once.

    Args:
        store: The store that holds the secrets.
        keyring: Makes sessions of replication roles.
        world: Clock and entropy.
        kms: KMS's client.
        organization: Tells whether two accounts belong together.
    """

    def __init__(
        self, store: Store, keyring: Keyring, world: World, kms: KmsClient, organization: OrganizationClient
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._world = world
        self._kms = kms
        self._organization = organization
        self._owner = world.entropy.uuid()

    async def recover(self, *, sole_owner: bool) -> None:
        """Make copies that were cut short due again at once.

        Args:
            sole_owner: No other process can be working on replicas: true on a store that one host owns.
        """
        if sole_owner:
            await self._store.write(links.release_all)

    async def turn(self) -> None:
        """Bring every replica in step that is due now."""
        now_ms = self._world.clock.milliseconds()
        while await self._store.read(lambda transaction: links.any_due(transaction, now_ms), single=True):
            claimed = await self._store.write(
                lambda transaction: links.claim_due(transaction, self._owner, now_ms, _AT_ONCE)
            )
            for link in claimed:
                await self._work(link)

    async def _work(self, claimed: Link) -> None:
        try:
            await self._store.write(lambda transaction: self._copy(transaction, claimed))
        except ReplicationFailure as failure:
            message = str(failure)
            if message != claimed.message:
                _LOG.warning("the replica %s is not in step: %s", claimed.replica_arn, message)
            await self._store.write(lambda transaction: self._fail(transaction, claimed, message))
        except StrongroomError as error:  # the store or the trail could not take it: the lease runs out, it is retried
            _LOG.warning("the replica %s could not be written: %s", claimed.replica_arn, error)

    def _copy(self, transaction: Transaction, claimed: Link) -> None:
        link = links.take_up(transaction, claimed, self._owner)
        if link is None:
            return
        primary = secret_by_arn(transaction, link.primary_arn)
        if primary is None:
            raise ReplicationFailure("The primary secret no longer exists.")
        now_ms = self._world.clock.milliseconds()
        copier = Copier(self._rights(link, now_ms), self._organization, self._world.entropy, now_ms)
        copier.bring_in_step(transaction, link, primary)
        links.update_link(
            transaction, replace(link, status="InSync", message=None, attempt=0, due_ms=None, overwrites=0)
        )
        record_replication_event(
            transaction, self._world.entropy, primary, link.replica_arn, "ReplicationSucceeded", now_ms
        )

    def _rights(self, link: Link, now_ms: int) -> KeyRights:
        if link.role_arn is not None:
            return RoleRights(self._kms, self._store, self._keyring, self._world, link.role_arn, now_ms)
        if link.may_use_keys:
            return StandingRights(self._kms, self._store, self._world, now_ms)
        return NoRights()

    def _fail(self, transaction: Transaction, claimed: Link, message: str) -> None:
        """Say what stands against it, and try again after a growing pause. What fails the same way is told once."""
        link = links.take_up(transaction, claimed, self._owner)
        if link is None:
            return
        now_ms = self._world.clock.milliseconds()
        pause_ms = min(_FIRST_PAUSE_MS * 2 ** min(link.attempt, 16), _LONGEST_PAUSE_MS)
        links.update_link(
            transaction,
            replace(link, status="Failed", message=message, attempt=link.attempt + 1, due_ms=now_ms + pause_ms),
        )
        primary = secret_by_arn(transaction, link.primary_arn)
        if primary is not None and message != link.message:
            record_replication_event(
                transaction,
                self._world.entropy,
                primary,
                link.replica_arn,
                "ReplicationFailed",
                now_ms,
                error_message=message,
            )
