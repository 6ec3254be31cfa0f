"""Asks the kernel to sync a file, and to say when it has: no thread waits for the disk.

A thread that waits needs the interpreter's lock before and after each sync, just while the event loop is busy with it;
handing that lock to and fro costs a loaded worker more than everything else the trail does. Linux can be asked to sync
and to raise an eventfd when it is done, which an event loop watches like a socket.

Source: Linux ``io_submit(2)`` and ``linux/aio_abi.h``, operation IOCB_CMD_FDSYNC, there since Linux 4.18. The C library
has no functions for these system calls, so they are made by number. Where the kernel, the machine or a sandbox does not
offer them, `KernelSync.open` says so and the trail's thread does the work.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Final

__all__ = ["KernelSync"]

_SETUP, _DESTROY, _EVENTS, _SUBMIT = range(4)
_CALL_NUMBERS: Final = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
"""io_setup, io_destroy, io_getevents and io_submit, by machine."""

_FDSYNC: Final = 3  # IOCB_CMD_FDSYNC
_RAISES_EVENTFD: Final = 1  # IOCB_FLAG_RESFD
# struct iocb: data, key and flags, opcode, priority, file, buffer, length, offset, reserved, flags, eventfd
_REQUEST: Final = struct.Struct("<QQHhIQQqQII")
_RESULT: Final = struct.Struct("<QQqq")  # struct io_event: data, request, result, second result
_RESULT_AT: Final = 2


class KernelSync:
    """Syncs one file, one sync at a time. Made by `open`.

    Args:
        numbers: The numbers of the four system calls.
        descriptor: The file.
    """

    def __init__(self, numbers: tuple[int, int, int, int], descriptor: int) -> None:
        self._numbers = numbers
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._context = ctypes.c_ulong(0)
        self._checked(self._call(numbers[_SETUP], 1, ctypes.byref(self._context)))
        self._eventfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        request = _REQUEST.pack(0, 0, _FDSYNC, 0, descriptor, 0, 0, 0, 0, _RAISES_EVENTFD, self._eventfd)
        self._request = ctypes.create_string_buffer(request, _REQUEST.size)
        self._requests = (ctypes.c_void_p * 1)(ctypes.addressof(self._request))
        self._results = ctypes.create_string_buffer(_RESULT.size)

    @classmethod
    def open(cls, descriptor: int) -> KernelSync | None:
        """A `KernelSync` for an open file that was tried out, or None where there is no such thing."""
        numbers = _CALL_NUMBERS.get(platform.machine())
        if numbers is None or platform.system() != "Linux":
            return None
        try:
            made = cls(numbers, descriptor)
        except OSError:
            return None
        try:
            made.start()
            os.set_blocking(made.fileno(), True)
            made.finish()
            os.set_blocking(made.fileno(), False)
        except OSError:
            made.close()
            return None
        return made

    def fileno(self) -> int:
        """The descriptor that becomes readable when the sync has ended."""
        return self._eventfd

    def start(self) -> None:
        """Ask for a sync of what was written so far.

        Raises:
            OSError: The kernel does not take the request.
        """
        self._checked(self._call(self._numbers[_SUBMIT], self._context, 1, self._requests))

    def finish(self) -> None:
        """Take in the outcome of the sync that has ended.

        Raises:
            OSError: The sync failed; what was written is not known to be on the disk.
        """
        os.eventfd_read(self._eventfd)
        self._checked(self._call(self._numbers[_EVENTS], self._context, 1, 1, self._results, None))
        result = _RESULT.unpack(self._results.raw)[_RESULT_AT]
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    def close(self) -> None:
        """Wait for a sync that is under way, and give everything back to the kernel."""
        self._call(self._numbers[_DESTROY], self._context)
        os.close(self._eventfd)

    @staticmethod
    def _checked(answer: int) -> None:
        if answer < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
