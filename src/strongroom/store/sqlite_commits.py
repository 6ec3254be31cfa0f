"""Tells whether anything was committed to a SQLite database since it was asked last, by any process."""

from __future__ import annotations

import sqlite3

__all__ = ["CommitWatch"]


class CommitWatch:
    """Watches the commits of every connection but one. For the holder of the lock on that one.

    Source: SQLite documentation, ``PRAGMA data_version``, which costs about two microseconds. Looking at the index of
    the write-ahead log oneself would cost a tenth, but must not be done: closing that file drops the locks that SQLite
    holds on it in this process ("How To Corrupt An SQLite Database File", section 2.2), and the next process to come
    cuts the index short while it is in use.

    Args:
        connection: The connection that asks; it writes nothing itself.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def version(self) -> int:
        """A number that changes with every commit. Take it before reading what is to be remembered."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
