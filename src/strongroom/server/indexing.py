"""The index of the trail, kept in step with it by the background worker."""

from __future__ import annotations

import asyncio
from pathlib import Path

from strongroom.audit.index import Indexer

__all__ = ["Indexing"]


class Indexing:
    """Indexes what was recorded, in a thread: the loop runs on meanwhile.

    Args:
        folder: The audit folder.
    """

    def __init__(self, folder: Path) -> None:
        self._indexer = Indexer(folder)

    async def turn(self) -> None:
        """Index the next records.

        Raises:
            OperatorError: Trail or index cannot be used now.
        """
        await asyncio.to_thread(self._indexer.turn)

    def close(self) -> None:
        """Close the index, between two turns."""
        self._indexer.close()
