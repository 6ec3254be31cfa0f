"""Work that a process does again and again beside its requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from strongroom.errors import StrongroomError
from strongroom.server.log import describe_failure

__all__ = ["FORGETTING_SECONDS", "repeat"]

FORGETTING_SECONDS: Final = 1.0
"""How long, at most, a process holds what it has opened of a key that was disabled or destroyed."""

_LOG: Final = logging.getLogger("strongroom.background")
_LONGEST_PAUSE: Final = 5.0


async def repeat(name: str, turn: Callable[[], Awaitable[object]], seconds: float, stopping: asyncio.Event) -> None:
    """Take turns until told to stop. A turn that fails is logged and tried again after a growing pause.

    Args:
        name: What to call the work in the log.
        turn: Does what is due.
        seconds: How long to wait between two turns.
        stopping: Set when no turn is to begin any more.
    """
    pause = seconds
    while not stopping.is_set():
        try:
            await turn()
            pause = seconds
        except Exception as error:  # noqa: BLE001 - the background boundary: one bad turn must not end the loop
            level = logging.WARNING if isinstance(error, StrongroomError) else logging.ERROR
            _LOG.log(level, "the %s loop met a failure", name, extra={"detail": describe_failure(error)})
            pause = min(max(pause * 2, 1.0), _LONGEST_PAUSE)
        try:
            async with asyncio.timeout(pause):
                await stopping.wait()
        except TimeoutError:
            continue
