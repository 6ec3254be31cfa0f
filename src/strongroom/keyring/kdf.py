"""Key derivation: one long-lived key in, any number of independent keys out.

NIST SP 800-108r1, section 4.1: the KDF in counter mode with HMAC-SHA-256 as the pseudorandom function, a 32-bit
counter before the fixed input ``label || 0x00 || context || [length in bits] as 32 bits``. AWS KMS derives the key
of every ciphertext in the same mode.

The loop over the counter is written out here on an HMAC that is keyed once and used often: a general implementation
that is set up for each derivation costs more than all else that sealing a data key does. NIST's vectors and a second
implementation hold it in the tests.
"""

from __future__ import annotations

from typing import Final

from strongroom.keyring.keyed_hmac import KeyedHmac

__all__ = ["KEY_LENGTH", "Derivation", "derive"]

KEY_LENGTH: Final = 32
"""Bytes in every symmetric key of this room: AES-256 and HMAC-SHA-256 keys alike."""

_BLOCK_LENGTH: Final = 32  # bytes that one HMAC-SHA-256 yields
_NUMBER_LENGTH: Final = 4  # bytes of the counter and of the length
_FIRST: Final = (1).to_bytes(_NUMBER_LENGTH, "big")


class Derivation:
    """Derives keys from one key, as often as it is asked.

    Args:
        key: The key to derive from, 32 bytes.
    """

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = KeyedHmac(key)

    def derive(self, label: bytes, context: bytes, length: int) -> bytes:
        """Derive ``length`` bytes.

        Args:
            label: What the output is for. Two labels never yield related keys. It must not hold a zero byte, which
                ends it in the fixed input.
            context: What sets this output apart from others with the same label, of any length.
            length: How many bytes to derive.
        """
        fixed = b"%b\0%b%b" % (label, context, (length * 8).to_bytes(_NUMBER_LENGTH, "big"))
        digest = self._keyed.digest
        output = digest(_FIRST + fixed)
        for counter in range(2, -(-length // _BLOCK_LENGTH) + 1):
            output += digest(counter.to_bytes(_NUMBER_LENGTH, "big") + fixed)
        return output[:length]


def derive(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """Derive ``length`` bytes from ``key``, once. The arguments are those of `Derivation`."""
    return Derivation(key).derive(label, context, length)
