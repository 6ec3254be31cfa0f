"""Filter patterns, as the CloudWatch Logs User Guide describes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import AwsError
from strongroom.services.logs.patterns import compile_pattern

LINES = (
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[INFO] fine",
    'it said "internal error"',
)
DOCUMENT = (
    '{"level":"error","status":503,"user":null,"ok":false,"host":"ip-10-0-0-7","list":[{"id":1},{"id":2}],'
    '"deep":{"er":{"name":"x"}},"a key":"y"}'
)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("ERROR", [0, 1, 2]),
        ("ERROR REQUEST", [0, 1]),
        ("REQUEST -400", [1]),
        ("-ERROR", [3, 4]),
        ("?ARGUMENTS ?fine", [2, 3]),
        ('"BAD REQUEST"', [0]),
        ('-"BAD REQUEST" ERROR', [1, 2]),
        ('?"BAD REQUEST" ?INFO', [0, 3]),
        ('"\\"internal error\\""', [4]),
        ("ERROR ?nothing", [0, 1, 2]),
        ("error", [4]),
    ],
)
def test_terms(pattern: str, found: list[int]) -> None:
    matches = compile_pattern(pattern)
    assert [number for number, line in enumerate(LINES) if matches(line)] == found


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.level = "error" }', True),
        ("{ $.level = error }", True),
        ('{ $.level != "error" }', False),
        ('{$.host="ip-10-*"}', True),
        ('{ $.host = "*-8" }', False),
        ("{ $.status = 503 }", True),
        ("{ $.status >= 500 && $.status < 504 }", True),
        ("{ $.status > 503 || $.status <= 502 }", False),
        ('{ ($.status = 1 || $.level = "error") && $.deep.er.name = "x" }', True),
        ("{ $.status = 1 || ($.status = 503 && $.status != 503) }", False),
        ("{ $.list[1].id = 2 }", True),
        ("{ $.list[2].id = 2 }", False),
        ("{ $['a key'] = \"y\" }", True),
        ("{ $.user IS NULL }", True),
        ("{ $.ok IS FALSE }", True),
        ("{ $.ok IS TRUE }", False),
        ("{ $.absent NOT EXISTS }", True),
        ("{ $.level NOT EXISTS }", False),
        ("{ $.level EXISTS }", True),
        ("{ $.absent = 1 }", False),
        ('{ $.absent != "x" }', False),
        ("{ $.level > 1 }", False),
        ("{ $.ok = false }", True),
    ],
)
def test_json(pattern: str, *, matches: bool) -> None:
    assert compile_pattern(pattern)(DOCUMENT) is matches
    assert not compile_pattern(pattern)("not json")


@pytest.mark.parametrize(
    "pattern",
    [
        '"open',
        "[ip, user]",
        "%ERROR%",
        "{",
        "{}",
        "{ $.a }",
        "{ $.a = }",
        "{ $.a = 1",
        "{ $.a = 1 } rest",
        "{ a = 1 }",
        '{ $.a > "x" }',
        "{ $.a IS MAYBE }",
        "{ " + "(" * 50 + "$.a = 1" + ")" * 50 + " }",
        "{ $.a = 1 && }",
    ],
)
def test_what_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(AwsError) as refused:
        compile_pattern(pattern)
    assert refused.value.code == "InvalidParameterException"


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_pattern_is_read_or_refused(pattern: str, message: str) -> None:
    for text in (pattern, "{" + pattern + "}", "{ $.a = " + pattern + " }"):
        try:
            matches = compile_pattern(text)
        except AwsError:
            continue
        assert matches(message) in {True, False}
