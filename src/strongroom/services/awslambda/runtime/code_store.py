"""The unpacked code of functions and layers: one folder per archive, and one per combination of layers.

A folder is written beside its place and renamed, so a half-unpacked one is never run.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from strongroom.errors import AwsError
from strongroom.services.awslambda.runtime.unpack import UNPACKED_LIMIT, lay_over, remove_tree, unpack_archive

__all__ = ["CodeStore", "combination_name"]


def combination_name(archives: Sequence[str]) -> str:
    """The name of the folder of several layers, laid over each other in this order.

    Args:
        archives: The SHA-256 of their archives, lower-case hex, the lowest first.
    """
    return f"layers-{hashlib.sha256(' '.join(archives).encode()).hexdigest()}"


class CodeStore:
    """The folders.

    Only what this object unpacked itself is used: whatever lies in the folder when it is created is removed.
    """

    def __init__(self, folder: Path) -> None:
        """Take ``folder`` over, emptying it."""
        self._folder = folder
        self._locks: dict[str, asyncio.Lock] = {}
        self._sizes: dict[str, int] = {}
        remove_tree(folder)
        # Others may pass through (a confined process under its own user must reach its code) but not look around.
        folder.mkdir(parents=True, mode=0o700)
        folder.chmod(0o711)

    async def folder(self, sha256: str, load: Callable[[], Awaitable[bytes]]) -> Path:
        """The folder with the code of the archive ``sha256``, unpacked now if it was not yet.

        Args:
            sha256: Lower-case hex SHA-256 of the archive.
            load: Answers the archive; called only when it is needed.

        Raises:
            AwsError: CodeVerificationFailedException when the archive is another one than it should be,
                InvalidParameterValueException when it cannot be unpacked.
        """
        lock = self._locks.setdefault(sha256, asyncio.Lock())
        async with lock:
            target = self._folder / sha256
            if sha256 not in self._sizes:
                data = await load()
                self._sizes[sha256] = await asyncio.to_thread(_unpack, data, sha256, target)
            return target

    async def combined(self, archives: Sequence[str]) -> Path:
        """One folder with several archives, which are unpacked already, laid over each other.

        Args:
            archives: As for `combination_name`.
        """
        if len(archives) == 1:
            return self._folder / archives[0]
        name = combination_name(archives)
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            target = self._folder / name
            if name not in self._sizes:
                partial = target.with_name(f"{name}.partial")
                await asyncio.to_thread(remove_tree, partial)
                await asyncio.to_thread(lay_over, [self._folder / archive for archive in archives], partial)
                partial.rename(target)
                self._sizes[name] = 0
            return target

    def require_room(self, archives: Sequence[str]) -> None:
        """Refuse a function whose code and layers, all unpacked, are more than Lambda allows together.

        Raises:
            AwsError: InvalidParameterValueException.
        """
        size = sum(self._sizes[archive] for archive in archives)
        if size > UNPACKED_LIMIT:
            raise AwsError(
                "InvalidParameterValueException",
                f"Function code combined with layers exceeds the maximum allowed size of {UNPACKED_LIMIT} bytes. "
                f"The actual size is {size} bytes.",
            )

    async def forget(self, name: str, is_used: Callable[[str], bool]) -> None:
        """Remove a folder, unless it is used again.

        Args:
            name: The SHA-256 of an archive, or a `combination_name`.
            is_used: Whether a process has the folder, or will ask for it. Asked when nobody can get the folder any more
                before it is gone.
        """
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            if not is_used(name):
                self._sizes.pop(name, None)
                await asyncio.to_thread(remove_tree, self._folder / name)
        if not lock.locked():
            self._locks.pop(name, None)


def _unpack(data: bytes, sha256: str, target: Path) -> int:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise AwsError("CodeVerificationFailedException", "The stored code does not match its SHA-256.")
    partial = target.with_name(f"{sha256}.partial")
    remove_tree(partial)
    size = unpack_archive(data, partial)
    partial.rename(target)
    return size
