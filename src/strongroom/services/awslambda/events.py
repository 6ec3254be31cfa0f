"""Event invocations: accepted now, run later, tried again when they fail.

Source: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation": two retries, the
first after a minute, the second two minutes later. The queue is in memory: what a process has accepted and not yet
finished ends with the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from strongroom.errors import AwsError
from strongroom.services.awslambda import failures
from strongroom.services.clients import FunctionInvoker, InvocationRequest

__all__ = ["EventQueue"]

_LOG: Final = logging.getLogger("strongroom.functions")
_RETRY_SECONDS: Final = (60.0, 120.0)
_MOST_WAITING: Final = 1000
_AT_ONCE: Final = 4


class EventQueue:
    """Runs accepted invocations one after the other's place becomes free.

    Args:
        invoker: Runs them.
        retry_seconds: How long to wait before each further try.
        most_waiting: How many may be accepted and not finished.
    """

    def __init__(
        self,
        invoker: FunctionInvoker,
        *,
        retry_seconds: Sequence[float] = _RETRY_SECONDS,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._invoker = invoker
        self._retry_seconds = retry_seconds
        self._most_waiting = most_waiting
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, request: InvocationRequest) -> None:
        """Take an invocation; it runs when a place is free. Call it on the event loop.

        Raises:
            AwsError: ``TooManyRequestsException``: too many are waiting.
        """
        if len(self._tasks) >= self._most_waiting:
            raise failures.too_many_requests()
        task = asyncio.get_running_loop().create_task(self._run(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, request: InvocationRequest) -> None:
        problem = await self._attempt(request)
        for seconds in self._retry_seconds:
            if problem is None:
                return
            await asyncio.sleep(seconds)
            problem = await self._attempt(request)
        if problem is not None:
            _LOG.warning("the event %s for %s is given up: %s", request.request_id, request.function_arn, problem)

    async def _attempt(self, request: InvocationRequest) -> str | None:
        """Run it once; answer what went wrong, in words that hold nothing of the event or the answer."""
        async with self._places:
            try:
                result = await self._invoker.invoke(request)
            except AwsError as error:
                return error.code
        return None if result.function_error is None else "the function failed"
