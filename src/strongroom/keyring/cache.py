"""A bounded cache that drops what was used longest ago. Safe to use from several threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["BoundedCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """At most ``capacity`` entries; a full cache gives up the least recently used one.

    Args:
        capacity: How many entries to hold. With 0 nothing is kept.

    Raises:
        ValueError: The capacity is negative.
    """

    __slots__ = ("_capacity", "_entries", "_lock")

    def __init__(self, capacity: int) -> None:
        if capacity < 0:
            raise ValueError("the capacity of a cache is not negative")
        self._capacity = capacity
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The entry for ``key``, which now counts as just used, or None.

        Takes no lock, which every read would pay for: the interpreter does each of the two steps whole, and between
        them another thread can at most drop the entry, which then need not be moved.
        """
        value = self._entries.get(key)
        if value is not None:
            try:  # noqa: SIM105 - `suppress` would cost more than all the rest
                self._entries.move_to_end(key)
            except KeyError:
                pass
        return value

    def put(self, key: K, value: V) -> None:
        """Keep ``value`` for ``key``."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            if len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def all_keys(self) -> list[K]:
        """The keys of all entries, as they are now."""
        return list(self._entries)

    def drop(self, condition: Callable[[K], bool]) -> None:
        """Forget every entry whose key meets ``condition``."""
        with self._lock:
            for key in list(self._entries):  # a copy, as `get` moves entries at any time
                if condition(key):
                    del self._entries[key]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
