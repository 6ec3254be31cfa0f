"""The root key: the one key that everything else in an installation hangs from.

It exists in memory and inside its seals, nowhere else. It wraps the key material of KMS keys, and the system seed: 32
random bytes that the keys for the system's own purposes are derived from. So a root key is followed by another one by
wrapping these few again; nothing else has to be touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.keyring.header import Layer, encode_header
from strongroom.keyring.kdf import KEY_LENGTH, derive
from strongroom.keyring.sealing import HoldsKey, SealingKey
from strongroom.keyring.signing import SigningKey
from strongroom.world import Entropy

__all__ = ["FINGERPRINT_LENGTH", "RootKey"]

FINGERPRINT_LENGTH: Final = 16
"""Bytes of a root key's fingerprint, before it is written as hexadecimal digits."""

_HEADER: Final = encode_header(Layer.ROOT, "root")
_FINGERPRINT_LABEL: Final = b"strongroom root key fingerprint"
_SYSTEM_KEY_LABEL: Final = b"strongroom system key"
_SIGNING_KEY_LABEL: Final = b"strongroom signing key"
_SEED_CONTEXT: Final = {"Strongroom": "system seed"}


class RootKey(HoldsKey):
    """A root key of 32 bytes.

    Args:
        key: The key.
        seed: What the system's own keys are derived from, 32 bytes; the root key itself if there is none.

    Attributes:
        fingerprint: 32 hexadecimal digits that tell one root key from another and nothing about the key. It is
            derived from the key, so it may be shown and stored.

    Raises:
        ValueError: The key is not 32 bytes long.
    """

    __slots__ = ("_key", "_sealing", "_seed", "fingerprint")

    def __init__(self, key: bytes, seed: bytes | None = None) -> None:
        self._key = key
        self._seed = key if seed is None else seed
        self._sealing = SealingKey(key, _HEADER)
        self.fingerprint = derive(key, _FINGERPRINT_LABEL, b"", FINGERPRINT_LENGTH).hex()

    @classmethod
    def generate(cls, entropy: Entropy) -> RootKey:
        """A new root key, 32 bytes from ``entropy``."""
        return cls(entropy.bytes(KEY_LENGTH))

    def expose(self) -> bytes:
        """The key itself, 32 bytes: for seals and for the handover to a child process only."""
        return self._key

    def wrap(self, plaintext: bytes, context: Mapping[str, str], entropy: Entropy) -> bytes:
        """Encrypt key material under the root key, bound to ``context``."""
        return self._sealing.seal(plaintext, context, entropy)

    def unwrap(self, blob: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt what `wrap` made.

        Raises:
            InvalidCiphertext: It is damaged, or belongs to another root key or context.
        """
        return self._sealing.open(blob, context)

    def new_system_seed(self, entropy: Entropy) -> bytes:
        """A new system seed, wrapped under this root key: the form in which it is stored."""
        return self.wrap(entropy.bytes(KEY_LENGTH), _SEED_CONTEXT, entropy)

    def with_system_seed(self, wrapped: bytes) -> RootKey:
        """This root key together with the system seed that it wraps.

        Raises:
            InvalidCiphertext: The seed is damaged, or belongs to another root key.
        """
        return RootKey(self._key, self.unwrap(wrapped, _SEED_CONTEXT))

    def rewrap_system_seed(self, wrapped: bytes, successor: RootKey, entropy: Entropy) -> bytes:
        """The system seed that this root key wraps, wrapped under the one that follows it.

        Raises:
            InvalidCiphertext: The seed is damaged, or belongs to another root key.
        """
        return successor.wrap(self.unwrap(wrapped, _SEED_CONTEXT), _SEED_CONTEXT, entropy)

    def system_key(self, purpose: str) -> SealingKey:
        """The key for one purpose of the system itself, always the same for the same seed and purpose."""
        key = derive(self._seed, _SYSTEM_KEY_LABEL, purpose.encode(), KEY_LENGTH)
        return SealingKey(key, encode_header(Layer.SYSTEM, purpose))

    def signing_key(self, purpose: str) -> SigningKey:
        """The signing key for one purpose of the system itself, always the same for the same seed and purpose."""
        return SigningKey(derive(self._seed, _SIGNING_KEY_LABEL, purpose.encode(), KEY_LENGTH))
