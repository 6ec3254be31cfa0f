"""What is looked up, and what is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from strongroom.audit.index.facts import NAMED, Attribute, Facts, own_name
from strongroom.audit.index.keys import first_key

__all__ = ["FoundEvent", "Wanted"]

_ENDLESS: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look up; what is None does not narrow the lookup.

    Attributes:
        account: Only events of this account.
        region: Only events of this region.
        attribute: Only events with a value of this attribute.
        value: That value; a resource is found by ARN and by name.
        since: Only events from this second on, in seconds since the epoch.
        until: Only events up to the end of this second.
        below: Only events whose key is below this one: those behind a page that ended with it.
        also: Only events that have these values of these attributes too.
    """

    account: str | None = None
    region: str | None = None
    attribute: Attribute = Attribute.EVERYTHING
    value: str = ""
    since: int | None = None
    until: int | None = None
    below: int | None = None
    also: tuple[tuple[Attribute, str], ...] = ()

    @property
    def lowest(self) -> int:
        """The lowest key to answer."""
        return 0 if self.since is None else first_key(self.since)

    @property
    def ceiling(self) -> int:
        """What all keys of the answer are below."""
        until = _ENDLESS if self.until is None else first_key(self.until + 1)
        return until if self.below is None else min(until, self.below)

    def covers(self, key: int) -> bool:
        """Whether an event happened in the wanted time."""
        return self.lowest <= key < self.ceiling

    def admits(self, facts: Facts) -> bool:
        """Whether an event has the wanted attributes, account and region."""
        if self.account not in {None, facts.account} or self.region not in {None, facts.region}:
            return False
        return all(_has(facts, attribute, value) for attribute, value in ((self.attribute, self.value), *self.also))


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One event.

    Attributes:
        key: Its key: tells pages where to go on.
        sequence: Its record's sequence in the trail.
        event: The CloudTrail record.
    """

    key: int
    sequence: int
    event: Mapping[str, object]


def _has(facts: Facts, attribute: Attribute, value: str) -> bool:
    """Whether an event is found by a value of an attribute."""
    if attribute is Attribute.EVERYTHING:
        return True
    if attribute is Attribute.EVENT_ID:
        return facts.event_id == value
    if (attribute, value) in facts.terms:
        return True
    return attribute in NAMED and any(kind is attribute and own_name(arn) == value for kind, arn in facts.terms)
