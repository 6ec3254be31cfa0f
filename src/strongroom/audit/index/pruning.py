"""Takes out of the index what points into files of the trail that are no longer kept."""

from __future__ import annotations

import sqlite3

from strongroom.audit.index.keys import first_key, second

__all__ = ["prune"]


def prune(database: sqlite3.Connection, oldest_file: int) -> None:
    """Forget the events of files that are gone, and what is known by them alone.

    Args:
        database: The index, in a transaction.
        oldest_file: First sequence of the oldest file that is kept.
    """
    database.execute("DELETE FROM events WHERE file < ?", (oldest_file,))
    oldest = database.execute("SELECT MIN(key) FROM events").fetchone()[0]
    lowest = first_key(second(oldest)) if oldest is not None else 1 << 62
    database.execute("DELETE FROM postings WHERE last < ?", (lowest,))
    database.execute("DELETE FROM aliases WHERE term NOT IN (SELECT term FROM postings)")
    database.execute("DELETE FROM terms WHERE id NOT IN (SELECT term FROM postings)")
    database.execute("DELETE FROM id_runs WHERE run IN (SELECT run FROM runs WHERE newest < ?)", (lowest,))
    database.execute("DELETE FROM runs WHERE newest < ?", (lowest,))
    database.execute("DELETE FROM fresh_ids WHERE key < ?", (lowest,))
    database.execute("DELETE FROM consumers WHERE last < ?", (lowest,))
