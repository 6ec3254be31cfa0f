"""The trail's file: locked, chained, written whole or not at all, and watched for tampering.

Several processes append to one file. A batch goes like this: take the lock (bounded wait); check that the path still
leads to this file and that it did not shrink; learn the end of the chain, which is free when nobody else wrote; write
all lines; give the lock back; sync; note the new end in ``trail.head``. Syncing outside of the lock lets processes
overlap: a sync covers everything written before it, whoever wrote it.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from strongroom.audit.head import HEAD_NAME, Head, HeadDamagedError, read_head_from, write_head
from strongroom.audit.record import Link, chain, hash_of, parse
from strongroom.audit.unavailable import AuditUnavailable

__all__ = ["TORN_PREFIX", "TRAIL_NAME", "TrailFile"]

TRAIL_NAME = "trail.jsonl"
TORN_PREFIX = "trail.torn-"
"""Start of the names of files that hold the bytes of half-written records."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_FIRST_PAUSE_SECONDS = 0.000_05
_LONGEST_PAUSE_SECONDS = 0.005
_TAIL_BYTES = 8192
_BLOCK_BYTES = 1 << 20

_CANNOT = "The audit trail cannot record."
_SET_ASIDE = (
    "Find out who changed it. Put the original file back, or, to begin a new trail, stop Strongroom, move {folder} "
    "away as evidence and start again."
)


class TrailFile:
    """The file ``trail.jsonl`` of one folder, opened for appending by one process.

    Args:
        folder: The audit folder, host configuration and never an API parameter.
        lock_timeout_seconds: How long to wait for another process that holds the lock.
    """

    __slots__ = (
        "_descriptor",
        "_end",
        "_folder",
        "_head",
        "_identity",
        "_lock_timeout",
        "_mutex",
        "_path",
        "_size",
        "_sync_failure",
    )

    def __init__(self, folder: Path, lock_timeout_seconds: float) -> None:
        self._folder = folder
        self._path = folder / TRAIL_NAME
        self._lock_timeout = lock_timeout_seconds
        self._mutex = threading.Lock()  # orders the threads of this process, which ``flock`` does not tell apart
        self._descriptor = -1
        self._head = -1
        self._identity = (0, 0)
        self._size = 0
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
            self._descriptor = os.open(self._path, _FLAGS if known else _FLAGS | os.O_CREAT, 0o600)
            self._head = os.open(
                self._folder / HEAD_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600
            )
            self._settle_identity()
            with self._locked():
                self._learn_end(0)
                self._check_head()
            _sync_folder(self._folder)
        except OSError as error:
            self.close()
            raise self._failed_open(error) from error
        except AuditUnavailable:
            self.close()
            raise

    def close(self) -> None:
        """Close the files. Calling it again does nothing."""
        for descriptor in (self._descriptor, self._head):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._head = -1

    def append(self, events: Sequence[bytes]) -> None:
        """Write ``events`` as the next records and return when they are on the disk.

        Args:
            events: Serialised JSON objects without raw newlines.

        Raises:
            AuditUnavailable: None of them is recorded, or their durability is unknown.
        """
        self._refuse_if_sync_failed()
        with self._locked():
            reached = self._write_records(events)
        self.make_durable(reached)

    def try_write(self, events: Sequence[bytes]) -> Head | None:
        """Write ``events`` as the next records without syncing them.

        Args:
            events: Serialised JSON objects without raw newlines.

        Returns:
            How far the trail reaches with them, for `note` or `make_durable`; None when another writer holds the lock.

        Raises:
            AuditUnavailable: None of them is recorded.
        """
        self._refuse_if_sync_failed()
        if not self._mutex.acquire(blocking=False):
            return None
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            try:
                return self._write_records(events)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        finally:
            self._mutex.release()

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
            raise self._damaged_head() from error

    def fileno(self) -> int:
        """The descriptor of the open file."""
        return self._descriptor

    def inspect(self) -> None:
        """Check without writing that the path still leads to the open file and that the file did not shrink.

        Raises:
            AuditUnavailable: It does not.
        """
        self._checked_size()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock that orders the writers. ``flock`` (2) dies with its process, so a crash cannot leave it."""
        with self._mutex:
            self._lock_file()
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

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

    def _checked_size(self) -> int:
        """The file's length, after checking that it is still the file at the path."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
        except OSError as error:
            gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
            raise self._tampered(
                "was deleted or moved away" if gone else f"is out of reach: {error.strerror}"
            ) from error
        if (status.st_dev, status.st_ino) != self._identity:
            raise self._tampered("was replaced by another file")
        if status.st_size < self._size:
            raise self._tampered(f"shrank from {self._size} to {status.st_size} bytes")
        return status.st_size

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
            return Link()
        line = self._read_line_back(size - 1)
        parts = parse(line)
        if parts is None:
            raise self._tampered(f"holds something that is not a record at byte {size - 1 - len(line)}")
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
            raise self._tampered("was rewritten")
        sequence = self._record_ending_at(whole).sequence + 1
        _write_durably(self._folder, f"{TORN_PREFIX}{sequence}", torn)
        os.ftruncate(self._descriptor, whole)
        os.fdatasync(self._descriptor)
        return whole

    def _check_head(self) -> None:
        """Compare the trail with the note of how far it once reached, and begin the note if there is none."""
        try:
            head = read_head_from(self._head)
        except HeadDamagedError as error:
            raise self._damaged_head() from error
        if head is None:
            write_head(self._head, Head(self._end.sequence, self._size, self._end.hash))
        elif self._size < head.size:
            raise self._tampered(f"ends at record {self._end.sequence}, but once reached record {head.sequence}")
        elif self._record_ending_at(head.size) != Link(head.sequence, head.hash):
            raise self._tampered(f"no longer holds record {head.sequence} as it was written")

    def _refuse_if_sync_failed(self) -> None:
        if self._sync_failure is not None:
            raise self._sync_failure.again()

    def _write_records(self, events: Sequence[bytes]) -> Head:
        """Write ``events`` as the next records. For the holder of the lock."""
        size = self._checked_size()
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

    def _tampered(self, finding: str) -> AuditUnavailable:
        return AuditUnavailable(_CANNOT, why=f"{self._path} {finding}", fix=_SET_ASIDE.format(folder=self._folder))

    def _damaged_head(self) -> AuditUnavailable:
        return AuditUnavailable(
            _CANNOT,
            why=f"{self._folder / HEAD_NAME} is damaged",
            fix="Run `strongroom audit verify`. If the trail itself is whole, delete that file and start again.",
        )

    def _failed_open(self, error: OSError) -> AuditUnavailable:
        if error.errno == errno.ENOENT and error.filename == os.fspath(self._path):
            return self._tampered("was deleted or moved away")
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return AuditUnavailable(
                _CANNOT, why=f"{error.filename} is not a plain file", fix="Move it away and start again."
            )
        return AuditUnavailable(
            _CANNOT,
            why=f"{error.filename or self._path} cannot be opened: {error.strerror}",
            fix=f"Give the user that runs Strongroom a folder {self._folder} that it owns, with room on its disk.",
        )


def _write_durably(folder: Path, name: str, content: bytes) -> None:
    """Write ``content`` to a new file called ``name``, or ``name.2`` and so on when that exists."""
    for attempt in range(1, 1000):
        path = folder / (name if attempt == 1 else f"{name}.{attempt}")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue
        try:
            for start in range(0, len(content), _BLOCK_BYTES):
                os.write(descriptor, content[start : start + _BLOCK_BYTES])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(folder)
        return
    raise AuditUnavailable(_CANNOT, why=f"{folder} holds a thousand files {name}", fix="Move them away.")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
