"""The shapes of the model, from what `strongroom.services.clients` answers."""

from __future__ import annotations

from strongroom.services.clients import RotationView, StepRunView, UpcomingRotation
from strongroom.world import from_milliseconds

__all__ = ["ended_shape", "rotation_shape", "upcoming_shape"]

Shape = dict[str, object]


def rotation_shape(view: RotationView, *, with_steps: bool = False) -> Shape:
    """``RotationType``.

    Args:
        view: The rotation.
        with_steps: Whether to show the runs of its steps.
    """
    shape: Shape = {
        "ARN": view.arn,
        "Name": view.name,
        "VersionId": view.token,
        "RotatedBy": view.rotator,
        "Kind": view.kind,
        "Origin": view.origin,
        "State": view.state,
        "Step": view.step,
        "FailedAttempts": view.failures,
        "AttemptsLeft": view.attempts_left,
        "Failing": view.failing,
        "StartedDate": from_milliseconds(view.started_ms),
        "ChangedDate": from_milliseconds(view.changed_ms),
        "NextAttemptDate": None if view.next_attempt_ms is None else from_milliseconds(view.next_attempt_ms),
        "Error": view.error,
    }
    if with_steps:
        shape["Steps"] = [_step_shape(run) for run in view.steps]
    return shape


def ended_shape(view: RotationView) -> Shape:
    """The answer of an operation that changed a rotation."""
    return {"ARN": view.arn, "Name": view.name, "VersionId": view.token, "Step": view.step}


def upcoming_shape(view: UpcomingRotation) -> Shape:
    """``UpcomingRotationType``."""
    return {
        "ARN": view.arn,
        "Name": view.name,
        "WindowOpensDate": from_milliseconds(view.opens_ms),
        "WindowClosesDate": from_milliseconds(view.closes_ms),
        "ScheduleExpression": view.schedule,
        "AutomaticallyAfterDays": view.after_days if view.schedule is None else None,
        "Duration": view.duration,
    }


def _step_shape(run: StepRunView) -> Shape:
    return {
        "Step": run.step,
        "Attempt": run.attempt,
        "StartedDate": from_milliseconds(run.started_ms),
        "EndedDate": None if run.ended_ms is None else from_milliseconds(run.ended_ms),
        "Error": run.error,
        "LogGroupName": run.log_group,
        "LogStreamName": run.log_stream,
    }
