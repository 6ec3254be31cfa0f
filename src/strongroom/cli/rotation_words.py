"""Rotations in words, for a person: what is, what went wrong, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["advice", "describe", "listed", "upcoming_line"]

Rotation = Mapping[str, Any]


def listed(rotation: Rotation) -> str:
    """One line of ``strongroom rotation list``."""
    step = f" in {rotation['Step']}" if rotation["State"] in {"running", "failed"} else ""
    failed = f", failed {rotation['FailedAttempts']} times" if rotation["FailedAttempts"] else ""
    why = f": {rotation['Error']}" if "Error" in rotation else ""
    kind = "test " if rotation["Kind"] == "test" else ""
    mark = "!" if rotation["Failing"] else " "
    changed = _moment(rotation["ChangedDate"])
    return f"{mark} {changed}  {kind}{rotation['State']}{step}{failed}  {rotation['Name']}{why}"


def upcoming_line(rotation: Rotation) -> str:
    """One line of ``strongroom rotation upcoming``."""
    schedule = rotation.get("ScheduleExpression") or f"every {rotation['AutomaticallyAfterDays']} days"
    opens, closes = _moment(rotation["WindowOpensDate"]), _moment(rotation["WindowClosesDate"])
    return f"{opens} to {closes}  {rotation['Name']}  ({schedule})"


def describe(rotation: Rotation, *, advise: bool = True) -> Iterator[str]:
    """The lines of ``strongroom rotation show``.

    Args:
        rotation: ``RotationType`` with its steps; ``Log`` is shown if it is there.
        advise: Whether to say what to do.
    """
    kind = "test of the function" if rotation["Kind"] == "test" else "rotation"
    yield f"{rotation['Name']}  {kind} to version {rotation['VersionId']}"
    yield f"  state    {rotation['State']}, begun {_moment(rotation['StartedDate'])} by {rotation['Origin']}"
    yield f"  rotates  {rotation['RotatedBy']}"
    for run in rotation["Steps"]:
        yield f"  {_run_line(run, over=rotation['State'] != 'running')}"
    if "NextAttemptDate" in rotation:
        yield f"  next     {rotation['Step']} at {_moment(rotation['NextAttemptDate'])}"
    for line in rotation.get("Log", ()):
        yield f"  log      {line}"
    if advise:
        yield f"  to do    {advice(rotation)}"


def advice(rotation: Rotation) -> str:
    """What to do about a rotation, in a sentence or two."""
    name, step = rotation["Name"], rotation["Step"]
    retry = f"`strongroom rotation retry {name}`"
    match rotation["State"]:
        case "running" if rotation["FailedAttempts"]:
            left = rotation["AttemptsLeft"]
            return f"Mend what the error says; it is tried again {left} times by itself, and at once with {retry}."
        case "running":
            return "Nothing: it is under way."
        case "failed" if rotation["Kind"] == "test":
            return "Mend what the error says, then test again with RotateSecret and RotateImmediately=false."
        case "failed":
            return f"It was given up. Mend what the error says, then {retry}; the next window takes it up too."
        case "cancelled" if step != "createSecret":
            return (
                f"It was ended in {step}: the new version may be what logs in. {retry} brings it to its end; or "
                "move AWSCURRENT to the version that logs in, with UpdateSecretVersionStage."
            )
        case "abandoned" if "Error" in rotation:
            return "Nothing: the password was rejected, and a new rotation took its place."
        case _:
            return "Nothing: it is over."


def _run_line(run: Mapping[str, Any], *, over: bool) -> str:
    began = _moment(run["StartedDate"])
    if "EndedDate" not in run:
        took = "its end is not known" if over else "runs"
    else:
        took = f"{(run['EndedDate'] - run['StartedDate']).total_seconds():.2f} s"
    attempt = f", attempt {run['Attempt']}" if run["Attempt"] > 1 else ""
    why = f": {run['Error']}" if "Error" in run else ""
    return f"{run['Step']:<12} {began}, {took}{attempt}{why}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
