"""Request rates: token buckets that all request workers of a host share.

A bucket is one number: the instant up to which the requests admitted so far use up the rate (the generic cell rate
algorithm, ITU-T I.371; it admits what a token bucket with one second's worth of tokens admits). The numbers lie in
memory that the workers, which are forks of one process, have in common; so a rate holds for the host, however its
connections fall on the workers. Two workers may read the same number at the same moment, and then both admit what only
one of them should have: a rate is kept to a few requests, and no request waits for a lock. Hosts that share a store
share no memory: each admits the whole rate.
"""

from __future__ import annotations

import fcntl
import mmap
import tempfile
import weakref
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from strongroom.errors import AwsError

__all__ = ["RateLimit", "ThrottleMemory", "rate_limits", "throttled"]

_NANOSECONDS: Final = 1_000_000_000
_NANOSECONDS_OF_MS: Final = 1_000_000
_BUCKETS: Final = 4096
_WORDS: Final = 2  # of a bucket: the key's digest, and the instant
_WORD_BYTES: Final = 8


def throttled() -> AwsError:
    """A request beyond its rate, in AWS's words; SDKs wait and try again."""
    return AwsError("ThrottlingException", "Rate exceeded")


class ThrottleMemory:
    """The buckets of a host. Made before the workers are forked, so that they have it in common.

    Args:
        buckets: How many there are. When all are taken, further keys share one with others.
    """

    def __init__(self, buckets: int = _BUCKETS) -> None:
        self._buckets = buckets
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as this object lives
        weakref.finalize(self, self._file.close)
        self._file.truncate(buckets * _WORDS * _WORD_BYTES)
        self.words: Final = memoryview(mmap.mmap(self._file.fileno(), 0)).cast("q")

    def place(self, key: str) -> int:
        """Where in `words` the instant of a key's bucket is; the same in every process."""
        digest = int.from_bytes(blake2b(key.encode(), digest_size=_WORD_BYTES).digest(), signed=True) or 1
        start = digest % self._buckets
        # The kernel lets go of the lock of a process that is killed.
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            for step in range(self._buckets):
                word = (start + step) % self._buckets * _WORDS
                if self.words[word] in {0, digest}:
                    self.words[word] = digest
                    return word + 1
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        return start * _WORDS + 1


class RateLimit:
    """The rate of a group of operations, for each account and region by itself.

    Args:
        memory: Where the buckets are.
        name: The group, such as ``secretsmanager:create_secret``.
        per_second: Requests a second, above 0. After a pause, one second's worth is admitted at once.
    """

    __slots__ = ("_burst", "_interval", "_memory", "_name", "_places", "_words")

    def __init__(self, memory: ThrottleMemory, name: str, per_second: float) -> None:
        self._memory = memory
        self._words = memory.words
        self._name = name
        self._interval = max(1, round(_NANOSECONDS / per_second))
        self._burst = max(_NANOSECONDS, self._interval)
        self._places: dict[tuple[str, str], int] = {}

    def admits(self, account: str, region: str, now_ms: int) -> bool:
        """Whether a request is within the rate; it uses the rate up if so.

        Args:
            account: The account of the caller: AWS throttles who asks, not whose secret it is.
            region: The region.
            now_ms: Now.
        """
        place = self._places.get((account, region))
        if place is None:
            place = self._places[account, region] = self._memory.place(f"{self._name} {account} {region}")
        now = now_ms * _NANOSECONDS_OF_MS
        used = self._words[place]
        if used < now or used > now + 2 * self._burst:  # the latter: the clock was set back
            used = now
        used += self._interval
        if used > now + self._burst:
            return False
        self._words[place] = used
        return True


def rate_limits(
    memory: ThrottleMemory, service: str, rates: Mapping[str, float], groups: Mapping[str, str]
) -> dict[tuple[str, str], RateLimit]:
    """The limits of a service: (service, operation) -> limit. Operations whose group has no rate are left out.

    Args:
        memory: Where the buckets are.
        service: Its name in botocore.
        rates: Group -> requests a second.
        groups: Operation -> group.
    """
    limits = {group: RateLimit(memory, f"{service}:{group}", rate) for group, rate in rates.items()}
    return {(service, operation): limits[group] for operation, group in groups.items() if group in limits}
