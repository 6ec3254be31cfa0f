"""The rows of running rotations: claiming by lease, moving on, failing, and what a schedule makes due.

A lease says which process works on a row, and until when it may be believed to. It is renewed while the function runs;
one that ran out belongs to whoever claims the row next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, or_, select, update

from strongroom.services.secretsmanager.rotation.journal import start_run
from strongroom.store import Statement, Transaction
from strongroom.store.schema import rotations, secrets

__all__ = [
    "LEASE_MS",
    "Claim",
    "claim_due",
    "due_by_schedule",
    "is_held",
    "move",
    "release",
    "release_all",
    "renew",
    "with_run",
    "withdrawn_since",
]

LEASE_MS: Final = 10_000

_R: Final = rotations.c
_S: Final = secrets.c
_COLUMNS: Final = (_R.arn, _R.token, _R.account, _R.region, _R.function_arn, _R.kind, _R.step, _R.attempt)

_DUE: Final = Statement(
    select(*_COLUMNS)
    .where(
        _R.state == "running",
        _R.due_ms <= bindparam("now_ms"),
        _R.lease_ends_ms <= bindparam("now_ms"),
    )
    .order_by(_R.due_ms)
    .limit(bindparam("most"))
)
_CLAIM: Final = Statement(
    update(rotations)
    .where(_R.arn == bindparam("the_arn"), _R.token == bindparam("the_token"))
    .values(lease_owner=bindparam("owner"), lease_ends_ms=bindparam("ends_ms"))
)
_RENEW: Final = Statement(
    update(rotations)
    .where(
        _R.arn == bindparam("the_arn"),
        _R.token == bindparam("the_token"),
        _R.lease_owner == bindparam("the_owner"),
        _R.state == "running",
    )
    .values(lease_ends_ms=bindparam("ends_ms"))
)
_HELD: Final = Statement(
    select(_R.token).where(
        _R.arn == bindparam("arn"),
        _R.token == bindparam("token"),
        _R.lease_owner == bindparam("owner"),
        _R.state == "running",
    )
)
_MOVE: Final = Statement(
    update(rotations)
    .where(_R.arn == bindparam("the_arn"), _R.token == bindparam("the_token"))
    .values(
        state=bindparam("state"),
        step=bindparam("step"),
        attempt=bindparam("attempt"),
        due_ms=bindparam("due_ms"),
        changed_ms=bindparam("changed_ms"),
        error=bindparam("error"),
        lease_owner=bindparam("owner"),
        lease_ends_ms=bindparam("ends_ms"),
    )
)
_RELEASE: Final = Statement(
    update(rotations)
    .where(_R.arn == bindparam("the_arn"), _R.token == bindparam("the_token"), _R.lease_owner == bindparam("the_owner"))
    .values(lease_owner=None, lease_ends_ms=0)
)
_RELEASE_ALL: Final = Statement(
    update(rotations).where(_R.state == "running").values(lease_owner=None, lease_ends_ms=0)
)
_WITHDRAWN: Final = Statement(
    select(_R.token).where(
        _R.arn == bindparam("arn"),
        _R.state == "abandoned",
        _R.error.is_not(None),
        _R.started_ms > bindparam("since_ms"),
    )
)
_SCHEDULED: Final = Statement(
    select(_S.arn)
    .where(
        _S.next_window_opens_ms <= bindparam("now_ms"),
        _S.rotation_enabled == 1,
        or_(_S.rotation_function_arn.is_not(None), _S.owning_service.is_not(None)),
        _S.deleted_ms.is_(None),
    )
    .order_by(_S.next_window_opens_ms)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of a running rotation that this process may work on.

    Attributes:
        kind: ``rotation``, or ``test`` for RotateImmediately=false.
        step: The step to run now.
        attempt: How often it failed already.
        run: The number of the step's run in the `journal`.
    """

    arn: str
    token: str
    account: str
    region: str
    function_arn: str
    kind: str
    step: str
    attempt: int
    run: int = 0


def claim_due(transaction: Transaction, owner: str, now_ms: int, most: int) -> list[Claim]:
    """Claim up to ``most`` rows that are due and nobody's, the longest overdue first."""
    claims = [Claim(*row) for row in transaction.all(_DUE, {"now_ms": now_ms, "most": most})]
    for claim in claims:
        parameters = {"the_arn": claim.arn, "the_token": claim.token, "owner": owner, "ends_ms": now_ms + LEASE_MS}
        transaction.run(_CLAIM, parameters)
    return [with_run(transaction, claim, now_ms) for claim in claims]


def with_run(transaction: Transaction, claim: Claim, now_ms: int) -> Claim:
    """The claim, with its step entered in the journal as begun."""
    run = start_run(transaction, claim.arn, claim.token, claim.step, claim.attempt + 1, now_ms)
    return replace(claim, run=run)


def any_due(transaction: Transaction, now_ms: int) -> bool:
    """Whether there is anything to claim. A read, so that an idle engine writes nothing."""
    return transaction.one(_DUE, {"now_ms": now_ms, "most": 1}) is not None


def renew(transaction: Transaction, claim: Claim, owner: str, now_ms: int) -> bool:
    """Keep a claim for longer; False when it is lost, or the rotation is over."""
    parameters = {"the_arn": claim.arn, "the_token": claim.token, "the_owner": owner, "ends_ms": now_ms + LEASE_MS}
    return transaction.run(_RENEW, parameters) == 1


def is_held(transaction: Transaction, claim: Claim, owner: str) -> bool:
    """Whether ``owner`` still works on a rotation that is still running."""
    return transaction.one(_HELD, {"arn": claim.arn, "token": claim.token, "owner": owner}) is not None


def move(
    transaction: Transaction,
    claim: Claim,
    now_ms: int,
    *,
    state: str = "running",
    step: str | None = None,
    attempt: int = 0,
    due_ms: int | None = None,
    error: str | None = None,
    keep_for: str | None = None,
) -> None:
    """Write where a rotation stands now, and let go of it unless ``keep_for`` names who goes on with it at once."""
    transaction.run(
        _MOVE,
        {
            "the_arn": claim.arn,
            "the_token": claim.token,
            "state": state,
            "step": step or claim.step,
            "attempt": attempt,
            "due_ms": now_ms if due_ms is None else due_ms,
            "changed_ms": now_ms,
            "error": error,
            "owner": keep_for,
            "ends_ms": now_ms + LEASE_MS if keep_for else 0,
        },
    )


def release(transaction: Transaction, claim: Claim, owner: str) -> None:
    """Let go of a rotation that ended while ``owner`` ran a step of it, so that it can be taken up again at once."""
    transaction.run(_RELEASE, {"the_arn": claim.arn, "the_token": claim.token, "the_owner": owner})


def release_all(transaction: Transaction) -> int:
    """Let go of every claim: for a host that knows it is alone, after its processes were killed."""
    return transaction.run(_RELEASE_ALL)


def withdrawn_since(transaction: Transaction, arn: str, since_ms: int) -> int:
    """How many rotations of a secret ended, since an instant, with a new password that the function took back."""
    return len(transaction.all(_WITHDRAWN, {"arn": arn, "since_ms": since_ms}))


def due_by_schedule(transaction: Transaction, now_ms: int, most: int) -> list[str]:
    """ARNs of secrets whose next window has opened, the longest overdue first."""
    return [str(row[0]) for row in transaction.all(_SCHEDULED, {"now_ms": now_ms, "most": most})]
