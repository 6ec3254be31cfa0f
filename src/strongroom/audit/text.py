"""Makes text from outside harmless before it enters a record.

JSON escapes every control character below U+0020, so a record can never be split by a newline. What is left to do:
bound the length, and replace what would break the encoding (lone surrogates) or a reader's terminal (C1 controls, and
in one-line fields every control character and line separator).
"""

from __future__ import annotations

import re

__all__ = ["LONGEST_LINE", "LONGEST_TEXT", "one_line", "text"]

LONGEST_LINE = 1024
"""Characters kept of a one-line field such as the user agent."""
LONGEST_TEXT = 32_768
"""Characters kept of a parameter's value; the longest that AWS accepts is a KMS key policy of 32 KiB."""

_UNSAFE_IN_TEXT = re.compile("[\x7f-\x9f\ud800-\udfff]")
_UNSAFE_IN_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def one_line(value: str) -> str:
    """``value`` as one printable line of at most `LONGEST_LINE` characters."""
    if len(value) > LONGEST_LINE:
        value = value[:LONGEST_LINE]
    if value.isascii() and value.isprintable():
        return value
    return _UNSAFE_IN_LINE.sub(_REPLACEMENT, value)


def text(value: str) -> str:
    """``value`` with its line breaks and tabs, of at most `LONGEST_TEXT` characters."""
    if len(value) > LONGEST_TEXT:
        value = value[:LONGEST_TEXT]
    if value.isascii() and value.isprintable():
        return value
    return _UNSAFE_IN_TEXT.sub(_REPLACEMENT, value)
