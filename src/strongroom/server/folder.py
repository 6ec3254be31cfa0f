"""The data folder: where everything of an installation lies, and whose it is.

installation.json    what this installation is: id, account, region, format
seal.json, root*.key the seals of the root key (`strongroom.keyring`)
seal.next.json       those of a root key that is about to follow it
store.sqlite         the store, unless PostgreSQL is used
admin.credentials    the administrator's access key, for AWS tools
audit/               the audit trail
server.lock          held by the server that owns the folder
server.json          where the running server listens
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from strongroom.errors import OperatorError

__all__ = ["DataFolder", "Installation", "write_private"]

_FORMAT: Final = 1
_NOT_FOREIGN: Final = frozenset({"strongroom.toml", "server.lock", "installation.json.new"})
"""What may lie in a folder without an installation: the operator's settings, and the first things a start writes."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What ``installation.json`` says.

    Args:
        id: A random id, kept in the store too, so that a folder and a store that do not belong together are noticed.
        account: The installation's AWS account id.
        region: The installation's home region.
        ready: Whether its first start was completed.
        format: The version of the folder's layout.
    """

    id: str
    account: str
    region: str
    ready: bool
    format: int = _FORMAT


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read: durable, and whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class DataFolder:
    """One data folder.

    Args:
        path: Where it is, or will be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.admin_credentials = self.path / "admin.credentials"
        self.audit = self.path / "audit"
        self.running = self.path / "server.json"
        self._installation = self.path / "installation.json"
        self._lock: int | None = None

    def create(self) -> None:
        """Make the folder (0700) if it is missing.

        Raises:
            OperatorError: It cannot be made, or belongs to something else.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            holds = {entry.name for entry in self.path.iterdir()}
        except OSError as error:
            raise OperatorError(
                f"The data folder {self.path} cannot be used.",
                why=error.strerror or type(error).__name__,
                fix="choose another with --data-dir, or correct its owner and permissions",
            ) from None
        if not self._installation.exists() and holds - _NOT_FOREIGN:
            raise OperatorError(
                f"The folder {self.path} holds other things and no Strongroom installation.",
                why="it has no installation.json",
                fix="choose an empty folder with --data-dir; if this was an installation, restore its backup",
            )
        if self.path.stat().st_mode & 0o077:
            self.path.chmod(0o700)

    def lock(self) -> None:
        """Take the folder for this server, until the process ends.

        Raises:
            OperatorError: Another server has it.
        """
        descriptor = os.open(self.path / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise OperatorError(
                f"Another Strongroom server is using {self.path}.",
                fix="stop it first (`strongroom status` shows it), or choose another folder with --data-dir",
            ) from None
        self._lock = descriptor

    def leave(self) -> None:
        """In a child of the server: close its copy of the lock, which stays with the server."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def installation(self) -> Installation | None:
        """What is installed here, or None in an empty folder.

        Raises:
            OperatorError: The file is damaged or of another format.
        """
        try:
            document = json.loads(self._installation.read_bytes())
            found = Installation(**document)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise OperatorError(
                f"{self._installation} is damaged.",
                why=type(error).__name__,
                fix="restore the data folder from a backup; nothing was changed",
            ) from None
        if found.format != _FORMAT:
            raise OperatorError(
                f"{self.path} was made by another version of Strongroom.",
                why=f"its format is {found.format}, this program knows {_FORMAT}",
                fix="run the version that made it, or migrate with a newer one",
            )
        return found

    def write_installation(self, installation: Installation) -> None:
        """Write ``installation.json``."""
        write_private(self._installation, json.dumps(asdict(installation), indent=2).encode() + b"\n")
