"""The keys of one epoch, kept in memory: told when something changed, never timed.

Every change of a key, its policy, aliases or tags raises the store's epoch in its own transaction. A request asks under
the epoch that it was authenticated in, so it never gets what an older epoch held. The event loop and the store's
threads use the cache at the same time.
"""

from __future__ import annotations

import threading
from typing import Final

from strongroom.services.kms.keys import Key

__all__ = ["KeyCache"]

_CAPACITY: Final = 10_000


class _Generation:
    """The keys of one epoch."""

    __slots__ = ("epoch", "keys")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.keys: dict[str, Key] = {}


class KeyCache:
    """A bounded cache of keys by ARN, valid for one epoch.

    Args:
        capacity: How many keys to hold; a full cache gives up the one it has held longest.
    """

    __slots__ = ("_capacity", "_generation", "_lock")

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._capacity = capacity
        self._generation = _Generation(-1)
        self._lock = threading.Lock()

    def get(self, epoch: int, arn: str) -> Key | None:
        """The key as it is in ``epoch``, if it is held."""
        generation = self._generation  # read once: another thread may put a newer one in its place
        return generation.keys.get(arn) if generation.epoch == epoch else None

    def put(self, epoch: int, key: Key) -> None:
        """Hold a key as it is in ``epoch``. Keys of older epochs are let go; one that is itself older is not held."""
        with self._lock:
            generation = self._generation
            if epoch < generation.epoch:
                return
            if epoch > generation.epoch:
                generation = _Generation(epoch)
            if len(generation.keys) >= self._capacity:
                del generation.keys[next(iter(generation.keys))]
            generation.keys[key.arn] = key
            self._generation = generation
