"""Rotation: a key gets new material to encrypt with, and keeps what it had for decrypting.

Source: KMS Developer Guide, "Rotate AWS KMS keys". The keys of one multi-Region key rotate together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from strongroom.keyring import Keyring
from strongroom.services.kms import material_records, records
from strongroom.services.kms.material_records import MaterialRecord
from strongroom.services.kms.names import sealing_name
from strongroom.services.kms.records import KeyRecord
from strongroom.services.kms.specs import SPECS
from strongroom.store import Transaction

__all__ = ["AUTOMATIC", "ON_DEMAND", "related", "rotate_imported", "rotate_own", "waiting_everywhere"]

AUTOMATIC: Final = "AUTOMATIC"
ON_DEMAND: Final = "ON_DEMAND"


def related(transaction: Transaction, record: KeyRecord) -> list[KeyRecord]:
    """Every key that shares its material with this one, itself among them."""
    return [record] if record.primary_region is None else records.related_keys(transaction, record)


def rotate_own(
    transaction: Transaction, keyring: Keyring, record: KeyRecord, now_ms: int, rotation_type: str
) -> MaterialRecord:
    """Give a key new material of our own making.

    Args:
        transaction: A write.
        keyring: Makes the material.
        record: The key, which is no replica.
        now_ms: The instant of the rotation, in milliseconds since the epoch.
        rotation_type: ``AUTOMATIC`` or ``ON_DEMAND``.

    Returns:
        The new material.
    """
    made = keyring.new_material(sealing_name(record.arn, record.key_id), SPECS[record.key_spec].material_bytes)
    material = MaterialRecord(
        record.arn, made.material_id, made.blob, now_ms, rotated_ms=now_ms, rotation_type=rotation_type
    )
    for key in related(transaction, record):
        material_records.insert_material(transaction, replace(material, key_arn=key.arn))
        records.set_material(transaction, key.arn, material.material_id)
    transaction.raise_epoch()
    return material


def waiting_everywhere(transaction: Transaction, record: KeyRecord, material_id: str) -> bool:
    """Whether imported material that waits for a rotation is there for every key that it belongs to."""
    return all(
        any(
            found.material_id == material_id and found.wrapped is not None
            for found in material_records.materials_of_key(transaction, key.arn)
        )
        for key in related(transaction, record)
    )


def rotate_imported(transaction: Transaction, record: KeyRecord, material_id: str, now_ms: int) -> None:
    """Let a key encrypt with the imported material that waited for it.

    Args:
        transaction: A write.
        record: The key, which is no replica.
        material_id: The material.
        now_ms: The instant of the rotation, in milliseconds since the epoch.
    """
    for key in related(transaction, record):
        for material in material_records.materials_of_key(transaction, key.arn):
            if material.material_id == material_id:
                current = replace(material, pending=0, rotated_ms=now_ms, rotation_type=ON_DEMAND)
                material_records.update_material(transaction, current)
        records.set_material(transaction, key.arn, material_id)
    transaction.raise_epoch()
