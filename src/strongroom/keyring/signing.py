"""Signatures that the system makes for itself: over the checkpoints of the audit trail.

Ed25519 (RFC 8032). The private key is derived from the system seed, like every key for the system's own purposes, so
it is nowhere at rest, stays the same when the root key is followed by another, and comes back with a backup. The public
key may be shown to everyone; whoever has it can check what was signed and sign nothing.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from strongroom.keyring.sealing import HoldsKey

__all__ = ["PUBLIC_KEY_LENGTH", "SigningKey", "is_signed", "public_key_from_pem", "public_key_to_pem"]

PUBLIC_KEY_LENGTH: Final = 32
"""Bytes of a public key (RFC 8032, section 5.1.5)."""


class SigningKey(HoldsKey):
    """An Ed25519 key.

    Args:
        seed: The private key, 32 bytes.

    Attributes:
        public_key: The public key, 32 bytes.
    """

    __slots__ = ("_key", "public_key")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature of ``message``, 64 bytes; the same each time."""
        return self._key.sign(message)


def is_signed(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is one of ``message`` by the key that ``public_key`` (32 bytes) belongs to."""
    if len(public_key) != PUBLIC_KEY_LENGTH:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def public_key_to_pem(public_key: bytes) -> bytes:
    """A public key as PEM (SubjectPublicKeyInfo, RFC 8410), which ``openssl pkey -pubin`` reads."""
    return Ed25519PublicKey.from_public_bytes(public_key).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_key_from_pem(pem: bytes) -> bytes | None:
    """What `public_key_to_pem` was given; None when ``pem`` is no Ed25519 public key."""
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        return None
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else None
