"""EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand and ListKeyRotations."""

from __future__ import annotations

from typing import Final

from strongroom.services.call import Call
from strongroom.services.kms import failures, material_records, records
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.creation import DAY_MS
from strongroom.services.kms.keys import Key
from strongroom.services.kms.material_records import MaterialRecord
from strongroom.services.kms.paging import page_size, with_page
from strongroom.services.kms.records import KeyRecord
from strongroom.services.kms.rotating import ON_DEMAND, related, rotate_imported, rotate_own, waiting_everywhere
from strongroom.services.kms.specs import EXTERNAL, OWN_MAKING
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["RotationOperations"]

_DEFAULT_DAYS: Final = 365
_MOST_ON_DEMAND: Final = 25  # of one key; KMS API Reference, "RotateKeyOnDemand"
_TOO_CLOSE_MS: Final = 20 * 60_000  # KMS API Reference, "ConflictException"


class RotationOperations(KmsBase):
    """The operations on rotation. Automatic rotations are done by `strongroom.services.kms.maintenance`."""

    async def enable_key_rotation(
        self, call: Call, *, KeyId: str, RotationPeriodInDays: int | None = None
    ) -> dict[str, object]:
        """Rotate a key automatically, the first time one period from now."""
        days = RotationPeriodInDays or _DEFAULT_DAYS

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(
                transaction, call, "kms:EnableKeyRotation", KeyId, context={"kms:rotationperiodindays": str(days)}
            )
            _require_schedulable(key)
            if key.record.rotation_days != days:
                records.set_rotation(transaction, key.arn, days, call.now_ms + days * DAY_MS)
                transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def disable_key_rotation(self, call: Call, *, KeyId: str) -> dict[str, object]:
        """No longer rotate a key automatically."""

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:DisableKeyRotation", KeyId)
            _require_schedulable(key)
            records.set_rotation(transaction, key.arn, None, None)
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def get_key_rotation_status(self, call: Call, *, KeyId: str) -> dict[str, object]:
        """Whether, how often and when next a key is rotated automatically. Replicas go with their primary key."""

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:GetKeyRotationStatus", KeyId, any_account=True)
            key.require_rotatable()
            primary = _primary(transaction, key)
            days = None if key.is_being_deleted else primary.rotation_days
            answer: dict[str, object] = {"KeyId": key.arn, "KeyRotationEnabled": days is not None}
            if days is not None and primary.next_rotation_ms is not None:
                answer["RotationPeriodInDays"] = days
                answer["NextRotationDate"] = from_milliseconds(primary.next_rotation_ms)
            return answer

        return await call.read(work)

    async def rotate_key_on_demand(self, call: Call, *, KeyId: str) -> dict[str, object]:
        """Rotate a key now, which leaves the schedule of automatic rotations as it is."""

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:RotateKeyOnDemand", KeyId)
            key.require_rotatable()
            key.require_enabled()
            _require_no_replica(key)
            materials = material_records.materials_of_key(transaction, key.arn)
            if sum(material.rotation_type == ON_DEMAND for material in materials) >= _MOST_ON_DEMAND:
                raise failures.limit_exceeded(f"A key can be rotated on demand at most {_MOST_ON_DEMAND} times.")
            next_ms = key.record.next_rotation_ms
            if next_ms is not None and next_ms - call.now_ms <= _TOO_CLOSE_MS:
                raise failures.conflict(key.arn)
            if key.record.origin == EXTERNAL:
                rotate_imported(transaction, key.record, _waiting(transaction, key, materials), call.now_ms)
            else:
                rotate_own(transaction, self._keyring, key.record, call.now_ms, ON_DEMAND)
            return {"KeyId": key.arn}

        return dict(await call.write(work))

    async def list_key_rotations(
        self,
        call: Call,
        *,
        KeyId: str,
        IncludeKeyMaterial: str | None = None,
        Limit: int | None = None,
        Marker: str | None = None,
    ) -> dict[str, object]:
        """The rotations that a key went through, the oldest first; or all of its materials."""
        size = page_size(Limit, default=100, most=1000)
        everything = IncludeKeyMaterial == "ALL_KEY_MATERIAL"

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:ListKeyRotations", KeyId)
            key.require_rotatable()
            found = [
                material
                for material in material_records.materials_of_key(transaction, key.arn)
                if everything or material.rotated_ms is not None
            ]
            rest = _behind(found, Marker)[: size + 1]
            return with_page(
                "Rotations", rest, size, lambda item: _entry(transaction, key, item), lambda item: item.material_id
            )

        return await call.read(work)


def _require_schedulable(key: Key) -> None:
    """Refuse to schedule rotations of what is not rotated automatically, or not by itself."""
    key.require_rotatable()
    key.require_origin(OWN_MAKING)
    key.require_enabled()
    _require_no_replica(key)


def _require_no_replica(key: Key) -> None:
    if key.is_replica:
        raise failures.unsuitable(key.arn, "multi-Region key type", "REPLICA")


def _primary(transaction: Transaction, key: Key) -> KeyRecord:
    """The key whose schedule a key follows."""
    if not key.is_replica:
        return key.record
    keys = related(transaction, key.record)
    return next(found for found in keys if found.region == key.record.primary_region)


def _waiting(transaction: Transaction, key: Key, materials: list[MaterialRecord]) -> str:
    """The imported material that a rotation makes current.

    Raises:
        AwsError: ``KMSInvalidStateException``: there is none, or it is not there for every replica.
    """
    for material in materials:
        if material.pending and waiting_everywhere(transaction, key.record, material.material_id):
            return material.material_id
    raise failures.no_material_waits(key.arn)


def _behind(materials: list[MaterialRecord], marker: str | None) -> list[MaterialRecord]:
    """The materials behind the one that a marker names.

    Raises:
        AwsError: ``InvalidMarkerException``.
    """
    if marker is None:
        return materials
    for position, material in enumerate(materials):
        if material.material_id == marker:
            return materials[position + 1 :]
    raise failures.invalid_marker()


def _entry(transaction: Transaction, key: Key, material: MaterialRecord) -> dict[str, object]:
    entry: dict[str, object] = {
        "KeyId": key.arn,
        "KeyMaterialId": material.material_id,
        "KeyMaterialState": _state(transaction, key, material),
    }
    if material.rotated_ms is not None:
        entry["RotationDate"] = from_milliseconds(material.rotated_ms)
        entry["RotationType"] = material.rotation_type
    if key.record.origin == EXTERNAL:
        is_there = material.wrapped is not None
        entry["ImportState"] = "IMPORTED" if is_there else "PENDING_IMPORT"
        if material.description is not None:
            entry["KeyMaterialDescription"] = material.description
        if is_there:
            expires = material.expires_ms
            entry["ExpirationModel"] = "KEY_MATERIAL_DOES_NOT_EXPIRE" if expires is None else "KEY_MATERIAL_EXPIRES"
            if expires is not None:
                entry["ValidTo"] = from_milliseconds(expires)
    return entry


def _state(transaction: Transaction, key: Key, material: MaterialRecord) -> str:
    if material.pending:
        if waiting_everywhere(transaction, key.record, material.material_id):
            return "PENDING_ROTATION"
        return "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    return "CURRENT" if material.material_id == key.record.material_id else "NON_CURRENT"
