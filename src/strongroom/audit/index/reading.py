"""Looks up events, the newest first, in the index and in the records that are not indexed yet.

A lookup sees the index as it was at one moment, and reads the trail from where that ends; so an event is found as soon
as its answer has left, and none is found twice. It costs a few pages of the index and the records that it answers,
however long the trail is. Reads only; used by any number of processes, each lookup by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from strongroom.audit.index.consumers import Consumption
from strongroom.audit.index.database import open_to_read
from strongroom.audit.index.view import IndexBehindError, View
from strongroom.audit.index.wanted import FoundEvent, Wanted

__all__ = ["IndexReader"]


class IndexReader:
    """Looks things up in one trail.

    Args:
        folder: The audit folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lookup(self, wanted: Wanted, most: int) -> list[FoundEvent]:
        """Look events up, the newest first.

        Args:
            wanted: Which.
            most: How many at most.

        Raises:
            IndexBehindError: The index is being made; the lookup works again when it is.
            OSError: The trail cannot be read.
        """
        with self.view() as view:
            return list(islice(view.events(wanted), most))

    def consumptions(self, secret: str) -> list[Consumption]:
        """What was read of a secret, one for each consumer and version.

        Args:
            secret: Its ARN.

        Raises:
            IndexBehindError: The index is being made.
            OSError: The trail cannot be read.
        """
        with self.view() as view:
            return view.consumptions(secret)

    @contextmanager
    def view(self) -> Iterator[View]:
        """Index and trail as they are now, for the time of a block.

        Raises:
            IndexBehindError: The index is being made.
            OSError: The trail cannot be read.
        """
        database: sqlite3.Connection | None = None
        try:
            database = open_to_read(self._folder)
            if database is not None:
                database.execute("BEGIN")
            yield View(self._folder, database)
        except sqlite3.Error as error:
            raise IndexBehindError(str(error)) from error
        finally:
            if database is not None:
                database.close()
