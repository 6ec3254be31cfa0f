"""The rows of rotations, and what requests do to them. The background engine moves them from step to step.

running    a step is due at ``due_ms``
succeeded  the new version is current
failed     the engine gave up for now; RotateSecret makes it running again
abandoned  a new AWSCURRENT value was put meanwhile, or AWSPENDING was taken away
cancelled  CancelRotateSecret or DeleteSecret ended it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import and_, bindparam, delete, insert, not_, or_, select, update

from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.schedule import RotationRules, parse_duration
from strongroom.services.secretsmanager.service_events import RotationEvent, record_rotation_event
from strongroom.services.secretsmanager.versions import CURRENT, PENDING, detach_label, labels_of
from strongroom.store import Statement, Transaction
from strongroom.store.schema import rotations
from strongroom.world import Entropy

__all__ = [
    "KEPT",
    "Rotation",
    "abandon_rotations",
    "cancel_rotations",
    "end_rotation",
    "find_rotation",
    "is_open",
    "make_due",
    "next_window",
    "no_window",
    "open_rotations",
    "owner_principal",
    "pending_rotation",
    "remembered_rotations",
    "rotation_token",
    "rotation_token_fits",
    "rotator_of",
    "start_rotation",
    "stored_rules",
    "unfinished_rotation",
]

KEPT: Final = 50
"""How many rotations of a secret are remembered, the newest."""

_TOKEN_PURPOSE: Final = "rotation-token"  # noqa: S105 - the name of a purpose


@dataclass(frozen=True, slots=True)
class Rotation:
    """One row of ``rotations``.

    Attributes:
        token: The ClientRequestToken, which is the id of the new version.
        function_arn: Who runs the steps: see `rotator_of`.
        kind: ``rotation``, or ``test`` for RotateImmediately=false.
        origin: ``request`` or ``schedule``.
        state: See the module.
        step: The step to run next.
        attempt: How often that step was tried.
        due_ms: When to try it.
        error: The last failure, in words that hold no secret.
    """

    arn: str
    token: str
    account: str
    region: str
    function_arn: str
    kind: str
    origin: str
    state: str
    step: str
    attempt: int
    due_ms: int
    lease_owner: str | None
    lease_ends_ms: int
    started_ms: int
    changed_ms: int
    error: str | None


_R: Final = rotations.c
_FIELDS: Final = tuple(Rotation.__dataclass_fields__)
_COLUMNS: Final = tuple(_R[name] for name in _FIELDS)
_IS_OPEN: Final = or_(_R.state == "running", and_(_R.state == "failed", _R.kind == "rotation"))
"""`is_open`, in the store."""

_BY_TOKEN: Final = Statement(select(*_COLUMNS).where(_R.arn == bindparam("arn"), _R.token == bindparam("token")))
_OPEN: Final = Statement(
    select(*_COLUMNS).where(_R.arn == bindparam("arn"), _IS_OPEN).order_by(_R.started_ms, _R.token)
)
_REMEMBERED: Final = Statement(
    select(*_COLUMNS).where(_R.arn == bindparam("arn")).order_by(_R.started_ms.desc(), _R.token.desc())
)
_INSERT: Final = Statement(insert(rotations).values({name: bindparam(name) for name in _FIELDS}))
_CLOSE: Final = Statement(
    update(rotations)
    .where(_R.arn == bindparam("the_arn"), _R.token == bindparam("the_token"))
    .values(state=bindparam("state"), changed_ms=bindparam("changed_ms"))
)
_FORGET: Final = Statement(
    delete(rotations).where(
        _R.arn == bindparam("arn"),
        not_(_IS_OPEN),
        _R.token.not_in(
            select(_R.token)
            .where(_R.arn == bindparam("arn"))
            .order_by(_R.started_ms.desc(), _R.token)
            .limit(bindparam("kept"))
            .scalar_subquery()
        ),
    )
)
_MAKE_DUE: Final = Statement(
    update(rotations)
    .where(_R.arn == bindparam("the_arn"), _R.token == bindparam("the_token"), or_(_IS_OPEN, _R.state == "cancelled"))
    .values(state="running", attempt=0, due_ms=bindparam("due_ms"), changed_ms=bindparam("changed_ms"))
)


def owner_principal(owning_service: str) -> str:
    """What stands in a rotation in place of a function, when the service that manages the secret runs the steps."""
    return f"{owning_service}.amazonaws.com"


def rotator_of(secret: Secret) -> str | None:
    """Who runs the steps of a secret's rotations: the service that manages it, or its function; None for nobody."""
    if secret.owning_service is not None:
        return owner_principal(secret.owning_service)
    return secret.rotation_function_arn


def find_rotation(transaction: Transaction, arn: str, token: str) -> Rotation | None:
    """The rotation that a token started, in whatever state."""
    row = transaction.one(_BY_TOKEN, {"arn": arn, "token": token})
    return Rotation(*row) if row else None


def is_open(rotation: Rotation) -> bool:
    """Whether a rotation has not come to an end: it runs, or failed for now. A test that failed is over."""
    return rotation.state == "running" or (rotation.state == "failed" and rotation.kind == "rotation")


def open_rotations(transaction: Transaction, arn: str) -> list[Rotation]:
    """The rotations of a secret that have not come to an end: running, or failed for now."""
    return [Rotation(*row) for row in transaction.all(_OPEN, {"arn": arn})]


def unfinished_rotation(transaction: Transaction, arn: str) -> Rotation | None:
    """The rotation that keeps the next one from starting: its version is AWSPENDING and not AWSCURRENT."""
    found = pending_rotation(transaction, arn)
    return found if found is not None and is_open(found) else None


def pending_rotation(transaction: Transaction, arn: str) -> Rotation | None:
    """The rotation, over or not, whose version is AWSPENDING and not AWSCURRENT."""
    labels = labels_of(transaction, arn)
    pending = labels.get(PENDING)
    if pending is None or pending == labels.get(CURRENT):
        return None
    return find_rotation(transaction, arn, pending)


def remembered_rotations(transaction: Transaction, arn: str) -> list[Rotation]:
    """The rotations of a secret that are kept, the newest first."""
    return [Rotation(*row) for row in transaction.all(_REMEMBERED, {"arn": arn})]


def start_rotation(
    transaction: Transaction,
    entropy: Entropy,
    secret: Secret,
    token: str,
    function_arn: str,
    now_ms: int,
    *,
    kind: Literal["rotation", "test"],
    origin: Literal["request", "schedule"],
) -> None:
    """Store a rotation whose first step is due now, and its event. The caller has made the version and its label.

    What is long over is forgotten.
    """
    transaction.run(_FORGET, {"arn": secret.arn, "kept": KEPT - 1})
    row = Rotation(
        arn=secret.arn,
        token=token,
        account=secret.account,
        region=secret.region,
        function_arn=function_arn,
        kind=kind,
        origin=origin,
        state="running",
        step="createSecret" if kind == "rotation" else "testSecret",
        attempt=0,
        due_ms=now_ms,
        lease_owner=None,
        lease_ends_ms=0,
        started_ms=now_ms,
        changed_ms=now_ms,
        error=None,
    )
    transaction.run(_INSERT, {name: getattr(row, name) for name in _FIELDS})
    event: RotationEvent = "RotationStarted" if kind == "rotation" else "TestRotationStarted"
    record_rotation_event(transaction, entropy, secret, token, event, now_ms)


def make_due(transaction: Transaction, arn: str, token: str, now_ms: int) -> None:
    """Let the engine take a rotation up again at once, with all its attempts before it; one that was cancelled too."""
    transaction.run(_MAKE_DUE, {"the_arn": arn, "the_token": token, "due_ms": now_ms, "changed_ms": now_ms})


def abandon_rotations(
    transaction: Transaction, entropy: Entropy, secret: Secret, now_ms: int, *, besides: str | None = None
) -> None:
    """End a secret's open rotations because its labels have moved on without them.

    One whose version became AWSCURRENT has succeeded; the others are abandoned. Either way AWSPENDING goes: a step
    whose function runs right now must not set a password in the database that nothing will ever finish.

    Args:
        transaction: Where to write.
        entropy: For the ids of events.
        secret: The secret.
        now_ms: When.
        besides: The token of a rotation to leave alone.
    """
    labels = labels_of(transaction, secret.arn)
    for found in open_rotations(transaction, secret.arn):
        if found.token == besides:
            continue
        if labels.get(PENDING) == found.token:
            detach_label(transaction, secret.arn, PENDING)
        end_rotation(transaction, entropy, secret, found, now_ms, succeeded=found.token == labels.get(CURRENT))


def end_rotation(
    transaction: Transaction,
    entropy: Entropy,
    secret: Secret,
    rotation: Rotation,
    now_ms: int,
    *,
    succeeded: bool = False,
) -> None:
    """End a rotation as abandoned, or as succeeded, and record it. The caller has settled the labels."""
    _close(transaction, rotation, "succeeded" if succeeded else "abandoned", now_ms)
    event: RotationEvent = "RotationSucceeded" if succeeded else "RotationAbandoned"
    record_rotation_event(transaction, entropy, secret, rotation.token, event, now_ms)


def cancel_rotations(transaction: Transaction, arn: str, now_ms: int) -> str | None:
    """End a secret's open rotations on request. Labels stay. Answers the token of the last one."""
    token = None
    for found in open_rotations(transaction, arn):
        _close(transaction, found, "cancelled", now_ms)
        token = found.token
    return token


def _close(transaction: Transaction, rotation: Rotation, state: str, now_ms: int) -> None:
    transaction.run(
        _CLOSE, {"the_arn": rotation.arn, "the_token": rotation.token, "state": state, "changed_ms": now_ms}
    )


def stored_rules(secret: Secret) -> RotationRules | None:
    """The rotation rules of a secret; None when it has no schedule."""
    if secret.rotation_schedule is None and secret.rotation_after_days is None:
        return None
    return RotationRules(
        automatically_after_days=secret.rotation_after_days if secret.rotation_schedule is None else None,
        schedule_expression=secret.rotation_schedule,
        duration_hours=parse_duration(secret.rotation_duration) if secret.rotation_duration else None,
    )


def next_window(rules: RotationRules | None, now_ms: int) -> Mapping[str, int | None]:
    """The columns of the next window for a secret that was rotated, or given its rules, now.

    Args:
        rules: Rules that were found valid before.
        now_ms: The instant.
    """
    if rules is None:
        return no_window()
    # Whether minutes are admitted was decided when the rules were set.
    window = rules.validate(allow_minutes=True).next_window(now_ms, now_ms)
    return {"next_window_opens_ms": window.opens_ms, "next_window_closes_ms": window.closes_ms}


def no_window() -> Mapping[str, int | None]:
    """The columns of a secret that is not rotated by schedule."""
    return {"next_window_opens_ms": None, "next_window_closes_ms": None}


def rotation_token(keyring: Keyring, arn: str, token: str) -> str:
    """The RotationToken that a function is given: proof that it acts for this rotation. Letters and digits only.

    Args:
        keyring: Seals it; nothing is stored.
        arn: The secret.
        token: The ClientRequestToken of the rotation.
    """
    return keyring.seal_system(_TOKEN_PURPOSE, b"", {"SecretARN": arn, "SecretVersionId": token}).hex()


def rotation_token_fits(keyring: Keyring, given: str, arn: str, token: str) -> bool:
    """Whether ``given`` is a RotationToken of this rotation."""
    try:
        keyring.open_system(_TOKEN_PURPOSE, bytes.fromhex(given), {"SecretARN": arn, "SecretVersionId": token})
    except (InvalidCiphertext, ValueError):
        return False
    return True
