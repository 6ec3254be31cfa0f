"""What schedules make due: begins the rotations of secrets whose window has opened."""

from __future__ import annotations

from typing import Final, Literal

from strongroom.identity.organization import closed_accounts
from strongroom.services.secretsmanager.records import (
    Secret,
    replicas_fall_behind,
    secret_by_arn,
    update_secret,
)
from strongroom.services.secretsmanager.rotation.queue import due_by_schedule
from strongroom.services.secretsmanager.rotations import (
    make_due,
    next_window,
    rotator_of,
    start_rotation,
    stored_rules,
    unfinished_rotation,
)
from strongroom.services.secretsmanager.settings import SecretsManagerSettings
from strongroom.services.secretsmanager.versions import PENDING, Version, attach_labels, insert_version
from strongroom.store import Transaction
from strongroom.world import Entropy

__all__ = ["begin", "begin_due"]

_AT_ONCE: Final = 50
_SETTINGS: Final = SecretsManagerSettings()


def begin_due(transaction: Transaction, entropy: Entropy, now_ms: int) -> None:
    """Begin a rotation for every secret whose window has opened, and set its next window.

    Where an earlier rotation has not come to an end, that one is taken up again instead: its version may already be
    the password in the database. In a closed account no rotation begins.
    """
    closed = closed_accounts(transaction)
    for arn in due_by_schedule(transaction, now_ms, _AT_ONCE):
        secret = secret_by_arn(transaction, arn)
        if secret is None:
            continue
        update_secret(transaction, arn, **next_window(stored_rules(secret), now_ms))
        if secret.account in closed:
            continue
        unfinished = unfinished_rotation(transaction, arn)
        if unfinished is not None:
            make_due(transaction, arn, unfinished.token, now_ms)
        else:
            begin(transaction, entropy, secret, now_ms, origin="schedule")


def begin(
    transaction: Transaction, entropy: Entropy, secret: Secret, now_ms: int, *, origin: Literal["request", "schedule"]
) -> str:
    """Begin a rotation that no caller gave a token: its version, AWSPENDING on it, and its row. Answers the token."""
    token = entropy.uuid()
    insert_version(transaction, Version(secret.arn, token, now_ms))
    attach_labels(transaction, secret.arn, token, [PENDING], _SETTINGS)
    start_rotation(
        transaction,
        entropy,
        secret,
        token,
        rotator_of(secret) or "",
        now_ms,
        kind="rotation",
        origin=origin,
    )
    replicas_fall_behind(transaction, secret.arn)
    return token
