"""Filter patterns: which messages FilterLogEvents answers.

    ERROR timeout            messages that hold both terms
    "internal error"         a phrase
    -ERROR                   messages that do not hold it
    ?ERROR ?WARN             messages that hold one of them
    { $.level = "error" }    JSON messages whose members compare so; see `json_patterns`

Source: CloudWatch Logs User Guide, "Filter pattern syntax". Case counts. Not offered, and refused: regular expressions
(``%...%``), whose time nobody can bound, and patterns for columns (``[...]``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import orjson

from strongroom.services.logs import failures
from strongroom.services.logs.json_patterns import JsonPatternError, parse_json_pattern

__all__ = ["compile_pattern"]

_TERM: Final = re.compile(r'(?P<sign>[-?]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"]+))(?=\s|$)')
_ESCAPED: Final = re.compile(r"\\(.)")


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """The test of a filter pattern. An empty one admits every message.

    Raises:
        AwsError: ``InvalidParameterException``: the pattern cannot be read, or is of a kind that is not offered.
    """
    text = pattern.strip()
    if text.startswith("{"):
        return _json_test(text)
    if text.startswith("[") or "%" in text:
        raise failures.invalid_parameter("Invalid filter pattern: columns and regular expressions are not supported.")
    return _terms_test(text)


def _json_test(text: str) -> Callable[[str], bool]:
    try:
        holds = parse_json_pattern(text)
    except JsonPatternError as error:
        raise failures.invalid_parameter(f"Invalid filter pattern: {error}") from None

    def matches(message: str) -> bool:
        try:
            document: object = orjson.loads(message)
        except orjson.JSONDecodeError:
            return False
        return holds(document)

    return matches


def _terms_test(text: str) -> Callable[[str], bool]:
    wanted: list[str] = []
    unwanted: list[str] = []
    alternatives: list[str] = []
    kinds = {"": wanted, "-": unwanted, "?": alternatives}
    place = 0
    while place < len(text):
        found = _TERM.match(text, place)
        if found is None:
            raise failures.invalid_parameter("Invalid filter pattern: a quote is not closed.")
        phrase = found["phrase"]
        kinds[found["sign"]].append(found["word"] if phrase is None else _ESCAPED.sub(r"\1", phrase))
        place = found.end()
        while place < len(text) and text[place].isspace():
            place += 1
    if wanted:
        alternatives = []  # "?" counts only among its like

    def matches(message: str) -> bool:
        return (
            all(term in message for term in wanted)
            and not any(term in message for term in unwanted)
            and (not alternatives or any(term in message for term in alternatives))
        )

    return matches
