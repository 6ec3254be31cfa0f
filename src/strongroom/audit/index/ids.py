"""Which event has an id. Ids are random, so a tree of them would have to write a page for every event.

The ids of the newest events stand as they came, and are looked through. When there are enough of them they are sorted
into a run, which is written once: a row for each value of the first bits. One row of each run is looked at.
"""

from __future__ import annotations

import sqlite3
from binascii import unhexlify
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["add_ids", "keys_of_id"]

_RUN: Final = 65_536
"""Ids in a run: looking through as many that are not sorted takes a few milliseconds."""

_ID_BYTES: Final = 8
"""Bytes kept of the 16 of an id; who looks one up compares the whole id with the event's."""

_BUCKET_BITS: Final = 10
_TAIL: Final = slice(1, 5)  # the bytes of an id that an entry keeps; the bucket tells the first ten bits
_TAIL_BYTES: Final = 4
_KEY_BYTES: Final = 7
_ENTRY_BYTES: Final = _TAIL_BYTES + _KEY_BYTES


def add_ids(database: sqlite3.Connection, ids: Iterable[tuple[int, bytes]]) -> None:
    """Add events.

    Args:
        database: The index, in a transaction.
        ids: The key of each, and its ``eventID``.
    """
    known = ((key, short) for key, event_id in ids if (short := _short(event_id)) is not None)
    database.executemany("INSERT INTO fresh_ids (key, id) VALUES (?, ?)", known)
    if database.execute("SELECT COUNT(*) FROM fresh_ids").fetchone()[0] >= _RUN:
        _make_run(database)


def keys_of_id(database: sqlite3.Connection, event_id: str) -> Iterator[int]:
    """Keys of the events that may have this id, in no order.

    Args:
        database: The index.
        event_id: An ``eventID``.
    """
    short = _short(event_id.encode())
    if short is None:
        return
    yield from (int(key) for (key,) in database.execute("SELECT key FROM fresh_ids WHERE id = ?", (short,)))
    bucket, tail = _bucket(short), short[_TAIL]
    for (run,) in database.execute("SELECT run FROM runs"):
        row = database.execute("SELECT entries FROM id_runs WHERE run = ? AND bucket = ?", (run, bucket)).fetchone()
        if row is not None:
            yield from _keys_in(row[0], tail)


def _make_run(database: sqlite3.Connection) -> None:
    """Sort the newest ids into a run."""
    buckets: defaultdict[int, bytearray] = defaultdict(bytearray)
    newest = 0
    for key, short in database.execute("SELECT key, id FROM fresh_ids ORDER BY key"):
        buckets[_bucket(short)] += short[_TAIL] + key.to_bytes(_KEY_BYTES)
        newest = key
    run = database.execute("INSERT INTO runs (newest) VALUES (?)", (newest,)).lastrowid
    rows = ((run, bucket, bytes(buckets[bucket])) for bucket in sorted(buckets))
    database.executemany("INSERT INTO id_runs (run, bucket, entries) VALUES (?, ?, ?)", rows)
    database.execute("DELETE FROM fresh_ids")


def _keys_in(entries: bytes, tail: bytes) -> Iterator[int]:
    place = entries.find(tail)
    while place >= 0:
        if place % _ENTRY_BYTES == 0:
            yield int.from_bytes(entries[place + _TAIL_BYTES : place + _ENTRY_BYTES])
        place = entries.find(tail, place + 1)


def _bucket(short: bytes) -> int:
    return int.from_bytes(short[:2]) >> (16 - _BUCKET_BITS)


def _short(event_id: bytes) -> bytes | None:
    """The first bytes of an id, a UUID; None for what is none."""
    try:
        short = unhexlify(event_id.replace(b"-", b"")[: 2 * _ID_BYTES])
    except ValueError:
        return None
    return short if len(short) == _ID_BYTES else None
