"""The order in which AWS lists the staging labels of a version.

The service keeps them in a Java ``HashSet`` and answers them in its iteration order, which clients have come to
assert. The order follows from the published contracts of ``String.hashCode`` and of OpenJDK's ``HashMap``: buckets in
turn, and within a bucket the order of insertion.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

__all__ = ["hash_set_order", "string_hash"]

_MASK: Final = 0xFFFFFFFF
_FIRST_CAPACITY: Final = 16


def string_hash(text: str) -> int:
    """Java's ``String.hashCode`` as an unsigned 32-bit number: base 31 over UTF-16 code units."""
    code = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (code * 31 + (high << 8 | low)) & _MASK
    return code


def hash_set_order(texts: Iterable[str]) -> list[str]:
    """``texts`` as a ``HashSet`` iterates over them, when they were added in alphabetical order.

    The order of adding matters only between texts that share a bucket; fixing it makes answers repeatable.
    """
    return list(_order(tuple(texts)))


@lru_cache(maxsize=4096)
def _order(texts: tuple[str, ...]) -> tuple[str, ...]:
    capacity = _FIRST_CAPACITY
    while len(texts) > capacity * 3 // 4:
        capacity *= 2
    return tuple(sorted(texts, key=lambda text: (_bucket(text, capacity), text)))


def _bucket(text: str, capacity: int) -> int:
    """The index of the bucket: HashMap folds the high half of the hash into the low one first."""
    code = string_hash(text)
    return (code ^ code >> 16) & (capacity - 1)
