"""What happened in the rotations of a secret: one row for each run of a step, written with what it tells of.

A run is entered in the transaction that lets the step begin and completed in the one that ends it, so the journal is
as durable as the rotation itself. A run whose process was killed stays open until the step is taken up again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from strongroom.store import Statement, Transaction
from strongroom.store.schema import rotation_events

__all__ = ["CUT_SHORT", "KEPT", "StepRun", "end_run", "runs_of", "start_run"]

KEPT: Final = 200
"""How many runs of a secret are kept, the newest: the four steps of 50 rotations that go well."""

CUT_SHORT: Final = "cut short: the process that ran it ended"

_E: Final = rotation_events.c


@dataclass(frozen=True, slots=True)
class StepRun:
    """One run of one step. Instants are milliseconds since the epoch.

    Attributes:
        number: Counts the runs of a secret.
        token: The rotation's token.
        step: The step.
        attempt: 1 for the first.
        started_ms: When it began.
        ended_ms: When it ended; None while it runs.
        error: What went wrong, in words that hold no secret.
        log_stream: Where the function's output is, in its log group.
    """

    arn: str
    number: int
    token: str
    step: str
    attempt: int
    started_ms: int
    ended_ms: int | None = None
    error: str | None = None
    log_stream: str | None = None


_FIELDS: Final = tuple(StepRun.__dataclass_fields__)
_LAST: Final = Statement(select(func.max(_E.number)).where(_E.arn == bindparam("arn")))
_INSERT: Final = Statement(insert(rotation_events).values({name: bindparam(name) for name in _FIELDS}))
_END: Final = Statement(
    update(rotation_events)
    .where(_E.arn == bindparam("the_arn"), _E.number == bindparam("the_number"), _E.ended_ms.is_(None))
    .values(ended_ms=bindparam("now_ms"), error=bindparam("problem"), log_stream=bindparam("stream"))
)
_CUT_SHORT: Final = Statement(
    update(rotation_events)
    .where(_E.arn == bindparam("the_arn"), _E.token == bindparam("the_token"), _E.ended_ms.is_(None))
    .values(ended_ms=bindparam("now_ms"), error=CUT_SHORT)
)
_FORGET: Final = Statement(
    delete(rotation_events).where(_E.arn == bindparam("arn"), _E.number <= bindparam("last_forgotten"))
)
_RUNS: Final = Statement(select(*(_E[name] for name in _FIELDS)).where(_E.arn == bindparam("arn")).order_by(_E.number))


def start_run(transaction: Transaction, arn: str, token: str, step: str, attempt: int, now_ms: int) -> int:
    """Enter a run that begins now; one that was left open by a killed process ends with it. Answers its number.

    Args:
        transaction: The transaction that lets the step begin.
        arn: The secret.
        token: The rotation.
        step: The step.
        attempt: 1 for the first.
        now_ms: Now.
    """
    transaction.run(_CUT_SHORT, {"the_arn": arn, "the_token": token, "now_ms": now_ms})
    last = transaction.one(_LAST, {"arn": arn})
    number = 1 + (last[0] or 0 if last else 0)
    run = StepRun(arn, number, token, step, attempt, now_ms)
    transaction.run(_INSERT, {name: getattr(run, name) for name in _FIELDS})
    if number > KEPT:
        transaction.run(_FORGET, {"arn": arn, "last_forgotten": number - KEPT})
    return number


def end_run(
    transaction: Transaction, arn: str, number: int, now_ms: int, *, problem: str | None, log_stream: str | None
) -> None:
    """Complete a run, unless it was cut short before.

    Args:
        transaction: The transaction that ends the step.
        arn: The secret.
        number: The run.
        now_ms: Now.
        problem: What went wrong; None when it succeeded.
        log_stream: Where the function's output is.
    """
    parameters = {"the_arn": arn, "the_number": number, "now_ms": now_ms, "problem": problem, "stream": log_stream}
    transaction.run(_END, parameters)


def runs_of(transaction: Transaction, arn: str) -> list[StepRun]:
    """The runs of a secret that are kept, the oldest first."""
    return [StepRun(*row) for row in transaction.all(_RUNS, {"arn": arn})]
