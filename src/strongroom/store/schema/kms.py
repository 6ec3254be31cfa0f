"""Keys, their material, aliases, tags and grants."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint

from strongroom.store.schema.columns import flag, metadata, number, sealed, text

__all__ = ["kms_aliases", "kms_grants", "kms_keys", "kms_materials", "kms_rewraps", "kms_tags"]

kms_keys = Table(
    "kms_keys",
    metadata,
    text("arn", key=True),
    text("account"),
    text("region"),
    text("key_id"),
    text("description"),
    text("manager"),  # "CUSTOMER" or "AWS"
    text("state"),  # "Enabled", "Disabled", "PendingImport", "PendingDeletion", "PendingReplicaDeletion"
    text("key_spec"),
    text("key_usage"),
    text("policy"),
    text("material_id"),  # the material that encrypts; older ones still decrypt; empty before the first import
    number("created_ms"),
    number("deletion_ms", null=True),
    text("origin"),  # "AWS_KMS", or "EXTERNAL" for imported material
    text("primary_region", null=True),  # of a multi-Region key; null for every other key
    number("deletion_days", null=True),  # the waiting period, while replicas keep it from beginning
    number("rotation_days", null=True),  # null: not rotated automatically
    number("next_rotation_ms", null=True),
    number("grant_count"),  # so that a key without grants need not be asked for them
    UniqueConstraint("account", "region", "key_id"),
)
Index("ix_kms_keys_due", kms_keys.c.state, kms_keys.c.deletion_ms)
Index("ix_kms_keys_next_rotation_ms", kms_keys.c.next_rotation_ms)

kms_materials = Table(
    "kms_materials",
    metadata,
    text("key_arn", key=True),
    text("material_id", key=True),
    sealed("wrapped", null=True),  # under the root key; null while imported material is deleted or expired
    number("created_ms"),
    flag("pending"),  # imported, and waiting for the rotation that makes it current
    number("rotated_ms", null=True),  # when a rotation made it current; null for a key's first material
    text("rotation_type", null=True),  # "AUTOMATIC" or "ON_DEMAND"
    text("description", null=True),
    number("expires_ms", null=True),  # of imported material; null: it does not expire
    ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], ondelete="CASCADE"),
)
Index("ix_kms_materials_expires_ms", kms_materials.c.expires_ms)

kms_grants = Table(
    "kms_grants",
    metadata,
    text("key_arn", key=True),
    text("grant_id", key=True),
    text("name", null=True),
    text("issuing_account"),
    text("grantee_principal", null=True),  # users and roles of this installation by unique id, as in policies
    text("grantee_service", null=True),
    text("retiring_principal", null=True),
    text("retiring_service", null=True),
    text("operations"),  # a JSON list
    text("constraints"),  # a JSON object, as in the API
    number("created_ms"),
    ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], ondelete="CASCADE"),
)
Index("ix_kms_grants_retiring_principal", kms_grants.c.retiring_principal)

kms_rewraps = Table(
    "kms_rewraps",
    metadata,
    text("holder", key=True),  # whose ciphertexts, such as "secrets"
    text("state"),  # "running" or "finished"
    text("after"),  # the last ciphertext that was looked at, in the holder's own terms
    number("total"),
    number("done"),
    number("changed"),
    number("skipped"),  # their keys could not be used
    number("started_ms"),
    number("changed_ms"),
)

kms_aliases = Table(
    "kms_aliases",
    metadata,
    text("account", key=True),
    text("region", key=True),
    text("name", key=True),  # with its "alias/" prefix
    text("key_arn"),
    number("created_ms"),
    number("updated_ms"),
    ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], ondelete="CASCADE"),
)

kms_tags = Table(
    "kms_tags",
    metadata,
    text("key_arn", key=True),
    text("key", key=True),
    text("value"),
    ForeignKeyConstraint(["key_arn"], ["kms_keys.arn"], ondelete="CASCADE"),
)
