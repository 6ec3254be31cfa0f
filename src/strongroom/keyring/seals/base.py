"""What every seal can do."""

from __future__ import annotations

from typing import Protocol

from strongroom.keyring.root import RootKey
from strongroom.keyring.seals.entry import SealEntry

__all__ = ["Seal"]


class Seal(Protocol):
    """One way of keeping the root key."""

    @property
    def kind(self) -> str:
        """The name of this kind of seal."""
        ...

    def seal(self, root_key: RootKey) -> SealEntry:
        """Put a root key under this seal.

        Raises:
            OperatorError: It cannot be done; no existing root key has been lost.
        """
        ...

    def open(self, entry: SealEntry) -> RootKey:
        """The root key that ``entry`` was made for.

        Raises:
            OperatorError: The entry is of another kind or damaged, or what the seal was given does not open it.
        """
        ...
