"""Time and randomness, handed in as arguments so that a test can own them.

Only `SystemClock` and `SystemEntropy` touch the real ones; a test of the architecture checks that no other module
imports `time.time`, `datetime.now`, `secrets`, `random`, `uuid.uuid4` or `os.urandom`.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

__all__ = ["Clock", "Entropy", "SystemClock", "SystemEntropy", "World", "from_milliseconds", "to_milliseconds"]


class Clock(Protocol):
    """Wall-clock time."""

    def milliseconds(self) -> int:
        """Now, in whole milliseconds since 1970-01-01T00:00:00Z. The unit in which the store keeps every instant."""
        ...


class Entropy(Protocol):
    """Unpredictable bytes."""

    def bytes(self, count: int) -> bytes:
        """``count`` bytes fit for keys and nonces."""
        ...

    def below(self, bound: int) -> int:
        """A uniform integer ``0 <= n < bound``."""
        ...

    def uuid(self) -> str:
        """A random UUID in its usual text form."""
        ...


_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The first digit of a UUID's fourth group holds two random bits beside its variant."""


_UNUSED_DIGITS: Final[list[str]] = []
"""Random digits for the next UUIDs. Each is taken out once, whichever thread comes; a forked child gets none."""

os.register_at_fork(after_in_child=_UNUSED_DIGITS.clear)

_DIGITS_OF_UUID: Final = 32
_UUIDS_AT_ONCE: Final = 64


def _fresh_digits() -> str:
    """The digits of one UUID; those of the next ones are put by, to ask the operating system less often."""
    digits = os.urandom(_UUIDS_AT_ONCE * _DIGITS_OF_UUID // 2).hex()
    rest = range(_DIGITS_OF_UUID, len(digits), _DIGITS_OF_UUID)
    _UNUSED_DIGITS.extend([digits[start : start + _DIGITS_OF_UUID] for start in rest])
    return digits[:_DIGITS_OF_UUID]


class SystemClock:
    """The machine's clock."""

    def milliseconds(self) -> int:
        """Now, in milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


class SystemEntropy:
    """The operating system's generator."""

    def bytes(self, count: int) -> bytes:
        """``count`` bytes from the operating system."""
        return secrets.token_bytes(count)

    def below(self, bound: int) -> int:
        """A uniform integer below ``bound``."""
        return secrets.randbelow(bound)

    def uuid(self) -> str:
        """A random (version 4) UUID (RFC 9562), written without the detour over `uuid.UUID`: each request needs two."""
        try:
            digits = _UNUSED_DIGITS.pop()
        except IndexError:
            digits = _fresh_digits()
        variant = _VARIANTS[digits[16]]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


@dataclass(frozen=True, slots=True)
class World:
    """The clock and the entropy that a component was given."""

    clock: Clock
    entropy: Entropy

    @classmethod
    def real(cls) -> World:
        """The machine's own clock and generator."""
        return cls(SystemClock(), SystemEntropy())


def from_milliseconds(milliseconds: int) -> datetime:
    """An aware UTC datetime for an instant in milliseconds since the epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch for an aware datetime."""
    return round(moment.timestamp() * 1000)
