"""The trail's file: locked, chained, written whole or not at all, and watched for tampering.

Several processes append to one file. A batch goes like this: take the lock (bounded wait); check that the path still
leads to this file and that it did not shrink; learn the end of the chain, which is free when nobody else wrote; write
all lines; give the lock back; sync; note the new end in ``trail.head``. Syncing outside of the lock lets processes
overlap: a sync covers everything written before it, whoever wrote it.

A file that is large enough is closed by the writer that finds it so, under the lock, and the next one begun
(`strongroom.audit.switching`). The others find another file at the path when they come to write; they see that it goes
on where theirs ended, and go over to it. The open file keeps its descriptor's number all the while.

`TrailFile.append` does it all and blocks: it is for the trail's writer thread. An event loop takes the steps one by one
(`strongroom.audit.gathering`): `TrailFile.try_write`, which waits for nobody, then a sync of its own, then
`TrailFile.note`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from strongroom.audit.durable import sync_folder, write_aside
from strongroom.audit.findings import damaged_head, failed_open, tampered
from strongroom.audit.head import HEAD_NAME, Head, HeadDamagedError, read_head_from, write_head
from strongroom.audit.record import Link, chain, hash_of, parse
from strongroom.audit.segments import LONGEST_LINE, TRAIL_NAME, end_of_closed, start_of
from strongroom.audit.switching import OPEN_FLAGS, begin_next
from strongroom.audit.unavailable import AuditUnavailable

__all__ = ["TORN_PREFIX", "TRAIL_NAME", "TrailFile"]

TORN_PREFIX = "trail.torn-"
"""Start of the names of files that hold the bytes of half-written records."""

_FIRST_PAUSE_SECONDS = 0.000_05
_LONGEST_PAUSE_SECONDS = 0.005
_TAIL_BYTES = 8192
_BLOCK = b" " * 4096

_CANNOT = "The audit trail cannot record."


class TrailFile:
    """The file ``trail.jsonl`` of one folder, opened for appending by one process.

    Args:
        folder: The audit folder, host configuration and never an API parameter.
        lock_timeout_seconds: How long to wait for another process that holds the lock.
        largest_bytes: Size from which on the file is closed and the next one begun.
    """

    __slots__ = (
        "_descriptor",
        "_end",
        "_folder",
        "_head",
        "_identity",
        "_largest",
        "_lock_timeout",
        "_mutex",
        "_path",
        "_size",
        "_start",
        "_switch_from",
        "_sync_failure",
    )

    def __init__(self, folder: Path, lock_timeout_seconds: float, largest_bytes: int) -> None:
        self._folder = folder
        self._path = folder / TRAIL_NAME
        self._lock_timeout = lock_timeout_seconds
        self._largest = largest_bytes
        self._switch_from = largest_bytes  # later than that only while a switch fails
        self._mutex = threading.Lock()  # orders the threads of this process, which ``flock`` does not tell apart
        self._descriptor = -1
        self._head = -1
        self._identity = (0, 0)
        self._size = 0
        self._start = Link()  # what the file's first record continues
        self._end = Link()
        self._sync_failure: AuditUnavailable | None = None

    def open(self) -> None:
        """Open the trail, or begin one. Torn bytes left by a crash are moved to ``trail.torn-<sequence>``.

        Raises:
            AuditUnavailable: The folder or file cannot be used, is not a plain file, or lost records it once held.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            known = (self._folder / HEAD_NAME).exists()
            # A trail that was noted before must still be there: an empty one in its place would hide the loss.
            self._descriptor = os.open(self._path, OPEN_FLAGS if known else OPEN_FLAGS | os.O_CREAT, 0o600)
            self._head = os.open(
                self._folder / HEAD_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600
            )
            self._settle_identity()
            with self._locked():
                self._learn_start()
                self._check_head()
            # A crash may have left records that were written and not noted; readers go by the note.
            self.make_durable(Head(self._end.sequence, self._size, self._end.hash))
            sync_folder(self._folder)
        except OSError as error:
            self.close()
            raise failed_open(self._folder, error) from error
        except AuditUnavailable:
            self.close()
            raise

    def close(self) -> None:
        """Close the files. Calling it again does nothing."""
        for descriptor in (self._descriptor, self._head):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._head = -1

    def append(self, events: Sequence[bytes]) -> Head:
        """Write ``events`` as the next records and return when they are on the disk.

        Args:
            events: Serialised JSON objects without raw newlines.

        Returns:
            How far the trail reaches with them.

        Raises:
            AuditUnavailable: None of them is recorded, or their durability is unknown.
        """
        self._refuse_if_sync_failed()
        with self._locked() as size:
            reached = self._write_records(events, self._switch(size) if size >= self._switch_from else size)
        self.make_durable(reached)
        return reached

    def switch(self, is_due: Callable[[bytes], bool]) -> bool:
        """Close the file and begin the next one, if there are records in it and it is time.

        Args:
            is_due: Is given the file's first line, without its newline.

        Returns:
            Whether the next one was begun.

        Raises:
            AuditUnavailable: The trail cannot be used.
        """
        self._refuse_if_sync_failed()
        with self._locked() as size:
            return bool(size) and is_due(self._first_line()) and self._switch(size) == 0

    def try_write(self, events: Sequence[bytes]) -> Head | None:
        """Write ``events`` as the next records without syncing them.

        Args:
            events: Serialised JSON objects without raw newlines.

        Returns:
            How far the trail reaches with them, for `note` or `make_durable`; None when another writer holds the lock,
            or the next file is due: then `append` does it.

        Raises:
            AuditUnavailable: None of them is recorded.
        """
        self._refuse_if_sync_failed()
        if self._size >= self._switch_from or not self._mutex.acquire(blocking=False):
            return None
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            try:
                size = self._checked_size()
                return None if size is None else self._write_records(events, size)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        finally:
            self._mutex.release()

    def can_write(self) -> bool:
        """Whether a block can be written at the file's end, found out without waiting; it is taken back at once."""
        if self._sync_failure is not None or not self._mutex.acquire(blocking=False):
            return False
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                size = self._checked_size()
                if size is None:
                    return False
                if size != self._size:
                    self._learn_end(self._size)
                self._write(_BLOCK)
                os.ftruncate(self._descriptor, self._size)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except (AuditUnavailable, OSError):
            return False
        finally:
            self._mutex.release()
        return True

    def make_durable(self, reached: Head) -> None:
        """Sync what was written and note how far the trail now reaches.

        Raises:
            AuditUnavailable: It is not known to be on the disk.
        """
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self.refuse_after_failed_sync(error)
        self.note(reached)

    def refuse_after_failed_sync(self, error: OSError) -> NoReturn:
        """Take in that a sync failed.

        After that Linux may drop the pages and report the next sync as good, so the file is never trusted again.

        Raises:
            AuditUnavailable: Now, and from every later attempt to write.
        """
        self._sync_failure = AuditUnavailable(
            _CANNOT,
            why=f"{self._path} could not be synced: {error.strerror}",
            fix="Check the disk, run `strongroom audit verify` and start Strongroom again.",
        )
        raise self._sync_failure from error

    def note(self, reached: Head) -> None:
        """Note how far the trail reaches on the disk.

        Raises:
            AuditUnavailable: It could not be noted.
        """
        try:
            write_head(self._head, reached)
        except OSError as error:
            raise AuditUnavailable(
                _CANNOT, why=f"{self._folder / HEAD_NAME} could not be written: {error.strerror}", fix="Check the disk."
            ) from error
        except HeadDamagedError as error:
            raise damaged_head(self._folder) from error

    def fileno(self) -> int:
        """The descriptor of the open file."""
        return self._descriptor

    def inspect(self) -> None:
        """Check without writing that the path still leads to the open file and that the file did not shrink.

        Raises:
            AuditUnavailable: It does not.
        """
        if self._checked_size() is None and not self._is_followed():
            raise tampered(self._folder, "was replaced by another file")

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the lock that orders the writers. ``flock`` (2) dies with its process, so a crash cannot leave it.

        Gives the file's length. When another process began the next file, this one goes over to it.
        """
        with self._mutex:
            self._lock_file()
            try:
                went_over = False
                while (size := self._checked_size()) is None:
                    self._go_over()
                    went_over = True
                if went_over:  # only now, for a file that was closed meanwhile does not reach as far as the trail does
                    self._learn_start()
                    self._check_head()
                yield size
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _go_over(self) -> None:
        """Leave the file, which was closed, for the one that was begun after it."""
        if not self._is_followed():
            raise tampered(self._folder, "was replaced by another file")
        try:
            self._become(os.open(self._path, OPEN_FLAGS))
        except OSError as error:
            raise failed_open(self._folder, error) from error
        self._lock_file()

    def _is_followed(self) -> bool:
        """Whether the file that is now at the path goes on where this one ended, or somewhere after that."""
        try:
            with self._path.open("rb") as file:
                line = file.readline(LONGEST_LINE)
            start = start_of(line.removesuffix(b"\n")) if line else end_of_closed(self._folder)
        except OSError as error:
            raise failed_open(self._folder, error) from error
        here = self._end
        return start is not None and (start == here or start.sequence > max(here.sequence, self._start.sequence))

    def _become(self, descriptor: int) -> None:
        """Take the place of the open file, whose lock goes with it; every holder of its number follows along."""
        os.dup2(descriptor, self._descriptor, inheritable=False)
        os.close(descriptor)
        self._settle_identity()
        self._size = 0
        self._switch_from = self._largest

    def _switch(self, size: int) -> int:
        """Close the file and begin the next one; answers the length of the file to go on with. For the lock's holder.

        When the next one cannot be begun, this one grows on, and it is tried again when it has grown by an eighth.
        """
        if size != self._size:
            self._learn_end(self._size)
        self.make_durable(Head(self._end.sequence, self._size, self._end.hash))
        try:
            descriptor = begin_next(self._folder, self._start.sequence + 1)
        except OSError:
            self._switch_from = self._size + self._largest // 8
            return self._size
        self._become(descriptor)
        try:
            sync_folder(self._folder)
        except OSError as error:
            self.refuse_after_failed_sync(error)
        self._start = self._end
        return 0

    def _lock_file(self) -> None:
        deadline = time.monotonic() + self._lock_timeout
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise AuditUnavailable(
                        _CANNOT,
                        why=f"another process has held the lock on {self._path} for {self._lock_timeout:g} seconds",
                        fix=f"Find it with `fuser -v {self._path}` and end it if it hangs.",
                    ) from error
            else:
                return
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _settle_identity(self) -> None:
        for descriptor, name in ((self._descriptor, TRAIL_NAME), (self._head, HEAD_NAME)):
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise AuditUnavailable(
                    _CANNOT, why=f"{self._folder / name} is not a plain file", fix="Move it away and start again."
                )
        status = os.fstat(self._descriptor)
        self._identity = (status.st_dev, status.st_ino)

    def _checked_size(self) -> int | None:
        """The file's length, after checking that it is still there; None when another file is at the path."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
        except OSError as error:
            gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
            raise tampered(
                self._folder, "was deleted or moved away" if gone else f"is out of reach: {error.strerror}"
            ) from error
        if (status.st_dev, status.st_ino) != self._identity:
            return None
        if status.st_size < self._size:
            raise tampered(self._folder, f"shrank from {self._size} to {status.st_size} bytes")
        return status.st_size

    def _first_line(self) -> bytes:
        """What stands before the file's first newline."""
        return os.pread(self._descriptor, LONGEST_LINE, 0).partition(b"\n")[0]

    def _learn_start(self) -> None:
        """Learn what the file begins with and ends with."""
        self._start = Link()
        try:
            line = self._first_line()
            start = start_of(line) if line else end_of_closed(self._folder)
        except OSError as error:
            raise failed_open(self._folder, error) from error
        self._start = start or Link()
        self._learn_end(0)

    def _learn_end(self, known: int) -> None:
        """Read the last record, after moving away what a writer that died half way left behind it.

        Args:
            known: A length at which a line is known to end.
        """
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            size = self._set_torn_aside(size, known)
        self._end = self._record_ending_at(size)
        self._size = size

    def _record_ending_at(self, size: int) -> Link:
        """The record whose newline is the byte before ``size``."""
        if size == 0:
            return self._start
        line = self._read_line_back(size - 1)
        parts = parse(line)
        if parts is None:
            raise tampered(self._folder, f"holds something that is not a record at byte {size - 1 - len(line)}")
        return Link(parts[0], hash_of(line))

    def _read_line_back(self, end: int) -> bytes:
        """The bytes from the last newline before ``end`` (or the start of the file) up to ``end``."""
        length = _TAIL_BYTES
        while True:
            start = max(0, end - length)
            block = os.pread(self._descriptor, end - start, start)
            newline = block.rfind(b"\n")
            if newline >= 0 or start == 0:
                return block[newline + 1 :]
            length *= 4

    def _set_torn_aside(self, size: int, known: int) -> int:
        """Move the bytes after the last newline into a file of their own, durably, and cut them off the trail."""
        torn = self._read_line_back(size)
        whole = size - len(torn)
        if whole < known:
            raise tampered(self._folder, "was rewritten")
        sequence = self._record_ending_at(whole).sequence + 1
        write_aside(self._folder, f"{TORN_PREFIX}{sequence}", torn)
        os.ftruncate(self._descriptor, whole)
        os.fdatasync(self._descriptor)
        return whole

    def _check_head(self) -> None:
        """Compare the trail with the note of how far it once reached, and begin the note if there is none."""
        try:
            head = read_head_from(self._head)
        except HeadDamagedError as error:
            raise damaged_head(self._folder) from error
        if head is None:
            write_head(self._head, Head(self._end.sequence, self._size, self._end.hash))
        elif head.sequence < self._start.sequence:
            return  # it stands in a closed file
        elif head.sequence == self._start.sequence:
            if head.hash != self._start.hash:
                raise tampered(self._folder, f"does not continue record {head.sequence} as it was written")
        elif self._size < head.size:
            raise tampered(
                self._folder, f"ends at record {self._end.sequence}, but once reached record {head.sequence}"
            )
        elif self._record_ending_at(head.size) != Link(head.sequence, head.hash):
            raise tampered(self._folder, f"no longer holds record {head.sequence} as it was written")

    def _refuse_if_sync_failed(self) -> None:
        if self._sync_failure is not None:
            raise self._sync_failure.again()

    def _write_records(self, events: Sequence[bytes], size: int) -> Head:
        """Write ``events`` as the next records of the file, which is ``size`` long. For the holder of the lock."""
        if size != self._size:
            self._learn_end(self._size)
        lines, end = chain(self._end, events)
        self._write(lines)
        self._end = end
        self._size += len(lines)
        return Head(end.sequence, self._size, end.hash)

    def _write(self, lines: bytes) -> None:
        """Write all of ``lines``, or cut the file back to where it was."""
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            # If cutting back fails too, the next writer finds a torn line and sets it aside.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise AuditUnavailable(
                _CANNOT,
                why=f"{self._path} could not be written: {error.strerror}",
                fix="Make room on that file system; recording resumes by itself.",
            ) from error
