"""JSON within bounds."""

from __future__ import annotations

import pytest

from strongroom.policy import MalformedPolicy
from strongroom.policy.document import MAX_CHARACTERS, MAX_DEPTH, as_object, as_strings, load_document, scalar_texts


def test_a_document_becomes_plain_values() -> None:
    assert load_document('{"a": ["b", true, null, {"c": ""}]}') == {"a": ["b", True, None, {"c": ""}]}


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '"x"', "{'a': 1}", '{"a": 1,}', '{"a": NaN}', '{"a": Infinity}', '{"a": 1} {}', "\ufeff{}"],
)
def test_what_is_not_a_document(text: str) -> None:
    with pytest.raises(MalformedPolicy):
        load_document(text)


def test_repeated_keys_are_refused_at_any_level() -> None:
    for text in ('{"a": 1, "a": 2}', '{"a": [{"b": 1, "\\u0062": 2}]}'):
        with pytest.raises(MalformedPolicy, match="same key twice"):
            load_document(text)


def test_length_and_depth_are_bounded() -> None:
    assert load_document('{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}")
    for text in ('{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "[" * MAX_CHARACTERS, '{"a":' * 20_000):
        with pytest.raises(MalformedPolicy, match="deeply"):
            load_document(text)
    with pytest.raises(MalformedPolicy, match="longer"):
        load_document(" " * (MAX_CHARACTERS + 1))


def test_brackets_inside_strings_are_text() -> None:
    text = "[" * 50 + '\\"' + "{" * 50
    assert load_document('{"a": "' + text + '"}') == {"a": "[" * 50 + '"' + "{" * 50}


def test_numbers_keep_their_text_and_are_no_strings() -> None:
    content = load_document('{"a": 1.10, "b": [1e5, -7, true, "x"]}')
    assert scalar_texts(content["a"], "a") == ("1.10",)
    assert scalar_texts(content["b"], "b") == ("1e5", "-7", "true", "x")
    with pytest.raises(MalformedPolicy, match="a must be a string"):
        as_strings(content["a"], "a")


def test_shapes_are_checked() -> None:
    assert as_strings("x", "a") == ("x",)
    assert as_strings(["x", "y"], "a") == ("x", "y")
    for value in (None, True, {"x": "y"}, [["x"]]):
        with pytest.raises(MalformedPolicy):
            as_strings(value, "a")
    with pytest.raises(MalformedPolicy):
        as_object([], "a")
    with pytest.raises(MalformedPolicy):
        scalar_texts([None], "a")
