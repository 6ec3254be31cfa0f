from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import AwsError
from strongroom.wire import HttpRequest
from strongroom.wire.json_codec import MAX_DEPTH, MAX_ELEMENTS, SMALL_BODY, decode_base64, encode_base64, load_json

JsonPost = Callable[[str, object], HttpRequest]
Parse = Callable[..., dict[str, object]]


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        ("ListSecrets", {"MaxResults": "1"}, "STRING_VALUE can not be converted to an Integer"),
        ("ListSecrets", {"MaxResults": True}, "TRUE_VALUE can not be converted to an Integer"),
        ("ListSecrets", {"MaxResults": 1.5}, "DECIMAL_VALUE can not be converted to an Integer"),
        ("ListSecrets", {"MaxResults": [1]}, "Start of list found where not expected"),
        ("ListSecrets", {"MaxResults": {"a": 1}}, "Start of structure or map found where not expected."),
        ("GetSecretValue", {"SecretId": 1}, "NUMBER_VALUE can not be converted to a String"),
        ("GetSecretValue", {"SecretId": False}, "FALSE_VALUE can not be converted to a String"),
        ("GetSecretValue", {"SecretId": ["x"]}, "Start of list found where not expected"),
        ("PutSecretValue", {"VersionStages": "x"}, "Expected list or null"),
        ("PutSecretValue", {"VersionStages": {}}, "Start of structure or map found where not expected."),
        ("PutSecretValue", {"SecretBinary": 5}, "NUMBER_VALUE can not be converted to a Blob"),
        ("PutSecretValue", {"SecretBinary": "%%"}, "The value of a Blob is not valid Base64"),
        ("RotateSecret", {"RotationRules": "x"}, "Expected null"),
        ("RotateSecret", {"RotationRules": []}, "Start of list found where not expected"),
        ("RotateSecret", {"RotateImmediately": "true"}, "STRING_VALUE can not be converted to a Boolean"),
        ("GetSecretValue", [], "Start of list found where not expected"),
        ("GetSecretValue", "x", "Expected null"),
        ("GetSecretValue", b"{", "The request body is not valid JSON"),
        ("GetSecretValue", b"", "The request body is not valid JSON"),
        ("GetSecretValue", b'{"SecretId": "\xff"}', "The request body is not valid JSON"),
        ("GetSecretValue", b'{"SecretId": "\\ud800"}', "The request body is not valid JSON"),
    ],
)
def test_what_cannot_be_read(json_post: JsonPost, parse: Parse, operation: str, body: object, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse(json_post(f"secretsmanager.{operation}", body))
    assert (caught.value.code, caught.value.message) == ("SerializationException", message)


def test_map_in_place_of_a_scalar(json_post: JsonPost, parse: Parse) -> None:
    with pytest.raises(AwsError, match="Expected map or null"):
        parse(json_post("TrentService.Encrypt", {"EncryptionContext": "x"}))


def test_malformed_body_is_not_carried_along(json_post: JsonPost, parse: Parse) -> None:
    with pytest.raises(AwsError) as caught:
        parse(json_post("secretsmanager.PutSecretValue", b'{"SecretString": "canary"'))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_values_are_converted_and_the_unknown_is_ignored(json_post: JsonPost, parse: Parse) -> None:
    request = json_post(
        "secretsmanager.PutSecretValue",
        {"SecretId": "s", "SecretBinary": "AAH/", "VersionStages": ["a"], "ClientRequestToken": None, "Unknown": {}},
    )
    assert parse(request) == {"SecretId": "s", "SecretBinary": b"\x00\x01\xff", "VersionStages": ["a"]}


def test_whole_floats_are_integers_and_the_last_of_equal_keys_counts(json_post: JsonPost, parse: Parse) -> None:
    assert parse(json_post("secretsmanager.ListSecrets", b'{"MaxResults": 5, "MaxResults": 20.0}')) == {
        "MaxResults": 20
    }


@pytest.mark.parametrize("value", [1767323045, 1767323045.0, "2026-01-02T03:04:05Z"])
def test_timestamps(json_post: JsonPost, parse: Parse, value: object) -> None:
    request = json_post("TrentService.ImportKeyMaterial", {"KeyId": "k", "ValidTo": value})
    with pytest.raises(AwsError, match="Value null at 'importToken'"):
        parse(request)
    material = {"KeyId": "k", "ImportToken": "AA==", "EncryptedKeyMaterial": "AA==", "ValidTo": value}
    parameters = parse(json_post("TrentService.ImportKeyMaterial", material))
    assert parameters["ValidTo"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("value", [True, 1e300, "soon"])
def test_bad_timestamps(json_post: JsonPost, parse: Parse, value: object) -> None:
    with pytest.raises(AwsError) as caught:
        parse(json_post("TrentService.ImportKeyMaterial", {"ValidTo": value}))
    assert caught.value.code == "SerializationException"


def test_depth_is_bounded_outside_strings_only() -> None:
    assert load_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert load_json(b'["' + b"[{" * 500 + b'\\"[", []]')
    assert load_json(b"[" + b"[]," * 500 + b"{}]")
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        deep = opening * (MAX_DEPTH + 1) + (b"1" if closing == b"}" else b"") + closing * (MAX_DEPTH + 1)
        with pytest.raises(AwsError, match="nests deeper"):
            load_json(deep)
    with pytest.raises(AwsError, match="not valid JSON"):
        load_json(b"[" * 1_000_000)


def test_large_bodies_hold_few_elements() -> None:
    assert load_json(b'["' + b"a" * SMALL_BODY + b'"]')
    with pytest.raises(AwsError, match="too many elements"):
        load_json(b"[" + b"0," * (SMALL_BODY // 2 + MAX_ELEMENTS) + b"0]")


@given(st.binary())
def test_base64_round_trip(value: bytes) -> None:
    assert decode_base64(encode_base64(value)) == value


@pytest.mark.parametrize("text", ["A", "AA", "AA=", "A===", "AA==AA==", "é", "AA==\n", "-_=="])
def test_base64_is_strict(text: str) -> None:
    assert decode_base64(text) is None
