"""The constraints of a service model, compiled per shape, with AWS's texts for what violates them.

A check walks decoded parameters and collects every violation, up to AWS's limit of ten, into one ValidationException:

    2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; Value
    'x' at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128

A violated element of a list or map of scalars is reported once, at the list, with all constraints of the element; an
element that is a structure is reported at its own member. A value is shown unless it, or anything inside it, is
sensitive, a blob or a structure, or if its text is long.

Only shapes that have a constraint somewhere below them get a check, so that checking costs nothing for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.model import ListShape, MapShape, Shape, StructureShape

from strongroom.errors import AwsError
from strongroom.wire.patterns import java_pattern

__all__ = ["Check", "ConstraintCompiler", "validator"]

Path = tuple[Any, str] | None
"""A member's place: its parent's path and its own segment, linked, so that a valid request builds no text."""

Check = Callable[[Any, Path, list[str]], None]
"""Appends the text of each violation in a value at a path."""

MAX_VIOLATIONS = 10
MAX_SHOWN_LENGTH = 2048
"""A longer value is not repeated in the error's text."""
MAX_PATTERN_LENGTH = 65_536
"""A longer value fails its pattern unread; the model gives almost every shape that has a pattern a smaller maximum."""

_NOT_NULL = "Member must not be null"
_INTEGER_BOUNDS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class _Rule(NamedTuple):
    """One constraint of a scalar: whether a value keeps it, and AWS's text for it."""

    keeps: Callable[[Any], bool]
    text: str


@dataclass(frozen=True, slots=True)
class _Scalar:
    """All constraints of a scalar shape: one quick test for all of them, and each by itself for the texts."""

    passes: Callable[[Any], bool]
    rules: tuple[_Rule, ...]


def validator(check: Check | None) -> Callable[[Mapping[str, object]], None] | None:
    """Wrap the check of an input shape so that it raises.

    Args:
        check: What `ConstraintCompiler.check` made of the input shape.

    Returns:
        A function that raises AwsError (ValidationException) if parameters violate the shape, or None without a check.
    """
    if check is None:
        return None

    def validate(parameters: Mapping[str, object]) -> None:
        violations: list[str] = []
        check(parameters, None, violations)
        if violations:
            del violations[MAX_VIOLATIONS:]
            plural = "s" if len(violations) > 1 else ""
            raise AwsError(
                "ValidationException",
                f"{len(violations)} validation error{plural} detected: {'; '.join(violations)}",
            )

    return validate


class ConstraintCompiler:
    """Compiles the checks of one service's shapes. Each structure is compiled once."""

    __slots__ = ("_constrained", "_structures")

    def __init__(self) -> None:
        self._structures: dict[str, Check] = {}
        self._constrained: dict[str, bool] = {}

    def check(self, shape: Shape) -> Check | None:
        """The check for a shape, or None if neither it nor anything inside it has a constraint."""
        if isinstance(shape, StructureShape):
            return self._structure_check(shape)
        if isinstance(shape, ListShape):
            return self._list_check(shape)
        if isinstance(shape, MapShape):
            return self._map_check(shape)
        scalar = _scalar(shape)
        return None if scalar is None else _scalar_check(scalar, shows=_may_show(shape))

    def _structure_check(self, shape: StructureShape) -> Check | None:
        if (known := self._structures.get(shape.name)) is not None:
            return known if self._constrained[shape.name] else None
        members: dict[str, tuple[str, Check]] = {}
        required = tuple((name, _segment(name)) for name in shape.required_members)
        check = _members_check(members, required)
        # A shape that contains itself is taken as constrained while its members are compiled.
        self._structures[shape.name] = check
        self._constrained[shape.name] = True
        for name, member in shape.members.items():
            member_check = self.check(member)
            if member_check is not None:
                members[name] = (_segment(name), member_check)
        self._constrained[shape.name] = bool(members or required)
        return check if self._constrained[shape.name] else None

    def _list_check(self, shape: ListShape) -> Check:
        length = _length_rules(shape)
        shows = _may_show(shape)
        if isinstance(shape.member, StructureShape | ListShape | MapShape):
            element = self.check(shape.member)
            return _nested_list_check(length, element, shows=shows)
        text, passes = _element_rule("Member", shape.member)
        return _flat_list_check(length, _Rule(passes, text), shows=shows)

    def _map_check(self, shape: MapShape) -> Check:
        rules = list(_length_rules(shape))
        keys_text, key_passes = _element_rule("Map keys", shape.key)
        rules.append(_Rule(lambda value: all(map(key_passes, value)), keys_text))
        shows = _may_show(shape)
        if isinstance(shape.value, StructureShape | ListShape | MapShape):
            return _nested_map_check(rules, self.check(shape.value), shows=shows, shows_keys=_may_show(shape.key))
        value_text, value_passes = _element_rule("Map value", shape.value)
        rules.append(_Rule(lambda value: all(map(value_passes, value.values())), value_text))
        return _rules_check(rules, shows=shows)


def _segment(name: str) -> str:
    """A member's name as AWS writes it in a path: with a small first letter."""
    return name[:1].lower() + name[1:]


def _render_path(path: Path) -> str:
    segments: list[str] = []
    while path is not None:
        path, segment = path
        segments.append(segment)
    return ".".join(reversed(segments))


def _render_value(value: object) -> str:
    """A scalar, list or map of scalars as Java's ``toString`` writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_render_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_render_value(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else str(value)


def _violation(value: object, path: Path, text: str, *, shows: bool) -> str:
    shown = ""
    if value is None:
        shown = " null"
    elif shows and len(rendered := _render_value(value)) <= MAX_SHOWN_LENGTH:
        shown = f" '{rendered}'"
    return f"Value{shown} at '{_render_path(path)}' failed to satisfy constraint: {text}"


def _may_show(shape: Shape) -> bool:
    """Whether an error may repeat a value of this shape: never a secret, and never bytes or whole structures."""
    if shape.metadata.get("sensitive") or isinstance(shape, StructureShape):
        return False
    if isinstance(shape, ListShape):
        return _may_show(shape.member)
    if isinstance(shape, MapShape):
        return _may_show(shape.key) and _may_show(shape.value)
    return shape.type_name != "blob"


def _length_rules(shape: Shape) -> tuple[_Rule, ...]:
    """Bounds on the number of characters, bytes or elements."""
    rules: list[_Rule] = []
    maximum, minimum = shape.metadata.get("max"), shape.metadata.get("min")
    if maximum is not None:
        text = f"Member must have length less than or equal to {maximum}"
        rules.append(_Rule(lambda value: len(value) <= maximum, text))
    if minimum:
        text = f"Member must have length greater than or equal to {minimum}"
        rules.append(_Rule(lambda value: len(value) >= minimum, text))
    return tuple(rules)


def _value_rules(shape: Shape) -> tuple[_Rule, ...]:
    """Bounds on a number. An integer without bounds in the model has those of its type."""
    lowest, highest = _INTEGER_BOUNDS.get(shape.type_name, (None, None))
    maximum, minimum = shape.metadata.get("max", highest), shape.metadata.get("min", lowest)
    rules: list[_Rule] = []
    if maximum is not None:
        text = f"Member must have value less than or equal to {maximum}"
        rules.append(_Rule(lambda value: bool(value <= maximum), text))
    if minimum is not None:
        text = f"Member must have value greater than or equal to {minimum}"
        rules.append(_Rule(lambda value: bool(value >= minimum), text))
    return tuple(rules)


def _pattern_rule(shape: Shape) -> _Rule | None:
    """The pattern of a string. A value beyond the maximum length is not matched: its length is reported already."""
    source = shape.metadata.get("pattern")
    pattern = None if source is None else java_pattern(source)
    if pattern is None:
        return None
    fullmatch = pattern.fullmatch
    maximum = shape.metadata.get("max")

    def keeps(value: str) -> bool:
        if maximum is not None and len(value) > maximum:
            return True
        return len(value) <= MAX_PATTERN_LENGTH and fullmatch(value) is not None

    return _Rule(keeps, f"Member must satisfy regular expression pattern: {source}")


def _scalar(shape: Shape) -> _Scalar | None:
    """The constraints of a scalar shape, or None if it has none."""
    if shape.type_name in ("integer", "long", "float", "double"):
        rules = _value_rules(shape)
    elif shape.type_name in ("string", "blob"):
        rules = _length_rules(shape)
        pattern = _pattern_rule(shape)
        rules = rules if pattern is None else (*rules, pattern)
        enum = shape.metadata.get("enum")
        if enum:
            values = frozenset(enum)
            text = f"Member must satisfy enum value set: [{', '.join(enum)}]"
            rules = (*rules, _Rule(values.__contains__, text))
    else:
        rules = ()
    return _Scalar(_conjunction(rules), rules) if rules else None


def _conjunction(rules: Sequence[_Rule]) -> Callable[[Any], bool]:
    """One test for all rules, unrolled for the usual one, two and three."""
    tests = [rule.keeps for rule in rules]
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) and second(value)
    if len(tests) == 3:
        first, second, third = tests
        return lambda value: first(value) and second(value) and third(value)
    return lambda value: all(test(value) for test in tests)


def _element_rule(subject: str, shape: Shape) -> tuple[str, Callable[[Any], bool]]:
    """The text for a scalar element, key or value that violates its shape, and the test for one of them."""
    scalar = _scalar(shape)
    texts = [rule.text for rule in scalar.rules] if scalar else []
    text = f"{subject} must satisfy constraint: [{', '.join([*texts, _NOT_NULL])}]"
    if scalar is None:
        return text, lambda value: value is not None
    passes = scalar.passes
    return text, lambda value: value is not None and passes(value)


def _scalar_check(scalar: _Scalar, *, shows: bool) -> Check:
    passes, rules = scalar.passes, scalar.rules

    def check(value: object, path: Path, violations: list[str]) -> None:
        if not passes(value):
            violations.extend(
                _violation(value, path, rule.text, shows=shows) for rule in rules if not rule.keeps(value)
            )

    return check


def _rules_check(rules: Sequence[_Rule], *, shows: bool) -> Check:
    rules = tuple(rules)

    def check(value: object, path: Path, violations: list[str]) -> None:
        for keeps, text in rules:
            if not keeps(value):
                violations.append(_violation(value, path, text, shows=shows))

    return check


def _flat_list_check(length: Sequence[_Rule], element: _Rule, *, shows: bool) -> Check:
    passes = element.keeps
    return _rules_check([*length, _Rule(lambda value: all(map(passes, value)), element.text)], shows=shows)


def _nested_list_check(length: Sequence[_Rule], element: Check | None, *, shows: bool) -> Check:
    rules = _rules_check(length, shows=shows)

    def check(value: list[object], path: Path, violations: list[str]) -> None:
        rules(value, path, violations)
        for number, item in enumerate(value, 1):
            if len(violations) >= MAX_VIOLATIONS:
                return
            place = ((path, str(number)), "member")
            if item is None:
                violations.append(_violation(None, place, _NOT_NULL, shows=False))
            elif element is not None:
                element(item, place, violations)

    return check


def _nested_map_check(rules: Sequence[_Rule], element: Check | None, *, shows: bool, shows_keys: bool) -> Check:
    own = _rules_check(rules, shows=shows)

    def check(value: dict[str, object], path: Path, violations: list[str]) -> None:
        own(value, path, violations)
        for key, item in value.items():
            if len(violations) >= MAX_VIOLATIONS:
                return
            place = ((path, key if shows_keys else "entry"), "member")
            if item is None:
                violations.append(_violation(None, place, _NOT_NULL, shows=False))
            elif element is not None:
                element(item, place, violations)

    return check


def _members_check(members: Mapping[str, tuple[str, Check]], required: Sequence[tuple[str, str]]) -> Check:
    def check(value: dict[str, object], path: Path, violations: list[str]) -> None:
        for name, item in value.items():
            member = members.get(name)
            if member is not None:
                member[1](item, (path, member[0]), violations)
        for name, segment in required:
            if name not in value:
                violations.append(_violation(None, (path, segment), _NOT_NULL, shows=False))

    return check
