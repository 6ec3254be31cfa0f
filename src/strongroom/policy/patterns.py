r"""Wildcards and policy variables, compiled to matchers that cannot blow up.

A pattern of the policy language holds literal text, ``*`` (any run of characters), ``?`` (any one character) and,
where the document's version allows, variables: ``${key}``, ``${key, 'default'}`` and the escapes ``${*}``, ``${?}``
and ``${$}`` (IAM User Guide, "Variables and tags").

Two properties matter here and both are by construction:

*Bounded time.* A pattern becomes one regular expression in which every step between two stars is an atomic group.
The engine takes the leftmost place for each and never comes back, which is all that a glob needs, so the work is at
most (length of text) x (length of pattern), in C.

*Values are literal.* A variable's value is never made into a pattern. The value is put in front of the text, both
set apart by NUL, and the expression refers to it by a backreference: ``(?P<v0>[^\0]*)\0 ... (?P=v0)``. A value that
holds ``*``, ``?``, ``/`` or ``${`` is compared character by character like any other text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from strongroom.policy.model import Context, MalformedPolicy

__all__ = [
    "Matcher",
    "Pattern",
    "Variable",
    "any_of",
    "arn_pattern",
    "literal_pattern",
    "parse_tokens",
    "text_pattern",
    "with_wildcards",
]

Matcher: TypeAlias = Callable[[str, Context], bool]
"""Does this text match, given the request context (from which variables take their values)?"""

_ARN_COMPONENTS = 6
_MARKS = re.compile(r"[*?]|\$\{")
_VARIABLE_ESCAPES = frozenset("*?$")


class _Wild(Enum):
    ANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """``${key}`` or ``${key, 'default'}``; the key in lower case, since key names ignore case."""

    key: str
    default: str | None


Token: TypeAlias = str | _Wild | Variable


@dataclass(frozen=True, slots=True)
class Pattern:
    """One compiled pattern, in the cheapest form that can tell. Without any form it matches nothing.

    Args:
        exact: The only text that matches.
        prefix: All texts that start so match.
        expression: A regular expression for the whole text.
        matches: A matcher, for a pattern with variables.
    """

    exact: str | None = None
    prefix: str | None = None
    expression: str | None = None
    matches: Matcher | None = None


def _parse_variable(text: str, start: int) -> tuple[Token, int]:
    """The token whose ``${`` stands at ``start``, and the position behind its ``}``."""
    body = start + 2
    close = text.find("}", body)
    quote = text.find("'", body, close) if close >= 0 else -1
    default: str | None = None
    name_end = close
    if quote >= 0:
        default_end = text.find("'", quote + 1)
        close = text.find("}", default_end + 1) if default_end >= 0 else -1
        comma = text.rfind(",", body, quote)
        if close < 0 or comma < 0 or text[comma + 1 : quote].strip() or text[default_end + 1 : close].strip():
            raise MalformedPolicy("The policy contains a policy variable with a malformed default value.")
        default = text[quote + 1 : default_end]
        name_end = comma
    if close < 0:
        raise MalformedPolicy("The policy contains a policy variable without its closing brace.")
    name = text[body:name_end].strip()
    if name in _VARIABLE_ESCAPES and default is None:
        return name, close + 1
    if ":" not in name or "$" in name or "{" in name:
        raise MalformedPolicy("The policy contains a policy variable that names no condition key.")
    return Variable(name.lower(), default), close + 1


def parse_tokens(text: str, *, variables: bool, wildcards: bool) -> tuple[Token, ...]:
    """Split a pattern into literals, wildcards and variables.

    Args:
        text: The pattern as it stands in the document.
        variables: Is ``${...}`` a variable here? Only in documents of version 2012-10-17.
        wildcards: Are ``*`` and ``?`` wildcards here? Not for StringEquals and the like.

    Raises:
        MalformedPolicy: A variable is not well formed.
    """
    tokens: list[Token] = []
    literal: list[str] = []
    position = 0

    def flush() -> None:
        joined = "".join(literal)
        if joined:
            tokens.append(joined)
        literal.clear()

    while found := _MARKS.search(text, position):
        literal.append(text[position : found.start()])
        mark = found.group()
        position = found.end()
        if mark == "${" and variables:
            token, position = _parse_variable(text, found.start())
        elif mark != "${" and wildcards:
            token = _Wild(mark)
        else:
            token = mark
        if isinstance(token, str):
            literal.append(token)
        else:
            flush()
            tokens.append(token)
    literal.append(text[position:])
    flush()
    return tuple(tokens)


def with_wildcards(text: str, replaced: Callable[[str], bool]) -> str:
    """A pattern in which variables are wildcards: it matches at least what the pattern matches for any value of them.

    Args:
        text: The pattern, of a document that has variables.
        replaced: Which variables to replace, by their keys in lower case.
    """
    parts: list[str] = []
    for token in parse_tokens(text, variables=True, wildcards=True):
        if isinstance(token, str):
            parts.append(re.sub(r"[*?$]", lambda mark: f"${{{mark.group()}}}", token))
        elif isinstance(token, _Wild):
            parts.append(token.value)
        elif replaced(token.key):
            parts.append(_Wild.ANY.value)
        else:
            parts.append(f"${{{token.key}}}" if token.default is None else f"${{{token.key}, '{token.default}'}}")
    return "".join(parts)


class _Expression:
    """Builds one regular expression and remembers which variables it refers to, in order."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.variables: list[Variable] = []

    def _piece(self, tokens: Sequence[Token], one: str, value: str) -> str:
        parts: list[str] = []
        for token in tokens:
            if isinstance(token, str):
                parts.append(re.escape(token))
            elif isinstance(token, Variable):
                group = f"v{len(self.variables)}"
                self.variables.append(token)
                self.frames.append(rf"(?P<{group}>{value}*)\0")
                parts.append(f"(?P={group})")
            else:
                parts.append(one)
        return "".join(parts)

    def glob(self, tokens: Sequence[Token], *, one: str = ".", value: str = r"[^\0]") -> str:
        """The expression for ``tokens``.

        Args:
            tokens: What to match.
            one: What a wildcard may stand for: any character, or any but a colon.
            value: What a variable's value may consist of.
        """
        pieces: list[list[Token]] = [[]]
        for token in tokens:
            if token is _Wild.ANY:
                pieces.append([])
            else:
                pieces[-1].append(token)
        head, *rest = pieces
        parts = [self._piece(head, one, value)]
        parts += [f"(?>{one}*?{self._piece(piece, one, value)})" for piece in rest[:-1] if piece]
        if rest:
            parts.append(f"{one}*{self._piece(rest[-1], one, value)}")
        return "".join(parts)

    def pattern(self, expression: str, *, ignore_case: bool = False) -> Pattern:
        """The pattern for ``expression``, which `glob` made; with ``ignore_case`` it is in lower case already."""
        if not self.variables:
            return Pattern(expression=expression)
        match = re.compile("".join(self.frames) + expression + r"\Z", re.DOTALL).match
        variables = tuple(self.variables)

        def matches(text: str, context: Context) -> bool:
            parts: list[str] = []
            for variable in variables:
                value = context.get(variable.key)
                if not isinstance(value, str):  # absent, or multivalued, which cannot be a variable
                    value = variable.default
                if value is None or "\0" in value:
                    return False
                parts.append(value.lower() if ignore_case else value)
            parts.append(text)
            return match("\0".join(parts)) is not None

        return Pattern(matches=matches)


def _literal(tokens: Sequence[Token]) -> str | None:
    """The text itself, when the tokens are nothing but text."""
    if not tokens:
        return ""
    if len(tokens) == 1 and isinstance(tokens[0], str):
        return tokens[0]
    return None


def text_pattern(text: str, *, variables: bool) -> Pattern:
    """A pattern whose wildcards span anything: action names, the Resource element, StringLike.

    Raises:
        MalformedPolicy: A variable is not well formed.
    """
    tokens = parse_tokens(text, variables=variables, wildcards=True)
    literal = _literal(tokens)
    if literal is not None:
        return Pattern(exact=literal)
    prefix = _literal(tokens[:-1]) if tokens[-1] is _Wild.ANY else None
    if prefix is not None:
        return Pattern(prefix=prefix)
    expression = _Expression()
    return expression.pattern(expression.glob(tokens))


def literal_pattern(text: str, *, variables: bool, ignore_case: bool = False) -> Pattern:
    """A pattern without wildcards: StringEquals and StringEqualsIgnoreCase.

    With ``ignore_case`` the text given to the matcher must be in lower case.

    Raises:
        MalformedPolicy: A variable is not well formed.
    """
    tokens = parse_tokens(text, variables=variables, wildcards=False)
    if ignore_case:
        tokens = tuple(token.lower() if isinstance(token, str) else token for token in tokens)
    literal = _literal(tokens)
    if literal is not None:
        return Pattern(exact=literal)
    expression = _Expression()
    return expression.pattern(expression.glob(tokens), ignore_case=ignore_case)


def _split_components(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens between the first five colons, and all the rest as the sixth component."""
    components: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            components[-1].append(token)
            continue
        first, *others = token.split(":", _ARN_COMPONENTS - len(components))
        components[-1].append(first)
        components.extend([other] for other in others)
    return components


def arn_pattern(text: str, *, variables: bool) -> Pattern:
    """A pattern for the Arn operators: each of the six components is matched on its own.

    A wildcard or a variable's value never reaches over one of the first five colons (IAM User Guide, "Amazon
    Resource Name (ARN) condition operators"). Text that does not have six components matches nothing.

    Raises:
        MalformedPolicy: A variable is not well formed.
    """
    tokens = parse_tokens(text, variables=variables, wildcards=True)
    components = _split_components(tokens)
    if len(components) != _ARN_COMPONENTS:
        return Pattern()
    literal = _literal(tokens)
    if literal is not None:
        return Pattern(exact=literal)
    expression = _Expression()
    parts = ["(?>" + expression.glob(part, one="[^:]", value=r"[^\0:]") + "):" for part in components[:-1]]
    parts.append(expression.glob(components[-1]))
    return expression.pattern("".join(parts))


def any_of(patterns: Sequence[Pattern]) -> Matcher:
    """A matcher that is true when one of ``patterns`` is.

    Exact texts become one set, prefixes one call, and regular expressions one alternation, so that a long list costs
    little more than a short one.
    """
    exact = frozenset(pattern.exact for pattern in patterns if pattern.exact is not None)
    prefixes = tuple(pattern.prefix for pattern in patterns if pattern.prefix is not None)
    expressions = [pattern.expression for pattern in patterns if pattern.expression is not None]
    others = tuple(pattern.matches for pattern in patterns if pattern.matches is not None)
    if not others and not prefixes and not expressions:
        return lambda text, _context: text in exact
    if not others and not exact and not expressions:
        return lambda text, _context: text.startswith(prefixes)
    # Without expressions the alternation would be empty and match the empty text: (?!) matches nothing.
    match = re.compile(rf"(?:{'|'.join(expressions) or '(?!)'})\Z", re.DOTALL).match
    if not others and not exact and not prefixes:
        return lambda text, _context: match(text) is not None

    def matches(text: str, context: Context) -> bool:
        if text in exact or text.startswith(prefixes) or match(text) is not None:
            return True
        return any(matches_one(text, context) for matches_one in others) if others else False

    return matches
