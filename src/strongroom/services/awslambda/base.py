"""What every group of Lambda's operations is made of."""

from __future__ import annotations

from strongroom.keyring import Keyring
from strongroom.services.awslambda.events import EventQueue
from strongroom.services.clients import FunctionInvoker, IamClient
from strongroom.store import Store
from strongroom.world import World

__all__ = ["Operations"]


class Operations:
    """A group of operations. `strongroom.services.awslambda.Lambda` is made of them.

    Args:
        _store: Every service is built with the store; Lambda acts in the one that its calls bring.
        keyring: Seals code and environment variables.
        world: Entropy for revision ids.
        iam: Checks the execution roles of functions.
        invoker: Runs functions, or reaches the process that does.
    """

    def __init__(self, _store: Store, keyring: Keyring, world: World, iam: IamClient, invoker: FunctionInvoker) -> None:
        self._keyring = keyring
        self._entropy = world.entropy
        self._iam = iam
        self._invoker = invoker
        self._events = EventQueue(invoker)
