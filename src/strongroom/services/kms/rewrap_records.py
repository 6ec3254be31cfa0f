"""The rows of rewraps: how far each holder's ciphertexts have been brought to the newest material."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.store import Statement, Transaction
from strongroom.store.schema import kms_rewraps

__all__ = ["FINISHED", "RUNNING", "RewrapRecord", "all_rewraps", "begin_rewrap", "running_rewraps", "update_rewrap"]

RUNNING: Final = "running"
FINISHED: Final = "finished"


@dataclass(frozen=True, slots=True)
class RewrapRecord:
    """A row of ``kms_rewraps``. Instants are milliseconds since the epoch.

    Args:
        holder: Whose ciphertexts.
        state: ``running`` or ``finished``.
        after: The position of the last one that was looked at.
        total: How many there were at the beginning.
        done: How many were looked at.
        changed: How many were brought to newer material.
        skipped: How many could not be, as their key cannot be used or they do not open.
        started_ms: When it was asked for.
        changed_ms: When it last went on.
    """

    holder: str
    state: str
    after: str
    total: int
    done: int
    changed: int
    skipped: int
    started_ms: int
    changed_ms: int


_r = kms_rewraps.c
_COLUMNS: Final = tuple(_r[name] for name in RewrapRecord.__dataclass_fields__)
_ALL: Final = Statement(select(*_COLUMNS).order_by(_r.holder))
_RUNNING: Final = Statement(select(*_COLUMNS).where(_r.state == RUNNING).order_by(_r.holder))
_DELETE: Final = Statement(delete(kms_rewraps).where(_r.holder == bindparam("this_holder")))
_INSERT: Final = Statement(insert(kms_rewraps).values({column.name: bindparam(column.name) for column in _COLUMNS}))
_UPDATE: Final = Statement(
    update(kms_rewraps)
    .where(_r.holder == bindparam("this_holder"))
    .values({column.name: bindparam(column.name) for column in _COLUMNS if column.name != "holder"})
)


def all_rewraps(transaction: Transaction) -> list[RewrapRecord]:
    """The last rewrap of every holder, running or finished."""
    return [RewrapRecord(*row) for row in transaction.all(_ALL)]


def running_rewraps(transaction: Transaction) -> list[RewrapRecord]:
    """The rewraps that are not finished."""
    return [RewrapRecord(*row) for row in transaction.all(_RUNNING)]


def begin_rewrap(transaction: Transaction, record: RewrapRecord) -> None:
    """Begin a rewrap in the place of the holder's last one."""
    transaction.run(_DELETE, {"this_holder": record.holder})
    transaction.run(_INSERT, _fields(record))


def update_rewrap(transaction: Transaction, record: RewrapRecord) -> None:
    """Note how far a rewrap has come."""
    values = _fields(record)
    transaction.run(_UPDATE, {**values, "this_holder": values.pop("holder")})


def _fields(record: RewrapRecord) -> dict[str, object]:
    return {column.name: getattr(record, column.name) for column in _COLUMNS}
