"""What a rotation function printed: found in CloudWatch Logs by the stream and the time of a step's run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

__all__ = ["with_log_lines"]

_LINES: Final = 20
_SLACK: Final = timedelta(seconds=1)
"""A function's last lines may reach the log just after its answer."""


def with_log_lines(rotation: Mapping[str, Any], logs: Any) -> dict[str, Any]:
    """A rotation with ``Log``: the last lines that the function printed in the last run that ended.

    Args:
        rotation: ``RotationType`` with its steps.
        logs: A client of CloudWatch Logs.

    Returns:
        The rotation; without ``Log`` when there is none, or the caller may not read it.
    """
    runs = [run for run in rotation["Steps"] if "LogStreamName" in run and "EndedDate" in run]
    if not runs:
        return dict(rotation)
    run = runs[-1]
    try:
        answer = logs.get_log_events(
            logGroupName=run["LogGroupName"],
            logStreamName=run["LogStreamName"],
            startTime=int(run["StartedDate"].timestamp() * 1000),
            endTime=int((run["EndedDate"] + _SLACK).timestamp() * 1000),
            limit=_LINES,
        )
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] not in {"ResourceNotFoundException", "AccessDeniedException"}:
            raise
        return dict(rotation)
    return {**rotation, "Log": [event["message"].rstrip("\n") for event in answer["events"]]}
