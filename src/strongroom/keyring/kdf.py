"""Key derivation: one long-lived key in, any number of independent keys out.

NIST SP 800-108r1, section 4.1: the KDF in counter mode with HMAC-SHA-256 as the pseudorandom function, a 32-bit
counter before the fixed input ``label || 0x00 || context || [length in bits] as 32 bits``. AWS KMS derives the key
of every ciphertext in the same mode.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

__all__ = ["KEY_LENGTH", "derive"]

KEY_LENGTH: Final = 32
"""Bytes in every symmetric key of this room: AES-256 and HMAC-SHA-256 keys alike."""

_COUNTER_BYTES: Final = 4
_HASH: Final = SHA256()


def derive(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """Derive ``length`` bytes from ``key``.

    Args:
        key: The key to derive from, 32 bytes.
        label: What the output is for. Two labels never yield related keys. It must not hold a zero byte, which
            ends it in the fixed input.
        context: What sets this output apart from others with the same label, of any length.
        length: How many bytes to derive.
    """
    return KBKDFHMAC(
        algorithm=_HASH,
        mode=Mode.CounterMode,
        length=length,
        rlen=_COUNTER_BYTES,
        llen=_COUNTER_BYTES,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    ).derive(key)
