"""Writes to descriptors that may not take what they are given: pipes, terminals, standard output."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Sequence
from typing import Final

from strongroom.audit.sinks.sink import SinkFailed

__all__ = ["StreamSink", "write_within"]

_PIECE: Final = 4096
"""Bytes that a pipe takes without waiting once it is ready to be written to: PIPE_BUF on Linux (pipe(7))."""


def write_within(descriptor: int, content: bytes, deadline: float) -> int:
    """Write as much of ``content`` as the descriptor takes until ``deadline``.

    Args:
        descriptor: Where to; it may block.
        content: What.
        deadline: By the monotonic clock, in seconds.

    Returns:
        How much was written.

    Raises:
        OSError: Writing failed.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    written = 0
    while written < len(content):
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            break
        try:
            written += os.write(descriptor, content[written : written + _PIECE])
        except BlockingIOError:  # a descriptor that does not block may still turn out to be full
            time.sleep(0.001)
    return written


class StreamSink:
    """Lines to an open descriptor that other processes may write to as well.

    A line that was cut is finished first when it goes on, so none is ever broken.

    Args:
        descriptor: Where to. It stays open.
        what: What to call it.
        timeout_seconds: How long it may take for a batch.
    """

    def __init__(self, descriptor: int, what: str, timeout_seconds: float) -> None:
        self._descriptor = descriptor
        self._what = what
        self._timeout = timeout_seconds
        self._rest = b""

    def send(self, lines: Sequence[bytes]) -> None:
        """Write ``lines``, each with a newline; see `Sink.send`."""
        content = self._rest + b"".join(line + b"\n" for line in lines)
        try:
            written = write_within(self._descriptor, content, time.monotonic() + self._timeout)
        except OSError as error:
            raise SinkFailed(f"{self._what} cannot be written to: {error.strerror}") from error
        if written == len(content):
            self._rest = b""
            return
        begun = content.rfind(b"\n", 0, written) + 1
        if written > begun or written < len(self._rest):
            self._rest = content[written : content.find(b"\n", written) + 1]
        else:
            self._rest = b""
        raise SinkFailed(f"{self._what} took nothing for {self._timeout:g} seconds: whoever reads it has stopped")

    def close(self) -> None:
        """Do nothing: the descriptor is not this sink's."""
