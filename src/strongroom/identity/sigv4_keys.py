"""Keeps derived signing keys, so that a request costs half an HMAC instead of five."""

from __future__ import annotations

from collections import OrderedDict

from strongroom.identity.sigv4_canonical import derive_signing_key
from strongroom.keyring.keyed_hmac import KeyedHmac

__all__ = ["Scope", "SigningKeyCache"]

Scope = tuple[str, str, str, str]
"""Access key id, date as ``YYYYMMDD``, region, service: what a credential names."""

_Slot = tuple[Scope, str]
_NOBODYS_SECRET = "x" * 40


class SigningKeyCache:
    """A bounded cache of derived signing keys; the least recently used goes first. For one event loop.

    A key is found by the secret itself as well as by its scope: when a secret changes, its old keys are unreachable.

    Args:
        capacity: How many keys to keep. A client uses one per day, region and service.
    """

    __slots__ = ("_capacity", "_keys", "_nobody")

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._keys: OrderedDict[_Slot, KeyedHmac] = OrderedDict()
        self._nobody: OrderedDict[_Slot, KeyedHmac] = OrderedDict()

    def key(self, scope: Scope, secret_access_key: str) -> KeyedHmac:
        """The signing key of ``secret_access_key`` for ``scope``."""
        return self._from(self._keys, scope, secret_access_key)

    def nobodys_key(self, scope: Scope) -> KeyedHmac:
        """A key at the same cost as `key`, for an access key that does not exist. It signs nothing.

        Kept apart so that made-up key ids cannot push real keys out.
        """
        return self._from(self._nobody, scope, _NOBODYS_SECRET)

    def forget(self, access_key_id: str) -> None:
        """Drop every key derived for ``access_key_id``: it was deleted, deactivated or replaced."""
        for keys in (self._keys, self._nobody):
            for slot in [slot for slot in keys if slot[0][0] == access_key_id]:
                del keys[slot]

    def __len__(self) -> int:
        return len(self._keys)

    def _from(self, keys: OrderedDict[_Slot, KeyedHmac], scope: Scope, secret: str) -> KeyedHmac:
        slot = (scope, secret)
        key = keys.get(slot)
        if key is None:
            _, date, region, service = scope
            key = keys[slot] = KeyedHmac(derive_signing_key(secret, date, region, service))
            if len(keys) > self._capacity:
                keys.popitem(last=False)
        else:
            keys.move_to_end(slot)
        return key
