"""Which events have an attribute: a term's keys, in chunks of bounded length, found from either end.

A chunk is a row: its lowest key, its highest, and the steps from one to the next as `strongroom.audit.index.keys` packs
them. A term that many events have costs two to four bytes an event; one that few have costs a row.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from strongroom.audit.index.keys import count_steps, pack, unpack

__all__ = ["add_keys", "keys_down"]

_CHUNK: Final = 180
"""Keys in a chunk. With five bytes a step, and few are longer, a row stays below 1,002 bytes: the most that SQLite
keeps in one page for a table of this kind (SQLite, "Database File Format", section 1.6)."""

_ENDLESS: Final = (1 << 63) - 1

_Chunk = tuple[int, int, bytes]
"""Lowest key, highest key, steps."""


def add_keys(database: sqlite3.Connection, term: int, keys: Sequence[int]) -> None:
    """Add events to a term.

    Args:
        database: The index, in a transaction.
        term: The term.
        keys: Their keys, ascending; none of them is there yet.
    """
    newest = _chunk_below(database, term, _ENDLESS)
    if newest is None or newest[1] < keys[0]:
        _write(database, term, _appended(newest, keys))
        return
    # Some are recorded later than events that happened after them. Each goes into the chunk that it belongs to.
    start = 0
    while start < len(keys):
        chunk = _chunk_below(database, term, keys[start])
        stop = bisect_left(keys, _start_of_next(database, term, keys[start]), start)
        held = [] if chunk is None else unpack(chunk[0], chunk[2])
        _write(database, term, _appended(None, sorted([*held, *keys[start:stop]])))
        start = stop


def keys_down(database: sqlite3.Connection, term: int, lowest: int, below: int) -> Iterator[int]:
    """Keys of a term, the highest first.

    Args:
        database: The index.
        term: The term.
        lowest: The lowest key to answer.
        below: What all of them are below.
    """
    chunks = database.execute(
        "SELECT first, last, rest FROM postings WHERE term = ? AND first < ? ORDER BY first DESC", (term, below)
    )
    for first, last, rest in chunks:
        if last < lowest:
            return
        for key in reversed(list(unpack(first, rest))):
            if lowest <= key < below:
                yield key


def _chunk_below(database: sqlite3.Connection, term: int, key: int) -> _Chunk | None:
    """The chunk that begins before ``key`` and nearest to it."""
    found: _Chunk | None = database.execute(
        "SELECT first, last, rest FROM postings WHERE term = ? AND first < ? ORDER BY first DESC LIMIT 1", (term, key)
    ).fetchone()
    return found


def _start_of_next(database: sqlite3.Connection, term: int, key: int) -> int:
    """Where the chunk begins that follows on ``key``."""
    found = database.execute("SELECT MIN(first) FROM postings WHERE term = ? AND first > ?", (term, key)).fetchone()[0]
    return _ENDLESS if found is None else int(found)


def _appended(chunk: _Chunk | None, keys: Sequence[int]) -> Iterator[_Chunk]:
    """Keys that follow on a chunk: the chunk with as many of them as it takes, and new ones with the others."""
    start = 0
    if chunk is not None:
        first, last, rest = chunk
        start = min(max(0, _CHUNK - 1 - count_steps(rest)), len(keys))
        if start:
            yield first, keys[start - 1], rest + pack(last, keys[:start])
    for begin in range(start, len(keys), _CHUNK):
        part = keys[begin : begin + _CHUNK]
        yield part[0], part[-1], pack(part[0], part[1:])


def _write(database: sqlite3.Connection, term: int, chunks: Iterator[_Chunk]) -> None:
    database.executemany(
        "INSERT OR REPLACE INTO postings (term, first, last, rest) VALUES (?, ?, ?, ?)",
        ((term, *chunk) for chunk in chunks),
    )
