r"""The patterns of the service models, translated from Java's regular expressions to Python's.

AWS matches the whole value against a pattern (Java's ``Matcher.matches``), whether or not the pattern carries anchors.
The differences that matter here:

- In Java ``\w``, ``\d`` and ``\s`` are ASCII only, so patterns compile with ``re.ASCII``.
- Java has ``\p{L}`` and its kin; they become explicit ranges, computed once from the Unicode tables.
- In Java ``.`` excludes five line terminators, in Python one.
- ``[\w-/]`` is a literal hyphen in Java and an error in Python.
- The models write the planes above U+FFFF in two ways, as five digits after ``\u`` and as surrogates. Both are meant.

A pattern that uses anything beyond this is not guessed at: it is treated as absent and listed by `untranslatable`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

__all__ = ["java_pattern", "untranslatable"]

_LINE_TERMINATORS = r"\n\r\u0085\u2028\u2029"
_SUPPLEMENTARY_PLANES = r"\U00010000-\U0010FFFF"
_SUPPLEMENTARY_SPELLINGS = (r"\u10000-\u10FFFF", r"\uD800\uDC00-\uDBFF\uDFFF")
_CLASS_ESCAPES = frozenset("dDwWsS")
_SAFE_ESCAPES = _CLASS_ESCAPES | frozenset("bBtnrfuUx") | frozenset("123456789")
_GROUP_OPENINGS = ("(?:", "(?=", "(?!", "(?<=", "(?<!")
_CATEGORIES = frozenset("LMNPSZ")
# Planes 0 to 3 and the tags of plane 14. All other planes are unassigned or private use, which no category here holds.
_ASSIGNED_PLANES = (range(0x40000), range(0xE0000, 0xE1000))

# Patterns that make a backtracking matcher exponential, each with an equal one that is linear. A test tries every
# pattern of the models in use against hostile values, so that a new one is noticed.
_LINEAR_FORMS = {
    r"[a-zA-Z](?:-?[a-zA-Z0-9]+)*": r"[a-zA-Z][a-zA-Z0-9]*(?:-[a-zA-Z0-9]+)*",
    r"[a-z](?:-?[a-z0-9]+){0,15}": r"[a-z](?:[a-z0-9]+(?:-[a-z0-9]+){0,14}|(?:-[a-z0-9]+){0,15})",
    r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$": r"\t*[\x20-\x7E][\t\x20-\x7E]*",
    r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$": (
        r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*"
    ),
}

_refused: set[str] = set()


class _UntranslatableError(ValueError):
    """The pattern uses a construct whose meaning differs and is not handled."""


@cache
def java_pattern(pattern: str) -> re.Pattern[str] | None:
    """Compile a model's pattern.

    Args:
        pattern: The text of the ``pattern`` trait.

    Returns:
        A compiled pattern to be used with ``fullmatch``, or None if the pattern cannot be translated.
    """
    source = _LINEAR_FORMS.get(pattern, pattern)
    for spelling in _SUPPLEMENTARY_SPELLINGS:
        source = source.replace(spelling, _SUPPLEMENTARY_PLANES)
    try:
        return re.compile(_translate(source), re.ASCII)
    except (_UntranslatableError, re.error):
        _refused.add(pattern)
        return None


def untranslatable() -> frozenset[str]:
    """The patterns met so far that `java_pattern` could not translate and that therefore are not enforced."""
    return frozenset(_refused)


def _translate(pattern: str) -> str:
    """Rewrite a Java pattern token by token."""
    flag = pattern[:4] if pattern.startswith(("(?i)", "(?s)")) else ""
    any_character = "." if flag == "(?s)" else f"[^{_LINE_TERMINATORS}]"
    parts = [flag]
    position = len(flag)
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            text, position = _escape(pattern, position, in_class=False)
            parts.append(text)
            continue
        if character == "[":
            text, position = _character_class(pattern, position)
            parts.append(text)
            continue
        if pattern.startswith("(?", position) and not pattern.startswith(_GROUP_OPENINGS, position):
            raise _UntranslatableError
        parts.append(any_character if character == "." else character)
        position += 1
    return "".join(parts)


def _escape(pattern: str, position: int, *, in_class: bool) -> tuple[str, int]:
    """Rewrite the escape at ``position``; answer its Python form and the position after it."""
    kind = pattern[position + 1 : position + 2]
    if kind in ("p", "P"):
        name = re.compile(r"\{(\w+)\}|(\w)").match(pattern, position + 2)
        category = (name[1] or name[2]) if name else ""
        if name is None or category not in _CATEGORIES or (in_class and kind == "P"):
            raise _UntranslatableError
        ranges = _category_ranges()[category]
        if not in_class:
            ranges = f"[^{ranges}]" if kind == "P" else f"[{ranges}]"
        return ranges, name.end()
    if kind.isalnum() and kind not in _SAFE_ESCAPES:
        raise _UntranslatableError
    return pattern[position : position + 2], position + 2


def _character_class(pattern: str, position: int) -> tuple[str, int]:
    """Rewrite the ``[...]`` at ``position``; answer its Python form and the position after it."""
    parts = ["["]
    position += 1
    if pattern.startswith("^", position):
        parts.append("^")
        position += 1
    after_set = False
    while position < len(pattern):
        character = pattern[position]
        if character == "]":
            return "".join([*parts, "]"]), position + 1
        if character == "[" or pattern.startswith("&&", position):
            raise _UntranslatableError
        if character == "\\":
            after_set = pattern[position + 1 : position + 2] in _CLASS_ESCAPES | {"p", "P"}
            text, position = _escape(pattern, position, in_class=True)
            parts.append(text)
            continue
        # A hyphen after a set such as \w cannot start a range: Java reads it as itself.
        parts.append(f"\\{character}" if character in "&|~" or (character == "-" and after_set) else character)
        after_set = False
        position += 1
    raise _UntranslatableError


@cache
def _category_ranges() -> dict[str, str]:
    """The code points of each major Unicode category, written as the inside of a character class."""
    runs: dict[str, list[str]] = {category: [] for category in _CATEGORIES}
    for plane in _ASSIGNED_PLANES:
        start, current = plane.start, unicodedata.category(chr(plane.start))[0]
        for code_point in range(plane.start + 1, plane.stop + 1):
            category = unicodedata.category(chr(code_point))[0] if code_point < plane.stop else ""
            if category != current:
                if current in runs:
                    runs[current].append(f"\\U{start:08x}-\\U{code_point - 1:08x}")
                start, current = code_point, category
    return {category: "".join(ranges) for category, ranges in runs.items()}
