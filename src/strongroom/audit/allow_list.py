"""The machinery of allow-lists: copies the named parts of a structure, and nothing else.

An allow-list says which members of a parameter structure may be recorded and under which name. It is compiled once
into plain functions; a value whose type does not fit its place in the list is left out, so that a structure where
text was expected cannot smuggle anything in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from strongroom.audit.text import text

__all__ = ["Copier", "fields", "list_of", "names", "scalar", "text_map"]

Copier = Callable[[object], object]
"""Copies what is allowed of a value; None leaves the value out."""

_LONGEST_LIST = 100
_LARGEST_NUMBER = 2**53  # beyond it JSON readers disagree


def scalar(value: object) -> object:
    """Text (bounded), a number, a boolean, or an instant as ISO 8601. Bytes are no scalar: they are never recorded."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -_LARGEST_NUMBER < value < _LARGEST_NUMBER else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return None


def text_map(value: object) -> object:
    """A map from text to text whose keys the caller chose, such as a KMS encryption context."""
    if not isinstance(value, Mapping):
        return None
    pairs = [(key, item) for key, item in value.items() if isinstance(key, str) and isinstance(item, str)]
    return {text(key): text(item) for key, item in pairs[:_LONGEST_LIST]}


def list_of(copier: Copier) -> Copier:
    """A list whose elements are copied by ``copier``."""

    def copy(value: object) -> object:
        if not isinstance(value, list | tuple):
            return None
        copies = (copier(item) for item in value[:_LONGEST_LIST])
        return [item for item in copies if item is not None]

    return copy


def fields(members: Mapping[str, Copier | tuple[str, Copier]]) -> Copier:
    """A structure of which only ``members`` are copied.

    Args:
        members: Member name as in the service model -> how to copy it, or (recorded name, how to copy it). Without a
            recorded name it is the member's own with its first letter in lower case, as CloudTrail writes it.
    """
    plan = tuple(
        (name, *entry) if isinstance(entry, tuple) else (name, name[0].lower() + name[1:], entry)
        for name, entry in members.items()
    )

    def copy(value: object) -> object:
        if value.__class__ is not dict and not isinstance(value, Mapping):  # the first test is much the faster
            return None
        recorded: dict[str, object] = {}
        for name, recorded_name, copier in plan:
            given = value.get(name)
            if given is not None:
                kept = copier(given)
                if kept is not None:
                    recorded[recorded_name] = kept
        return recorded

    return copy


def names(scalars: str) -> dict[str, Copier | tuple[str, Copier]]:
    """Members that are scalars, given as one string of names with blanks between them."""
    return dict.fromkeys(scalars.split(), scalar)
