"""The filters of ListSecrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.errors import AwsError
from strongroom.services.secretsmanager.filters import compile_filters
from strongroom.services.secretsmanager.records import Secret, pack_tags

SECRET = Secret(
    arn="arn:aws:secretsmanager:eu-central-1:123456789012:secret:Prod/Database-AbCdEf",
    account="123456789012",
    region="eu-central-1",
    name="Prod/Database",
    created_ms=1,
    changed_ms=1,
    description="Login of the reporting application",
    tags=pack_tags({"Team": "Blue Whale", "stage": "prod"}),
)


@pytest.mark.parametrize(
    ("key", "values", "matches"),
    [
        ("name", ["Prod"], True),
        ("name", ["prod"], False),
        ("name", ["Database"], False),
        ("name", ["x", "Prod/D"], True),
        ("name", ["!Prod"], False),
        ("name", ["!Test"], True),
        ("tag-key", ["Te"], True),
        ("tag-key", ["te"], False),
        ("tag-value", ["Blue"], True),
        ("tag-value", ["Whale"], False),
        ("description", ["REPORT login"], True),
        ("description", ["report missing"], False),
        ("description", ["porting"], False),
        ("description", ["/"], False),
        ("description", ["!/"], True),
        ("all", ["database"], True),
        ("all", ["whale"], True),
        ("all", ["prod/data"], True),
        ("all", ["prod whale"], False),
        ("all", ["eu"], False),
        ("all", ["!whale"], False),
        ("primary-region", ["eu"], False),
        ("owning-service", ["rds"], False),
    ],
)
def test_one_filter(key: str, values: list[str], matches: bool) -> None:
    assert compile_filters([{"Key": key, "Values": values}]).match(SECRET) is matches


def test_all_filters_must_match() -> None:
    prod = {"Key": "name", "Values": ["Prod"]}
    assert compile_filters([prod, {"Key": "tag-key", "Values": ["stage"]}]).match(SECRET)
    assert not compile_filters([prod, {"Key": "tag-key", "Values": ["other"]}]).match(SECRET)
    assert compile_filters(None).match(SECRET)


@pytest.mark.parametrize(
    ("name", "value", "matches"),
    [
        ("ThisTestSecret", "test", True),
        ("ThisTestSecret", "secret this", True),
        ("ThisTestSecret", "thistest", True),
        ("ThisTestSecret", "est", False),
        ("Nexttestsecret", "test", False),
        ("HTMLParser", "parser", True),
        ("HTMLParser", "HTML", True),
        ("mytest", "MyTest", False),
    ],
)
def test_capitals_begin_words(name: str, value: str, matches: bool) -> None:
    assert compile_filters([{"Key": "all", "Values": [value]}]).match(replace(SECRET, name=name)) is matches


@pytest.mark.parametrize(
    ("filters", "prefixes"),
    [
        ([{"Key": "name", "Values": ["a", "b/"]}], ("a", "b/")),
        ([{"Key": "tag-key", "Values": ["x"]}, {"Key": "name", "Values": ["a"]}], ("a",)),
        ([{"Key": "name", "Values": ["a", "!b"]}], None),
        ([{"Key": "name", "Values": ["a", ""]}], None),
        ([{"Key": "all", "Values": ["a"]}], None),
    ],
)
def test_what_filters_say_of_names(filters: list[dict[str, object]], prefixes: tuple[str, ...] | None) -> None:
    assert compile_filters(filters).name_prefixes == prefixes


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"Values": ["x"]}, "Invalid filter key"),
        ({"Key": "name"}, "Invalid filter values for key: name"),
    ],
)
def test_a_filter_without_key_or_values_is_refused(given: dict[str, object], text: str) -> None:
    with pytest.raises(AwsError, match=text) as caught:
        compile_filters([given])
    assert caught.value.code == "InvalidParameterException"
