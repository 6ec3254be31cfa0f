"""A second policy evaluator: slow, short, and written from AWS's documentation alone.

It works on raw JSON with plain recursion and shares nothing with `strongroom.policy` but the request's data classes.
Where the two disagree, one of them is wrong. It expects documents that the compiler accepts.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from strongroom.policy import AuthorizationRequest, Context, PrincipalFacts

Chars = tuple[tuple[str, bool], ...]
"""A pattern as characters; the flag says that the character is a wildcard."""

Json = dict[str, Any]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# --- patterns ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=100_000)
def glob(pattern: Chars, text: str) -> bool:
    if pattern == (("*", True),):
        return True
    if not any(wild for _, wild in pattern):
        return "".join(char for char, _ in pattern) == text

    @cache
    def match(p: int, t: int) -> bool:
        if p == len(pattern):
            return t == len(text)
        char, wild = pattern[p]
        if wild and char == "*":
            return match(p + 1, t) or (t < len(text) and match(p, t + 1))
        return t < len(text) and ((wild and char == "?") or char == text[t]) and match(p + 1, t + 1)

    return match(0, 0)


def expand(text: str, context: Context, *, variables: bool, wildcards: bool = True) -> Chars | None:
    """Substitute variables, or None when one has no value."""
    result: list[tuple[str, bool]] = []
    while text:
        if variables and text.startswith("${"):
            if text[2:4] in {"*}", "?}", "$}"}:
                result.append((text[2], False))
                text = text[4:]
                continue
            inside, text = text[2:].split("}", 1)
            name, _, default = inside.partition(",")
            value = context.get(name.strip().lower())
            if not isinstance(value, str):
                if not default:
                    return None
                value = default.strip().strip("'")
            result += [(char, False) for char in value]
        else:
            result.append((text[0], wildcards and text[0] in "*?"))
            text = text[1:]
    return tuple(result)


def arn_like(pattern: Chars, text: str) -> bool:
    """Six components, each on its own. Colons that came from a variable do not separate."""
    if text.count(":") < 5:
        return False
    fields = text.split(":", 5)
    parts: list[list[tuple[str, bool]]] = [[]]
    for char in pattern:
        if char == (":", False) and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(char)
    return len(parts) == 6 and all(glob(tuple(part), field) for part, field in zip(parts, fields, strict=True))


# --- conditions -------------------------------------------------------------------------------------------------


def instant(text: str) -> datetime:
    if text.isdigit() and len(text) != 4:
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime(int(text), 1, 1, tzinfo=UTC) if text.isdigit() else datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda a, b: bool(a == b),
    "LessThan": lambda a, b: bool(a < b),
    "LessThanEquals": lambda a, b: bool(a <= b),
    "GreaterThan": lambda a, b: bool(a > b),
    "GreaterThanEquals": lambda a, b: bool(a >= b),
}


def compare_one(operator: str, actual: str, wanted: str, context: Context, variables: bool) -> bool:
    """One request value against one policy value, for a positive operator."""
    if operator.startswith(("String", "Arn")):
        wildcards = operator in {"StringLike", "ArnLike", "ArnEquals"}
        pattern = expand(wanted, context, variables=variables, wildcards=wildcards)
        if pattern is None:
            return False
        if operator.startswith("Arn"):
            return arn_like(pattern, actual)
        if operator == "StringEqualsIgnoreCase":
            return "".join(char for char, _ in pattern).lower() == actual.lower()
        return glob(pattern, actual)
    try:
        if operator.startswith("Numeric"):
            return COMPARE[operator.removeprefix("Numeric")](float(actual), float(wanted))
        if operator.startswith("Date"):
            return COMPARE[operator.removeprefix("Date")](instant(actual), instant(wanted))
        if operator == "Bool":
            return actual.lower() == wanted.lower() and actual.lower() in {"true", "false"}
        if operator == "BinaryEquals":
            return base64.b64decode(actual, validate=True) == base64.b64decode(wanted)
        return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def condition_holds(name: str, key: str, values: Any, context: Context, variables: bool) -> bool:
    wanted = [str(value).lower() if isinstance(value, bool) else str(value) for value in listed(values)]
    actual = context.get(key.lower())
    if name == "Null":
        absent = actual is None or actual == ()
        return any((value == "true") == absent for value in wanted)
    prefix, _, rest = name.rpartition(":")
    base = rest.removesuffix("IfExists")
    positive = NEGATED.get(base, base)

    def one(value: str) -> bool:
        hit = any(compare_one(positive, value, each, context, variables) for each in wanted)
        return hit if positive == base else not hit

    present = [] if actual is None else [actual] if isinstance(actual, str) else list(actual)
    if prefix:
        present = [] if actual == "" else present
        return all(map(one, present)) if prefix == "ForAllValues" else any(map(one, present))
    if not present:
        return rest.endswith("IfExists") or positive != base
    if positive == base:
        return any(map(one, present))
    return all(map(one, present))


# --- statements -------------------------------------------------------------------------------------------------


def element(statement: Json, name: str, matches: Callable[[str], bool]) -> bool:
    if name in statement:
        return any(matches(each) for each in listed(statement[name]))
    if f"Not{name}" in statement:
        return not any(matches(each) for each in listed(statement[f"Not{name}"]))
    return True


@cache
def action_matches(pattern: str, action: str) -> bool:
    chars = expand(pattern.lower(), {}, variables=False)
    return chars is not None and glob(chars, action.lower())


def applies(statement: Json, request: AuthorizationRequest, variables: bool) -> bool:
    def action(pattern: str) -> bool:
        return action_matches(pattern, request.action)

    def resource(pattern: str) -> bool:
        chars = expand(pattern, request.context, variables=variables)
        return chars is not None and glob(chars, request.resource)

    return (
        element(statement, "Action", action)
        and element(statement, "Resource", resource)
        and all(
            condition_holds(operator, key, values, request.context, variables)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


OUTSIDERS = {"service", "web-identity", "anonymous"}
"""Callers without policies of their own."""


def names(element: Any, who: PrincipalFacts) -> set[str]:
    """In which ways does a Principal element name the caller?

    ``behind`` is the role of a role session and the user of a federated one.
    """
    if element == "*":
        return {"anyone"}
    found: set[str] = set()
    for entry in listed(element.get("AWS", [])):
        if entry == "*":
            found.add("anyone")
        elif who.kind in OUTSIDERS:
            continue
        elif entry in {who.account, f"arn:aws:iam::{who.account}:root"}:
            found.add("account")
        elif entry == who.session_arn:
            found |= {"user"} if who.kind == "user" else {"session"}
        elif entry == who.arn or entry in who.identifiers:
            found.add("user" if who.kind == "user" else "behind")
    if who.kind == "service" and who.service in listed(element.get("Service", [])):
        found.add("service")
    if who.kind == "web-identity" and who.arn in listed(element.get("Federated", [])):
        found.add("provider")
    return found


def identities(who: PrincipalFacts) -> set[str]:
    """All the ways in which NotPrincipal must name a caller so that it is spared."""
    return {
        "root": {"account"},
        "user": {"account", "user"},
        "role-session": {"account", "behind", "session"},
        "federated-user": {"account", "behind", "session"},
        "service": {"service"},
        "web-identity": {"provider"},
        "anonymous": {"anyone"},
    }[who.kind]


def concerns(statement: Json, who: PrincipalFacts, bounded: bool) -> set[str]:
    """How a statement of a resource-based policy concerns the caller; empty when it does not."""
    if "Principal" in statement:
        return names(statement["Principal"], who)
    named = names(statement["NotPrincipal"], who)
    if statement["Effect"] == "Allow":
        return set() if named else {"anyone"}
    if bounded:
        return {"anyone"}
    spared = "anyone" in named or identities(who) <= named
    return set() if spared else {"anyone"}


# --- the whole decision -----------------------------------------------------------------------------------------


class Document:
    def __init__(self, text: str) -> None:
        content: Json = json.loads(text)
        self.variables = content.get("Version") == "2012-10-17"
        self.statements: list[Json] = listed(content["Statement"])

    def effects(self, request: AuthorizationRequest) -> set[str]:
        return {s["Effect"] for s in self.statements if applies(s, request, self.variables)}

    def resource_effects(self, request: AuthorizationRequest, bounded: bool) -> tuple[bool, set[str]]:
        """Is there a Deny, and in which ways do the Allows name the caller?"""
        denied = False
        allowed: set[str] = set()
        for statement in self.statements:
            ways = concerns(statement, request.principal, bounded)
            if ways and applies(statement, request, self.variables):
                if statement["Effect"] == "Deny":
                    denied = True
                else:
                    allowed |= ways
        return denied, allowed


def decide(
    request: AuthorizationRequest,
    identity: Sequence[Document],
    boundary: Document | None,
    session: Sequence[Document] | None,
    resource: Document | None,
    *,
    must_decide: bool,
    control: Sequence[Sequence[Document]] = (),
) -> str:
    """``allow``, ``explicit`` or ``implicit``."""
    who = request.principal
    denied, ways = resource.resource_effects(request, boundary is not None) if resource else (False, set())
    if who.kind in OUTSIDERS:
        denied, ways = resource.resource_effects(request, False) if resource else (False, set())
        return "explicit" if denied else "allow" if ways else "implicit"
    from_identity = set().union(*(document.effects(request) for document in identity))
    from_boundary = boundary.effects(request) if boundary else {"Allow"}
    from_session = set().union(*(each.effects(request) for each in session)) if session is not None else {"Allow"}
    levels = [set().union(*(document.effects(request) for document in level)) for level in control]
    if denied or "Deny" in set().union(from_identity, from_boundary, from_session, *levels):
        return "explicit"
    if not all("Allow" in level for level in levels):
        return "implicit"
    root = who.kind == "root"
    own = root or "Allow" in from_identity
    capped = "Allow" in from_boundary and "Allow" in from_session
    if who.account != request.resource_account:
        allowed = own and capped and bool(ways)
    else:
        direct = {"anyone", "session"} & ways or ("user" in ways and session is None) or (root and "account" in ways)
        through_role = bool({"behind", "user"} & ways)
        through_identity = own and ("account" in ways or not must_decide)
        allowed = bool(direct) or (capped and (through_role or through_identity))
    return "allow" if allowed else "implicit"
