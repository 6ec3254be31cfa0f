"""What the end of a step means: the next step, another attempt, success, or giving up. Each is one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from strongroom.services.secretsmanager.records import replicas_fall_behind, secret_by_arn, update_secret
from strongroom.services.secretsmanager.rotation import queue
from strongroom.services.secretsmanager.rotation.journal import end_run
from strongroom.services.secretsmanager.rotation.queue import Claim
from strongroom.services.secretsmanager.rotation.scheduled import begin
from strongroom.services.secretsmanager.rotations import next_window, stored_rules
from strongroom.services.secretsmanager.service_events import RotationEvent, record_rotation_event
from strongroom.services.secretsmanager.versions import CURRENT, PENDING, delete_version, detach_label, labels_of
from strongroom.store import Transaction
from strongroom.world import Entropy

__all__ = ["ATTEMPTS", "REPLACEMENTS", "STEPS", "Settled", "settle"]

STEPS: Final = ("createSecret", "setSecret", "testSecret", "finishSecret")
ATTEMPTS: Final = 10
"""How often a step is tried before the rotation is given up: with pauses of eight and a half minutes in all."""

REPLACEMENTS: Final = 5
"""How often an hour a password that the database rejected is replaced by a new one."""

_REPLACEMENT_PERIOD_MS: Final = 3_600_000
_FIRST_PAUSE_MS: Final = 1_000
_LONGEST_PAUSE_MS: Final = 300_000
_NOT_CURRENT: Final = "finishSecret ended, but AWSCURRENT is not on the new version"


class Settled(NamedTuple):
    """Where the end of a step leaves a rotation.

    Attributes:
        problem: What went wrong, including what only shows afterwards; None when the step succeeded.
        following: The claim on the next step, when there is one to go on with at once.
    """

    problem: str | None
    following: Claim | None = None


def settle(
    transaction: Transaction,
    entropy: Entropy,
    claim: Claim,
    owner: str,
    problem: str | None,
    now_ms: int,
    *,
    log_stream: str | None = None,
) -> Settled:
    """Take a rotation to where the end of a step leaves it.

    Only the journal is written when the claim was lost, or the rotation was cancelled or abandoned meanwhile.

    Args:
        transaction: Where to write.
        entropy: For the ids of events.
        claim: The rotation, as it was claimed.
        owner: Who claimed it.
        problem: What went wrong; None when the function succeeded.
        now_ms: Now.
        log_stream: Where the function's output is.
    """
    held = queue.is_held(transaction, claim, owner)
    if held and problem is None and claim.kind == "rotation" and claim.step == STEPS[-1]:
        problem = None if labels_of(transaction, claim.arn).get(CURRENT) == claim.token else _NOT_CURRENT
    end_run(transaction, claim.arn, claim.run, now_ms, problem=problem, log_stream=log_stream)
    if not held:
        queue.release(transaction, claim, owner)
        return Settled(problem)
    if problem is None and claim.kind == "test":
        _end_test(transaction, entropy, claim, now_ms, None)
    elif problem is None and claim.step != STEPS[-1]:
        following = STEPS[STEPS.index(claim.step) + 1]
        queue.move(transaction, claim, now_ms, step=following, keep_for=owner)
        return Settled(None, queue.with_run(transaction, replace(claim, step=following, attempt=0), now_ms))
    elif problem is None:
        _succeed(transaction, entropy, claim, now_ms)
    else:
        _fail(transaction, entropy, claim, problem, now_ms)
    return Settled(problem)


def _succeed(transaction: Transaction, entropy: Entropy, claim: Claim, now_ms: int) -> None:
    """Complete it. The service itself takes AWSPENDING off, so that old and new functions end alike."""
    if labels_of(transaction, claim.arn).get(PENDING) == claim.token:
        detach_label(transaction, claim.arn, PENDING)
    queue.move(transaction, claim, now_ms, state="succeeded")
    secret = secret_by_arn(transaction, claim.arn)
    if secret is not None:
        window = next_window(stored_rules(secret), now_ms) if secret.rotation_enabled else {}
        update_secret(transaction, claim.arn, last_rotated_ms=now_ms, changed_ms=now_ms, **window)
    _tell(transaction, entropy, claim, "RotationSucceeded", now_ms, None)


def _fail(transaction: Transaction, entropy: Entropy, claim: Claim, problem: str, now_ms: int) -> None:
    """Try again after a growing pause, or give up; a test is not tried again."""
    if claim.kind == "test":
        _end_test(transaction, entropy, claim, now_ms, problem)
        return
    attempt = claim.attempt + 1
    if _is_withdrawn(transaction, claim):
        _replace(transaction, entropy, claim, problem, now_ms)
    elif attempt >= ATTEMPTS:
        queue.move(transaction, claim, now_ms, state="failed", attempt=attempt, error=problem)
    else:
        pause = min(_FIRST_PAUSE_MS * 2**claim.attempt, _LONGEST_PAUSE_MS)
        queue.move(transaction, claim, now_ms, attempt=attempt, due_ms=now_ms + pause, error=problem)
    _tell(transaction, entropy, claim, "RotationFailed", now_ms, problem)


def _is_withdrawn(transaction: Transaction, claim: Claim) -> bool:
    """Whether the function took AWSPENDING off its version: the database rejected that password, and kept its own."""
    return claim.token not in labels_of(transaction, claim.arn).values()


def _replace(transaction: Transaction, entropy: Entropy, claim: Claim, problem: str, now_ms: int) -> None:
    """A rejected password is replaced by a new one, not tried again; a few times, lest it goes on for ever."""
    queue.move(transaction, claim, now_ms, state="abandoned", attempt=claim.attempt + 1, error=problem)
    secret = secret_by_arn(transaction, claim.arn)
    if secret is None or not secret.rotation_enabled:
        return
    if queue.withdrawn_since(transaction, claim.arn, now_ms - _REPLACEMENT_PERIOD_MS) < REPLACEMENTS:
        begin(transaction, entropy, secret, now_ms, origin="request")


def _end_test(transaction: Transaction, entropy: Entropy, claim: Claim, now_ms: int, problem: str | None) -> None:
    """The version of a test was made for it alone: it goes, and AWSPENDING with it."""
    labels = labels_of(transaction, claim.arn)
    if labels.get(PENDING) == claim.token and labels.get(CURRENT) != claim.token:
        delete_version(transaction, claim.arn, claim.token)
        replicas_fall_behind(transaction, claim.arn)
    event: RotationEvent = "TestRotationFailed" if problem else "TestRotationSucceeded"
    queue.move(transaction, claim, now_ms, state="failed" if problem else "succeeded", error=problem)
    _tell(transaction, entropy, claim, event, now_ms, problem)


def _tell(
    transaction: Transaction, entropy: Entropy, claim: Claim, event: RotationEvent, now_ms: int, problem: str | None
) -> None:
    secret = secret_by_arn(transaction, claim.arn)
    if secret is not None:
        record_rotation_event(transaction, entropy, secret, claim.token, event, now_ms, error_message=problem)
