"""Where the processes of a host ask whether the sinks have recorded. Lives on the background worker's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import orjson

from strongroom.audit.head import HeadDamagedError, read_head
from strongroom.audit.sinks.feeding import Feeder
from strongroom.audit.sinks.gate import LONGEST_ANSWER, SinkState

__all__ = ["SinkDesk"]

_Refusal = dict[str, str] | None
"""Which required sink does not record, and why; None when all do."""


class SinkDesk:
    """Answers for the feeders.

    Args:
        folder: The audit folder.
        path: The socket to answer on.
        upkeep_trouble: Tells why the trail is not looked after, if it is not.
    """

    def __init__(self, folder: Path, path: Path, upkeep_trouble: Callable[[], str | None]) -> None:
        self._folder = folder
        self._path = path
        self._upkeep_trouble = upkeep_trouble
        self._feeders: Sequence[Feeder] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, feeders: Sequence[Feeder]) -> None:
        """Start the feeders, and answer for them."""
        self._feeders = feeders
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_unix_server(self._talk, str(self._path), limit=LONGEST_ANSWER)
        for feeder in feeders:
            feeder.start()

    async def stop(self) -> None:
        """Stop answering, then stop the feeders."""
        if self._server is not None:
            self._server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()
        await asyncio.gather(*(asyncio.to_thread(feeder.stop) for feeder in self._feeders))

    def changed(self) -> None:
        """A feeder got further, failed or recovered. May be called from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(self._wake_waiters)

    def keep_from(self) -> int:
        """The first record that some sink does not have yet."""
        return min((feeder.reached for feeder in self._feeders), default=2**63) + 1

    def _wake_waiters(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)
        try:
            while question := await reader.readline():
                writer.write(orjson.dumps(await self._answer(question.split()), option=orjson.OPT_APPEND_NEWLINE))
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _answer(self, question: list[bytes]) -> object:
        match question:
            case [b"check"]:
                return self._refusal()
            case [b"wait", sequence]:
                return await self._wait(int(sequence))
            case _:
                return {"sinks": [asdict(state) for state in self._states()], "upkeep": self._upkeep_trouble()}

    def _refusal(self) -> _Refusal:
        for feeder in self._feeders:
            if feeder.required and (trouble := feeder.trouble) is not None:
                return {"name": feeder.name, "why": trouble.why}
        return None

    async def _wait(self, sequence: int) -> _Refusal:
        for feeder in self._feeders:
            feeder.wake()
        for feeder in (feeder for feeder in self._feeders if feeder.required):
            try:
                async with asyncio.timeout(feeder.timeout_seconds):
                    while feeder.reached < sequence:
                        if (trouble := feeder.trouble) is not None:
                            return {"name": feeder.name, "why": trouble.why}
                        await self._changed.wait()
            except TimeoutError:
                return {"name": feeder.name, "why": f"it took longer than {feeder.timeout_seconds:g} seconds"}
        return None

    def _states(self) -> list[SinkState]:
        end = 0
        with suppress(OSError, HeadDamagedError):
            head = read_head(self._folder)
            end = 0 if head is None else head.sequence
        states = []
        for feeder in self._feeders:
            trouble = feeder.trouble
            why, since = (None, 0) if trouble is None else (trouble.why, trouble.since)
            states.append(SinkState(feeder.name, feeder.required, max(0, end - feeder.reached), why, since))
        return states
