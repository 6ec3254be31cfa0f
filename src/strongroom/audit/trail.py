"""The trail as the rest of the house uses it: hand in an event, and wait until it is on the disk.

Each process has one `Trail`. Events that arrive while a batch is being synced form the next batch, so one sync serves
as many requests as arrived in its time (group commit). An event loop writes its own batches and has the kernel sync
them (`strongroom.audit.gathering`); a writer thread does it for threads, and for a loop that would have to wait.

Every wait is bounded: for the lock by ``lock_timeout_seconds``, for a disk that does not come back by
``stall_timeout_seconds``.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from strongroom.audit.file import TrailFile
from strongroom.audit.gathering import Gathering, Settle
from strongroom.audit.kernel_sync import KernelSync
from strongroom.audit.unavailable import AuditUnavailable, SinkUnavailable
from strongroom.world import World, from_milliseconds

__all__ = ["LARGEST_BYTES", "Gate", "Trail"]

LARGEST_BYTES = 256 << 20
"""Size of the trail's files when nobody says otherwise."""

_LARGEST_BATCH = 4096  # entries; bounds the memory of one write

_Entry = tuple[Sequence[bytes], Settle]
"""Events that belong together, and whom to tell on the writer's thread how they fared."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why the last batch failed, and since when batches have been failing (milliseconds since the epoch)."""

    error: AuditUnavailable
    since: int


class Gate(Protocol):
    """Stands before answers when more than the trail's file must have recorded; `strongroom.audit.sinks` has one."""

    @property
    def timeout_seconds(self) -> float:
        """How long either may take."""
        ...

    def require_ready(self) -> None:
        """Return when records are taken; blocks.

        Raises:
            SinkUnavailable: They are not.
        """
        ...

    def require_recorded(self, sequence: int) -> None:
        """Return when every record up to ``sequence`` was taken; blocks.

        Raises:
            SinkUnavailable: They were not.
        """
        ...


class Trail:
    """The audit trail of one host, as one process writes it. Open it in the process that uses it, after any fork.

    `append_now` may be called from any number of threads, `append` from one event loop at a time.

    Args:
        folder: The audit folder. It comes from the host's configuration, never from a request.
        world: The clock that dates failures in `health`.
        lock_timeout_seconds: How long a batch waits for another process that holds the lock.
        stall_timeout_seconds: How long a batch may take altogether before whoever waits for it is told.
        largest_bytes: Size from which on the file is closed and the next one begun.
        gate: What to wait for besides the file, before a batch is written and after.
        sync_in_kernel: Whether the kernel may be asked to sync by itself, where it does that.
    """

    def __init__(
        self,
        folder: Path,
        world: World,
        *,
        lock_timeout_seconds: float = 5.0,
        stall_timeout_seconds: float = 15.0,
        largest_bytes: int = LARGEST_BYTES,
        gate: Gate | None = None,
        sync_in_kernel: bool = True,
    ) -> None:
        self._folder = folder
        self._world = world
        self._stall_timeout = lock_timeout_seconds + stall_timeout_seconds
        self._gate = gate
        if gate is not None:
            self._stall_timeout += 2 * gate.timeout_seconds
        self._file = TrailFile(folder, lock_timeout_seconds, largest_bytes)
        self._sync_in_kernel = sync_in_kernel and gate is None  # a gate is the thread's to wait at
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._refusal: AuditUnavailable | None = AuditUnavailable(
            "The audit trail cannot record.", why=f"the trail in {folder} is not open", fix="Start Strongroom again."
        )
        self._progress = threading.Lock()  # guards the two below: a stall is declared only while a batch is under way
        self._busy_since: float | None = None
        self._stall: AuditUnavailable | None = None
        self._failure: _Failure | None = None
        self._gathering: Gathering | None = None
        self._watch: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Open or begin the trail and start the writer thread.

        Raises:
            AuditUnavailable: The trail cannot be used; see `TrailFile.open`.
        """
        self._file.open()
        self._refusal = None
        self._writer = threading.Thread(target=self._run_writer, name="audit-writer", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Write what was handed in, stop the thread and close the files. Calling it again does nothing."""
        if self._writer is None:
            return
        self._refusal = AuditUnavailable(
            "The audit trail cannot record.",
            why=f"the trail in {self._folder} is closed",
            fix="Start Strongroom again.",
        )
        self._let_go_of_loop()
        self._queue.put(None)
        self._writer.join(self._stall_timeout)
        self._writer = None
        self._file.close()

    def append_now(self, events: Sequence[bytes]) -> None:
        """Record ``events`` together and return when they are durable. Blocks: for threads, never on an event loop.

        Raises:
            AuditUnavailable: They are not recorded, or not known to be durable. Do not commit.
            ValueError: An event holds a raw newline.
        """
        self._refuse_if_down()
        if not events:
            return
        for event in events:
            _check_one_line(event)
        done: Future[None] = Future()

        def settle(error: AuditUnavailable | None) -> None:
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error.again())

        self._queue.put((events, settle))
        try:
            done.result(self._stall_timeout)
        except TimeoutError as error:
            raise self._declare_stall().again() from error

    async def append(self, event: bytes) -> None:
        """Record ``event`` and return when it is durable. Shares its sync with every other caller of that moment.

        Raises:
            AuditUnavailable: It is not recorded, or not known to be durable. Do not answer.
            ValueError: The event holds a raw newline.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settle(error: AuditUnavailable | None) -> None:
            if waiter.done():  # whoever waited was cancelled
                return
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error.again())

        self.append_then(event, settle)
        await waiter

    def append_then(self, event: bytes, settle: Settle) -> None:
        """Record ``event`` and call ``settle`` on the running event loop when it is durable, or with why it is not.

        `append` for callers who do not wait: what follows costs them neither a task nor a turn of the loop.

        Raises:
            AuditUnavailable: It is not recorded, and ``settle`` will not be called.
            ValueError: The event holds a raw newline.
        """
        self._refuse_if_down()
        _check_one_line(event)
        gathering = self._gathering
        loop = asyncio.get_running_loop()
        if gathering is None or gathering.loop is not loop:
            gathering = self._gather_on(loop)
        if self._watch is None:
            self._watch_from(loop)
        gathering.add(event, settle)

    def switch(self, is_due: Callable[[bytes], bool]) -> bool:
        """Close the file and begin the next one, if it is time; see `TrailFile.switch`. Blocks, like `append_now`.

        Raises:
            AuditUnavailable: The trail cannot be used.
        """
        self._refuse_if_down()
        return self._file.switch(is_due)

    def health(self) -> str | None:
        """None when the trail records; otherwise the cause in plain words, with since when."""
        down = self._refusal or self._stall
        if down is not None:
            return _in_words(down)
        failure = self._failure
        if failure is not None and self._file.can_write():  # nobody may send the request that would tell
            self._failure = None
        elif failure is not None:
            return f"{_in_words(failure.error)} Since {from_milliseconds(failure.since):%Y-%m-%dT%H:%M:%SZ}."
        try:
            self._file.inspect()
        except AuditUnavailable as error:
            return _in_words(error)
        return None

    def _refuse_if_down(self) -> None:
        down = self._refusal or self._stall
        if down is not None:
            raise down.again()

    def _run_writer(self) -> None:
        """The writer thread. Should it ever end by accident, nobody is left waiting for it."""
        stopped = False
        try:
            self._write_batches()
            stopped = True
        finally:
            if not stopped:
                self._refusal = AuditUnavailable(
                    "The audit trail cannot record.",
                    why="its writer ended unexpectedly",
                    fix="Report the traceback in the log and start Strongroom again.",
                )

    def _write_batches(self) -> None:
        """One batch after another until told to stop."""
        going = True
        while going:
            entries: list[_Entry] = []
            entry = self._queue.get()
            while entry is not None:
                entries.append(entry)
                if len(entries) == _LARGEST_BATCH or self._queue.empty():
                    break
                entry = self._queue.get()  # this thread alone takes from the queue, so it does not wait here
            going = entry is not None
            if entries:
                self._write_batch(entries)

    def _write_batch(self, entries: list[_Entry]) -> None:
        with self._progress:
            self._busy_since = time.monotonic()
        error: AuditUnavailable | None = None
        try:
            if self._gate is not None:
                self._gate.require_ready()  # before the file, so that no record tells of what was not done
            reached = self._file.append([event for events, _ in entries for event in events])
            if self._gate is not None:
                self._gate.require_recorded(reached.sequence)
        except AuditUnavailable as unavailable:
            error = unavailable
        with self._progress:
            self._busy_since = None
        if not isinstance(error, SinkUnavailable):  # whoever has the gate tells how that is by now
            self._take_note(error)
        for _, done in entries:
            done(error)

    def _take_note(self, error: AuditUnavailable | None) -> None:
        """A batch ended: the disk answers, and `health` says with what."""
        if self._stall is not None:
            with self._progress:
                self._stall = None
        if error is None:
            self._failure = None
        else:
            since = self._failure.since if self._failure is not None else self._world.clock.milliseconds()
            self._failure = _Failure(error, since)

    def _gather_on(self, loop: asyncio.AbstractEventLoop) -> Gathering:
        """Take in events from ``loop``, in place of the one before."""
        self._let_go_of_loop()
        sync = KernelSync.open(self._file.fileno()) if self._sync_in_kernel else None
        self._gathering = Gathering(
            loop, self._file, sync, lambda events, done: self._queue.put((events, done)), self._take_note
        )
        return self._gathering

    def _let_go_of_loop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._gathering is not None:
            self._gathering.close()
            self._gathering = None

    def _watch_from(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look from ``loop`` now and then whether the disk answered, for as long as somebody waits."""
        self._watch = loop.call_later(self._stall_timeout / 4, self._look_at_disk)

    def _look_at_disk(self) -> None:
        self._watch = None
        gathering = self._gathering
        if gathering is None:
            return
        since = [moment for moment in (self._busy_since, gathering.busy_since) if moment is not None]
        if since and time.monotonic() - min(since) > self._stall_timeout:
            gathering.fail(self._declare_stall())
        if gathering.waiting:
            self._watch_from(gathering.loop)

    def _declare_stall(self) -> AuditUnavailable:
        """Refuse whoever comes until the batch that is under way ends."""
        stall = AuditUnavailable(
            "The audit trail cannot record.",
            why=f"the disk under {self._folder} has not finished a write for {self._stall_timeout:g} seconds",
            fix="Check the disk; recording resumes by itself when it answers.",
        )
        with self._progress:
            gathering = self._gathering
            if self._busy_since is not None or (gathering is not None and gathering.busy_since is not None):
                self._stall = stall
        return stall


def _check_one_line(event: bytes) -> None:
    if b"\n" in event:
        raise ValueError("an audit event is one line of JSON")


def _in_words(error: AuditUnavailable) -> str:
    return f"{error.what} {error.why}".rstrip(".") + "."
