"""A trail as somebody watches it: its newest events, then those that follow, over every switch of the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from strongroom.audit.index.keys import KeyMaker
from strongroom.audit.index.reading import IndexReader
from strongroom.audit.index.records import durable_end, records_from
from strongroom.audit.index.view import IndexBehindError, found_event, time_of
from strongroom.audit.index.wanted import FoundEvent, Wanted
from strongroom.audit.segments import segments

__all__ = ["TrailWatch"]


class TrailWatch:
    """Events of a trail, the oldest first.

    Args:
        folder: The audit folder, or a copy of it. Without an index that is in step the whole trail is read.
        wanted: Which events.
    """

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._folder = folder
        self._wanted = wanted
        self._file = 0
        self._offset = 0
        self._keys = KeyMaker(None)

    def newest(self, most: int) -> list[FoundEvent]:
        """The newest events that are there.

        Args:
            most: How many at most.

        Raises:
            OSError: The trail cannot be read.
        """
        reader = IndexReader(self._folder)
        try:
            with reader.view() as view:
                found = [event for event, _ in zip(view.events(self._wanted), range(most), strict=False)]
                self._file, self._offset = view.end
                return found[::-1]
        except IndexBehindError:
            return list(deque(self._go_on(), maxlen=most))

    def more(self) -> list[FoundEvent]:
        """Events that have been recorded since they were last asked for, in the order of the trail.

        Raises:
            OSError: The trail cannot be read.
        """
        return list(self._go_on())

    def _go_on(self) -> Iterator[FoundEvent]:
        end = durable_end(self._folder)
        for record in records_from(segments(self._folder), self._file, self._offset, end):
            self._file, self._offset = record.file, record.offset + len(record.line) + 1
            key = self._keys.key(time_of(record.line))
            event = found_event(key, record.line, self._wanted) if self._wanted.covers(key) else None
            if event is not None:
                yield event
