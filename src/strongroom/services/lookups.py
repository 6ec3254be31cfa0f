"""Looking into the trail from a service: beside the event loop, one lookup at a time, with an error for callers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from strongroom.audit.index import Consumption, FoundEvent, IndexBehindError, IndexReader, Wanted
from strongroom.errors import AwsError

__all__ = ["Lookups"]

T = TypeVar("T")


class Lookups:
    """Lookups in the trail of this host. A process has one, so that lookups leave room for its requests.

    Args:
        reader: Looks things up, and blocks meanwhile.
    """

    def __init__(self, reader: IndexReader) -> None:
        self._reader = reader
        self._turn = asyncio.Lock()

    async def events(self, wanted: Wanted, most: int) -> list[FoundEvent]:
        """Events, the newest first (see `IndexReader.lookup`).

        Args:
            wanted: Which.
            most: How many at most.

        Raises:
            AwsError: ``ServiceUnavailable`` while the index is being made.
        """
        return await self._in_turn(lambda: self._reader.lookup(wanted, most))

    async def consumptions(self, secret: str) -> list[Consumption]:
        """What was read of a secret, one for each consumer and version (see `IndexReader.consumptions`).

        Args:
            secret: Its ARN.

        Raises:
            AwsError: ``ServiceUnavailable`` while the index is being made.
        """
        return await self._in_turn(lambda: self._reader.consumptions(secret))

    async def _in_turn(self, look: Callable[[], T]) -> T:
        try:
            async with self._turn:
                return await asyncio.to_thread(look)
        except IndexBehindError:
            raise AwsError(
                "ServiceUnavailable", "The index of the trail is being made. Try again in a while.", status=503
            ) from None
