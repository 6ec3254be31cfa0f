"""A file or a named pipe that gets every record."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from strongroom.audit.sinks.descriptors import StreamSink
from strongroom.audit.sinks.sink import SinkFailed

__all__ = ["FileSink"]

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class FileSink:
    """Appends lines to a file, and syncs it. A file that was moved away, as logrotate does, is begun again.

    Args:
        path: The file, made with mode 0600, or a named pipe that is there.
        timeout_seconds: How long a pipe may take for a batch.
    """

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._descriptor = -1
        self._pipe: StreamSink | None = None

    def send(self, lines: Sequence[bytes]) -> None:
        """Append ``lines``; see `Sink.send`. Either all of them are in the file afterwards or none."""
        try:
            self._open()
            if self._pipe is None:
                self._append(b"".join(line + b"\n" for line in lines))
                return
        except OSError as error:
            self.close()
            why = "nobody reads that pipe" if error.errno == errno.ENXIO else error.strerror
            raise SinkFailed(f"{self._path} cannot be written: {why}") from error
        try:
            self._pipe.send(lines)
        except SinkFailed:
            if not self._has_reader():
                self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._pipe = None

    def _open(self) -> None:
        if self._descriptor >= 0 and not self._is_at_path():
            self.close()
        if self._descriptor >= 0:
            return
        self._descriptor = os.open(self._path, _FLAGS, 0o600)
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self._pipe = StreamSink(self._descriptor, str(self._path), self._timeout)

    def _is_at_path(self) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        return False

    def _append(self, content: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fdatasync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def _has_reader(self) -> bool:
        """Whether somebody has the pipe open; a line cut for a reader that is gone need not be finished."""
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError:
            return False
        return True
