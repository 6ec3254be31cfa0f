"""Filter patterns for JSON messages: ``{ ($.level = "error" || $.status >= 500) && $.user NOT EXISTS }``.

    pattern     = "{" any "}"
    any         = all ("||" all)*
    all         = one ("&&" one)*
    one         = "(" any ")" | selector comparison
    selector    = "$" ("." name | "[" index "]" | "['name']")*
    comparison  = ("=" | "!=") text | (= != < <= > >=) number | "IS NULL" | "IS TRUE" | "IS FALSE"
                | "NOT EXISTS" | "EXISTS"

A text may hold ``*``, which stands for anything. Source: CloudWatch Logs User Guide, "Filter pattern syntax for JSON
log events".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fnmatch import translate
from typing import Final

__all__ = ["JsonPatternError", "parse_json_pattern"]

Test = Callable[[object], bool]

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<punctuation>\{|\}|\(|\)|&&|\|\||!=|<=|>=|=|<|>)
      | (?P<selector>\$(?:\.[A-Za-z0-9_-]+|\[[0-9]+\]|\[(?:'[^']*'|"[^"]*")\])+)
      | "(?P<text>(?:[^"\\]|\\.)*)"
      | (?P<word>[^\s(){}&|=!<>"]+)
    )""",
    re.VERBOSE,
)
_STEP: Final = re.compile(r"""\.([A-Za-z0-9_-]+)|\[([0-9]+)\]|\['([^']*)'\]|\["([^"]*)"\]""")
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_ESCAPED: Final = re.compile(r"\\(.)")
_ORDER: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_MISSING: Final = object()
_DEEPEST: Final = 20


class JsonPatternError(ValueError):
    """The pattern cannot be read; the text says where."""


def parse_json_pattern(text: str) -> Test:
    """The test of a pattern, for decoded documents.

    Raises:
        JsonPatternError: It cannot be read.
    """
    parser = _Parser(_tokens(text))
    parser.expect("{")
    test = parser.any_of(0)
    parser.expect("}")
    parser.finish()
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise JsonPatternError(f"unexpected {text[place:].strip()[:20]!r}")
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        place = found.end()
    return tokens


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "the end")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._place += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._peek() != ("punctuation", text):
            return False
        self._place += 1
        return True

    def expect(self, text: str) -> None:
        if not self._accept(text):
            raise JsonPatternError(f"{text!r} is expected before {self._peek()[1]!r}")

    def finish(self) -> None:
        if self._peek()[0] != "end":
            raise JsonPatternError(f"unexpected {self._peek()[1]!r}")

    def any_of(self, depth: int) -> Test:
        tests = [self._all_of(depth)]
        while self._accept("||"):
            tests.append(self._all_of(depth))
        return tests[0] if len(tests) == 1 else lambda document: any(test(document) for test in tests)

    def _all_of(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._accept("&&"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda document: all(test(document) for test in tests)

    def _one(self, depth: int) -> Test:
        if depth > _DEEPEST:
            raise JsonPatternError("too many parentheses")
        if self._accept("("):
            test = self.any_of(depth + 1)
            self.expect(")")
            return test
        kind, text = self._take()
        if kind != "selector":
            raise JsonPatternError(f"a selector such as $.name is expected before {text!r}")
        steps = _steps(text)
        compare = self._comparison()
        return lambda document: compare(_selected(document, steps))

    def _comparison(self) -> Test:
        kind, text = self._take()
        if kind == "word":
            return self._keyword(text)
        if kind != "punctuation" or text not in _ORDER:
            raise JsonPatternError(f"a comparison is expected before {text!r}")
        value_kind, value = self._take()
        if value_kind == "word" and _NUMBER.fullmatch(value):
            return _number_test(_ORDER[text], float(value))
        if value_kind not in {"word", "text"}:
            raise JsonPatternError(f"a value is expected before {value!r}")
        if text not in {"=", "!="}:
            raise JsonPatternError(f"{text} compares numbers, which {value!r} is not")
        return _text_test(_ESCAPED.sub(r"\1", value), equal=text == "=")

    def _keyword(self, word: str) -> Test:
        if word == "EXISTS":
            return lambda value: value is not _MISSING
        second = self._take()[1]
        match (word, second):
            case ("NOT", "EXISTS"):
                return lambda value: value is _MISSING
            case ("IS", "NULL"):
                return lambda value: value is None
            case ("IS", "TRUE" | "FALSE"):
                return lambda value: value is (second == "TRUE")
        raise JsonPatternError(f"unexpected {word} {second}")


def _steps(selector: str) -> list[str | int]:
    """The members and indices that a selector goes through."""
    steps: list[str | int] = []
    for name, index, single, double in _STEP.findall(selector):
        steps.append(int(index) if index else name or single or double)
    return steps


def _selected(document: object, steps: list[str | int]) -> object:
    """What a selector points at; `_MISSING` when there is nothing."""
    for step in steps:
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return _MISSING
            document = document[step]
        else:
            if not isinstance(document, dict) or step not in document:
                return _MISSING
            document = document[step]
    return document


def _number_test(holds: Callable[[float, float], bool], wanted: float) -> Test:
    def test(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and holds(value, wanted)

    return test


def _text_test(wanted: str, *, equal: bool) -> Test:
    """``=`` or ``!=`` with a text; a number or a flag is compared as it is written in JSON."""
    literal = wanted.replace("[", "[[]").replace("?", "[?]")
    pattern = re.compile(translate(literal)) if "*" in wanted else None

    def test(value: object) -> bool:
        if value is _MISSING or isinstance(value, dict | list):
            return False
        shown = value if isinstance(value, str) else _written(value)
        same = shown == wanted if pattern is None else pattern.fullmatch(shown) is not None
        return same is equal

    return test


def _written(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
