"""The rows of published versions: what a function was when it was published."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.services.awslambda.records import FunctionRecord
from strongroom.store import Statement, Transaction
from strongroom.store.schema import function_versions, functions

__all__ = ["delete_version", "find_version", "insert_version", "save_version_policy", "versions_after"]

_F, _V = functions.c, function_versions.c

_KEPT: Final = (
    "description",
    "runtime",
    "handler",
    "role_arn",
    "timeout_seconds",
    "memory_megabytes",
    "environment",
    "kms_key_arn",
    "code_sha256",
    "code_bytes",
    "revision_id",
    "policy_revision_id",
    "policy",
    "modified_ms",
    "environment_key",
    "layers",
    "temporary_megabytes",
)
"""Columns that a version has of its own, in the order of `FunctionRecord`."""

_COLUMNS: Final = (
    *(_F.arn, _F.account, _F.region, _F.name),
    *(_V[name] for name in _KEPT),
    *(_F.last_version, _F.reserved_concurrency, _V.version),
)
_JOINED: Final = select(*_COLUMNS).select_from(function_versions.join(functions, _V.function_arn == _F.arn))
_OF: Final = _V.function_arn == bindparam("of_arn")
_THIS: Final = (_OF, _V.version == bindparam("this_version"))

_FIND: Final = Statement(_JOINED.where(*_THIS))
_PAGE: Final = Statement(
    _JOINED.where(_OF, _V.version > bindparam("after")).order_by(_V.version).limit(bindparam("most"))
)
_INSERT: Final = Statement(
    insert(function_versions).values(
        {name: bindparam(name) for name in ("function_arn", "version", *_KEPT)},
    )
)
_SAVE_POLICY: Final = Statement(
    update(function_versions)
    .where(*_THIS)
    .values(policy=bindparam("policy"), policy_revision_id=bindparam("policy_revision_id"))
)
_DELETE: Final = Statement(delete(function_versions).where(*_THIS))


def find_version(transaction: Transaction, arn: str, number: int) -> FunctionRecord | None:
    """A published version of the function ``arn``. One statement."""
    row = transaction.one(_FIND, {"of_arn": arn, "this_version": number})
    return None if row is None else FunctionRecord(*row)


def versions_after(transaction: Transaction, arn: str, after: int, most: int) -> list[FunctionRecord]:
    """Up to ``most`` published versions of a function with higher numbers than ``after``, in their order."""
    rows = transaction.all(_PAGE, {"of_arn": arn, "after": after, "most": most})
    return [FunctionRecord(*row) for row in rows]


def insert_version(transaction: Transaction, record: FunctionRecord) -> None:
    """Store a version; ``record.number`` says which."""
    kept = {name: getattr(record, name) for name in _KEPT}
    transaction.run(_INSERT, {"function_arn": record.arn, "version": record.number, **kept})


def save_version_policy(
    transaction: Transaction, record: FunctionRecord, policy: str | None, revision_id: str | None
) -> None:
    """Store the policy of a version: all of it that can change."""
    transaction.run(
        _SAVE_POLICY,
        {
            "of_arn": record.arn,
            "this_version": record.number,
            "policy": policy,
            "policy_revision_id": revision_id,
        },
    )


def delete_version(transaction: Transaction, record: FunctionRecord) -> None:
    """Delete a version."""
    transaction.run(_DELETE, {"of_arn": record.arn, "this_version": record.number})
