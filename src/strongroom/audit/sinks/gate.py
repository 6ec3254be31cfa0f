"""How a process asks the one that feeds the sinks: may I record, has it been recorded, and how are the sinks.

Over a Unix stream socket in the server's private folder, one line each way: ``check``, ``wait <sequence>`` and
``states``; the answers are JSON. `strongroom.audit.sinks.desk` is the other side.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from strongroom.audit.unavailable import SinkUnavailable
from strongroom.world import from_milliseconds

__all__ = ["LONGEST_ANSWER", "SinkGate", "SinkState", "TrailState", "unavailable"]

LONGEST_ANSWER: Final = 65_536
"""Bytes of the longest line on the socket."""

_PAUSE_SECONDS: Final = 0.05
_MARGIN_SECONDS: Final = 1.0  # the desk's own limit is to come first
_STATES_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class SinkState:
    """How a sink is.

    Attributes:
        name: Its name.
        required: Whether answers wait for it.
        behind: Records that it has yet to get.
        why: Why it takes none; None while it does.
        since: Since when, in milliseconds since the epoch; 0 while it does.
    """

    name: str
    required: bool
    behind: int
    why: str | None
    since: int

    def text(self) -> str:
        """The trouble in words."""
        waiting = "1 record waits" if self.behind == 1 else f"{self.behind} records wait"
        return (
            f"The audit sink {self.name} has not recorded since {from_milliseconds(self.since):%Y-%m-%dT%H:%M:%SZ}, "
            f"{waiting}: {self.why}."
        )


@dataclass(frozen=True, slots=True)
class TrailState:
    """What the background worker tells of the trail.

    Attributes:
        sinks: How its sinks are.
        upkeep: Why no checkpoints are made, or files closed; None while they are.
    """

    sinks: tuple[SinkState, ...]
    upkeep: str | None


def unavailable(name: str, why: str) -> SinkUnavailable:
    """The error of a required sink."""
    return SinkUnavailable(
        "The audit trail cannot record.",
        why=f"the audit sink {name}, which is required, does not record: {why}",
        fix="Mend it, and recording resumes by itself; or change audit_sinks in the settings and start again.",
    )


class SinkGate:
    """One process's way to the desk.

    Args:
        path: The socket.
        timeout_seconds: The longest time that a required sink may take; 0 when none is required.
    """

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._path = path
        self._socket: socket.socket | None = None

    @property
    def required(self) -> bool:
        """Whether there is a sink to wait for."""
        return self.timeout_seconds > 0

    def require_ready(self) -> None:
        """Return when the required sinks take records. Blocks.

        Raises:
            SinkUnavailable: One does not.
        """
        self._require(b"check\n")

    def require_recorded(self, sequence: int) -> None:
        """Return when the required sinks have every record up to ``sequence``. Blocks.

        Raises:
            SinkUnavailable: One does not have it in its time.
        """
        self._require(b"wait %d\n" % sequence)

    async def states(self) -> TrailState:
        """How the sinks are, and whether the trail is looked after.

        Raises:
            SinkUnavailable: The process that feeds them does not answer.
        """
        try:
            async with asyncio.timeout(_STATES_SECONDS):
                reader, writer = await asyncio.open_unix_connection(str(self._path), limit=LONGEST_ANSWER)
                try:
                    writer.write(b"states\n")
                    answer = orjson.loads(await reader.readline())
                finally:
                    writer.close()
                    await writer.wait_closed()
        except (OSError, ValueError, TimeoutError) as error:
            raise _no_answer() from error
        return TrailState(tuple(SinkState(**state) for state in answer["sinks"]), answer["upkeep"])

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _require(self, question: bytes) -> None:
        deadline = time.monotonic() + self.timeout_seconds + _MARGIN_SECONDS
        while True:
            try:
                answer = orjson.loads(self._ask(question, deadline))
            except TimeoutError as error:
                self.close()
                raise _no_answer() from error
            except (OSError, ValueError) as error:  # it is starting, or was replaced
                self.close()
                if time.monotonic() > deadline:
                    raise _no_answer() from error
                time.sleep(_PAUSE_SECONDS)
                continue
            if answer is not None:
                raise unavailable(answer["name"], answer["why"])
            return

    def _ask(self, question: bytes, deadline: float) -> bytes:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            self._socket.connect(str(self._path))
        self._socket.settimeout(max(deadline - time.monotonic(), _PAUSE_SECONDS))
        self._socket.sendall(question)
        answer = b""
        while not answer.endswith(b"\n"):
            piece = self._socket.recv(LONGEST_ANSWER)
            if not piece:
                raise ConnectionError
            answer += piece
        return answer


def _no_answer() -> SinkUnavailable:
    return SinkUnavailable(
        "The audit trail cannot record.",
        why="the background worker, which feeds the audit sinks, does not answer",
        fix="See the server's log; it is started again by itself.",
    )
