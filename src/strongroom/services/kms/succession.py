"""When a new root key follows the old one: every key material is wrapped again. The materials themselves stay."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select, tuple_, update

from strongroom.keyring import Keyring, RootKey, WrappedMaterial
from strongroom.services.kms.names import sealing_name
from strongroom.store import Statement, Transaction
from strongroom.store.schema import kms_keys, kms_materials

__all__ = ["wrap_materials_again"]

_AT_ONCE: Final = 500
_m = kms_materials.c
_NEXT: Final = Statement(
    select(_m.key_arn, _m.material_id, kms_keys.c.key_id, _m.wrapped)
    .join(kms_keys, kms_keys.c.arn == _m.key_arn)
    .where(_m.wrapped.is_not(None), tuple_(_m.key_arn, _m.material_id) > tuple_(bindparam("arn"), bindparam("id")))
    .order_by(_m.key_arn, _m.material_id)
    .limit(bindparam("most"))
)
_UPDATE: Final = Statement(
    update(kms_materials)
    .where(_m.key_arn == bindparam("this_arn"), _m.material_id == bindparam("this_material"))
    .values(wrapped=bindparam("again"))
)


def wrap_materials_again(transaction: Transaction, keyring: Keyring, successor: RootKey) -> int:
    """Wrap the material of every KMS key under the root key that follows; answer how many there are.

    Args:
        transaction: Where it is done, whole or not at all.
        keyring: Opens what the present root key wraps.
        successor: The root key that follows.

    Raises:
        UnusableKeyMaterial: A material is damaged.
    """
    count, arn, material_id = 0, "", ""
    while rows := transaction.all(_NEXT, {"arn": arn, "id": material_id, "most": _AT_ONCE}):
        for arn, material_id, key_id, wrapped in rows:
            material = WrappedMaterial(material_id, bytes(wrapped))
            again = keyring.wrap_again(sealing_name(arn, key_id), material, successor)
            transaction.run(_UPDATE, {"this_arn": arn, "this_material": material_id, "again": again})
        count += len(rows)
    return count
