"""Key material on its way in: wrapped by its owner under an RSA key that was made for this one transfer.

Source: KMS Developer Guide, "Importing key material": the owner of the material gets a public key, encrypts the
material with RSAES-OAEP (RFC 8017, section 7.1) and sends it with the token that came with the public key.

The private key is kept nowhere. It travels inside the token, sealed under a system key, and comes back with the
material.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from strongroom.keyring.header import InvalidCiphertext

__all__ = ["WRAPPING_ALGORITHMS", "TransferKey", "generate_transfer_key", "unwrap_material"]

_EXPONENT: Final = 65537

_HASHES: Final[dict[str, type[HashAlgorithm]]] = {"RSAES_OAEP_SHA_1": SHA1, "RSAES_OAEP_SHA_256": SHA256}

WRAPPING_ALGORITHMS: Final = frozenset(_HASHES)
"""The algorithms of `unwrap_material`, by their names in the KMS API."""


class TransferKey(NamedTuple):
    """A fresh RSA key pair. It has no text form of its own: treat ``private`` as what it is.

    Attributes:
        public: The public key, as DER of a SubjectPublicKeyInfo (RFC 5280).
        private: The private key, as DER of PKCS#8 (RFC 5208).
    """

    public: bytes
    private: bytes

    def __repr__(self) -> str:
        return "<TransferKey>"


def generate_transfer_key(bits: int) -> TransferKey:
    """A new RSA key pair. It takes up to seconds of computing, so call it off the event loop.

    OpenSSL draws the primes from its own generator; it takes no other.

    Args:
        bits: The length of the modulus: 2048, 3072 or 4096.
    """
    key = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=bits)
    return TransferKey(
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )


def unwrap_material(private: bytes, algorithm: str, wrapped: bytes) -> bytes:
    """The key material that its owner wrapped.

    Args:
        private: The private key of `generate_transfer_key`.
        algorithm: One of `WRAPPING_ALGORITHMS`.
        wrapped: What the owner sent.

    Raises:
        InvalidCiphertext: It was not wrapped under this key with this algorithm.
    """
    key = load_der_private_key(private, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InvalidCiphertext
    digest = _HASHES[algorithm]
    try:
        return key.decrypt(wrapped, padding.OAEP(padding.MGF1(digest()), digest(), None))
    except ValueError:
        raise InvalidCiphertext from None
