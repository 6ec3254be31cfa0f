"""What every group of IAM operations stands on."""

from __future__ import annotations

from strongroom.keyring import Keyring
from strongroom.store import Store
from strongroom.world import World

__all__ = ["Operations"]


class Operations:
    """A group of operations. `strongroom.services.iam.Iam` is made of them.

    Args:
        _store: Every service is built with the store; IAM acts in the one that its calls bring.
        keyring: Seals the secrets of access keys.
        world: Entropy for ids and keys.
    """

    def __init__(self, _store: Store, keyring: Keyring, world: World) -> None:
        self._keyring = keyring
        self._entropy = world.entropy
