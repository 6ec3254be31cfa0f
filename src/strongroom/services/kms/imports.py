"""What imported key material does to a key: which material it may be, and the state that the key is in afterwards.

Source: KMS API Reference, "ImportKeyMaterial" and "DeleteImportedKeyMaterial".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from strongroom.keyring import WrappedMaterial
from strongroom.services.kms import failures, material_records, records
from strongroom.services.kms.keys import ENABLED, PENDING_IMPORT, Key
from strongroom.services.kms.material_records import MaterialRecord
from strongroom.services.kms.records import KeyRecord
from strongroom.services.kms.rotating import related
from strongroom.store import Transaction

__all__ = ["EXISTING", "NEW", "Arrival", "accept", "remove", "settle_state"]

NEW: Final = "NEW_KEY_MATERIAL"
EXISTING: Final = "EXISTING_KEY_MATERIAL"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Key material that has come.

    Args:
        wrapped: The material in the form in which it is stored.
        import_type: ``NEW_KEY_MATERIAL``, ``EXISTING_KEY_MATERIAL``, or None for what fits.
        material_id: The id that the caller expects it to have.
        description: What the caller says of it; None keeps what was said before.
        expires_ms: When it is to be deleted, in milliseconds since the epoch; None for never.
    """

    wrapped: WrappedMaterial
    import_type: str | None
    material_id: str | None
    description: str | None
    expires_ms: int | None


def accept(transaction: Transaction, key: Key, arrival: Arrival, now_ms: int) -> str:
    """Store imported material and bring the key into the state that follows.

    Args:
        transaction: A write.
        key: The key, of origin ``EXTERNAL``.
        arrival: What came.
        now_ms: The instant of the call, in milliseconds since the epoch.

    Returns:
        The id of the material.

    Raises:
        AwsError: ``IncorrectKeyMaterialException``: it is not what the key can take.
    """
    materials = material_records.materials_of_key(transaction, key.arn)
    present = next((found for found in materials if found.material_id == arrival.wrapped.material_id), None)
    is_new = (arrival.import_type or (EXISTING if materials else NEW)) == NEW
    if arrival.material_id not in {None, arrival.wrapped.material_id}:
        raise failures.incorrect_material("The key material does not have the key material ID of the request.")
    if is_new:
        _require_room(key, materials, present)
        _add(transaction, key, materials, arrival, now_ms)
    elif present is None:
        raise failures.incorrect_material("The key material is not one that was imported into this key before.")
    else:
        _restore(transaction, present, arrival)
    settle_state(transaction, key.record)
    return arrival.wrapped.material_id


def _require_room(key: Key, materials: list[MaterialRecord], present: MaterialRecord | None) -> None:
    if key.is_replica:
        raise failures.incorrect_material("New key material is imported into the primary key first.")
    if present is not None:
        raise failures.incorrect_material("The key material is already associated with this key.")
    if materials and not key.spec.has_many_materials:
        raise failures.incorrect_material("The key material is not one that was imported into this key before.")
    if any(found.pending for found in materials):
        raise failures.incorrect_material("The key already has key material that is pending rotation.")


def _add(transaction: Transaction, key: Key, materials: list[MaterialRecord], arrival: Arrival, now_ms: int) -> None:
    """Add new material: the first is current at once, and any later one waits for a rotation."""
    added = MaterialRecord(
        key_arn=key.arn,
        material_id=arrival.wrapped.material_id,
        wrapped=arrival.wrapped.blob,
        created_ms=now_ms,
        pending=1 if materials else 0,
        description=arrival.description,
        expires_ms=arrival.expires_ms,
    )
    for record in related(transaction, key.record):
        its_own = record.arn == key.arn
        material_records.insert_material(
            transaction, added if its_own else replace(added, key_arn=record.arn, wrapped=None, expires_ms=None)
        )
        if not materials:
            records.set_material(transaction, record.arn, added.material_id)


def _restore(transaction: Transaction, present: MaterialRecord, arrival: Arrival) -> None:
    """Put material back, or give what is there another expiry."""
    material_records.update_material(
        transaction,
        replace(
            present,
            wrapped=arrival.wrapped.blob,
            description=present.description if arrival.description is None else arrival.description,
            expires_ms=arrival.expires_ms,
        ),
    )


def remove(transaction: Transaction, key: KeyRecord, material: MaterialRecord) -> None:
    """Take material away from a key. What it is known by stays, so that only the same material can come back.

    Material that still waits for a rotation is forgotten; with that of a primary key goes that of its replicas.
    """
    if not material.pending:
        material_records.update_material(transaction, replace(material, wrapped=None, expires_ms=None))
        settle_state(transaction, key)
        return
    is_primary = key.primary_region in {None, key.region}
    for record in related(transaction, key):
        if record.arn == key.arn and not is_primary:
            material_records.update_material(transaction, replace(material, wrapped=None, expires_ms=None))
        elif is_primary:
            material_records.delete_material(transaction, replace(material, key_arn=record.arn))
    transaction.raise_epoch()


def settle_state(transaction: Transaction, key: KeyRecord) -> None:
    """Bring a key into the state that its materials leave it in, and forget what caches hold of it.

    It waits for import as long as one of them is missing. A disabled key whose material is whole stays disabled, and
    one that is about to be destroyed stays so.
    """
    materials = [found for found in material_records.materials_of_key(transaction, key.arn) if not found.pending]
    is_whole = bool(materials) and all(found.wrapped is not None for found in materials)
    if key.state == PENDING_IMPORT and is_whole:
        records.set_state(transaction, key.arn, ENABLED)
    elif key.deletion_ms is None and key.deletion_days is None and not is_whole:
        records.set_state(transaction, key.arn, PENDING_IMPORT)
    transaction.raise_epoch()
