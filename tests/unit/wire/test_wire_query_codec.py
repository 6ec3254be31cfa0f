from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.model import ServiceModel
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import AwsError
from strongroom.wire import HttpRequest
from strongroom.wire.query_codec import MAX_FIELDS, MAX_NAME_PARTS, QueryCodec, form_tree, parse_form

FormPost = Callable[[Mapping[str, str]], HttpRequest]
Parse = Callable[..., dict[str, object]]

IAM = {"Version": "2010-05-08"}


def test_lists_follow_their_numbers(form_post: FormPost, parse: Parse) -> None:
    fields = {f"Tags.member.{number}.Key": f"k{number}" for number in (10, 2, 1)}
    fields |= {f"Tags.member.{number}.Value": "" for number in (1, 2, 10)}
    parameters = parse(form_post(IAM | {"Action": "TagUser", "UserName": "bob"} | fields), "iam")
    assert parameters == {"UserName": "bob", "Tags": [{"Key": key, "Value": ""} for key in ("k1", "k2", "k10")]}


def test_an_empty_list_is_written_as_an_empty_value(form_post: FormPost, parse: Parse) -> None:
    assert parse(form_post(IAM | {"Action": "UntagUser", "UserName": "bob", "TagKeys": ""}), "iam")["TagKeys"] == []


def test_violations_have_the_name_of_query_services(form_post: FormPost, parse: Parse) -> None:
    with pytest.raises(AwsError) as caught:
        parse(form_post(IAM | {"Action": "CreateUser", "UserName": "a b"}), "iam")
    assert caught.value.code == "ValidationError"
    assert caught.value.message == (
        "1 validation error detected: Value 'a b' at 'userName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\w+=,.@-]+"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"MaxSessionDuration": "1h"}, "integer must follow xsd1.1 definition"),
        ({"RoleName.x": "y"}, "Unexpected complex element"),
        ({"Tags": "x"}, "Unexpected list element"),
        ({"Tags.member.x.Key": "k"}, "Unexpected list element"),
        ({"Tags.member.0.Key": "k"}, "Unexpected list element"),
        ({"Tags.member.1": "k"}, "Unexpected simple element"),
        ({"Tags.member." + "9" * 5000: "k"}, "Unexpected list element"),
    ],
)
def test_malformed_input(form_post: FormPost, parse: Parse, fields: dict[str, str], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse(form_post(IAM | {"Action": "CreateRole"} | fields), "iam")
    assert (caught.value.code, caught.value.message) == ("MalformedInput", message)


@pytest.mark.parametrize("value", ["maybe", "1", ""])
def test_booleans(form_post: FormPost, parse: Parse, value: str) -> None:
    fields = IAM | {"Action": "ListPolicies", "OnlyAttached": value}
    with pytest.raises(AwsError, match="boolean must follow"):
        parse(form_post(fields), "iam")
    assert parse(form_post(fields | {"OnlyAttached": "True"}), "iam") == {"OnlyAttached": True}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"a=1&a=2", "InvalidQueryParameter"),
        (b"a=1&%61=2", "InvalidQueryParameter"),
        (b"a=%ff", "MalformedQueryString"),
        (b"\xff=1", "MalformedQueryString"),
        (b"a=1&" * MAX_FIELDS, "MalformedQueryString"),
    ],
)
def test_bad_forms(body: bytes, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse_form(body)
    assert caught.value.code == code
    assert caught.value.__context__ is None


def test_form_encoding() -> None:
    assert parse_form(b"a+b=c%2Bd+%C3%A9&&flag&%zz=%") == {"a b": "c+d é", "flag": "", "%zz": "%"}


@pytest.mark.parametrize(
    "form",
    [{"a": "1", "a.b": "2"}, {"a.b": "2", "a": "1"}, {"a.b.c": "1", "a.b": "2"}, {".".join("a" * 40): "1"}],
)
def test_bad_trees(form: dict[str, str]) -> None:
    assert MAX_NAME_PARTS < 40
    with pytest.raises(AwsError) as caught:
        form_tree(form)
    assert caught.value.code == "MalformedQueryString"


@given(st.binary(max_size=200))
def test_forms_never_raise_anything_else(body: bytes) -> None:
    with contextlib.suppress(AwsError):
        assert form_tree(parse_form(body)) is not None


SHAPES: dict[str, Any] = {
    "Root": {
        "type": "structure",
        "members": {name: {"shape": name} for name in ("Map", "Flat", "Blob", "Double", "When")},
    },
    "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Number"}},
    "Flat": {"type": "list", "flattened": True, "member": {"shape": "Text"}},
    "Blob": {"type": "blob"},
    "Double": {"type": "double"},
    "When": {"type": "timestamp"},
    "Text": {"type": "string"},
    "Number": {"type": "integer"},
}


def decode(form: dict[str, str]) -> object:
    model = ServiceModel({"metadata": {}, "operations": {}, "shapes": SHAPES}, "test")
    return QueryCodec().decoder(model.shape_for("Root"))(form_tree(form))


def test_maps_flattened_lists_and_scalars() -> None:
    form = {
        "Map.entry.1.key": "a",
        "Map.entry.1.value": "1",
        "Map.entry.2.key": "b",
        "Map.entry.2.value": "-2",
        "Flat.1": "x",
        "Flat.2": "y",
        "Blob": "AAE=",
        "Double": "1.5e3",
    }
    expected = {"Map": {"a": 1, "b": -2}, "Flat": ["x", "y"], "Blob": b"\x00\x01", "Double": 1500.0}
    assert decode(form) == expected
    assert decode({"Map": ""}) == {"Map": {}}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Map.entry.1.key": "a"}, "MalformedInput"),
        ({"Map.entry.1": "a"}, "MalformedInput"),
        ({f"Map.entry.{n}.{part}": "1" for n in (1, 2) for part in ("key", "value")}, "InvalidQueryParameter"),
        ({"Blob": "!"}, "MalformedInput"),
        ({"Double": "nan"}, "MalformedInput"),
        ({"Double": "1_0"}, "MalformedInput"),
        ({"When": "soon"}, "MalformedInput"),
    ],
)
def test_bad_compounds(form: dict[str, str], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        decode(form)
    assert caught.value.code == code
