"""Condition operators, compiled to closures over the request context.

Rules, all from the IAM User Guide ("Condition operators", "Single-valued vs. multivalued context keys", "Variables
and tags"):

* Operators of a block, and keys of an operator, are ANDed; values of a key are ORed. A negated operator is true when
  none of its values matches.
* An absent key makes a condition false, a negated one true, and an ``IfExists`` one true.
* ``ForAllValues`` is true when every request value matches, so also when there is none; ``ForAnyValue`` when one does,
  so never when there is none. That holds with ``IfExists`` too, which is about one value inside the loop. For both,
  an empty string is no value.
* A multivalued key without a set operator matches when one of its values does.
* A policy value whose variable has no value equals nothing: positive operators do not match it, negated ones do.

Operator names ignore case, as condition keys do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TypeAlias, TypeVar

from strongroom.policy.document import as_object, scalar_texts
from strongroom.policy.model import Context, MalformedPolicy
from strongroom.policy.operands import parse_address, parse_bytes, parse_date, parse_network, parse_number
from strongroom.policy.patterns import Matcher, any_of, arn_pattern, literal_pattern, text_pattern

__all__ = ["Condition", "SetOperator", "Test", "compile_conditions"]

Test: TypeAlias = Callable[[Context], bool]
Build: TypeAlias = Callable[[tuple[str, ...], bool], Matcher]

_T = TypeVar("_T")
_Ordered = TypeVar("_Ordered", int, Decimal)


class SetOperator(Enum):
    """How a multivalued key is compared."""

    NONE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class Condition:
    """One compiled condition: one operator on one key.

    Args:
        written_operator: The operator as written, with prefix and suffix.
        operator: The operator's name in lower case without prefix and suffix, such as ``stringequals``.
        negated: Is it a negated operator?
        set_operator: The prefix, if any.
        if_exists: Does it carry the ``IfExists`` suffix?
        key: The condition key in lower case.
        written_key: The condition key as written.
        values: The policy's values as written.
        test: The condition itself.
    """

    written_operator: str
    operator: str
    negated: bool
    set_operator: SetOperator
    if_exists: bool
    key: str
    written_key: str
    values: tuple[str, ...]
    test: Test

    @property
    def has_patterns(self) -> bool:
        """Can its values hold variables? Those of strings and ARNs can."""
        return self.operator.startswith(("string", "arn"))

    def __str__(self) -> str:
        return f"{self.written_operator} {self.written_key} {', '.join(self.values)}"


def _strings(values: tuple[str, ...], variables: bool) -> Matcher:
    return any_of([literal_pattern(value, variables=variables) for value in values])


def _strings_ignoring_case(values: tuple[str, ...], variables: bool) -> Matcher:
    matches = any_of([literal_pattern(value, variables=variables, ignore_case=True) for value in values])
    return lambda value, context: matches(value.lower(), context)


def _string_patterns(values: tuple[str, ...], variables: bool) -> Matcher:
    return any_of([text_pattern(value, variables=variables) for value in values])


def _arns(values: tuple[str, ...], variables: bool) -> Matcher:
    return any_of([arn_pattern(value, variables=variables) for value in values])


def _parse_all(values: tuple[str, ...], parse: Callable[[str], _T | None], what: str) -> tuple[_T, ...]:
    parsed: list[_T] = []
    for value in values:
        item = parse(value)
        if item is None:
            raise MalformedPolicy(f"The policy contains a condition value that is not {what}.")
        parsed.append(item)
    return tuple(parsed)


def _compared(parse: Callable[[str], _T | None], what: str, compare: Callable[[_T, _T], bool]) -> Build:
    """Operators that parse both sides and compare ``request value`` with ``policy value``."""

    def build(values: tuple[str, ...], _variables: bool) -> Matcher:
        wanted = _parse_all(values, parse, what)

        def matches(value: str, _context: Context) -> bool:
            actual = parse(value)
            return actual is not None and any(compare(actual, limit) for limit in wanted)

        return matches

    return build


def _booleans(values: tuple[str, ...], _variables: bool) -> Matcher:
    wanted = frozenset(_parse_all(values, _parse_boolean, '"true" or "false"'))
    return lambda value, _context: _parse_boolean(value) in wanted


def _parse_boolean(text: str) -> str | None:
    lowered = text.lower()
    return lowered if lowered in {"true", "false"} else None


def _networks(values: tuple[str, ...], _variables: bool) -> Matcher:
    networks = _parse_all(values, parse_network, "an IP address or a range in CIDR notation")

    def matches(value: str, _context: Context) -> bool:
        address = parse_address(value)
        return address is not None and any(address in network for network in networks)

    return matches


def _family(prefix: str, parse: Callable[[str], _Ordered | None], what: str) -> dict[str, tuple[Build, bool]]:
    """The six comparisons that numbers and dates share."""
    equals = _compared(parse, what, lambda actual, limit: actual == limit)
    return {
        f"{prefix}equals": (equals, False),
        f"{prefix}notequals": (equals, True),
        f"{prefix}lessthan": (_compared(parse, what, lambda actual, limit: actual < limit), False),
        f"{prefix}lessthanequals": (_compared(parse, what, lambda actual, limit: actual <= limit), False),
        f"{prefix}greaterthan": (_compared(parse, what, lambda actual, limit: actual > limit), False),
        f"{prefix}greaterthanequals": (_compared(parse, what, lambda actual, limit: actual >= limit), False),
    }


_OPERATORS: Mapping[str, tuple[Build, bool]] = {
    "stringequals": (_strings, False),
    "stringnotequals": (_strings, True),
    "stringequalsignorecase": (_strings_ignoring_case, False),
    "stringnotequalsignorecase": (_strings_ignoring_case, True),
    "stringlike": (_string_patterns, False),
    "stringnotlike": (_string_patterns, True),
    **_family("numeric", parse_number, "a number"),
    **_family("date", parse_date, "a date"),
    "bool": (_booleans, False),
    "binaryequals": (_compared(parse_bytes, "base64", lambda actual, wanted: actual == wanted), False),
    "ipaddress": (_networks, False),
    "notipaddress": (_networks, True),
    "arnequals": (_arns, False),
    "arnlike": (_arns, False),
    "arnnotequals": (_arns, True),
    "arnnotlike": (_arns, True),
}
"""Operator name in lower case -> (how its values become a matcher, is it negated)."""


def _null_test(key: str, values: tuple[str, ...]) -> Test:
    """``Null``: "true" asks that the key be absent, "false" that it be there. A list without values is absent."""
    wanted = frozenset(_parse_all(values, _parse_boolean, '"true" or "false"'))
    on_absent, on_present = "true" in wanted, "false" in wanted
    return lambda context: on_absent if context.get(key, ()) == () else on_present


def _single_test(key: str, matches: Matcher, negated: bool, if_exists: bool) -> Test:
    on_absent = if_exists or negated

    def test(context: Context) -> bool:
        actual = context.get(key)
        if isinstance(actual, str):
            return matches(actual, context) is not negated
        if not actual:
            return on_absent
        return any(matches(value, context) for value in actual) is not negated

    return test


def _set_test(key: str, matches: Matcher, negated: bool, set_operator: SetOperator) -> Test:
    every = set_operator is SetOperator.ALL

    def test(context: Context) -> bool:
        actual = context.get(key)
        if not actual:
            return every
        values = (actual,) if isinstance(actual, str) else actual
        results = (matches(value, context) is not negated for value in values)
        return all(results) if every else any(results)

    return test


def _split_operator(name: str) -> tuple[SetOperator, str, bool]:
    lowered = name.lower()
    prefix, colon, base = lowered.partition(":")
    set_operator = SetOperator.NONE
    if colon:
        found = [each for each in (SetOperator.ALL, SetOperator.ANY) if each.value.lower() == prefix]
        if not found:
            raise MalformedPolicy(f"Invalid Condition type : {name}.")
        set_operator = found[0]
    else:
        base = lowered
    if_exists = base.endswith("ifexists")
    return set_operator, base.removesuffix("ifexists"), if_exists


def _compile_condition(name: str, key: str, values: tuple[str, ...], variables: bool) -> Condition:
    set_operator, base, if_exists = _split_operator(name)
    if ":" not in key:
        raise MalformedPolicy("Conditions must be prefaced by a vendor, e.g., aws, kms, secretsmanager.")
    lowered = key.lower()
    if base == "null":
        if if_exists or set_operator is not SetOperator.NONE:
            raise MalformedPolicy(f"Invalid Condition type : {name}.")
        test = _null_test(lowered, values)
        return Condition(name, base, False, set_operator, if_exists, lowered, key, values, test)
    if base not in _OPERATORS:
        raise MalformedPolicy(f"Invalid Condition type : {name}.")
    build, negated = _OPERATORS[base]
    matches = build(values, variables)
    if set_operator is SetOperator.NONE:
        test = _single_test(lowered, matches, negated, if_exists)
    else:
        test = _set_test(lowered, matches, negated, set_operator)
    return Condition(name, base, negated, set_operator, if_exists, lowered, key, values, test)


def compile_conditions(block: object, *, variables: bool) -> tuple[Condition, ...]:
    """Compile a ``Condition`` element.

    Args:
        block: The element as plain JSON values.
        variables: Does the document's version have policy variables?

    Returns:
        The conditions, all of which must hold.

    Raises:
        MalformedPolicy: An unknown operator, or a value that the operator cannot compare.
    """
    return tuple(
        _compile_condition(name, key, scalar_texts(values, "Condition value"), variables)
        for name, keys in as_object(block, "Condition").items()
        for key, values in as_object(keys, "Condition operator").items()
    )
