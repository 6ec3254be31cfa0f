"""Where the statements of a policy document stand in its text.

AWS counts lines and columns from 1 and gives the places of its JSON reader (answers recorded from the policy
simulator, and the samples of the IAM API Reference): a statement ends right behind its closing brace. It starts right
behind what was read before it: the opening bracket of the list, or the statement before; a statement that is not in a
list starts right behind its own opening brace.
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

__all__ = ["Place", "statement_places"]

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_READ: Final = json.JSONDecoder().raw_decode


class Place(NamedTuple):
    """Where a statement stands: offsets into the text, from 0; the end is the offset behind it."""

    start: int
    end: int

    def shape(self, text: str) -> dict[str, object]:
        """``StartPosition`` and ``EndPosition``.

        Args:
            text: The document.
        """
        return {"StartPosition": _position(text, self.start), "EndPosition": _position(text, self.end)}


def _position(text: str, offset: int) -> dict[str, object]:
    return {"Line": text.count("\n", 0, offset) + 1, "Column": offset - text.rfind("\n", 0, offset)}


def _behind_space(text: str, offset: int) -> int:
    found = _SPACE.match(text, offset)
    return offset if found is None else found.end()


def statement_places(text: str) -> list[Place]:
    """The places of the statements of a document, in its order.

    Args:
        text: A policy document that compiles.
    """
    offset = _behind_space(text, 0) + 1  # behind the brace
    while True:
        key, offset = _READ(text, _behind_space(text, offset))
        value = _behind_space(text, _behind_space(text, offset) + 1)  # behind the colon
        if key == "Statement":
            return _places_in(text, value)
        _, offset = _READ(text, value)
        offset = _behind_space(text, offset) + 1  # behind the comma


def _places_in(text: str, value: int) -> list[Place]:
    if text[value] != "[":
        return [Place(value + 1, _READ(text, value)[1])]
    places: list[Place] = []
    start = value + 1
    item = _behind_space(text, start)
    while text[item] != "]":
        end = _READ(text, item)[1]
        places.append(Place(start, end))
        start = end
        item = _behind_space(text, end)
        if text[item] == ",":
            item = _behind_space(text, item + 1)
    return places
