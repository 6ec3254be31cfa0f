"""The events of one event loop, gathered into batches and made durable without leaving the loop.

All requests that the loop serves in one go hand their events in; then one write and one sync serve them all, while the
loop works on the requests that come next, whose events form the next batch. Writing goes to the page cache and only
after the batch before has reached the disk, so a disk that hangs is met in the sync, for which the loop does not wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from strongroom.audit.file import TrailFile
from strongroom.audit.head import Head
from strongroom.audit.kernel_sync import KernelSync
from strongroom.audit.unavailable import AuditUnavailable

__all__ = ["Gathering", "Settle"]

_FEWEST = 16
"""Events in a batch that are worth a sync before the loop has done everything that it knows of."""

Settle = Callable[[AuditUnavailable | None], None]
"""Told how an event or a batch fared: None when it is durable, else why not. It does not raise."""

HandOver = Callable[[list[bytes], Settle], None]


class Gathering:
    """What one event loop hands in. Used on that loop's thread.

    Args:
        loop: The event loop.
        file: The trail's file.
        sync: Syncs that file; None where the kernel does not do it by itself.
        hand_over: Gives a batch to the trail's writer thread, with what to call when it ended. For when another writer
            holds the lock, and for want of ``sync``.
        report: Is told how each batch ended that was not handed over.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        file: TrailFile,
        sync: KernelSync | None,
        hand_over: HandOver,
        report: Settle,
    ) -> None:
        self.loop = loop
        self.busy_since: float | None = None
        """When the sync that is under way began, by the monotonic clock, in seconds."""
        self._file = file
        self._sync = sync
        self._hand_over = hand_over
        self._report = report
        self._events: list[bytes] = []
        self._waiters: list[Settle] = []
        self._in_flight: list[Settle] | None = None
        self._reached: Head | None = None
        self._looking = False
        self._seen = 0
        self._enough = _FEWEST
        """Half of what lately waited at once, so that one half is served while the other is synced."""
        if sync is not None:
            loop.add_reader(sync, self._on_synced)

    def add(self, event: bytes, settle: Settle) -> None:
        """Take an event in. ``settle`` is called once: in a later turn of the loop, or at once when writing fails."""
        self._events.append(event)
        self._waiters.append(settle)
        if self._in_flight is None:
            if len(self._events) >= self._enough:  # so that its sync overlaps with the rest of this turn
                self._write()
            elif not self._looking:
                self._look_soon()

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for a record."""
        return bool(self._waiters or self._in_flight)

    def fail(self, error: AuditUnavailable) -> None:
        """Tell everybody who waits that there is no answer."""
        waiters = (*(self._in_flight or ()), *self._waiters)
        self._events, self._waiters = [], []  # refused now, so they must not be recorded later
        if self._in_flight is not None:
            self._in_flight.clear()  # the batch is still under way, but nobody waits for it any more
        for settle in waiters:
            settle(error)

    def close(self) -> None:
        """Make durable what is being synced, hand over what was gathered, and let go of the loop."""
        sync, self._sync = self._sync, None  # what is written from here on goes to the thread
        if self._reached is not None:
            self._settle(self._file.make_durable)
        if self._events:
            self._give_to_thread()
        if sync is not None:
            if not self.loop.is_closed():
                self.loop.remove_reader(sync)
            sync.close()

    def _look_soon(self) -> None:
        self._looking = True
        self._seen = 0
        self.loop.call_soon(self._look)

    def _look(self) -> None:
        """Write once a turn of the loop has brought nothing more."""
        if self._in_flight is not None or not self._events:  # written meanwhile, or the trail was closed
            self._looking = False
        elif self._seen < len(self._events):
            self._seen = len(self._events)
            self.loop.call_soon(self._look)
        else:
            self._looking = False
            self._write()

    def _write(self) -> None:
        reached: Head | None = None
        if self._sync is not None:
            try:
                reached = self._file.try_write(self._events)
            except AuditUnavailable as error:
                _, waiters = self._take()
                self._report(error)
                self._finish(waiters, error)
                return
        if self._sync is None or reached is None:
            self._give_to_thread()
            return
        self._take()
        self._reached = reached
        self.busy_since = time.monotonic()
        try:
            self._sync.start()
        except OSError:  # out of kernel memory, for one: a plain sync needs none
            self._settle(self._file.make_durable)

    def _take(self) -> tuple[list[bytes], list[Settle]]:
        """Put the gathered events in flight; answer them and who waits for them."""
        events, waiters = self._events, self._waiters
        self._events, self._waiters = [], []
        self._in_flight = waiters
        return events, waiters

    def _give_to_thread(self) -> None:
        events, waiters = self._take()

        def finish(error: AuditUnavailable | None) -> None:
            with suppress(RuntimeError):  # the loop was closed, and with it everyone who waited there
                self.loop.call_soon_threadsafe(self._finish, waiters, error)

        self._hand_over(events, finish)

    def _on_synced(self) -> None:
        if self._sync is None or self._reached is None:
            return
        try:
            self._sync.finish()
        except BlockingIOError:  # an event loop may call once more than there is something to read
            return
        except OSError as error:
            failure = error
            self._settle(lambda _: self._file.refuse_after_failed_sync(failure))
            return
        self._settle(self._file.note)

    def _settle(self, last_step: Callable[[Head], None]) -> None:
        """Take the last step for the batch that was written, and wake everyone who waited for it."""
        reached, self._reached = self._reached, None
        self.busy_since = None
        outcome: AuditUnavailable | None = None
        if reached is not None:
            try:
                last_step(reached)
            except AuditUnavailable as error:
                outcome = error
        self._report(outcome)
        self._finish([] if self._in_flight is None else self._in_flight, outcome)

    def _finish(self, waiters: list[Settle], error: AuditUnavailable | None) -> None:
        if self._in_flight is waiters:  # when the trail was closed, a later batch may be in flight already
            self._in_flight = None
        self._enough = max(_FEWEST, (len(waiters) + len(self._events)) // 2)
        if len(self._events) >= self._enough and self._in_flight is None:  # its sync overlaps with what follows here
            self._write()
        for settle in waiters:
            settle(error)
        if self._events and self._in_flight is None and not self._looking:
            self._look_soon()
