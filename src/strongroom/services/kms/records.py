"""The rows of keys, their aliases and tags. The files named ``..._records`` alone know the tables of this service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.store import Statement, Transaction
from strongroom.store.schema import kms_aliases, kms_keys, kms_tags

__all__ = [
    "AliasRecord",
    "KeyRecord",
    "aliases_in_account",
    "aliases_of_key",
    "count_grants",
    "delete_alias",
    "delete_key",
    "due_keys",
    "find_alias",
    "find_key",
    "insert_alias",
    "insert_key",
    "key_ids",
    "keys_to_rotate",
    "related_keys",
    "remove_tags",
    "retarget_alias",
    "set_description",
    "set_material",
    "set_policy",
    "set_primary_region",
    "set_rotation",
    "set_state",
    "set_tags",
    "tags_of_key",
]


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A row of ``kms_keys``.

    Args:
        manager: ``CUSTOMER``, or ``AWS`` for a service's own key.
        state: ``Enabled``, ``Disabled``, ``PendingImport``, ``PendingDeletion`` or ``PendingReplicaDeletion``.
        policy: The key policy's text.
        material_id: The material that encrypts; empty before the first import.
        created_ms: When it was made, in milliseconds since the epoch.
        deletion_ms: When it is to be destroyed, in milliseconds since the epoch; None unless deletion is pending.
        origin: ``AWS_KMS``, or ``EXTERNAL`` for imported material.
        primary_region: The region of the primary key of a multi-Region key; None for a key of one region.
        deletion_days: The waiting period of a primary key whose replicas have to go first.
        rotation_days: How often it is rotated automatically; None for never.
        next_rotation_ms: When it is rotated next, in milliseconds since the epoch.
        grant_count: How many grants it has.
    """

    arn: str
    account: str
    region: str
    key_id: str
    description: str
    manager: str
    state: str
    key_spec: str
    key_usage: str
    policy: str
    material_id: str
    created_ms: int
    deletion_ms: int | None
    origin: str = "AWS_KMS"
    primary_region: str | None = None
    deletion_days: int | None = None
    rotation_days: int | None = None
    next_rotation_ms: int | None = None
    grant_count: int = 0


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """A row of ``kms_aliases``; ``name`` has its ``alias/`` prefix, instants are milliseconds since the epoch."""

    account: str
    region: str
    name: str
    key_arn: str
    created_ms: int
    updated_ms: int


_keys, _aliases, _tags = kms_keys.c, kms_aliases.c, kms_tags.c

_KEY_COLUMNS: Final = tuple(_keys[name] for name in KeyRecord.__dataclass_fields__)
_ALIAS_COLUMNS: Final = (
    _aliases.account,
    _aliases.region,
    _aliases.name,
    _aliases.key_arn,
    _aliases.created_ms,
    _aliases.updated_ms,
)
_THIS_KEY: Final = _keys.arn == bindparam("this_arn")

_FIND_KEY: Final = Statement(select(*_KEY_COLUMNS).where(_THIS_KEY))
_KEY_IDS: Final = Statement(
    select(_keys.key_id, _keys.arn)
    .where(
        _keys.account == bindparam("account"),
        _keys.region == bindparam("region"),
        _keys.key_id > bindparam("after"),
    )
    .order_by(_keys.key_id)
    .limit(bindparam("most"))
)
_RELATED_KEYS: Final = Statement(
    select(*_KEY_COLUMNS)
    .where(_keys.account == bindparam("account"), _keys.key_id == bindparam("key_id"))
    .order_by(_keys.region)
)
_DUE_KEYS: Final = Statement(
    select(*_KEY_COLUMNS).where(_keys.state == "PendingDeletion", _keys.deletion_ms <= bindparam("now_ms"))
)
_KEYS_TO_ROTATE: Final = Statement(
    select(*_KEY_COLUMNS).where(_keys.state == "Enabled", _keys.next_rotation_ms <= bindparam("now_ms"))
)
_INSERT_KEY: Final = Statement(
    insert(kms_keys).values({column.name: bindparam(column.name) for column in _KEY_COLUMNS})
)
_SET_STATE: Final = Statement(
    update(kms_keys)
    .where(_THIS_KEY)
    .values({name: bindparam(name) for name in ("state", "deletion_ms", "deletion_days")})
)
_SET_ROTATION: Final = Statement(
    update(kms_keys).where(_THIS_KEY).values({name: bindparam(name) for name in ("rotation_days", "next_rotation_ms")})
)
_SET_MATERIAL: Final = Statement(update(kms_keys).where(_THIS_KEY).values(material_id=bindparam("material_id")))
_SET_PRIMARY_REGION: Final = Statement(
    update(kms_keys).where(_THIS_KEY).values(primary_region=bindparam("primary_region"))
)
_COUNT_GRANTS: Final = Statement(
    update(kms_keys).where(_THIS_KEY).values(grant_count=_keys.grant_count + bindparam("more"))
)
_SET_POLICY: Final = Statement(update(kms_keys).where(_THIS_KEY).values(policy=bindparam("policy")))
_SET_DESCRIPTION: Final = Statement(update(kms_keys).where(_THIS_KEY).values(description=bindparam("description")))
_DELETE_KEY: Final = Statement(delete(kms_keys).where(_THIS_KEY))

_THIS_ALIAS: Final = (
    _aliases.account == bindparam("this_account"),
    _aliases.region == bindparam("this_region"),
    _aliases.name == bindparam("this_name"),
)
_AFTER_ALIAS: Final = (
    _aliases.account == bindparam("account"),
    _aliases.region == bindparam("region"),
    _aliases.name > bindparam("after"),
)
_FIND_ALIAS: Final = Statement(select(*_ALIAS_COLUMNS).where(*_THIS_ALIAS))
_ALIASES_IN_ACCOUNT: Final = Statement(
    select(*_ALIAS_COLUMNS).where(*_AFTER_ALIAS).order_by(_aliases.name).limit(bindparam("most"))
)
_ALIASES_OF_KEY_PAGE: Final = Statement(
    select(*_ALIAS_COLUMNS)
    .where(*_AFTER_ALIAS, _aliases.key_arn == bindparam("key_arn"))
    .order_by(_aliases.name)
    .limit(bindparam("most"))
)
_ALIASES_OF_KEY: Final = Statement(
    select(_aliases.name).where(_aliases.key_arn == bindparam("key_arn")).order_by(_aliases.name)
)
_INSERT_ALIAS: Final = Statement(
    insert(kms_aliases).values({column.name: bindparam(column.name) for column in _ALIAS_COLUMNS})
)
_RETARGET_ALIAS: Final = Statement(
    update(kms_aliases).where(*_THIS_ALIAS).values(key_arn=bindparam("key_arn"), updated_ms=bindparam("updated_ms"))
)
_DELETE_ALIAS: Final = Statement(delete(kms_aliases).where(*_THIS_ALIAS))

_THIS_TAG: Final = (_tags.key_arn == bindparam("this_arn"), _tags.key == bindparam("this_key"))
_TAGS_OF_KEY: Final = Statement(
    select(_tags.key, _tags.value).where(_tags.key_arn == bindparam("key_arn")).order_by(_tags.key)
)
_INSERT_TAG: Final = Statement(
    insert(kms_tags).values(key_arn=bindparam("key_arn"), key=bindparam("key"), value=bindparam("value"))
)
_UPDATE_TAG: Final = Statement(update(kms_tags).where(*_THIS_TAG).values(value=bindparam("value")))
_DELETE_TAG: Final = Statement(delete(kms_tags).where(*_THIS_TAG))


def find_key(transaction: Transaction, arn: str) -> KeyRecord | None:
    """The key with this ARN."""
    row = transaction.one(_FIND_KEY, {"this_arn": arn})
    return None if row is None else KeyRecord(*row)


def key_ids(transaction: Transaction, account: str, region: str, after: str, most: int) -> list[tuple[str, str]]:
    """Ids and ARNs of up to ``most`` keys behind the id ``after``, in the order of ids."""
    rows = transaction.all(_KEY_IDS, {"account": account, "region": region, "after": after, "most": most})
    return [(row[0], row[1]) for row in rows]


def due_keys(transaction: Transaction, now_ms: int) -> list[KeyRecord]:
    """The keys whose waiting period has ended at ``now_ms`` (milliseconds since the epoch)."""
    return [KeyRecord(*row) for row in transaction.all(_DUE_KEYS, {"now_ms": now_ms})]


def keys_to_rotate(transaction: Transaction, now_ms: int) -> list[KeyRecord]:
    """The enabled keys whose automatic rotation is due at ``now_ms`` (milliseconds since the epoch)."""
    return [KeyRecord(*row) for row in transaction.all(_KEYS_TO_ROTATE, {"now_ms": now_ms})]


def related_keys(transaction: Transaction, record: KeyRecord) -> list[KeyRecord]:
    """The keys of the multi-Region key that ``record`` is one of, itself among them, in the order of their regions."""
    rows = transaction.all(_RELATED_KEYS, {"account": record.account, "key_id": record.key_id})
    return [KeyRecord(*row) for row in rows]


def insert_key(transaction: Transaction, record: KeyRecord) -> None:
    """Store a new key. Its material has rows of its own."""
    transaction.run(_INSERT_KEY, {column.name: getattr(record, column.name) for column in _KEY_COLUMNS})


def set_state(
    transaction: Transaction, arn: str, state: str, *, deletion_ms: int | None = None, deletion_days: int | None = None
) -> None:
    """Change a key's state, and with it the instant of its destruction or the waiting period that has not begun."""
    transaction.run(
        _SET_STATE, {"this_arn": arn, "state": state, "deletion_ms": deletion_ms, "deletion_days": deletion_days}
    )


def set_rotation(transaction: Transaction, arn: str, days: int | None, next_ms: int | None) -> None:
    """Change how often a key is rotated, and when next; None for never."""
    transaction.run(_SET_ROTATION, {"this_arn": arn, "rotation_days": days, "next_rotation_ms": next_ms})


def set_material(transaction: Transaction, arn: str, material_id: str) -> None:
    """Let a key encrypt with another of its materials."""
    transaction.run(_SET_MATERIAL, {"this_arn": arn, "material_id": material_id})


def set_primary_region(transaction: Transaction, arn: str, region: str) -> None:
    """Name the region of the primary key in one key of a multi-Region key."""
    transaction.run(_SET_PRIMARY_REGION, {"this_arn": arn, "primary_region": region})


def count_grants(transaction: Transaction, arn: str, more: int) -> None:
    """Note that a key has so many grants more, or less."""
    transaction.run(_COUNT_GRANTS, {"this_arn": arn, "more": more})


def set_policy(transaction: Transaction, arn: str, policy: str) -> None:
    """Replace a key's policy."""
    transaction.run(_SET_POLICY, {"this_arn": arn, "policy": policy})


def set_description(transaction: Transaction, arn: str, description: str) -> None:
    """Replace a key's description."""
    transaction.run(_SET_DESCRIPTION, {"this_arn": arn, "description": description})


def delete_key(transaction: Transaction, arn: str) -> None:
    """Destroy a key; its materials, aliases and tags go with it."""
    transaction.run(_DELETE_KEY, {"this_arn": arn})


def find_alias(transaction: Transaction, account: str, region: str, name: str) -> AliasRecord | None:
    """The alias with this name."""
    row = transaction.one(_FIND_ALIAS, {"this_account": account, "this_region": region, "this_name": name})
    return None if row is None else AliasRecord(*row)


def aliases_in_account(
    transaction: Transaction, account: str, region: str, after: str, most: int, key_arn: str | None = None
) -> list[AliasRecord]:
    """Up to ``most`` aliases behind the name ``after``, in the order of names; of one key only, if that is given."""
    parameters: dict[str, object] = {"account": account, "region": region, "after": after, "most": most}
    if key_arn is None:
        rows = transaction.all(_ALIASES_IN_ACCOUNT, parameters)
    else:
        rows = transaction.all(_ALIASES_OF_KEY_PAGE, {**parameters, "key_arn": key_arn})
    return [AliasRecord(*row) for row in rows]


def aliases_of_key(transaction: Transaction, key_arn: str) -> tuple[str, ...]:
    """The names of all aliases of a key."""
    return tuple(row[0] for row in transaction.all(_ALIASES_OF_KEY, {"key_arn": key_arn}))


def insert_alias(transaction: Transaction, record: AliasRecord) -> None:
    """Store a new alias."""
    transaction.run(_INSERT_ALIAS, {column.name: getattr(record, column.name) for column in _ALIAS_COLUMNS})


def retarget_alias(transaction: Transaction, alias: AliasRecord, key_arn: str, updated_ms: int) -> None:
    """Let an alias stand for another key."""
    transaction.run(_RETARGET_ALIAS, {**_this_alias(alias), "key_arn": key_arn, "updated_ms": updated_ms})


def delete_alias(transaction: Transaction, alias: AliasRecord) -> None:
    """Delete an alias."""
    transaction.run(_DELETE_ALIAS, _this_alias(alias))


def _this_alias(alias: AliasRecord) -> dict[str, object]:
    return {"this_account": alias.account, "this_region": alias.region, "this_name": alias.name}


def tags_of_key(transaction: Transaction, key_arn: str) -> dict[str, str]:
    """The tags of a key in the order of their keys."""
    return dict(transaction.all(_TAGS_OF_KEY, {"key_arn": key_arn}))


def set_tags(transaction: Transaction, key_arn: str, tags: Mapping[str, str]) -> None:
    """Add tags, or change the values of those that are there."""
    for key, value in tags.items():
        if not transaction.run(_UPDATE_TAG, {"this_arn": key_arn, "this_key": key, "value": value}):
            transaction.run(_INSERT_TAG, {"key_arn": key_arn, "key": key, "value": value})


def remove_tags(transaction: Transaction, key_arn: str, keys: Iterable[str]) -> None:
    """Take tags away; those that are not there are no matter."""
    for key in keys:
        transaction.run(_DELETE_TAG, {"this_arn": key_arn, "this_key": key})
