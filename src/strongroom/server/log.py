"""The server's log: to standard error, as text for people or as JSON for collectors.

An error is logged by its type and the lines of code it passed through, never by its message or values: those of an
unexpected error may hold what a caller sent.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import Literal

from strongroom.errors import OperatorError

__all__ = ["configure_log", "describe_failure"]

_FIELDS = ("request_id", "detail")


class _TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(processName)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for name in _FIELDS:
            if value := getattr(record, name, ""):
                text += f"\n    {name}: " + str(value).replace("\n", "\n    ")
        return text


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "process": record.processName,
            "message": record.getMessage(),
        }
        for name in _FIELDS:
            if value := getattr(record, name, ""):
                document[name] = str(value)
        return json.dumps(document)


class _Named(logging.Filter):
    """Calls the process what its operator calls it."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def filter(self, record: logging.LogRecord) -> bool:
        record.processName = self._process
        return True


def configure_log(style: Literal["text", "json"], process: str) -> None:
    """Send this process's log to standard error.

    Args:
        style: ``text`` or ``json``.
        process: What to call this process in each line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if style == "json" else _TextFormatter())
    handler.addFilter(_Named(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in ("uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Each line of a malformed request would be a line of the log: a stranger could fill the disk with them.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def describe_failure(error: BaseException) -> str:
    """Say what went wrong without repeating any value: diagnostics for ours, type and code lines for the rest."""
    if isinstance(error, OperatorError):
        return error.diagnostics()
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    lines = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join([type(error).__name__, *lines])
