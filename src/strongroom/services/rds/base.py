"""What every group of operations stands on."""

from __future__ import annotations

from typing import Final

from strongroom.keyring import Keyring
from strongroom.services.clients import SecretsClient
from strongroom.services.rds.credentials import Credentials
from strongroom.services.rds.engines import Databases
from strongroom.services.rds.rotation import MasterRotation
from strongroom.services.rds.shapes import Shapes
from strongroom.services.rds.trials import LoginTrials
from strongroom.store import Store
from strongroom.world import World

__all__ = ["SETTLE_MS", "Operations"]

SETTLE_MS: Final = 30_000
"""How long a request has to change a password before the background takes the change over."""


class Operations:
    """A group of operations. `strongroom.services.rds.Rds` is made of them.

    Args:
        store: Where databases are.
        keyring: Seals passwords that are in no secret.
        world: Clock and entropy.
        secrets: Secrets Manager.
        databases: The drivers.
    """

    def __init__(
        self, store: Store, keyring: Keyring, world: World, secrets: SecretsClient, databases: Databases
    ) -> None:
        self.store = store
        self.world = world
        self.credentials = Credentials(store, keyring, world, secrets, databases)
        self.rotation = MasterRotation(store, world, secrets, self.credentials)
        self.trials = LoginTrials(secrets, databases)
        self._secrets = secrets
        self._shapes = Shapes(secrets)
