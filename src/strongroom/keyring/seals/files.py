"""The files of the seals in the data folder: each change of them is one step that happens whole or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring.private_file import read_private, sync_folder, write_private

__all__ = ["SealFiles"]

_LEFTOVERS: Final = (".seal*.json.*", ".root*.key.*")
"""What a killed `write` leaves behind: such a file may hold a root key."""


def _go_on(_step: str) -> None:
    """What happens before a step, normally."""


class SealFiles:
    """The files of the seals in one data folder.

    Args:
        folder: The data folder.
        step: Called before each step that changes the folder, with a few words on it. A test ends the process there.
    """

    def __init__(self, folder: Path, step: Callable[[str], None] = _go_on) -> None:
        self._folder = folder
        self.step = step

    def path(self, name: str) -> Path:
        """Where a file is."""
        return self._folder / name

    def holds(self, name: str) -> bool:
        """Whether there is something of this name."""
        return os.path.lexists(self._folder / name)

    def read(self, name: str, limit: int) -> bytes:
        """The content of a file.

        Args:
            name: The file.
            limit: How many bytes such a file has at most.

        Raises:
            OperatorError: It cannot be read, is too long, or is open to others than its owner.
        """
        return read_private(self._folder / name, limit)

    def write(self, name: str, content: bytes) -> None:
        """Put a file of mode 0600 in place of any other of its name, whole and on disk before this returns.

        Raises:
            OperatorError: It cannot be written.
        """
        write_private(self._folder / name, content, self.step)

    def rename(self, name: str, new_name: str) -> None:
        """Give a file another name, in place of any other.

        Raises:
            OperatorError: The folder cannot be written.
        """
        self.step(f"rename {name}")
        with self._told(name):
            (self._folder / name).replace(self._folder / new_name)
            sync_folder(self._folder)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            OperatorError: The folder cannot be written.
        """
        self.step(f"remove {name}")
        with self._told(name):
            (self._folder / name).unlink(missing_ok=True)
            sync_folder(self._folder)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Be the only one who changes the seals, and begin without what a killed change left behind.

        Raises:
            OperatorError: Another process is changing them.
        """
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise OperatorError(
                    f"The seals in {self._folder} are being changed by another process.",
                    fix="Wait until it is done, then try again.",
                ) from None
            for pattern in _LEFTOVERS:
                for path in self._folder.glob(pattern):
                    self.remove(path.name)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OperatorError(
                f"{self._folder / name} could not be renamed or removed.",
                why=error.strerror or type(error).__name__,
                fix=f"Check that {self._folder} is writable by this user.",
            ) from error
