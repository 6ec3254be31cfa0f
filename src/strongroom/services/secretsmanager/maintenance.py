"""What the background worker does for secrets besides rotating them: the end of recovery windows."""

from __future__ import annotations

from typing import Final

from strongroom.services.secretsmanager.records import delete_secret, due_for_purge
from strongroom.services.secretsmanager.service_events import record_deletion_event
from strongroom.store import Store, Transaction
from strongroom.world import Entropy, World

__all__ = ["Maintenance", "purge_due"]

_AT_ONCE: Final = 100


def purge_due(transaction: Transaction, entropy: Entropy, now_ms: int, limit: int) -> int:
    """Delete secrets whose recovery window has ended: versions, data keys, labels and rotations go with them.

    Args:
        transaction: A write.
        entropy: For the ids of events.
        now_ms: Now, in milliseconds since the epoch.
        limit: The most secrets to delete in this transaction.

    Returns:
        How many there were.
    """
    due = due_for_purge(transaction, now_ms, limit)
    for secret in due:
        record_deletion_event(transaction, entropy, secret, "EndSecretVersionDelete", now_ms)
        delete_secret(transaction, secret.arn)
    return len(due)


class Maintenance:
    """The upkeep of secrets, in turns.

    Args:
        store: Where secrets are kept.
        world: Clock and entropy.
    """

    def __init__(self, store: Store, world: World) -> None:
        self._store = store
        self._world = world

    async def turn(self) -> None:
        """Delete what is due. Several workers may do so at once."""
        now_ms = self._world.clock.milliseconds()
        while await self._store.read(lambda transaction: bool(due_for_purge(transaction, now_ms, 1))):
            await self._store.write(lambda transaction: purge_due(transaction, self._world.entropy, now_ms, _AT_ONCE))
