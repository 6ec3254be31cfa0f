"""Every operator: documented examples, then every combination against the reference."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from tests.unit.policy.reference import condition_holds

from strongroom.policy import Context, MalformedPolicy
from strongroom.policy.conditions import SetOperator, compile_conditions


def holds(block: Any, context: Context, *, variables: bool = True) -> bool:
    return all(condition.test(context) for condition in compile_conditions(block, variables=variables))


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "expected"),
    [
        ("StringEquals", "john", "john", True),
        ("StringEquals", "john", "John", False),
        ("StringEquals", "jo*", "john", False),
        ("StringNotEquals", "john", "mary", True),
        ("StringNotEquals", ["john", "mary"], "mary", False),
        ("StringEqualsIgnoreCase", "john", "JOHN", True),
        ("StringNotEqualsIgnoreCase", "john", "JOHN", False),
        ("StringLike", "David/*", "David/x", True),
        ("StringNotLike", "David/*", "David/x", False),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", ["9", "10"], "10", True),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "9", "10", True),
        ("NumericGreaterThanEquals", "10.5", "10.50", True),
        ("NumericLessThan", "10", "ten", False),
        ("NumericNotEquals", "10", "ten", True),
        ("DateEquals", "2020-01-01", "1577836800", True),
        ("DateNotEquals", "2020-01-01", "2020-01-02", True),
        ("DateLessThan", "2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z", True),
        ("DateLessThanEquals", "2020", "2020-01-01T00:00:00Z", True),
        ("DateGreaterThan", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", False),
        ("DateGreaterThanEquals", "2020-01-01T00:00:01Z", "2020-01-01T01:00:01+01:00", True),
        ("DateLessThan", "2020-01-01", "never", False),
        ("Bool", "true", "true", True),
        ("Bool", False, "false", True),
        ("Bool", "true", "perhaps", False),
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
        ("BinaryEquals", "QQ==", "QUE=", False),
        ("IpAddress", "203.0.113.0/24", "203.0.113.255", True),
        ("IpAddress", ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::5", True),
        ("IpAddress", "203.0.113.0/24", "unknown", False),
        ("NotIpAddress", "203.0.113.0/24", "203.0.113.255", False),
        ("NotIpAddress", "203.0.113.0/24", "unknown", True),
        ("ArnEquals", "arn:aws:sns:*:123456789012:t", "arn:aws:sns:eu-west-1:123456789012:t", True),
        ("ArnLike", "arn:aws:sns:*:123456789012:t", "arn:aws:sns:eu-west-1:999999999999:t", False),
        ("ArnNotEquals", "arn:aws:sns:*:123456789012:t", "arn:aws:sns:eu-west-1:123456789012:t", False),
        ("ArnNotLike", "arn:aws:sns:*:123456789012:t", "arn:aws:sns:eu-west-1:999999999999:t", True),
        ("Null", "true", "there", False),
        ("Null", "false", "there", True),
        ("Null", ["true", "false"], "there", True),
        ("StringEquals", [], "x", False),
        ("StringNotEquals", [], "x", True),
        ("stringequals", "x", "x", True),
        ("FORANYVALUE:stringLIKEifexists", "x*", "xy", True),
    ],
)
def test_operators(operator: str, wanted: Any, actual: str, expected: bool) -> None:
    assert holds({operator: {"Some:Key": wanted}}, {"some:key": actual}) is expected


NEGATED = {"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals", "DateNotEquals"} | {
    "NotIpAddress",
    "ArnNotEquals",
    "ArnNotLike",
}
WANTED = {"Numeric": "1", "Date": "2020", "Bool": "true", "Binary": "QQ==", "Ip": "10.0.0.0/8", "NotIp": "10.0.0.0/8"}
ALL_OPERATORS = [
    *(
        f"String{rest}"
        for rest in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
    ),
    *(f"Arn{rest}" for rest in ("Equals", "NotEquals", "Like", "NotLike")),
    *(
        f"{kind}{rest}"
        for kind in ("Numeric", "Date")
        for rest in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    ),
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
]


def wanted_for(operator: str) -> str:
    return next((value for prefix, value in WANTED.items() if operator.startswith(prefix)), "arn:aws:iam::1:role/*")


@pytest.mark.parametrize("operator", ALL_OPERATORS)
def test_an_absent_key(operator: str) -> None:
    def absent(name: str) -> bool:
        return holds({name: {"a:b": wanted_for(operator)}}, {})

    assert absent(operator) is (operator in NEGATED)
    assert absent(f"{operator}IfExists")
    assert absent(f"ForAllValues:{operator}")
    assert absent(f"ForAllValues:{operator}IfExists")
    assert not absent(f"ForAnyValue:{operator}")
    assert not absent(f"ForAnyValue:{operator}IfExists")


# IAM User Guide, "Creating a condition that tests multiple key values".
ATTRIBUTES = ["PostDateTime", "Message", "Tags"]


@pytest.mark.parametrize(
    ("operator", "requested", "expected"),
    [
        ("ForAllValues:StringLike", ("PostDateTime", "Message"), True),
        ("ForAllValues:StringLike", ("PostDateTime", "UserName"), False),
        ("ForAnyValue:StringLike", ("UserName", "Message", "PostDateTime"), True),
        ("ForAnyValue:StringLike", ("UserName",), False),
        ("ForAllValues:StringLike", (), True),
        ("ForAllValues:StringLike", "", True),
        ("ForAnyValue:StringLike", (), False),
        ("ForAnyValue:StringNotLike", "", False),
        ("ForAllValues:StringNotLike", ("UserName", "ID"), True),
        ("ForAllValues:StringNotLike", ("UserName", "Tags"), False),
        ("ForAnyValue:StringNotLike", ("UserName", "Tags"), True),
        ("StringLike", ("UserName", "Tags"), True),
        ("StringNotLike", ("UserName", "Tags"), False),
        ("StringNotLike", ("UserName",), True),
    ],
)
def test_multivalued_keys(operator: str, requested: str | tuple[str, ...], expected: bool) -> None:
    assert holds({operator: {"dynamodb:Attributes": ATTRIBUTES}}, {"dynamodb:attributes": requested}) is expected


def test_null_takes_an_empty_list_for_absent() -> None:
    assert holds({"Null": {"aws:TagKeys": "true"}}, {"aws:tagkeys": ()})
    assert holds({"Null": {"aws:TagKeys": "true"}}, {})
    assert holds({"Null": {"aws:RequestTag/x": "false"}}, {"aws:requesttag/x": ""})


def test_keys_and_operators_are_anded() -> None:
    block = {"StringEquals": {"a:b": "1", "a:c": "2"}, "Bool": {"a:d": "true"}}
    assert holds(block, {"a:b": "1", "a:c": "2", "a:d": "true"})
    assert not holds(block, {"a:b": "1", "a:c": "3", "a:d": "true"})
    assert not holds(block, {"a:b": "1", "a:c": "2", "a:d": "false"})
    assert holds({}, {})


def test_a_variable_without_value_equals_nothing() -> None:
    """IAM User Guide, "Policy variables with no value": inverted operators do match against a null value."""
    context = {"s3:existingobjecttag/team": "red"}
    for operator, expected in (("StringEquals", False), ("StringLike", False), ("StringNotEquals", True)):
        assert holds({operator: {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}}, context) is expected


@pytest.mark.parametrize(
    "block",
    [
        {"StringMatches": {"a:b": "c"}},
        {"ForSomeValues:StringEquals": {"a:b": "c"}},
        {"NullIfExists": {"a:b": "true"}},
        {"ForAllValues:Null": {"a:b": "true"}},
        {"Null": {"a:b": "maybe"}},
        {"StringEquals": {"nocolon": "c"}},
        {"StringEquals": {"a:b": {"c": "d"}}},
        {"StringEquals": {"a:b": None}},
        {"StringEquals": "a:b"},
        "StringEquals",
        {"NumericEquals": {"a:b": "ten"}},
        {"NumericEquals": {"a:b": "${aws:username}"}},
        {"DateLessThan": {"a:b": "soon"}},
        {"Bool": {"a:b": "yes"}},
        {"BinaryEquals": {"a:b": "!"}},
        {"IpAddress": {"a:b": "10.0.0.*"}},
    ],
)
def test_malformed_conditions_are_refused(block: Any) -> None:
    with pytest.raises(MalformedPolicy):
        compile_conditions(block, variables=True)


def test_the_parts_of_a_condition_are_kept() -> None:
    (condition,) = compile_conditions(
        {"ForAllValues:StringNotLikeIfExists": {"aws:TagKeys": ["a", "b"]}}, variables=True
    )
    assert (condition.operator, condition.negated, condition.set_operator) == ("stringnotlike", True, SetOperator.ALL)
    assert (condition.if_exists, condition.key, condition.values) == (True, "aws:tagkeys", ("a", "b"))


SAMPLES: list[str | tuple[str, ...] | None] = [
    None,
    "",
    (),
    "a",
    "b",
    "a*",
    "1",
    "2.5",
    "true",
    "FALSE",
    "2020-01-01",
    ("a", "b"),
]
SAMPLES += [
    "1577836800",
    "10.1.1.1",
    "::1",
    "QQ==",
    "arn:aws:iam::1:role/a",
    "arn:aws:iam::1:2:role/a",
    ("1", "x"),
    ("arn:x",),
]
WANTED_LISTS = {
    "String": [["a"], ["a", "A*"], ["?"], ["${x:y}"], ["${x:y, 'a'}", "b"], []],
    "Arn": [["arn:aws:iam::1:role/a"], ["arn:aws:*:*:*:*", "*"], ["arn:*:iam::1:role/${x:y}"]],
    "Numeric": [["1"], ["2", "3"], []],
    "Date": [["2020-01-01"], ["2019", "2021-06-01T00:00:00Z"]],
    "Bool": [["true"], ["false", "true"]],
    "Binary": [["QQ=="]],
    "Ip": [["10.0.0.0/8"], ["::/0", "192.0.2.1"]],
    "NotIp": [["10.0.0.0/8"]],
}


@pytest.mark.parametrize("operator", ALL_OPERATORS)
def test_every_combination_agrees_with_the_reference(operator: str) -> None:
    lists = next(lists for prefix, lists in WANTED_LISTS.items() if operator.startswith(prefix))
    for prefix, suffix, values, variables in product(
        ("", "ForAllValues:", "ForAnyValue:"), ("", "IfExists"), lists, (True, False)
    ):
        name = f"{prefix}{operator}{suffix}"
        (condition,) = compile_conditions({name: {"k:K": values}}, variables=variables)
        for sample, other in product(SAMPLES, (None, "a", "*", "")):
            context: dict[str, str | tuple[str, ...]] = {} if sample is None else {"k:k": sample}
            if other is not None:
                context["x:y"] = other
            assert condition.test(context) is condition_holds(name, "k:K", values, context, variables), (name, context)
