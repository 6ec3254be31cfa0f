"""Text that a store cannot keep: PostgreSQL knows no NUL, so no parameter of a request may hold one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["holds_nul"]


def holds_nul(value: object) -> bool:
    """Whether text anywhere in a parameter holds a NUL. Bytes are not text.

    Args:
        value: A parameter as the service model has it: text, numbers, bytes, lists and structures of them.
    """
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(holds_nul(key) or holds_nul(item) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return any(map(holds_nul, value))
    return False
