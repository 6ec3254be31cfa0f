"""The number of each event in the index, and lists of such numbers in few bytes.

An event's key is the second in which it happened and how many events of that second stand before it in the trail. So
keys are ordered by time, as LookupEvents answers; each event has one, for ever; and whoever knows the keys up to some
place in the trail can number the events behind it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["KeyMaker", "count_steps", "first_key", "pack", "second", "unpack"]

_PLACE_BITS: Final = 18
"""Room for 262,144 events in one second."""

_CONTINUED: Final = 0x80
_MOST_SECONDS: Final = 100_000
_CONTINUED_BYTES: Final = bytes(range(_CONTINUED, 256))


def first_key(seconds: int) -> int:
    """The lowest key that an event of this second can have.

    Args:
        seconds: Seconds since the epoch.
    """
    return seconds << _PLACE_BITS


def second(key: int) -> int:
    """The second in which an event happened, since the epoch."""
    return key >> _PLACE_BITS


class KeyMaker:
    """Numbers the events that come after those in the index, in the order of the trail.

    Args:
        database: The index.
    """

    __slots__ = ("_database", "_next")

    def __init__(self, database: sqlite3.Connection | None) -> None:
        self._database = database
        self._next: dict[int, int] = {}

    def key(self, seconds: int) -> int:
        """The key of the next event, which happened in this second."""
        key = self._next.get(seconds)
        if key is None:
            if len(self._next) >= _MOST_SECONDS:
                self._next.clear()
            key = self._after_indexed(seconds)
        self._next[seconds] = key + 1
        return key

    def _after_indexed(self, seconds: int) -> int:
        lowest = first_key(seconds)
        if self._database is None:
            return lowest
        found = self._database.execute(
            "SELECT MAX(key) FROM events WHERE key >= ? AND key < ?", (lowest, first_key(seconds + 1))
        ).fetchone()
        return lowest if found[0] is None else int(found[0]) + 1


def pack(first: int, rest: Iterable[int]) -> bytes:
    """Ascending keys as the steps between them, each in as few groups of seven bits as it needs (as in LEB128).

    Args:
        first: The key before them, which is not packed.
        rest: The keys.
    """
    packed = bytearray()
    before = first
    for key in rest:
        step = key - before
        before = key
        while step >= _CONTINUED:
            packed.append(step & 0x7F | _CONTINUED)
            step >>= 7
        packed.append(step)
    return bytes(packed)


def count_steps(packed: bytes) -> int:
    """How many keys `pack` packed."""
    return len(packed.translate(None, _CONTINUED_BYTES))


def unpack(first: int, packed: bytes) -> Iterator[int]:
    """The first key, then those that `pack` packed."""
    yield first
    key, step, shift = first, 0, 0
    for byte in packed:
        step |= (byte & 0x7F) << shift
        if byte & _CONTINUED:
            shift += 7
        else:
            key += step
            yield key
            step = shift = 0
