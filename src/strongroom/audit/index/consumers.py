"""Who read which version of which secret: first, last, how often.

A consumer is a principal at an address with a long-lived access key. The keys of a session are new with each session
of the same application, so they do not tell consumers apart; the last of them is remembered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.audit.index.facts import Reading

__all__ = ["Consumer", "Consumption", "add_consumptions", "consumption_of", "consumptions", "merge"]

_SESSION_KEY: Final = "ASIA"

Consumer = tuple[str, str, str, str]
"""Secret, principal, address, and the access key if it is a long-lived one."""


@dataclass(frozen=True, slots=True)
class Consumption:
    """What one consumer read of one version. Instants are keys of events (`strongroom.audit.index.keys`).

    Attributes:
        secret: ARN of the secret.
        version: Id of the version.
        principal: ARN of who read it.
        address: Where from.
        own_key: The access key, if it is a long-lived one; else empty.
        access_key: The access key of the last read.
        agent: What the client called itself in the last read.
        first: The first read.
        last: The last read.
        last_as_current: The last read that asked for AWSCURRENT; 0 when none did.
        count: How many reads.
    """

    secret: str
    version: str
    principal: str
    address: str
    own_key: str
    access_key: str
    agent: str
    first: int
    last: int
    last_as_current: int
    count: int

    @property
    def consumer(self) -> Consumer:
        """Whose it is."""
        return self.secret, self.principal, self.address, self.own_key


def consumption_of(reading: Reading, keys: Sequence[int]) -> Consumption:
    """One read, or several alike.

    Args:
        reading: What was read.
        keys: The events' keys, ascending.
    """
    return Consumption(
        secret=reading.secret,
        version=reading.version,
        principal=reading.principal,
        address=reading.address,
        own_key="" if reading.access_key.startswith(_SESSION_KEY) else reading.access_key,
        access_key=reading.access_key,
        agent=reading.agent,
        first=keys[0],
        last=keys[-1],
        last_as_current=keys[-1] if reading.asked_for_current else 0,
        count=len(keys),
    )


def merge(one: Consumption, other: Consumption) -> Consumption:
    """Two of the same consumer and version as one."""
    newer = one if one.last > other.last else other
    return Consumption(
        secret=newer.secret,
        version=newer.version,
        principal=newer.principal,
        address=newer.address,
        own_key=newer.own_key,
        access_key=newer.access_key,
        agent=newer.agent,
        first=min(one.first, other.first),
        last=newer.last,
        last_as_current=max(one.last_as_current, other.last_as_current),
        count=one.count + other.count,
    )


def add_consumptions(database: sqlite3.Connection, added: Iterable[Consumption]) -> None:
    """Add reads.

    Args:
        database: The index, in a transaction.
        added: One for each consumer and version.
    """
    database.executemany(
        """
        INSERT INTO consumers (secret, version, principal, address, own_key, access_key, agent,
                               first, last, last_as_current, count)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (secret, principal, address, own_key, version) DO UPDATE SET
            access_key = iif(excluded.last > last, excluded.access_key, access_key),
            agent = iif(excluded.last > last, excluded.agent, agent),
            first = min(first, excluded.first),
            last = max(last, excluded.last),
            last_as_current = max(last_as_current, excluded.last_as_current),
            count = count + excluded.count
        """,
        (
            (
                each.secret,
                each.version,
                each.principal,
                each.address,
                each.own_key,
                each.access_key,
                each.agent,
                each.first,
                each.last,
                each.last_as_current,
                each.count,
            )
            for each in added
        ),
    )


def consumptions(database: sqlite3.Connection, secret: str) -> list[Consumption]:
    """Everything that was read of a secret, as far as it is indexed.

    Args:
        database: The index.
        secret: ARN of the secret.
    """
    rows = database.execute(
        """
        SELECT secret, version, principal, address, own_key, access_key, agent, first, last, last_as_current, count
        FROM consumers WHERE secret = ? ORDER BY principal, address, own_key, version
        """,
        (secret,),
    )
    return [Consumption(*row) for row in rows]
