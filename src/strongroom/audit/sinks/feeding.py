"""Reads the trail and gives it to one sink, in a thread of its own, so that a sink that hangs holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.audit.head import HeadDamagedError, read_head
from strongroom.audit.segments import LONGEST_LINE, Segment, segments
from strongroom.audit.sinks.cursor import Cursor, CursorFile
from strongroom.audit.sinks.sink import Sink, SinkFailed
from strongroom.world import Clock

__all__ = ["Feeder", "SinkTrouble"]

_MOST_LINES: Final = 1000  # records in a batch
_LOOK_SECONDS: Final = 0.2  # how often to look for new records when nobody wakes it
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
_START: Final = len(b'{"sequence":')


@dataclass(frozen=True, slots=True)
class SinkTrouble:
    """What is wrong with a sink.

    Attributes:
        why: The cause in plain words.
        since: When it began, in milliseconds since the epoch.
    """

    why: str
    since: int


@dataclass(frozen=True, slots=True)
class _Sending:
    """A batch that is under way: when it began by the monotonic clock, and in milliseconds since the epoch."""

    began: float
    since: int


class Feeder:
    """Feeds one sink from its cursor on, in order and at least once.

    Args:
        folder: The audit folder.
        name: The sink's name.
        sink: The sink.
        required: Whether answers wait for it.
        timeout_seconds: How long it may take for a batch.
        clock: Dates its failures.
        changed: Is called from the feeder's thread when the sink got further, failed or recovered.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        sink: Sink,
        *,
        required: bool,
        timeout_seconds: float,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.name = name
        self.required = required
        self.timeout_seconds = timeout_seconds
        self._folder = folder
        self._sink = sink
        self._clock = clock
        self._changed = changed
        self._cursor_file = CursorFile(folder, name)
        self._cursor = self._cursor_file.read()
        self._segment: Segment | None = None
        self._trouble: SinkTrouble | None = None
        self._sending: _Sending | None = None
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"audit-sink-{name}", daemon=True)

    @property
    def reached(self) -> int:
        """The last record that the sink has; 0 for none."""
        return self._cursor.sequence

    @property
    def trouble(self) -> SinkTrouble | None:
        """Why the sink does not take records; None while it does. One that hangs has not failed yet."""
        sending = self._sending
        if self._trouble is None and sending is not None and time.monotonic() - sending.began > self.timeout_seconds:
            return SinkTrouble(f"it has not come back for {self.timeout_seconds:g} seconds", sending.since)
        return self._trouble

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    def stop(self) -> None:
        """End after the batch that is under way; one that hangs is left behind and comes again at the next start.

        Calling it again does nothing.
        """
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(self.timeout_seconds)
        if not self._thread.is_alive():
            self._sink.close()
            self._cursor_file.close()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                fed = self._feed()
            except SinkFailed as error:
                self._take_note(error.why)
            except (OSError, ValueError) as error:
                self._take_note(f"the trail cannot be read for it: {error}")
            else:
                pause = _FIRST_PAUSE
                if not fed:
                    self._trouble = None  # the trail itself can be read again
                    self._woken.wait(_LOOK_SECONDS)
                continue
            self._stopping.wait(pause)
            pause = min(pause * 2, 1.0 if self.required else _LONGEST_PAUSE)

    def _feed(self) -> bool:
        """Give the sink the next batch; whether there was one."""
        try:
            head = read_head(self._folder)
        except HeadDamagedError as error:
            raise ValueError("trail.head is damaged") from error
        if head is None or head.sequence <= self._cursor.sequence:
            return False
        for segment, offset in self._places():
            lines, sequence, length = _batch(segment, offset, head.sequence)
            if lines:
                self._sending = _Sending(time.monotonic(), self._clock.milliseconds())
                try:
                    self._sink.send(lines)
                finally:
                    self._sending = None
                self._segment = segment
                self._cursor = Cursor(sequence, segment.first_sequence, offset + length)
                self._trouble = None
                self._cursor_file.write(self._cursor)
                self._changed()
                return True
        return False

    def _places(self) -> Iterator[tuple[Segment, int]]:
        """Where the next record may stand: in the file where the last one was, or at the start of the one after it."""
        cursor = self._cursor
        if self._segment is not None:
            yield self._segment, cursor.offset
        for file in segments(self._folder):
            if file.first_sequence == cursor.file > 0 and self._segment is None:
                yield file, cursor.offset
            elif file.first_sequence > cursor.sequence:
                yield file, 0
                return

    def _take_note(self, why: str) -> None:
        since = self._clock.milliseconds() if self._trouble is None else self._trouble.since
        self._trouble = SinkTrouble(why, since)
        self._changed()


def _batch(segment: Segment, offset: int, durable: int) -> tuple[list[bytes], int, int]:
    """Whole lines of a file from ``offset`` on, up to record ``durable``; the last one's sequence, and their bytes."""
    try:
        content = segment.read(offset, LONGEST_LINE)
    except FileNotFoundError:  # deleted as too old
        return [], 0, 0
    lines: list[bytes] = []
    last, length = 0, 0
    for line in content[: content.rfind(b"\n") + 1].splitlines()[:_MOST_LINES]:
        sequence = int(line[_START : line.index(b",", _START)])
        if sequence > durable:
            break
        lines.append(line)
        last, length = sequence, length + len(line) + 1
    return lines, last, length
