"""From text to plain JSON values, within fixed bounds.

A policy document comes from a caller, so its size, its depth and its repeated keys are checked before anything else
looks at it (RFC 8259 leaves repeated keys open; the IAM grammar forbids them). The helpers here narrow ``object`` to
the few shapes that the policy grammar knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from strongroom.policy.model import MalformedPolicy

__all__ = ["MAX_CHARACTERS", "MAX_DEPTH", "as_object", "as_string", "as_strings", "load_document", "scalar_texts"]

MAX_CHARACTERS = 131_072
"""The longest document that is looked at: the bound that the IAM service model sets. Services have smaller quotas."""

MAX_DEPTH = 8
"""Nesting allowed. The deepest legal place, a condition value, is at six: document, statements, statement,
condition, operator, values."""

SYNTAX_ERROR = "Syntax errors in policy."

# A whole string, even an unfinished one, or one bracket. Possessive repeats keep the scan linear.
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class _Number(str):
    """A JSON number, kept as it was written: a condition value of 1.10 stays 1.10."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise MalformedPolicy("The policy contains the same key twice in one object.")
    return values


def _no_constant(name: str) -> object:
    raise MalformedPolicy(f"The policy contains {name}, which is not JSON.")


def _check_depth(text: str) -> None:
    depth = 0
    for found in _BRACKETS.finditer(text):
        mark = text[found.start()]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedPolicy("The policy is nested too deeply.")
        elif mark in "]}":
            depth -= 1


def load_document(text: str, *, known: bool = False) -> dict[str, object]:
    """Parse a policy document into JSON values.

    Args:
        text: The document as it was sent.
        known: It was loaded before, so that its depth and its keys need not be looked at again.

    Returns:
        The outermost object. Numbers are kept as their text.

    Raises:
        MalformedPolicy: Too long, too deep, not JSON, not an object, or with a repeated key.
    """
    if len(text) > MAX_CHARACTERS:
        raise MalformedPolicy(f"The policy is longer than {MAX_CHARACTERS} characters.")
    if not known:
        _check_depth(text)
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=None if known else _unique,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError:
        raise MalformedPolicy("This policy contains invalid Json") from None
    return as_object(value, "policy")


def as_object(value: object, element: str) -> dict[str, object]:
    """``value`` as a JSON object, or `MalformedPolicy` naming ``element``."""
    if not isinstance(value, dict):
        raise MalformedPolicy(f"{SYNTAX_ERROR} {element} must be an object.")
    return value


def as_string(value: object, element: str) -> str:
    """``value`` as a JSON string, or `MalformedPolicy` naming ``element``."""
    if not isinstance(value, str) or isinstance(value, _Number):
        raise MalformedPolicy(f"{SYNTAX_ERROR} {element} must be a string.")
    return value


def _each(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else (value,)


def as_strings(value: object, element: str) -> tuple[str, ...]:
    """One string or a list of strings, as a tuple; anything else is `MalformedPolicy` naming ``element``."""
    return tuple([as_string(item, element) for item in _each(value)])


def scalar_texts(value: object, element: str) -> tuple[str, ...]:
    """One scalar or a list of scalars, each as text: ``true`` and ``false`` for booleans, numbers as written.

    The IAM grammar makes quotation marks optional around numbers and booleans in condition values.
    """
    texts: list[str] = []
    for item in _each(value):
        if isinstance(item, bool):
            texts.append("true" if item else "false")
        elif isinstance(item, str):
            texts.append(str(item))
        else:
            raise MalformedPolicy(f"{SYNTAX_ERROR} {element} must be a string, a number or a boolean.")
    return tuple(texts)
