"""The error documents that Lambda answers when it is not the handler that failed.

Texts and types as AWS's own service words them ("Troubleshoot invocation issues in Lambda").
"""

from __future__ import annotations

import json
import signal

from strongroom.errors import StrongroomError

__all__ = ["StartError", "exit_text", "failure_document", "timeout_text"]


class StartError(StrongroomError):
    """A process cannot be started because of what the function is; the invocation answers with it.

    Args:
        kind: Lambda's error type, such as ``Runtime.InvalidEntrypoint``.
        text: What is wrong.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text


def failure_document(kind: str, request_id: str, text: str) -> bytes:
    """The JSON document of an error that the runtime itself found."""
    return json.dumps({"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {text}"}).encode()


def exit_text(status: int) -> str:
    """How Lambda words the end of a process.

    Args:
        status: Exit status as `subprocess` gives it, or 128 + signal as a shell or bubblewrap reports it.
    """
    number = -status if status < 0 else status - 128
    if number in signal.valid_signals():
        name = signal.strsignal(number) or f"signal {number}"
        return f"Runtime exited with error: signal: {name.lower()}"
    return f"Runtime exited with error: exit status {status}" if status else "Runtime exited without providing a reason"


def timeout_text(seconds: int) -> str:
    """How Lambda words a timeout of ``seconds``."""
    return f"Task timed out after {seconds:.2f} seconds"
