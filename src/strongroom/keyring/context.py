"""The one byte form of an encryption context.

An encryption context is a set of name and value pairs that a ciphertext is bound to. AWS KMS takes it as
case-sensitive and without order, so the bytes that are authenticated must be the same for the same pairs, and
different for any other pairs. Lengths before every text, and a count before them all, make sure of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Final

__all__ = ["encode_context"]

_LENGTH: Final = Struct(">I").pack


def encode_context(context: Mapping[str, str]) -> bytes:
    """Encode an encryption context: no two different contexts have the same encoding.

    The form is a 32-bit big-endian count of pairs, then the pairs in order of their names, each as the length and
    the UTF-8 bytes of the name and the length and the UTF-8 bytes of the value (lengths as 32 bits, big-endian). The
    order of code points, by which names are sorted, is also the order of their UTF-8 bytes.

    Args:
        context: Names and values. A lone surrogate, which UTF-8 cannot hold, is encoded as its own three bytes, so
            that such a text differs from every other one too.
    """
    parts = [_LENGTH(len(context))]
    for pair in sorted(context.items()):
        for text in pair:
            encoded = text.encode("utf-8", "surrogatepass")
            parts += (_LENGTH(len(encoded)), encoded)
    return b"".join(parts)
