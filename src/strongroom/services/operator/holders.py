"""Which version of a secret each of its consumers holds, from what the trail tells of its reads.

An application holds what it read last. One that reads other versions besides the current one, as rotation functions
and some drivers do, holds the current one all the same; so it is enough that it was the last that the consumer read, or
the last that it got when it asked for AWSCURRENT.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from strongroom.audit.index import Consumption

__all__ = ["Holder", "holders_of"]


@dataclass(frozen=True, slots=True)
class Holder:
    """A consumer and what it read.

    Args:
        reads: What it read, one for each version, the last first.
        held: The version that it holds.
    """

    reads: Sequence[Consumption]
    held: str

    @property
    def last(self) -> Consumption:
        """What it read last."""
        return self.reads[0]

    @property
    def place(self) -> str:
        """Where it stands in the order of consumers of one secret."""
        _, *consumer = self.last.consumer
        return " ".join(consumer)


def holders_of(reads: Iterable[Consumption], current: str | None) -> list[Holder]:
    """The consumers of a secret, in the order of their principals and addresses.

    Args:
        reads: What was read of it, one for each consumer and version.
        current: The version that is AWSCURRENT, if one is.
    """
    by_consumer: dict[tuple[str, ...], list[Consumption]] = {}
    for read in reads:
        by_consumer.setdefault(read.consumer, []).append(read)
    holders = (Holder(found, _held(found, current)) for found in map(_last_first, by_consumer.values()))
    return sorted(holders, key=lambda holder: holder.place)


def _last_first(reads: Sequence[Consumption]) -> list[Consumption]:
    return sorted(reads, key=lambda read: read.last, reverse=True)


def _held(reads: Sequence[Consumption], current: str | None) -> str:
    """The version that a consumer holds, whose reads come the last first."""
    as_current = max(reads, key=lambda read: read.last_as_current)
    got_current = as_current.version == current and as_current.last_as_current > 0
    return as_current.version if got_current else reads[0].version
