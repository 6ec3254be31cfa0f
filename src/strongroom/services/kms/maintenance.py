"""Background work: destroying keys, deleting imported material that has expired, and rotating what is due.

Sources: KMS Developer Guide, "Deleting AWS KMS keys" (at the end of the waiting period KMS deletes the key, its
material and its aliases; the waiting period of a primary key begins when its last replica is gone), "Importing key
material" and "Rotate AWS KMS keys". CloudTrail records ``DeleteKey``, ``DeleteExpiredKeyMaterial`` and ``RotateKey``.

Each piece of work is one transaction, and harmless to repeat. Several nodes may do it at once.
"""

from __future__ import annotations

from typing import Final

from strongroom.audit import resource, service_event, user_identity
from strongroom.keyring import Keyring
from strongroom.services.kms import material_records, records
from strongroom.services.kms.creation import DAY_MS
from strongroom.services.kms.imports import remove
from strongroom.services.kms.keys import PENDING_DELETION, PENDING_REPLICA_DELETION, RESOURCE_TYPE
from strongroom.services.kms.names import sealing_name
from strongroom.services.kms.records import KeyRecord
from strongroom.services.kms.rotating import AUTOMATIC, rotate_own
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["Maintenance"]

_SERVICE: Final = "kms.amazonaws.com"


class Maintenance:
    """What becomes due on keys.

    Args:
        store: Where keys live.
        keyring: Makes material, and is told to forget what it has opened of it.
        world: What time it is.
    """

    __slots__ = ("_keyring", "_store", "_world")

    def __init__(self, store: Store, keyring: Keyring, world: World) -> None:
        self._store = store
        self._keyring = keyring
        self._world = world

    async def destroy_keys(self) -> tuple[str, ...]:
        """Destroy every key whose waiting period has ended. What was encrypted under it can never be read again.

        Returns:
            The ARNs of the keys that are no more.
        """
        now_ms = self._world.clock.milliseconds()

        def destroy(transaction: Transaction) -> list[KeyRecord]:
            due = records.due_keys(transaction, now_ms)
            for record in due:
                records.delete_key(transaction, record.arn)
                _begin_waiting(transaction, record, now_ms)
                transaction.record(self._event("DeleteKey", record, now_ms))
            if due:
                transaction.raise_epoch()
            return due

        if not await self._store.read(lambda transaction: records.due_keys(transaction, now_ms), single=True):
            return ()
        destroyed = await self._store.write(destroy)
        self._forget(destroyed)
        return tuple(record.arn for record in destroyed)

    async def delete_expired_material(self) -> tuple[str, ...]:
        """Delete imported material whose time has come. Its key waits for the same material to be imported again.

        Returns:
            The ARNs of the keys that lost material.
        """
        now_ms = self._world.clock.milliseconds()

        def delete(transaction: Transaction) -> list[KeyRecord]:
            lost: list[KeyRecord] = []
            for material in material_records.expired_materials(transaction, now_ms):
                record = records.find_key(transaction, material.key_arn)
                if record is not None:
                    remove(transaction, record, material)
                    note = {"keyMaterialId": material.material_id}
                    transaction.record(self._event("DeleteExpiredKeyMaterial", record, now_ms, note))
                    lost.append(record)
            return lost

        expired = await self._store.read(
            lambda transaction: material_records.expired_materials(transaction, now_ms), single=True
        )
        if not expired:
            return ()
        lost = await self._store.write(delete)
        self._forget(lost)
        return tuple(record.arn for record in lost)

    async def rotate_keys(self) -> tuple[str, ...]:
        """Rotate every enabled key whose rotation is due. The next one follows a period later.

        Returns:
            The ARNs of the keys that were rotated.
        """
        now_ms = self._world.clock.milliseconds()

        def rotate(transaction: Transaction) -> list[KeyRecord]:
            due = records.keys_to_rotate(transaction, now_ms)
            for record in due:
                made = rotate_own(transaction, self._keyring, record, now_ms, AUTOMATIC)
                records.set_rotation(transaction, record.arn, record.rotation_days, _next_rotation(record, now_ms))
                note = {"rotationType": AUTOMATIC, "currentBackingKeyId": made.material_id}
                transaction.record(self._event("RotateKey", record, now_ms, note))
            return due

        if not await self._store.read(lambda transaction: records.keys_to_rotate(transaction, now_ms), single=True):
            return ()
        return tuple(record.arn for record in await self._store.write(rotate))

    def _forget(self, keys: list[KeyRecord]) -> None:
        for record in keys:
            self._keyring.forget(sealing_name(record.arn, record.key_id))

    def _event(self, name: str, record: KeyRecord, now_ms: int, note: dict[str, str] | None = None) -> bytes:
        entropy = self._world.entropy
        return service_event(
            user_identity=user_identity.aws_service(_SERVICE, record.account),
            time=now_ms,
            source=_SERVICE,
            name=name,
            region=record.region,
            additional_data={"keyId": record.arn, **(note or {})},
            request_id=entropy.uuid(),
            event_id=entropy.uuid(),
            recipient_account=record.account,
            resources=[resource(record.arn, record.account, RESOURCE_TYPE)],
        )


def _begin_waiting(transaction: Transaction, destroyed: KeyRecord, now_ms: int) -> None:
    """Begin the waiting period of a primary key when the last of its replicas was destroyed."""
    if destroyed.primary_region is None:
        return
    left = records.related_keys(transaction, destroyed)
    if len(left) == 1 and left[0].state == PENDING_REPLICA_DELETION:
        days = left[0].deletion_days or 0
        records.set_state(transaction, left[0].arn, PENDING_DELETION, deletion_ms=now_ms + days * DAY_MS)


def _next_rotation(record: KeyRecord, now_ms: int) -> int:
    """When a key that is rotated now is rotated next: a period after it was due, or from now if that has passed."""
    period_ms = (record.rotation_days or 0) * DAY_MS
    scheduled = (record.next_rotation_ms or now_ms) + period_ms
    return scheduled if scheduled > now_ms else now_ms + period_ms
