from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from strongroom.wire import patterns
from strongroom.wire.patterns import java_pattern, untranslatable

SERVICES = (
    "secretsmanager",
    "kms",
    "ssm",
    "iam",
    "sts",
    "rds",
    "lambda",
    "cloudtrail",
    "logs",
    "events",
    "organizations",
)


def model_patterns() -> Iterator[tuple[str, int]]:
    """Every pattern of the models in use, with the longest value it is ever matched against."""
    loader = Loader()
    for service in SERVICES:
        for shape in loader.load_service_model(service, "service-2")["shapes"].values():
            if "pattern" in shape:
                yield shape["pattern"], min(shape.get("max", 65_536), 65_536)


def matches(pattern: str, value: str) -> bool:
    compiled = java_pattern(pattern)
    assert compiled is not None
    return compiled.fullmatch(value) is not None


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (r"[\w+=,.@-]+", "user-1@example", True),
        (r"[\w+=,.@-]+", "usér", False),
        (r"\d+", "١٢", False),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "équipe Ⅷ 日本", True),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "a*b", False),
        (r"\p{L}+", "ß", True),
        (r"\P{L}+", "12", True),
        (r"\pL", "x", True),
        (r"[\w-/]+", "a-b/c", True),
        (r"a.c", "a\u2028c", False),
        (r"(?s).*", "a\nb", True),
        (r"(?i)all|[0-9]{12}", "ALL", True),
        (r"^[a-z]+$", "abc\n", False),
        (r"[0-9]+h", "x3h", False),
        (r"^(?!aws:).+$", "aws:x", False),
        (r"[^ /\.$\x22]*", 'a"b', False),
        (r"[\u0009\u0020-\u007E\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+", "{} \N{GRINNING FACE}", True),
        (r"[a&|~]+", "&|~", True),
    ],
)
def test_java_semantics(pattern: str, value: str, expected: bool) -> None:
    assert matches(pattern, value) is expected


@pytest.mark.parametrize(
    "pattern", [r"[a-z&&[^b]]", r"[a[b]]", r"(?<name>a)", r"\Qa.b\E", r"[\P{L}]", r"\p{IsGreek}", r"[a", "(", r"(?m)a"]
)
def test_what_is_not_understood_is_listed_and_not_guessed(pattern: str) -> None:
    assert java_pattern(pattern) is None
    assert pattern in untranslatable()


def test_every_pattern_of_the_models_translates() -> None:
    assert [pattern for pattern, _ in model_patterns() if java_pattern(pattern) is None] == []


ATOMS = ("a", "A", "0", "a0", "-", "a-", ".", "a.", "/", "/a", "a/", ":", "a:", ",", " ", "_", "\t", "*", "é", "aws-")
PREFIXES = ("", "https://", "/", "arn:aws:lambda:us-east-1:123456789012:function:")


def test_no_pattern_of_the_models_backtracks_for_ever() -> None:
    """Exponential and cubic patterns would run into the suite's time limit here."""
    for pattern, longest in set(model_patterns()):
        compiled = java_pattern(pattern)
        assert compiled is not None
        for prefix in PREFIXES:
            for atom in ATOMS:
                length = min(longest, 2048)
                compiled.fullmatch((prefix + atom * length)[: length - 1] + "\n")


@pytest.mark.parametrize("original", sorted(patterns._LINEAR_FORMS))
@given(value=st.text("aZ0- \t:\x01\x7fé", max_size=14))
def test_linear_forms_match_what_their_originals_match(original: str, value: str) -> None:
    assert matches(original, value) == (re.fullmatch(original, value, re.ASCII) is not None)


def test_hyphen_groups_are_still_counted() -> None:
    pattern = r"[a-z](?:-?[a-z0-9]+){0,15}"
    assert matches(pattern, "a" + "-b" * 15)
    assert not matches(pattern, "a" + "-b" * 16)
    assert not matches(pattern, "aa" + "-b" * 15)
