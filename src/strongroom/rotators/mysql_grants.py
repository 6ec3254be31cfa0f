"""Reading what ``SHOW GRANTS`` and ``SHOW CREATE USER`` say, without being fooled by a name.

The server answers with SQL text. It is cut into tokens, so that a word such as TO or ON inside a quoted name is part of
that name and nothing else. The session's ``sql_mode`` must be empty: it decides how names are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .contract import RotationError

__all__ = ["ROLE", "Account", "Rights", "read_account", "read_rights", "tokens"]

ROLE = "ROLE "
"""Before the name of a role, where the name of an object could stand. No object's name begins like this."""

_NAME = r"`(?:[^`]|``)*`"
_TEXT = r"'(?:[^'\\]|''|\\.)*'"
_TOKEN = re.compile(rf"{_NAME}|{_TEXT}|\((?:{_NAME}|[^`()])*\)|\d+\.\d+|[,@.]|[^\s`'(),@.]+", re.DOTALL)
_COLUMN = re.compile(rf"{_NAME}|[^\s`(),]+")
_MARKS = (".", "@", ",")

# The clauses of CREATE USER, by their first word. IDENTIFIED, DEFAULT ROLE and ACCOUNT are not copied as they are.
_CLAUSES = frozenset(
    {"IDENTIFIED", "DEFAULT", "REQUIRE", "WITH", "PASSWORD", "ACCOUNT", "FAILED_LOGIN_ATTEMPTS", "COMMENT", "ATTRIBUTE"}
)
_COPIED = ("PASSWORD", "FAILED_LOGIN_ATTEMPTS")


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account may do.

    Attributes:
        privileges: By object (as in ``ON ...``; a role with `ROLE` before it) and whether it may be passed on: the
            privileges.
        default_roles: The roles that are active after a login, as SQL; empty when there are none.
    """

    privileges: Mapping[tuple[str, bool], frozenset[str]]
    default_roles: str = ""

    def within(self, other: Rights) -> bool:
        """Whether ``other`` has each of these."""
        return all(
            granted <= other.privileges.get(place, frozenset())
            or "ALL PRIVILEGES" in other.privileges.get(place, frozenset())
            for place, granted in self.privileges.items()
        )


@dataclass(frozen=True, slots=True)
class Account:
    """How an account logs in.

    Attributes:
        plugins: The authentication plugins, in order.
        options: TLS requirements, limits and the like, as ``ALTER USER`` takes them.
        default_roles: The default roles, where the server names them here.
        locked: Whether it is locked.
    """

    plugins: tuple[str, ...]
    options: str
    default_roles: str = ""
    locked: bool = field(default=False)


def tokens(text: str) -> list[str]:
    """The tokens of a statement: names and texts in their quotes, lists in their parentheses, words, punctuation."""
    return _TOKEN.findall(text)


def read_rights(lines: Iterable[str], default_roles: str = "") -> Rights:
    """The answer to ``SHOW GRANTS``.

    Args:
        lines: One statement each.
        default_roles: What ``SHOW CREATE USER`` said of them.

    Raises:
        RotationError: A statement is of a kind that cannot be copied.
    """
    privileges: dict[tuple[str, bool], frozenset[str]] = {}
    for line in lines:
        words = tokens(line)
        if words[:3] == ["SET", "DEFAULT", "ROLE"]:
            default_roles = _join(words[3 : words.index("FOR")])
            continue
        if words[0] != "GRANT":
            raise RotationError(f"A right of the kind {words[0]!r}, such as a partial revoke, cannot be copied")
        end = words.index("TO")
        passed_on = words[-2:] in (["GRANT", "OPTION"], ["ADMIN", "OPTION"]) or _has(words[end:], "GRANT", "OPTION")
        if "ON" not in words[:end]:
            for role in _split(words[1:end]):
                privileges[ROLE + role, passed_on] = frozenset({"ROLE"})
            continue
        middle = words.index("ON")
        place = _join(words[middle + 1 : end])
        granted = frozenset(_split(words[1:middle]))
        if passed_on or granted != {"USAGE"}:
            privileges[place, passed_on] = granted | privileges.get((place, passed_on), frozenset())
    return Rights(privileges, default_roles)


def read_account(statement: str, limits: Iterable[str]) -> Account:
    """The answer to ``SHOW CREATE USER``.

    Args:
        statement: The answer.
        limits: The names of the limits that the server knows; 0 means none, and is left out of the answer.
    """
    clauses: list[list[str]] = []
    before = ""
    words = tokens(statement)
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else ""
        if _opens_clause(word, before, following):
            clauses.append([])
        if clauses:
            clauses[-1].append(word)
        before = word
    by_head = {head: [clause for clause in clauses if clause[0] == head] for head in _CLAUSES}
    limited = dict.fromkeys(limits, "0")
    for clause in by_head["WITH"]:
        limited |= zip(clause[1::2], clause[2::2], strict=True)
    copied = [
        *([_join(clause) for clause in by_head["REQUIRE"]] or ["REQUIRE NONE"]),
        "WITH " + " ".join(f"{name} {limit}" for name, limit in limited.items()),
        *[_join(clause) for head in _COPIED for clause in by_head[head]],
    ]
    return Account(
        plugins=_plugins(by_head["IDENTIFIED"]),
        options=" ".join(copied),
        default_roles=next((_join(clause[2:]) for clause in by_head["DEFAULT"]), ""),
        locked=["ACCOUNT", "LOCK"] in by_head["ACCOUNT"],
    )


def _opens_clause(word: str, before: str, following: str) -> bool:
    """Whether a word begins a clause, rather than standing inside one."""
    if word == "DEFAULT":
        return following == "ROLE"
    if word == "REQUIRE":
        return before != "PASSWORD"
    if word == "PASSWORD":
        return before != "BY"
    if word == "WITH":
        return before != "IDENTIFIED"
    return word in _CLAUSES


def _plugins(clauses: list[list[str]]) -> tuple[str, ...]:
    """The plugins of IDENTIFIED: WITH plugin (MySQL), VIA plugin [OR plugin ...] or BY PASSWORD (MariaDB)."""
    if not clauses:
        return ()
    clause = clauses[0]
    if clause[1] == "BY":
        return ("mysql_native_password",)
    named = [position + 1 for position, word in enumerate(clause) if word in {"WITH", "VIA", "OR"}]
    return tuple(clause[position].strip("'`") for position in named)


def _has(words: list[str], *wanted: str) -> bool:
    return any(tuple(words[start : start + len(wanted)]) == wanted for start in range(len(words)))


def _split(words: list[str]) -> list[str]:
    """The items of a list that commas part, each as text."""
    items: list[list[str]] = [[]]
    for word in words:
        if word == ",":
            items.append([])
        else:
            items[-1].append(_in_order(word) if word.startswith("(") else word)
    return [_join(item) for item in items]


def _in_order(columns: str) -> str:
    """A list of columns in parentheses, in order: the server names them in any."""
    return f"({', '.join(sorted(_COLUMN.findall(columns)))})"


def _join(words: list[str]) -> str:
    """Tokens as SQL again, with nothing around the marks that hold names together."""
    text = before = ""
    for word in words:
        if before and word not in _MARKS and before not in _MARKS:
            text += " "
        text += word
        before = word
    return text
