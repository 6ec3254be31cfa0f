"""The service: every group of operations in one class."""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.keyring import Keyring
from strongroom.services.sts.identities import IdentityOperations
from strongroom.services.sts.issuers import AdmittedIssuer
from strongroom.services.sts.roles import RoleOperations
from strongroom.services.sts.users import UserOperations
from strongroom.services.sts.web_identity import WebIdentityOperations
from strongroom.store import Store
from strongroom.world import World

__all__ = ["Sts"]


class Sts(WebIdentityOperations, IdentityOperations, RoleOperations, UserOperations):
    """AWS Security Token Service.

    Args:
        _store: Every service is built with the store; STS acts in the one that its calls bring.
        keyring: Seals session tokens.
        world: Entropy for temporary keys, and the time.
        issuers: The issuers of web identity tokens that the operator of the host admits.
    """

    def __init__(self, _store: Store, keyring: Keyring, world: World, issuers: Sequence[AdmittedIssuer] = ()) -> None:
        super().__init__(keyring, world, issuers)
