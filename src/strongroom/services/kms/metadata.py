"""The ``KeyMetadata`` shape: what CreateKey, DescribeKey and ReplicateKey answer."""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.services.kms import records
from strongroom.services.kms.keys import ENABLED, Key
from strongroom.services.kms.records import KeyRecord
from strongroom.services.kms.specs import EXTERNAL
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["describe", "key_metadata"]


def describe(transaction: Transaction, key: Key) -> dict[str, object]:
    """The ``KeyMetadata`` of a stored key."""
    record = key.record
    related = () if record.primary_region is None else records.related_keys(transaction, record)
    return key_metadata(key, related)


def key_metadata(key: Key, related: Sequence[KeyRecord]) -> dict[str, object]:
    """The ``KeyMetadata`` of a key.

    Args:
        key: The key.
        related: Every key of the multi-Region key that it belongs to; none for a key of one region.
    """
    record = key.record
    metadata: dict[str, object] = {
        "AWSAccountId": record.account,
        "KeyId": record.key_id,
        "Arn": record.arn,
        "CreationDate": from_milliseconds(record.created_ms),
        "Enabled": record.state == ENABLED,
        "Description": record.description,
        "KeyUsage": record.key_usage,
        "KeyState": record.state,
        "Origin": record.origin,
        "KeyManager": record.manager,
        "CustomerMasterKeySpec": record.key_spec,
        "KeySpec": record.key_spec,
        key.spec.algorithms_member: [key.spec.algorithm],
        "MultiRegion": record.primary_region is not None,
    }
    if key.spec.has_many_materials and record.material_id:
        metadata["CurrentKeyMaterialId"] = record.material_id
    if record.deletion_ms is not None:
        metadata["DeletionDate"] = from_milliseconds(record.deletion_ms)
    if record.deletion_days is not None:
        metadata["PendingDeletionWindowInDays"] = record.deletion_days
    if record.origin == EXTERNAL and key.materials:
        expires = key.expires_ms
        metadata["ExpirationModel"] = "KEY_MATERIAL_DOES_NOT_EXPIRE" if expires is None else "KEY_MATERIAL_EXPIRES"
        if expires is not None:
            metadata["ValidTo"] = from_milliseconds(expires)
    if related:
        metadata["MultiRegionConfiguration"] = _configuration(record, related)
    return metadata


def _configuration(record: KeyRecord, related: Sequence[KeyRecord]) -> dict[str, object]:
    places = {found.region: {"Arn": found.arn, "Region": found.region} for found in related}
    primary = places.pop(str(record.primary_region))
    return {
        "MultiRegionKeyType": "PRIMARY" if record.primary_region == record.region else "REPLICA",
        "PrimaryKey": primary,
        "ReplicaKeys": list(places.values()),
    }
