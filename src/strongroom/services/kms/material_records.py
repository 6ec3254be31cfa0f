"""The rows of key materials. A key has one, and one more for every rotation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.keyring import WrappedMaterial
from strongroom.store import Statement, Transaction
from strongroom.store.schema import kms_materials

__all__ = [
    "MaterialRecord",
    "delete_material",
    "expired_materials",
    "insert_material",
    "materials_of_key",
    "update_material",
    "usable",
]


@dataclass(frozen=True, slots=True)
class MaterialRecord:
    """A row of ``kms_materials``. Instants are milliseconds since the epoch.

    Args:
        wrapped: The material under the root key; None while imported material is deleted or expired.
        pending: 1 for imported material that waits for the rotation that makes it current.
        rotated_ms: When a rotation made it current; None for a key's first material.
        rotation_type: ``AUTOMATIC`` or ``ON_DEMAND``.
        description: What its owner says of imported material.
        expires_ms: When imported material is to be deleted; None for never.
    """

    key_arn: str
    material_id: str
    wrapped: bytes | None = field(repr=False)
    created_ms: int
    pending: int = 0
    rotated_ms: int | None = None
    rotation_type: str | None = None
    description: str | None = None
    expires_ms: int | None = None


_m = kms_materials.c
_COLUMNS: Final = tuple(_m[name] for name in MaterialRecord.__dataclass_fields__)
_CHANGEABLE: Final = ("wrapped", "pending", "rotated_ms", "rotation_type", "description", "expires_ms")
_THIS: Final = (_m.key_arn == bindparam("this_arn"), _m.material_id == bindparam("this_material"))

_OF_KEY: Final = Statement(
    select(*_COLUMNS)
    .where(_m.key_arn == bindparam("key_arn"))
    .order_by(_m.pending, _m.rotated_ms.is_not(None), _m.rotated_ms, _m.created_ms, _m.material_id)
)
_EXPIRED: Final = Statement(
    select(*_COLUMNS).where(_m.expires_ms <= bindparam("now_ms"), _m.wrapped.is_not(None)).order_by(_m.expires_ms)
)
_INSERT: Final = Statement(insert(kms_materials).values({column.name: bindparam(column.name) for column in _COLUMNS}))
_UPDATE: Final = Statement(update(kms_materials).where(*_THIS).values({name: bindparam(name) for name in _CHANGEABLE}))
_DELETE: Final = Statement(delete(kms_materials).where(*_THIS))


def materials_of_key(transaction: Transaction, key_arn: str) -> list[MaterialRecord]:
    """Every material of a key: the first one, then in the order of rotations, then what waits for one."""
    return [MaterialRecord(*row) for row in transaction.all(_OF_KEY, {"key_arn": key_arn})]


def usable(materials: Iterable[MaterialRecord]) -> dict[str, WrappedMaterial]:
    """What a key can be used with, by its id: neither deleted nor waiting for a rotation."""
    return {
        material.material_id: WrappedMaterial(material.material_id, bytes(material.wrapped))
        for material in materials
        if material.wrapped is not None and not material.pending
    }


def expired_materials(transaction: Transaction, now_ms: int) -> list[MaterialRecord]:
    """Imported material that should no longer be there at ``now_ms`` (milliseconds since the epoch)."""
    return [MaterialRecord(*row) for row in transaction.all(_EXPIRED, {"now_ms": now_ms})]


def insert_material(transaction: Transaction, record: MaterialRecord) -> None:
    """Store a new material."""
    transaction.run(_INSERT, {column.name: getattr(record, column.name) for column in _COLUMNS})


def update_material(transaction: Transaction, record: MaterialRecord) -> None:
    """Store the changeable half of a material that is there."""
    values = {name: getattr(record, name) for name in _CHANGEABLE}
    transaction.run(_UPDATE, {"this_arn": record.key_arn, "this_material": record.material_id, **values})


def delete_material(transaction: Transaction, record: MaterialRecord) -> None:
    """Forget a material with everything that is known of it."""
    transaction.run(_DELETE, {"this_arn": record.key_arn, "this_material": record.material_id})
