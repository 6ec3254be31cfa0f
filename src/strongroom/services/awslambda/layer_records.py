"""The rows of layers: their versions, with archive and policy. A version that was deleted stays while it is used."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, union_all, update

from strongroom.services.awslambda.layer_names import LayerReference
from strongroom.store import Statement, Transaction
from strongroom.store.schema import function_versions, functions, layer_codes, layer_versions, layers

__all__ = [
    "LayerVersion",
    "drop_unused_layers",
    "find_layer_archive",
    "find_layer_version",
    "insert_layer_version",
    "latest_versions_after",
    "mark_layer_deleted",
    "next_layer_version",
    "save_layer_policy",
    "versions_before",
]


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """A row of ``layer_versions``.

    Args:
        layer_arn: The layer, without a version.
        version: Its number.
        description: What its maker says of it.
        license: What its maker says of its licence.
        runtimes: A JSON array of the runtimes that it is meant for.
        architectures: A JSON array of instruction sets.
        code_sha256: Of the zip archive, lower-case hex.
        code_bytes: The size of the zip archive.
        policy_revision_id: Changes with the policy; None without one.
        policy: Its resource policy.
        created_ms: When it was published, in milliseconds since the epoch.
        deleted_ms: When it was deleted, if it was: nothing can take it up any more.
    """

    layer_arn: str
    version: int
    description: str
    license: str
    runtimes: str
    architectures: str
    code_sha256: str
    code_bytes: int
    policy_revision_id: str | None
    policy: str | None
    created_ms: int
    deleted_ms: int | None = None

    @property
    def arn(self) -> str:
        """The ARN of this version."""
        return f"{self.layer_arn}:{self.version}"

    def fits(self, runtime: str | None, architecture: str | None) -> bool:
        """Whether it is meant for a runtime and an instruction set; None asks for neither."""
        return (runtime is None or runtime in json.loads(self.runtimes)) and (
            architecture is None or architecture in json.loads(self.architectures)
        )


_L, _V, _C = layers.c, layer_versions.c, layer_codes.c
_COLUMNS: Final = tuple(layer_versions.columns)
_VALUES: Final[dict[str, object]] = {column.name: bindparam(column.name) for column in _COLUMNS}
_OF: Final = _V.layer_arn == bindparam("of_arn")
_THIS: Final = (_OF, _V.version == bindparam("this_version"))
_PRESENT: Final = _V.deleted_ms.is_(None)

_FIND: Final = Statement(select(*_COLUMNS).where(*_THIS, _PRESENT))
_PAGE: Final = Statement(
    select(*_COLUMNS)
    .where(_OF, _PRESENT, _V.version < bindparam("before"))
    .order_by(_V.version.desc())
    .limit(bindparam("most"))
)
_INSERT: Final = Statement(insert(layer_versions).values(_VALUES))
_SAVE_POLICY: Final = Statement(
    update(layer_versions)
    .where(*_THIS)
    .values(policy=bindparam("policy"), policy_revision_id=bindparam("policy_revision_id"))
)
_MARK_DELETED: Final = Statement(
    update(layer_versions).where(*_THIS).values(deleted_ms=bindparam("deleted_ms"), policy=None)
)
_DELETED: Final = Statement(select(_V.layer_arn, _V.version).where(_V.deleted_ms.is_not(None)))
_DELETE: Final = Statement(delete(layer_versions).where(*_THIS))
_USED: Final = Statement(
    union_all(
        select(functions.c.layers).where(functions.c.layers.is_not(None)),
        select(function_versions.c.layers).where(function_versions.c.layers.is_not(None)),
    )
)

_LAST: Final = Statement(select(_L.last_version).where(_L.arn == bindparam("of_arn")))
_INSERT_LAYER: Final = Statement(insert(layers).values({column.name: bindparam(column.name) for column in layers.c}))
_SAVE_LAST: Final = Statement(
    update(layers).where(_L.arn == bindparam("of_arn")).values(last_version=bindparam("last_version"))
)
_LAYERS: Final = Statement(
    select(_L.name, func.max(_V.version))
    .select_from(layers.join(layer_versions, _V.layer_arn == _L.arn))
    .where(
        _L.account == bindparam("of_account"),
        _L.region == bindparam("of_region"),
        _L.name > bindparam("after"),
        _PRESENT,
    )
    .group_by(_L.name)
    .order_by(_L.name)
    .limit(bindparam("most"))
)

_INSERT_CODE: Final = Statement(
    insert(layer_codes).values(
        layer_arn=bindparam("layer_arn"), version=bindparam("version"), archive=bindparam("archive")
    )
)
_FIND_CODE: Final = Statement(
    select(_C.archive).where(_C.layer_arn == bindparam("of_arn"), _C.version == bindparam("this_version"))
)


def find_layer_version(transaction: Transaction, layer_arn: str, version: int) -> LayerVersion | None:
    """A version that was not deleted. One statement."""
    row = transaction.one(_FIND, {"of_arn": layer_arn, "this_version": version})
    return None if row is None else LayerVersion(*row)


def versions_before(transaction: Transaction, layer_arn: str, before: int, most: int) -> list[LayerVersion]:
    """Up to ``most`` versions of a layer with lower numbers than ``before``, the newest first."""
    rows = transaction.all(_PAGE, {"of_arn": layer_arn, "before": before, "most": most})
    return [LayerVersion(*row) for row in rows]


def latest_versions_after(
    transaction: Transaction, account: str, region: str, after: str, most: int
) -> list[tuple[str, int]]:
    """Name and newest version of up to ``most`` layers behind the name ``after``, in the order of names."""
    rows = transaction.all(_LAYERS, {"of_account": account, "of_region": region, "after": after, "most": most})
    return [(str(row[0]), int(row[1])) for row in rows]


def next_layer_version(transaction: Transaction, reference: LayerReference) -> int:
    """Take the next number of a layer; the layer is made if there is none. ``transaction`` must be a write."""
    row = transaction.one(_LAST, {"of_arn": reference.arn})
    if row is None:
        transaction.run(
            _INSERT_LAYER,
            {
                "arn": reference.arn,
                "account": reference.account,
                "region": reference.region,
                "name": reference.name,
                "last_version": 1,
            },
        )
        return 1
    version = int(row[0]) + 1
    transaction.run(_SAVE_LAST, {"of_arn": reference.arn, "last_version": version})
    return version


def insert_layer_version(transaction: Transaction, record: LayerVersion, sealed: bytes) -> None:
    """Store a version with its sealed archive."""
    transaction.run(_INSERT, {name: getattr(record, name) for name in _VALUES})
    transaction.run(_INSERT_CODE, {"layer_arn": record.layer_arn, "version": record.version, "archive": sealed})


def save_layer_policy(
    transaction: Transaction, record: LayerVersion, policy: str | None, revision_id: str | None
) -> None:
    """Store the policy of a version: all of it that can change."""
    transaction.run(
        _SAVE_POLICY,
        {
            "of_arn": record.layer_arn,
            "this_version": record.version,
            "policy": policy,
            "policy_revision_id": revision_id,
        },
    )


def mark_layer_deleted(transaction: Transaction, layer_arn: str, version: int, now_ms: int) -> None:
    """Hide a version from everybody but the functions that use it."""
    transaction.run(_MARK_DELETED, {"of_arn": layer_arn, "this_version": version, "deleted_ms": now_ms})


def drop_unused_layers(transaction: Transaction) -> None:
    """Delete the versions that were marked and that no function uses any more."""
    marked = transaction.all(_DELETED)
    if not marked:
        return
    used = {use[0] for row in transaction.all(_USED) for use in json.loads(row[0])}
    for layer_arn, version in marked:
        if f"{layer_arn}:{version}" not in used:
            transaction.run(_DELETE, {"of_arn": layer_arn, "this_version": version})


def find_layer_archive(transaction: Transaction, layer_arn: str, version: int) -> bytes | None:
    """The sealed archive of a version, deleted or not. One statement."""
    row = transaction.one(_FIND_CODE, {"of_arn": layer_arn, "this_version": version})
    return None if row is None else bytes(row[0])
