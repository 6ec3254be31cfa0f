"""Where backups are kept: what every such place can do, and the one that is a folder."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from strongroom.backup.format import BackupHeader, Sink
from strongroom.errors import OperatorError
from strongroom.keyring.private_file import sync_folder
from strongroom.world import from_milliseconds

__all__ = ["Folder", "Kept", "Place", "is_backup_name", "name_of"]

_NAME: Final = re.compile(r"strongroom-[0-9a-f]{8}-[0-9]{8}T[0-9]{9}Z-[0-9a-f]{8}\.backup")
_PART: Final = ".part"


def name_of(header: BackupHeader) -> str:
    """The name of a backup: the installation and the time, so that names of one installation sort by age."""
    moment = from_milliseconds(header.created_ms)
    stamp = f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03}Z"
    return f"strongroom-{header.installation[:8]}-{stamp}-{header.id[:8]}.backup"


def is_backup_name(name: str) -> bool:
    """Whether a name is one that `name_of` gives: nothing else is listed, and nothing else is ever deleted."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup in its place.

    Attributes:
        name: Its name.
        size: Its length in bytes.
    """

    name: str
    size: int


class Place(Protocol):
    """Keeps backups. Every method raises `OperatorError` when the place cannot be reached or used."""

    def prepare(self) -> None:
        """Make the place if it is missing and can be made."""
        ...

    def writing(self, name: str) -> AbstractContextManager[Sink]:
        """Take a new backup. It is there, durable, when the block ends well; otherwise there is nothing of it."""
        ...

    def reading(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Give a backup back, from its beginning."""
        ...

    def kept(self) -> list[Kept]:
        """The backups that are there, oldest first by name."""
        ...

    def delete(self, name: str) -> None:
        """Remove a backup."""
        ...


class Folder:
    """A folder of this machine. A backup is written under another name first, and renamed when it is on disk.

    Args:
        path: The folder; it is made (0700) by the first backup.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """See `Place`."""
        with self._told():
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def writing(self, name: str) -> Iterator[Sink]:
        """See `Place`."""
        self.prepare()
        part = self._path / f"{name}{_PART}"
        with self._told():
            self._remove_leftovers()
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # tells a backup that is being written from a leftover
                with os.fdopen(descriptor, "wb", closefd=False) as file:
                    yield file
                os.fsync(descriptor)
                part.rename(self._path / name)
                sync_folder(self._path)
            finally:
                part.unlink(missing_ok=True)
                os.close(descriptor)

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """See `Place`."""
        with self._told(), (self._path / name).open("rb") as file:
            yield file

    def kept(self) -> list[Kept]:
        """See `Place`."""
        with self._told():
            found = [entry for entry in self._path.iterdir() if is_backup_name(entry.name)]
            return sorted((Kept(entry.name, entry.stat().st_size) for entry in found), key=lambda kept: kept.name)

    def delete(self, name: str) -> None:
        """See `Place`."""
        with self._told():
            (self._path / name).unlink(missing_ok=True)
            sync_folder(self._path)

    def _remove_leftovers(self) -> None:
        """Remove what killed backups left: nobody holds its lock."""
        for part in self._path.glob(f"*{_PART}"):
            if not is_backup_name(part.name.removesuffix(_PART)):
                continue
            with part.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                part.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OperatorError(
                f"The backups in {self._path} could not be used.",
                why=error.strerror or type(error).__name__,
                fix="check that the folder or file exists, has free space, and belongs to this user",
            ) from None
