"""Let go of what a process has opened of keys that must not be used any more.

A request that meets a disabled key lets go of it, but nobody may ever ask for a deleted key again, and each process
opens keys of its own. So each process looks through what it holds whenever the epoch has moved, which every change of
a key moves. It costs nothing while no policy, key or credential changes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

from sqlalchemy import bindparam, select

from strongroom.keyring import Keyring
from strongroom.services.kms.keys import ENABLED
from strongroom.services.kms.names import local_key_arn
from strongroom.store import Statement, Store, Transaction
from strongroom.store.schema import kms_keys

__all__ = ["Forgetting"]

_AT_ONCE: Final = 100
_PARAMETERS: Final = tuple(f"arn_{number}" for number in range(_AT_ONCE))
_USABLE: Final = Statement(
    select(kms_keys.c.arn)
    .where(kms_keys.c.arn.in_([bindparam(name) for name in _PARAMETERS]))
    .where(kms_keys.c.state == ENABLED)
)


class Forgetting:
    """Looks through the opened keys of one process, in turns.

    Args:
        store: Where keys live.
        keyring: What holds them opened.
        regions: The regions of the installation.
    """

    __slots__ = ("_keyring", "_looked", "_regions", "_settled", "_store")

    def __init__(self, store: Store, keyring: Keyring, regions: Collection[str]) -> None:
        self._store = store
        self._keyring = keyring
        self._regions = regions
        self._looked = -1
        self._settled = -1

    async def turn(self) -> None:
        """Forget every key that is disabled, pending or gone, if anything has changed since the last turns.

        A request that was under way when the epoch moved may open a key once more after this has looked. So an epoch
        is settled when it was looked at in two turns.
        """
        epoch = await self._store.epoch()
        if epoch == self._settled:
            return
        names = sorted(self._keyring.opened_keys())
        for start in range(0, len(names), _AT_ONCE):
            await self._look(names[start : start + _AT_ONCE])
        if epoch == self._looked:
            self._settled = epoch
        self._looked = epoch

    async def _look(self, names: Sequence[str]) -> None:
        """Forget those of some keys that can be used in no region."""
        arns = {name: self._arns(name) for name in names}
        asked = [arn for found in arns.values() for arn in found]
        usable: set[str] = set()
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            usable |= await self._store.read(partial(_usable, arns=some), single=True)
        self._keyring.forget(*(name for name, found in arns.items() if usable.isdisjoint(found)))

    def _arns(self, name: str) -> set[str]:
        """The ARNs of the keys that a name in ciphertexts stands for: several, of a multi-Region key."""
        found = (local_key_arn(name, region) for region in self._regions)
        return {arn for arn in found if arn is not None}


def _usable(transaction: Transaction, arns: Sequence[str]) -> set[str]:
    """Those of up to `_AT_ONCE` keys that are enabled."""
    filled = (*arns, *("",) * (_AT_ONCE - len(arns)))
    return {row[0] for row in transaction.all(_USABLE, dict(zip(_PARAMETERS, filled, strict=True)))}
