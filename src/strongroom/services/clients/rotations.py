"""Rotations, for the operator's service.

Secrets Manager implements `RotationClient` (``secretsmanager/rotation/client.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["RotationClient", "RotationHistory", "RotationView", "StepRunView", "UpcomingRotation"]


@dataclass(frozen=True, slots=True)
class StepRunView:
    """One run of one step of a rotation. Instants are milliseconds since the epoch.

    Args:
        step: The step, such as ``setSecret``.
        attempt: 1 for the first.
        started_ms: When it began.
        ended_ms: When it ended; None while it runs.
        error: What went wrong, in words that hold no secret.
        log_group: The log group of the function; None for a service that runs the steps itself.
        log_stream: The stream that this run's output went to.
    """

    step: str
    attempt: int
    started_ms: int
    ended_ms: int | None
    error: str | None
    log_group: str | None
    log_stream: str | None


@dataclass(frozen=True, slots=True)
class RotationView:
    """One rotation of a secret. Instants are milliseconds since the epoch.

    Args:
        arn: The secret.
        name: Its name.
        token: The rotation's token, which is the id of the new version.
        rotator: The function's ARN, or the principal of the service that manages the secret.
        kind: ``rotation``, or ``test`` for RotateImmediately=false.
        origin: ``request`` or ``schedule``.
        state: ``running``, ``succeeded``, ``failed``, ``abandoned`` or ``cancelled``.
        step: The step that runs, or runs next.
        failures: How often that step failed.
        attempts_left: How often it is tried before the rotation is given up; None when it is over.
        failing: Whether it was given up, or failed several times in a row.
        started_ms: When it began.
        changed_ms: When it last changed.
        next_attempt_ms: When a step that failed is tried again.
        error: The last failure, in words that hold no secret.
        steps: The runs of its steps, the oldest first, where they were asked for.
    """

    arn: str
    name: str
    token: str
    rotator: str
    kind: str
    origin: str
    state: str
    step: str
    failures: int
    attempts_left: int | None
    failing: bool
    started_ms: int
    changed_ms: int
    next_attempt_ms: int | None
    error: str | None
    steps: Sequence[StepRunView] = ()


@dataclass(frozen=True, slots=True)
class RotationHistory:
    """The rotations of a secret that are remembered, the newest first."""

    arn: str
    name: str
    rotations: Sequence[RotationView]


@dataclass(frozen=True, slots=True)
class UpcomingRotation:
    """The next rotation window of a secret.

    Args:
        arn: The secret.
        name: Its name.
        opens_ms: When it opens, in milliseconds since the epoch.
        closes_ms: The first instant after it.
        schedule: The ``rate()`` or ``cron()`` expression, if there is one.
        after_days: AutomaticallyAfterDays, if there is no expression.
        duration: Such as ``3h``, if one was given.
    """

    arn: str
    name: str
    opens_ms: int
    closes_ms: int
    schedule: str | None
    after_days: int | None
    duration: str | None


class RotationClient(Protocol):
    """Rotations, for the operator. Methods with a SecretId decide on that secret, by the action they are given."""

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
        """The last rotation of each secret, in the order of the secrets' ARNs. Asks for no permission.

        Args:
            transaction: Where to look.
            account: Of this account.
            region: Of this region.
            states: Only those in one of these states; all when empty.
            failing: Only those that keep failing.
            after: Only secrets behind this ARN.
            most: How many.
        """
        ...

    def upcoming(
        self, transaction: Transaction, account: str, region: str, *, until_ms: int, after: tuple[int, str], most: int
    ) -> list[UpcomingRotation]:
        """The next windows of secrets that open up to an instant, the earliest first. Asks for no permission.

        Args:
            transaction: Where to look.
            account: Of this account.
            region: Of this region.
            until_ms: The instant, in milliseconds since the epoch.
            after: Only those behind this instant and ARN.
            most: How many.
        """
        ...

    def history(self, transaction: Transaction, call: Call, action: str, secret_id: str) -> RotationHistory:
        """The rotations of a secret, with the runs of their steps.

        Raises:
            AwsError: Access denied, or no such secret.
        """
        ...

    def retry(self, transaction: Transaction, call: Call, action: str, secret_id: str) -> RotationView:
        """Take up the rotation that is not through, or was cancelled in the middle, at once.

        Raises:
            AwsError: Access denied, no such secret, or nothing to take up.
        """
        ...

    def abort(self, transaction: Transaction, call: Call, action: str, secret_id: str, *, force: bool) -> RotationView:
        """End the rotation that is not through. The secret's schedule stays.

        Args:
            transaction: A write.
            call: The call.
            action: What to decide on.
            secret_id: The secret.
            force: End it even though the password may have been changed already; AWSPENDING then stays.

        Raises:
            AwsError: Access denied, no such secret, nothing to end, or the password may have been changed already.
        """
        ...

    def count_failing(self, transaction: Transaction) -> int:
        """How many rotations of the whole installation keep failing."""
        ...
