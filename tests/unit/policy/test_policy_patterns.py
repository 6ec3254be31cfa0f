"""Wildcards and variables: examples, and every short pattern against the reference."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policy.reference import arn_like, expand, glob

from strongroom.policy import Context, MalformedPolicy
from strongroom.policy.patterns import Pattern, any_of, arn_pattern, literal_pattern, text_pattern


def hit(pattern: Pattern, text: str, context: Context | None = None) -> bool:
    return any_of([pattern])(text, context or {})


def text_hit(pattern: str, text: str, context: Context | None = None) -> bool:
    return hit(text_pattern(pattern, variables=True), text, context)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "any\nthing", True),
        ("abc", "abc", True),
        ("abc", "ABC", False),
        ("a*", "abc", True),
        ("a*c", "abbc", True),
        ("a*c", "ac", True),
        ("a*c", "acd", False),
        ("ab*b", "ab", False),
        ("*ab*ab*", "ab", False),
        ("*ab*ab*", "abab", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("???", "ab", False),
        ("**a**", "bab", True),
        ("a.c", "abc", False),
        ("a+(b)|c", "a+(b)|c", True),
        # IAM User Guide, "Resource": a star stands for slashes too, and may stand for nothing.
        ("bucket/*/test/*", "bucket/1/test/object.jpg", True),
        ("bucket/*/test/*", "bucket/1/2/test/3/object.jpg", True),
        ("bucket/*/test/*", "bucket//test/", True),
        ("bucket/*/test/*", "bucket/1-test/object.jpg", False),
        ("bucket/*/test/*", "bucket/test/object.jpg", False),
    ],
)
def test_wildcards(pattern: str, text: str, expected: bool) -> None:
    assert text_hit(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "context", "text", "expected"),
    [
        ("home/${aws:username}/*", {"aws:username": "bob"}, "home/bob/x", True),
        ("home/${AWS:UserName}/*", {"aws:username": "bob"}, "home/bob/x", True),
        ("home/${aws:username}/*", {"aws:username": "bob"}, "home/eve/x", False),
        ("home/${aws:username}/*", {}, "home//x", False),
        ("home/${aws:username}/*", {}, "home/${aws:username}/x", False),
        ("x-${aws:PrincipalTag/team, 'company-wide'}", {}, "x-company-wide", True),
        ("x-${aws:PrincipalTag/team, 'company-wide'}", {"aws:principaltag/team": "yellow"}, "x-yellow", True),
        ("x-${aws:PrincipalTag/team, 'company-wide'}", {"aws:principaltag/team": "yellow"}, "x-company-wide", False),
        ("${ aws:username ,'it is, so'}", {}, "it is, so", True),
        ("${aws:username, ''}!", {}, "!", True),
        ("${*}${?}${$}", {}, "*?$", True),
        ("${*}", {}, "a", False),
        ("a${*}*", {}, "a*bc", True),
        ("${aws:username}${aws:username}", {"aws:username": "ab"}, "abab", True),
        ("${aws:username}0", {"aws:username": "ab"}, "ab0", True),
        ("${aws:username}*${aws:userid}", {"aws:username": "a", "aws:userid": "b"}, "a-b", True),
        ("${aws:tagkeys}", {"aws:tagkeys": ("a",)}, "a", False),
        ("${aws:tagkeys, 'd'}", {"aws:tagkeys": ("a",)}, "d", True),
    ],
)
def test_variables(pattern: str, context: Context, text: str, expected: bool) -> None:
    assert text_hit(pattern, text, context) is expected


def test_without_variables_a_dollar_is_text() -> None:
    pattern = text_pattern("${aws:username}", variables=False)
    assert hit(pattern, "${aws:username}")
    assert not hit(pattern, "bob", {"aws:username": "bob"})


def test_literal_patterns_have_no_wildcards() -> None:
    assert not hit(literal_pattern("a*", variables=True), "abc")
    assert hit(literal_pattern("a*", variables=True), "a*")
    assert hit(literal_pattern("${aws:username}*", variables=True), "bob*", {"aws:username": "bob"})
    ignoring = literal_pattern("Team-${aws:username}", variables=True, ignore_case=True)
    assert hit(ignoring, "team-bob", {"aws:username": "BOB"})


@pytest.mark.parametrize(
    "pattern",
    [
        "${",
        "${aws:username",
        "${}",
        "${username}",
        "${aws:username, 'x}",
        "${aws:username 'x'}",
        "${aws:username, x'y'}",
        "${aws:username, 'x' y}",
        "${*, 'x'}",
        "${a:${b:c}}",
    ],
)
def test_malformed_variables_are_refused(pattern: str) -> None:
    with pytest.raises(MalformedPolicy):
        text_pattern(pattern, variables=True)


# IAM User Guide, "Amazon Resource Name (ARN) condition operators": where StringLike matches and ArnLike does not.
SPANNING = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("arn:aws:someservice:*:111122223333:finance/*", SPANNING, False),
        ("arn:aws:someservice:*:*:*", SPANNING, True),
        ("arn:aws:s?:*:1*3:a:b*", "arn:aws:s3::1123:a:b:c", True),
        ("arn:aws:s3:*:1*3:a", "arn:aws:s3::1123:b", False),
        ("arn:aws:*s*:::a", "arn:aws:sns:::a", True),
        ("arn:aws:s3:::a", "arn:aws:s3:::a", True),
        ("arn:aws:s3:::a", "arn:aws:s3:::A", False),
        ("*", "arn:aws:s3:::a", False),
        ("arn:aws:s3:::*", "arn:aws:s3", False),
        ("*:*:*:*:*:*", "no arn", False),
    ],
)
def test_arn_components(pattern: str, text: str, expected: bool) -> None:
    assert hit(arn_pattern(pattern, variables=True), text) is expected


def test_a_variable_does_not_reach_over_an_arn_colon() -> None:
    pattern = arn_pattern("arn:aws:iam::${aws:PrincipalAccount}:role/x", variables=True)
    assert hit(pattern, "arn:aws:iam::1:role/x", {"aws:principalaccount": "1"})
    assert not hit(pattern, "arn:aws:iam::1:role/y:role/x", {"aws:principalaccount": "1:role/y"})


def test_any_of_joins_every_form() -> None:
    forms = [text_pattern(p, variables=True) for p in ("exact", "prefix*", "*suffix", "a?c", "${aws:username}!")]
    matches = any_of(forms)
    context = {"aws:username": "bob"}
    assert all(matches(text, context) for text in ("exact", "prefix-1", "a-suffix", "abc", "bob!"))
    assert not any(matches(text, context) for text in ("", "exac", "pre", "suffix-a", "ac", "bob"))
    assert not any_of([])("", {})


letters = st.text(alphabet="ab*?", max_size=8)
names = st.text(alphabet="ab*$", max_size=3)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(letters, st.sampled_from(["${x:y}", "${x:z, 'a'}", "${*}"])), max_size=4), letters, names)
def test_globs_agree_with_the_reference(parts: list[str], text: str, value: str) -> None:
    pattern, context = "".join(parts), {"x:y": value}
    expected = expand(pattern, context, variables=True)
    for candidate in (text, "".join(char for char, _ in expected or ())):
        assert text_hit(pattern, candidate, context) is (expected is not None and glob(expected, candidate))


arn_texts = st.lists(st.text(alphabet="ab*?", max_size=3), min_size=4, max_size=8).map(":".join)


@settings(max_examples=400, deadline=None)
@given(arn_texts, arn_texts)
def test_arns_agree_with_the_reference(pattern: str, text: str) -> None:
    chars = expand(pattern, {}, variables=True)
    assert chars is not None
    for candidate in (text, pattern):
        assert hit(arn_pattern(pattern, variables=True), candidate) is arn_like(chars, candidate)
