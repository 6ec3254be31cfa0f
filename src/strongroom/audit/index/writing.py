"""Keeps the index in step with the trail: `Indexer`, for the one process of a host that does it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from strongroom.audit.index.batch import Batch, Term
from strongroom.audit.index.consumers import add_consumptions
from strongroom.audit.index.database import Position, boot_id, delete_index, open_to_write, read_position, sync
from strongroom.audit.index.facts import NAMED, own_name
from strongroom.audit.index.ids import add_ids
from strongroom.audit.index.keys import KeyMaker
from strongroom.audit.index.postings import add_keys
from strongroom.audit.index.pruning import prune
from strongroom.audit.index.records import StoredRecord, durable_end, records_from
from strongroom.audit.record import hash_of
from strongroom.audit.segments import Segment, segments
from strongroom.errors import OperatorError

__all__ = ["MOST_IN_TURN", "Indexer"]

MOST_IN_TURN: Final = 16_384
"""Records that one turn indexes at most, in one transaction: the more there are, the more of them share a term."""

_MOST_BYTES: Final = 32 << 20
"""After as many bytes of records a turn ends too: an event may have a quarter of a megabyte."""

_MOST_TERMS: Final = 100_000
"""Terms whose numbers are remembered."""


class Indexer:
    """Indexes what is added to a trail. Used by one thread at a time; only one process of a host has one.

    Args:
        folder: The audit folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database: sqlite3.Connection | None = None
        self._terms: dict[Term, int] = {}
        self._boot = boot_id()

    def turn(self) -> int:
        """Index the next records, all in one transaction or none.

        An index that does not belong to the trail, or is damaged, is deleted and begun anew.

        Returns:
            How many records were indexed; 0 when the index is in step with the trail.

        Raises:
            OperatorError: Trail or index cannot be used now, such as for want of room.
        """
        try:
            return self._turn()
        except (OSError, ValueError, sqlite3.OperationalError) as error:
            self._let_go()
            raise OperatorError(
                "The index of the audit trail falls behind.",
                why=str(error),
                fix=f"check the disk under {self._folder}, and the trail with `strongroom audit verify`",
            ) from error
        except sqlite3.DatabaseError:
            self._begin_anew()
            return 0

    def close(self) -> None:
        """Sync and close the index. Calling it again does nothing."""
        if self._database is not None:
            with suppress(OSError, sqlite3.Error):  # then it is made again after the next start of the host
                sync(self._folder, self._database)
        self._let_go()

    def _let_go(self) -> None:
        database, self._database = self._database, None
        self._terms.clear()
        if database is not None:
            database.close()

    def _turn(self) -> int:
        if self._database is None:
            self._database = open_to_write(self._folder)
        database = self._database
        end = durable_end(self._folder)
        found = segments(self._folder)
        position = read_position(database)
        if position.sequence and not _belongs(position, found):
            self._begin_anew()
            return 0
        oldest = next((segment.first_sequence for segment in found if segment.first_sequence), 0)
        if position.oldest < oldest and position.sequence:
            with self._transaction(database):
                prune(database, oldest)
                database.execute("UPDATE position SET oldest = ?", (oldest,))
        records = _for_one_turn(records_from(found, position.file, position.offset, end))
        if records:
            with self._transaction(database):
                self._index(database, records, oldest)
        return len(records)

    def _index(self, database: sqlite3.Connection, records: Sequence[StoredRecord], oldest: int) -> None:
        batch = Batch(KeyMaker(database))
        for record in records:
            batch.add(record)
        database.executemany("INSERT INTO events (key, file, offset) VALUES (?, ?, ?)", batch.events)
        add_ids(database, batch.ids)
        for term, keys in batch.postings().items():
            add_keys(database, self._number(database, term), keys)
        add_consumptions(database, batch.consumptions())
        last = records[-1]
        reached = Position(
            last.file,
            last.offset + len(last.line) + 1,
            len(last.line) + 1,
            last.sequence,
            hash_of(last.line),
            oldest,
            self._boot,
        )
        database.execute("INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?, ?, ?, ?, ?)", reached)

    def _number(self, database: sqlite3.Connection, term: Term) -> int:
        """The number of a term, which is given one if it has none yet."""
        number = self._terms.get(term)
        if number is None:
            if len(self._terms) >= _MOST_TERMS:
                self._terms.clear()
            number = self._terms[term] = _stored_number(database, term)
        return number

    def _begin_anew(self) -> None:
        self._let_go()
        delete_index(self._folder)

    @contextmanager
    def _transaction(self, database: sqlite3.Connection) -> Iterator[None]:
        """All of a block, or nothing."""
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
            database.execute("COMMIT")
        except BaseException:
            self._terms.clear()  # numbers that were given in this transaction are not there
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise


def _for_one_turn(records: Iterator[StoredRecord]) -> list[StoredRecord]:
    taken = []
    size = 0
    for record in records:
        taken.append(record)
        size += len(record.line)
        if len(taken) >= MOST_IN_TURN or size >= _MOST_BYTES:
            break
    return taken


def _belongs(position: Position, found: Sequence[Segment]) -> bool:
    """Whether the last record that was indexed still stands in the trail where it stood."""
    for segment in found:
        if segment.first_sequence == position.file:
            line = segment.read(position.offset - position.length, position.length)
            return hash_of(line[:-1]) == position.hash
    return False


def _stored_number(database: sqlite3.Connection, term: Term) -> int:
    account, region, attribute, value = term
    row = database.execute(
        "SELECT id FROM terms WHERE value = ? AND attribute = ? AND account = ? AND region = ?",
        (value, attribute, account, region),
    ).fetchone()
    if row is not None:
        return int(row[0])
    number = database.execute(
        "INSERT INTO terms (account, region, attribute, value) VALUES (?, ?, ?, ?)", term
    ).lastrowid
    if number is None:
        raise sqlite3.DatabaseError("a term got no number")
    name = own_name(value) if attribute in NAMED else None
    if name is not None and name != value:
        database.execute("INSERT OR IGNORE INTO aliases (name, term) VALUES (?, ?)", (name, number))
    return number
