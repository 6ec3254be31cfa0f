"""Key pairs that are made for somebody else to use: the data key pairs of the KMS API.

Source: KMS API Reference, "GenerateDataKeyPair": the public key as DER of a SubjectPublicKeyInfo (RFC 5280), the
private key as DER of PKCS#8 (RFC 5958).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

__all__ = ["PAIR_SPECS", "KeyPair", "generate_pair"]

_EXPONENT: Final = 65537

_Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_MAKERS: Final[Mapping[str, Callable[[], _Private]]] = {
    **{f"RSA_{bits}": partial(rsa.generate_private_key, _EXPONENT, bits) for bits in (2048, 3072, 4096)},
    "ECC_NIST_P256": partial(ec.generate_private_key, ec.SECP256R1()),
    "ECC_NIST_P384": partial(ec.generate_private_key, ec.SECP384R1()),
    "ECC_NIST_P521": partial(ec.generate_private_key, ec.SECP521R1()),
    "ECC_SECG_P256K1": partial(ec.generate_private_key, ec.SECP256K1()),
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey.generate,
}

PAIR_SPECS: Final = frozenset(_MAKERS)
"""The kinds of pairs, by their names in the KMS API."""


class KeyPair(NamedTuple):
    """A fresh key pair. It has no text form of its own: treat ``private`` as what it is.

    Attributes:
        public: The public key, as DER of a SubjectPublicKeyInfo.
        private: The private key, as DER of PKCS#8.
    """

    public: bytes
    private: bytes

    def __repr__(self) -> str:
        return "<KeyPair>"


def generate_pair(spec: str) -> KeyPair:
    """A new key pair. It takes up to seconds of computing, so call it off the event loop.

    OpenSSL draws it from its own generator; it takes no other.

    Args:
        spec: One of `PAIR_SPECS`.
    """
    key = _MAKERS[spec]()
    return KeyPair(
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )
