"""What a restore leaves in the store: where the state came from, and that nothing may be rotated yet.

A restored state may be older than the databases that its secrets log in to. A rotation that went on by itself would
set passwords of the past, so none runs until the operator has looked (`strongroom backup report`) and says so
(`strongroom backup release`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, select

from strongroom.store import Statement, Transaction
from strongroom.store.schema import installation, rotations, secrets

__all__ = [
    "HELD_FACT",
    "RESTORED_FACT",
    "UNFINISHED_FACT",
    "Doubtful",
    "doubtful_secrets",
    "is_held",
    "release",
    "restored_from_ms",
]

RESTORED_FACT: Final = "restored_from"
"""The fact of the store that says, as JSON, which backup it was restored from."""
HELD_FACT: Final = "rotations_held"
"""The fact of the store that is there for as long as no rotation may run."""

UNFINISHED_FACT: Final = "restore_unfinished"
"""The fact of a PostgreSQL store that is there until the data folder that goes with it is in its place."""

_FACT: Final = Statement(select(installation.c.value).where(installation.c.name == bindparam("fact")))
_RELEASE: Final = Statement(delete(installation).where(installation.c.name == HELD_FACT))
_ROTATING: Final = Statement(
    select(
        secrets.c.arn,
        secrets.c.name,
        secrets.c.owning_service,
        secrets.c.last_rotated_ms,
        secrets.c.next_window_opens_ms,
    )
    .where((secrets.c.rotation_enabled == 1) | secrets.c.last_rotated_ms.is_not(None))
    .where(secrets.c.deleted_ms.is_(None))
    .order_by(secrets.c.name)
)
_UNDER_WAY: Final = Statement(select(rotations.c.arn).where(rotations.c.state == "running"))


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A secret whose value at the time of the backup may be older than what its database takes.

    Attributes:
        arn: Its ARN.
        name: Its name.
        reason: Why, in words.
    """

    arn: str
    name: str
    reason: str


def is_held(transaction: Transaction) -> bool:
    """Whether rotations wait for the operator."""
    return transaction.one(_FACT, {"fact": HELD_FACT}) is not None


def restored_from_ms(transaction: Transaction) -> int | None:
    """When the backup was made that the store was restored from; None if it never was."""
    row = transaction.one(_FACT, {"fact": RESTORED_FACT})
    return None if row is None else int(json.loads(row[0])["created_ms"])


def release(transaction: Transaction) -> bool:
    """Let rotations run again; whether they were held."""
    return transaction.run(_RELEASE) > 0


def doubtful_secrets(transaction: Transaction, now_ms: int) -> list[Doubtful]:
    """The secrets that something changes by itself, each with the reason for doubt."""
    under_way = {row[0] for row in transaction.all(_UNDER_WAY)}
    return [
        Doubtful(arn, name, _reason(owner, rotated_ms, opens_ms, now_ms, under_way=arn in under_way))
        for arn, name, owner, rotated_ms, opens_ms in transaction.all(_ROTATING)
    ]


def _reason(owner: str | None, rotated_ms: int | None, opens_ms: int | None, now_ms: int, *, under_way: bool) -> str:
    if under_way:
        return "a rotation was under way when the backup was made"
    if opens_ms is not None and opens_ms <= now_ms:
        return "a rotation was due after the backup was made, and has probably changed the password"
    if owner is not None:
        return f"{owner} manages it and may have changed the password since"
    if rotated_ms is not None:
        return "it is rotated, and may have been since the backup was made"
    return "rotation is turned on, and may have run since the backup was made"
