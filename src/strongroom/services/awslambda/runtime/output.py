"""What a function process prints: cut into log entries, kept, and framed by Lambda's own lines.

Standard output and standard error share one pipe. Bytes written before an answer was sent are in the pipe when the
answer arrives, so draining it then catches everything that belongs to the invocation.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from strongroom.services.awslambda.runtime.model import FunctionSpec, LogSink
from strongroom.world import Clock

__all__ = ["ENTRY_LIMIT_BYTES", "INVOCATION_LOG_LIMIT", "TAIL_LIMIT", "LogStream", "OutputPipe"]

TAIL_LIMIT = 4096
"""Bytes of log that Invoke answers with LogType=Tail."""

ENTRY_LIMIT_BYTES = 256 * 1024
"""Bytes of one log entry; longer lines are cut into several (CloudWatch Logs: 256 KB an event)."""

INVOCATION_LOG_LIMIT = 8 * 1024 * 1024
"""Bytes that one invocation may print; what follows is dropped with a notice, so that no function fills the disk."""

_READ_SIZE = 64 * 1024
_DRAIN_LIMIT = 64  # reads of one drain: an endless printer cannot hold the loop


class LogStream:
    """One process's stream of log entries.

    Args:
        sink: Keeps the entries.
        clock: Dates them.
        spec: The function, which says whose log group it is.
        name: The stream's name.
    """

    __slots__ = ("_allowance", "_clock", "_partial", "_sink", "_spec", "_tail", "name")

    def __init__(self, sink: LogSink, clock: Clock, spec: FunctionSpec, name: str) -> None:
        self._sink = sink
        self._clock = clock
        self._spec = spec
        self.name = name
        self._partial = b""
        self._tail = bytearray()
        self._allowance = INVOCATION_LOG_LIMIT

    def begin(self) -> None:
        """A new invocation: its tail and its allowance start fresh."""
        self._tail.clear()
        self._allowance = INVOCATION_LOG_LIMIT

    def feed(self, data: bytes) -> None:
        """Take bytes as the process printed them; whole lines become entries."""
        if self._allowance <= 0:
            return
        self._allowance -= len(data)
        if self._allowance <= 0:
            self.flush()
            self.line(f"Output beyond {INVOCATION_LOG_LIMIT} bytes is not kept.")
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        while len(self._partial) >= ENTRY_LIMIT_BYTES:
            lines.append(self._partial[:ENTRY_LIMIT_BYTES])
            self._partial = self._partial[ENTRY_LIMIT_BYTES:]
        self._keep(lines)

    def flush(self) -> None:
        """The line that was begun ends here."""
        if self._partial:
            line, self._partial = self._partial, b""
            self._keep([line])

    def line(self, text: str) -> None:
        """An entry of the runtime's own."""
        self._keep([text.encode()])

    def tail(self) -> bytes:
        """The last 4 KiB of the invocation's log."""
        return bytes(self._tail)

    def _keep(self, lines: list[bytes]) -> None:
        if not lines:
            return
        now = self._clock.milliseconds()
        entries: list[tuple[int, str]] = []
        for line in lines:
            for start in range(0, len(line) or 1, ENTRY_LIMIT_BYTES):
                entries.append((now, line[start : start + ENTRY_LIMIT_BYTES].decode("utf-8", "replace")))
            self._tail += line[-TAIL_LIMIT:] + b"\n"
        del self._tail[:-TAIL_LIMIT]
        spec = self._spec
        self._sink.write(spec.account, spec.region, spec.log_group, self.name, entries)


class OutputPipe:
    """The reading end of a process's output.

    Args:
        consume: Receives the bytes.
    """

    __slots__ = ("_consume", "_loop", "_reading", "closed", "writing")

    def __init__(self, consume: Callable[[bytes], None]) -> None:
        self._consume = consume
        self._loop = asyncio.get_running_loop()
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._reading, self._readable)

    def release_writing(self) -> None:
        """Close this side's copy of the writing end, once the process has its own."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    def drain(self) -> None:
        """Take everything that is in the pipe now."""
        for _ in range(_DRAIN_LIMIT):
            if not self._read():
                return

    def close(self) -> None:
        """Stop reading."""
        self.release_writing()
        if self._reading >= 0:
            self._loop.remove_reader(self._reading)
            os.close(self._reading)
            self._reading = -1
        if not self.closed.done():
            self.closed.set_result(None)

    def _readable(self) -> None:
        self._read()

    def _read(self) -> bool:
        """Read once; False when there is nothing to read now or ever again."""
        if self._reading < 0:
            return False
        with suppress(BlockingIOError):
            data = os.read(self._reading, _READ_SIZE)
            if data:
                self._consume(data)
                return True
            self.close()
        return False
