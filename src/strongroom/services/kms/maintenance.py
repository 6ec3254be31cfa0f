"""Background work on keys: destroying those whose waiting period has ended.

Source: KMS Developer Guide, "Deleting AWS KMS keys": at the end of the waiting period KMS deletes the key, its material
and its aliases, and CloudTrail records ``DeleteKey``.
"""

from __future__ import annotations

from typing import Final

from strongroom.audit import resource, service_event, user_identity
from strongroom.keyring import Keyring
from strongroom.services.kms import records
from strongroom.services.kms.keys import RESOURCE_TYPE
from strongroom.services.kms.records import KeyRecord
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["destroy_due"]

_SERVICE: Final = "kms.amazonaws.com"


async def destroy_due(store: Store, keyring: Keyring, world: World) -> tuple[str, ...]:
    """Destroy every key whose waiting period has ended. What was encrypted under it can never be read again.

    Args:
        store: Where keys live.
        keyring: Told to forget what it has opened of them.
        world: What time it is.

    Returns:
        The ARNs of the keys that are no more.
    """
    now_ms = world.clock.milliseconds()

    def destroy(transaction: Transaction) -> list[KeyRecord]:
        due = records.due_keys(transaction, now_ms)
        for record in due:
            records.delete_key(transaction, record.arn)
            transaction.record(_event(record, now_ms, world))
        if due:
            transaction.raise_epoch()
        return due

    if not await store.read(lambda transaction: records.due_keys(transaction, now_ms), single=True):
        return ()
    destroyed = tuple(record.arn for record in await store.write(destroy))
    for arn in destroyed:
        keyring.forget(arn)
    return destroyed


def _event(record: KeyRecord, now_ms: int, world: World) -> bytes:
    return service_event(
        user_identity=user_identity.aws_service(_SERVICE, record.account),
        time=now_ms,
        source=_SERVICE,
        name="DeleteKey",
        region=record.region,
        additional_data={"keyId": record.arn},
        request_id=world.entropy.uuid(),
        event_id=world.entropy.uuid(),
        recipient_account=record.account,
        resources=[resource(record.arn, record.account, RESOURCE_TYPE)],
    )
