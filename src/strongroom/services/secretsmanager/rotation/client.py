"""Rotations for the operator's service: looking at them, taking them up and ending them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import and_, bindparam, exists, func, or_, select

from strongroom.services.call import Call
from strongroom.services.clients import RotationHistory, RotationView, StepRunView, UpcomingRotation
from strongroom.services.secretsmanager.access import find_and_authorize
from strongroom.services.secretsmanager.records import Secret, replicas_fall_behind, update_secret
from strongroom.services.secretsmanager.refusals import invalid_request
from strongroom.services.secretsmanager.rotation.journal import StepRun, runs_of
from strongroom.services.secretsmanager.rotation.outcome import ATTEMPTS
from strongroom.services.secretsmanager.rotations import (
    Rotation,
    cancel_rotations,
    end_rotation,
    make_due,
    next_window,
    pending_rotation,
    remembered_rotations,
    stored_rules,
)
from strongroom.services.secretsmanager.versions import PENDING, delete_version, detach_label
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Statement, Transaction
from strongroom.store.schema import rotations, secrets
from strongroom.world import World

__all__ = ["FAILING_ATTEMPTS", "RotationServiceClient"]

FAILING_ATTEMPTS: Final = 3
"""A rotation keeps failing when one step failed so often in a row, or when it was given up."""

_R: Final = rotations.c
_S: Final = secrets.c
_LATER: Final = rotations.alias("later")
_FAILING: Final = and_(
    _R.kind == "rotation",
    or_(_R.state == "failed", and_(_R.state == "running", _R.attempt >= FAILING_ATTEMPTS)),
)
_NONE_LATER: Final = ~exists().where(
    _LATER.c.arn == _R.arn,
    or_(
        _LATER.c.started_ms > _R.started_ms,
        and_(_LATER.c.started_ms == _R.started_ms, _LATER.c.token > _R.token),
    ),
)
_ROTATION_COLUMNS: Final = tuple(_R[name] for name in Rotation.__dataclass_fields__)
_STATES: Final = ("running", "succeeded", "failed", "abandoned", "cancelled")
_LATEST: Final = Statement(
    select(_S.name, *_ROTATION_COLUMNS)
    .join_from(rotations, secrets, _S.arn == _R.arn)
    .where(
        _R.account == bindparam("account"),
        _R.region == bindparam("region"),
        _R.arn > bindparam("after"),
        _R.state.in_([bindparam(state) for state in _STATES]),
        or_(_FAILING, bindparam("failing") == 0),
        _NONE_LATER,
    )
    .order_by(_R.arn)
    .limit(bindparam("most"))
)
_UPCOMING: Final = Statement(
    select(
        _S.arn,
        _S.name,
        _S.next_window_opens_ms,
        _S.next_window_closes_ms,
        _S.rotation_schedule,
        _S.rotation_after_days,
        _S.rotation_duration,
    )
    .where(
        _S.account == bindparam("account"),
        _S.region == bindparam("region"),
        _S.rotation_enabled == 1,
        or_(_S.rotation_function_arn.is_not(None), _S.owning_service.is_not(None)),
        _S.deleted_ms.is_(None),
        _S.next_window_opens_ms <= bindparam("until_ms"),
        or_(
            _S.next_window_opens_ms > bindparam("after_ms"),
            and_(_S.next_window_opens_ms == bindparam("after_ms"), _S.arn > bindparam("after_arn")),
        ),
    )
    .order_by(_S.next_window_opens_ms, _S.arn)
    .limit(bindparam("most"))
)
_COUNT_FAILING: Final = Statement(select(func.count()).select_from(rotations).where(_FAILING))


class RotationServiceClient:
    """Implements `strongroom.services.clients.RotationClient`, whose texts say what each method does.

    Args:
        world: Entropy for the ids of events.
    """

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        self._world = world

    def latest(
        self,
        transaction: Transaction,
        account: str,
        region: str,
        *,
        states: Sequence[str],
        failing: bool,
        after: str,
        most: int,
    ) -> list[RotationView]:
        """The last rotation of each secret, in the order of the secrets' ARNs."""
        wanted = {state: state if not states or state in states else "" for state in _STATES}
        place = {"account": account, "region": region, "after": after, "most": most}
        rows = transaction.all(_LATEST, {**place, **wanted, "failing": int(failing)})
        return [_view(Rotation(*columns), str(name)) for name, *columns in rows]

    def upcoming(
        self, transaction: Transaction, account: str, region: str, *, until_ms: int, after: tuple[int, str], most: int
    ) -> list[UpcomingRotation]:
        """The next windows of secrets that open up to an instant, the earliest first."""
        parameters = {
            "account": account,
            "region": region,
            "until_ms": until_ms,
            "after_ms": after[0],
            "after_arn": after[1],
            "most": most,
        }
        return [UpcomingRotation(*row) for row in transaction.all(_UPCOMING, parameters)]

    def history(self, transaction: Transaction, call: Call, action: str, secret_id: str) -> RotationHistory:
        """The rotations of a secret, with the runs of their steps.

        Raises:
            AwsError: Access denied, or no such secret.
        """
        secret = find_and_authorize(transaction, call, secret_id, action=action, deleted=True)
        runs = runs_of(transaction, secret.arn)
        views = [
            _view(found, secret.name, [run for run in runs if run.token == found.token])
            for found in remembered_rotations(transaction, secret.arn)
        ]
        return RotationHistory(secret.arn, secret.name, views)

    def retry(self, transaction: Transaction, call: Call, action: str, secret_id: str) -> RotationView:
        """Take up the rotation that is not through, or was cancelled in the middle, at once.

        Functions refuse a secret whose rotation is off, so one that CancelRotateSecret ended turns it on again.

        Raises:
            AwsError: Access denied, no such secret, or nothing to take up.
        """
        secret = find_and_authorize(transaction, call, secret_id, action=action)
        found = pending_rotation(transaction, secret.arn)
        if found is None or found.state not in {"running", "failed", "cancelled"}:
            raise invalid_request("No rotation of this secret is unfinished. RotateSecret begins a new one.")
        make_due(transaction, secret.arn, found.token, call.now_ms)
        if not secret.rotation_enabled:
            window = next_window(stored_rules(secret), call.now_ms)
            update_secret(
                transaction,
                secret.arn,
                rotation_enabled=1,
                changed_ms=next_change(secret, call.now_ms),
                **window,
            )
        return _view(replace(found, state="running", attempt=0, error=None), secret.name)

    def abort(self, transaction: Transaction, call: Call, action: str, secret_id: str, *, force: bool) -> RotationView:
        """End the rotation that is not through. The secret's schedule stays.

        Until setSecret begins, nothing but the secret knows the new version, and AWSPENDING goes with the rotation.
        From then on the new version may be what logs in: ending it takes ``force``, and AWSPENDING stays to be found.

        Raises:
            AwsError: Access denied, no such secret, nothing to end, or the password may have been changed already.
        """
        secret = find_and_authorize(transaction, call, secret_id, action=action)
        found = pending_rotation(transaction, secret.arn)
        if found is None or found.state not in {"running", "failed"}:
            raise invalid_request("No rotation of this secret is unfinished.")
        if found.kind == "test" or found.step == "createSecret":
            self._take_back(transaction, secret, found, call.now_ms)
        elif force:
            cancel_rotations(transaction, secret.arn, call.now_ms)
            return _view(replace(found, state="cancelled", changed_ms=call.now_ms), secret.name)
        else:
            raise invalid_request(
                f"The rotation has reached {found.step}: version {found.token} may hold the password that is valid "
                "now. Retry the rotation, or end it with Force and move AWSCURRENT to the version that logs in."
            )
        return _view(replace(found, state="abandoned", changed_ms=call.now_ms), secret.name)

    def count_failing(self, transaction: Transaction) -> int:
        """How many rotations of the whole installation keep failing."""
        row = transaction.one(_COUNT_FAILING, {})
        return int(row[0]) if row else 0

    def _take_back(self, transaction: Transaction, secret: Secret, found: Rotation, now_ms: int) -> None:
        """End a rotation whose version nobody has used; the version of a test goes as well."""
        if found.kind == "test":
            delete_version(transaction, secret.arn, found.token)
        else:
            detach_label(transaction, secret.arn, PENDING)
        end_rotation(transaction, self._world.entropy, secret, found, now_ms)
        replicas_fall_behind(transaction, secret.arn)


def _view(found: Rotation, name: str, runs: Iterable[StepRun] = ()) -> RotationView:
    """A rotation and its runs as others see them."""
    running = found.state == "running"
    tried = ATTEMPTS if found.kind == "rotation" else 1
    group = _log_group(found.function_arn)
    return RotationView(
        arn=found.arn,
        name=name,
        token=found.token,
        rotator=found.function_arn,
        kind=found.kind,
        origin=found.origin,
        state=found.state,
        step=found.step,
        failures=found.attempt,
        attempts_left=tried - found.attempt if running else None,
        failing=found.kind == "rotation"
        and (found.state == "failed" or (running and found.attempt >= FAILING_ATTEMPTS)),
        started_ms=found.started_ms,
        changed_ms=found.changed_ms,
        next_attempt_ms=found.due_ms if running and found.attempt else None,
        error=found.error,
        steps=[
            StepRunView(run.step, run.attempt, run.started_ms, run.ended_ms, run.error, group, run.log_stream)
            for run in runs
        ],
    )


def _log_group(rotator: str) -> str | None:
    """The log group of a function, ``/aws/lambda/<name>``; None for a service that runs the steps itself."""
    parts = rotator.split(":")
    return f"/aws/lambda/{parts[6]}" if len(parts) > 6 else None
