"""The header of a ciphertext: which format, which algorithm, which key.

`docs/ciphertext-format.md` is the specification. The header tells its own length, so it can be read alone, and no
header is the beginning of another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

__all__ = [
    "COMMITMENT_LENGTH",
    "NONCE_LENGTH",
    "OVERHEAD",
    "TAG_LENGTH",
    "CiphertextHeader",
    "InvalidCiphertext",
    "Layer",
    "encode_header",
    "inspect",
]

NONCE_LENGTH: Final = 32
COMMITMENT_LENGTH: Final = 32
TAG_LENGTH: Final = 16
OVERHEAD: Final = NONCE_LENGTH + COMMITMENT_LENGTH + TAG_LENGTH
"""Bytes of a ciphertext besides its header and as many bytes as its plaintext has."""

_MAGIC: Final = b"SRC"
_VERSION: Final = 1
_ALGORITHM: Final = 1  # AES-256-GCM, key and commitment by SP 800-108 counter mode with HMAC-SHA-256
_PREAMBLE: Final = _MAGIC + bytes((_VERSION, _ALGORITHM))
_FIXED: Final = Struct(">5sBH")  # preamble, layer, length of the key reference
_MAX_REFERENCE: Final = 0xFFFF
_MAX_MATERIAL_ID: Final = 0xFF


class InvalidCiphertext(ValueError):
    """A ciphertext that does not open: malformed, altered, or made under another key or encryption context.

    Which of these it was is not told: the answer would help only an attacker.
    """

    def __init__(self, message: str = "The ciphertext does not open under this key and encryption context.") -> None:
        super().__init__(message)


class Layer(IntEnum):
    """The kind of key that a ciphertext is made under: its place in the hierarchy of keys."""

    ROOT = 1
    """The root key, wrapping the key material of KMS keys."""
    KMS = 2
    """The material of one KMS key, sealing data keys and the plaintexts of `kms:Encrypt`."""
    DATA_KEY = 3
    """A data key, sealing one secret value."""
    SYSTEM = 4
    """A sub-key of the root key, sealing what the system itself keeps."""
    SEAL = 5
    """The key of a seal, wrapping the root key."""


@dataclass(frozen=True, slots=True)
class CiphertextHeader:
    """What a KMS ciphertext tells about itself. It is a claim until the ciphertext has been opened.

    Attributes:
        key_arn: The full ARN of the KMS key.
        material_id: Which of that key's materials: lower-case hexadecimal digits.
    """

    key_arn: str
    material_id: str


def encode_header(layer: Layer, key_reference: str, material_id: str = "") -> bytes:
    """The header of every ciphertext made under one key.

    Args:
        layer: The kind of the key.
        key_reference: The name of the key, at most 65,535 bytes of UTF-8.
        material_id: The id of the key's material: an even number of lower-case hexadecimal digits, at most 510.

    Raises:
        ValueError: A name or an id that the header cannot hold.
    """
    reference = key_reference.encode()
    material = bytes.fromhex(material_id)
    if material.hex() != material_id:
        raise ValueError("a key material id is written in lower-case hexadecimal digits")
    if len(reference) > _MAX_REFERENCE or len(material) > _MAX_MATERIAL_ID:
        raise ValueError("the key's name or the id of its material is too long for a ciphertext header")
    return b"".join(
        (_FIXED.pack(_PREAMBLE, layer, len(reference)), reference, len(material).to_bytes(1, "big"), material)
    )


def inspect(blob: bytes) -> CiphertextHeader:
    """Read which KMS key a ciphertext claims to be made under, so that a caller need not name it.

    Args:
        blob: A whole ciphertext as `Keyring.encrypt` made it.

    Raises:
        InvalidCiphertext: It is cut short, of an unknown version or algorithm, or not of a KMS key: the other
            layers of the hierarchy are nobody's business outside this installation.
    """
    if len(blob) < _FIXED.size:
        raise InvalidCiphertext
    preamble, layer, reference_length = _FIXED.unpack_from(blob)
    reference_end = _FIXED.size + reference_length
    if preamble != _PREAMBLE or layer != Layer.KMS or len(blob) <= reference_end:
        raise InvalidCiphertext
    header_end = reference_end + 1 + blob[reference_end]
    if len(blob) < header_end + OVERHEAD:
        raise InvalidCiphertext
    try:
        key_arn = blob[_FIXED.size : reference_end].decode()
    except UnicodeDecodeError:
        raise InvalidCiphertext from None
    return CiphertextHeader(key_arn, blob[reference_end + 1 : header_end].hex())
