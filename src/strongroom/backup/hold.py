"""What a restore leaves in the store: where the state came from, and that nothing may be rotated yet.

A restored state may be older than the databases that its secrets log in to. A rotation that went on by itself would
set passwords of the past, so none runs until the operator has looked (`strongroom backup report`) and says so
(`strongroom backup release`).
"""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import bindparam, delete, select

from strongroom.store import Statement, Transaction
from strongroom.store.schema import installation
from strongroom.world import from_milliseconds

__all__ = [
    "HELD_FACT",
    "RESTORED_FACT",
    "UNFINISHED_FACT",
    "advice",
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


def advice(transaction: Transaction) -> str | None:
    """What an operator should know and do about a restore, in a sentence; None when nothing is held."""
    made_ms = restored_from_ms(transaction)
    if made_ms is None or not is_held(transaction):
        return None
    return (
        f"restored from a backup of {from_milliseconds(made_ms):%Y-%m-%d %H:%M:%S} UTC, and rotations are held: "
        "see `strongroom backup report`, then `strongroom backup release`"
    )
