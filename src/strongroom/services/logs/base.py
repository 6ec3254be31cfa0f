"""What every group of operations of CloudWatch Logs is made of."""

from __future__ import annotations

from strongroom.keyring import Keyring
from strongroom.store import Store
from strongroom.world import World

__all__ = ["Operations"]


class Operations:
    """A group of operations. `strongroom.services.logs.Logs` is made of them.

    Args:
        _store: Every service is built with the store; this one acts in the one that its calls bring.
        keyring: Seals and opens messages.
        _world: Every service is built with the world; the calls bring the time.
    """

    def __init__(self, _store: Store, keyring: Keyring, _world: World) -> None:
        self._keyring = keyring
