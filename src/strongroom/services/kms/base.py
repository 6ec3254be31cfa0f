"""What the groups of operations share."""

from __future__ import annotations

from collections.abc import Collection

from strongroom.keyring import Keyring
from strongroom.services.kms.cipher import Cipher
from strongroom.services.kms.creation import KeyMaker
from strongroom.services.kms.directory import KeyDirectory
from strongroom.services.kms.forgetting import Forgetting
from strongroom.store import Store
from strongroom.world import World

__all__ = ["KmsBase"]


class KmsBase:
    """The parts of KMS that its operations are made of.

    Args:
        store: Where keys live.
        keyring: Makes and opens key material.
        world: Clock and entropy.
        regions: The regions of the installation, which multi-Region keys can spread over.

    Attributes:
        directory: Finds and guards keys.
        cipher: Encrypts and decrypts under them.
        maker: Makes them.
        forgetting: Lets go of what was opened of keys that must not be used any more.
    """

    def __init__(self, store: Store, keyring: Keyring, world: World, regions: Collection[str] = frozenset()) -> None:
        self._store = store
        self._keyring = keyring
        self._world = world
        self._regions = regions
        self.directory = KeyDirectory(keyring)
        self.cipher = Cipher(keyring, world)
        self.maker = KeyMaker(keyring, world)
        self.forgetting = Forgetting(store, keyring, regions)
