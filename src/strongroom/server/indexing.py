"""The index of the trail, kept in step with it by the background worker."""

from __future__ import annotations

import asyncio
from pathlib import Path

from strongroom.audit.index import MOST_IN_TURN, Indexer

__all__ = ["Indexing"]


class Indexing:
    """Indexes what was recorded, in a thread: the loop runs on meanwhile.

    Args:
        folder: The audit folder.
        stopping: Set when the worker is to end, however far behind the index is.
    """

    def __init__(self, folder: Path, stopping: asyncio.Event) -> None:
        self._indexer = Indexer(folder)
        self._stopping = stopping

    async def turn(self) -> None:
        """Index what is not indexed yet.

        Raises:
            OperatorError: Trail or index cannot be used now.
        """
        indexed = MOST_IN_TURN
        while indexed >= MOST_IN_TURN and not self._stopping.is_set():
            indexed = await asyncio.to_thread(self._indexer.turn)

    def close(self) -> None:
        """Close the index, between two turns."""
        self._indexer.close()
