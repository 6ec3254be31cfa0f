"""What to look at after a restore: the secrets that may be older than the databases that they log in to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import or_, select

from strongroom.store import Statement, Transaction
from strongroom.store.schema import rotations, secrets

__all__ = ["Doubtful", "Kept", "doubtful_secrets", "kept_secrets"]

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
_KEPT: Final = Statement(
    select(secrets.c.arn, secrets.c.name, secrets.c.account, secrets.c.region)
    .where(secrets.c.deleted_ms.is_(None))
    .where(or_(secrets.c.primary_region.is_(None), secrets.c.primary_region == secrets.c.region))
    .where(secrets.c.cross_account_primary_arn.is_(None))
    .order_by(secrets.c.account, secrets.c.region, secrets.c.name)
)


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


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret that is no replica and not marked for deletion.

    Attributes:
        arn: Its ARN.
        name: Its name.
        account: Its account.
        region: Its region.
    """

    arn: str
    name: str
    account: str
    region: str


def kept_secrets(transaction: Transaction) -> list[Kept]:
    """Every secret of the installation that somebody may log in with, once each."""
    return [Kept(*row) for row in transaction.all(_KEPT)]


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
