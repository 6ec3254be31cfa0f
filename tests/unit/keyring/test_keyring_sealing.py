"""Malleability: whatever is done to a ciphertext, its key or its context, it opens to what was sealed or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.keyring.header import OVERHEAD, InvalidCiphertext, Layer, encode_header
from strongroom.keyring.sealing import SealingKey
from strongroom.world import SystemEntropy

HEADER = encode_header(Layer.KMS, "arn:aws:kms:eu-central-1:111122223333:key/a", "ab" * 32)
KEY = SealingKey(bytes(range(32)), HEADER)
CONTEXT = {"SecretARN": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a-AbCdEf", "SecretVersionId": "1"}
ENTROPY = SystemEntropy()
BLOB = KEY.seal(b"a value", CONTEXT, ENTROPY)
OTHER_BLOB = KEY.seal(b"another value", CONTEXT, ENTROPY)

CONTEXTS = st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4)


def refused(blob: bytes, key: SealingKey = KEY, context: dict[str, str] = CONTEXT) -> None:
    with pytest.raises(InvalidCiphertext):
        key.open(blob, context)


@given(st.binary(max_size=300), CONTEXTS)
def test_what_was_sealed_is_opened(plaintext: bytes, context: dict[str, str]) -> None:
    blob = KEY.seal(plaintext, context, ENTROPY)
    assert KEY.open(blob, context) == plaintext
    assert len(blob) == len(HEADER) + OVERHEAD + len(plaintext)


def test_the_same_plaintext_is_sealed_differently_every_time() -> None:
    assert KEY.seal(b"a value", CONTEXT, ENTROPY) != KEY.seal(b"a value", CONTEXT, ENTROPY)


def test_every_flipped_bit_is_noticed() -> None:
    for position in range(len(BLOB)):
        for bit in range(8):
            refused(BLOB[:position] + bytes([BLOB[position] ^ 1 << bit]) + BLOB[position + 1 :])


def test_every_cut_is_noticed() -> None:
    for position in range(len(BLOB)):
        refused(BLOB[:position])
        refused(BLOB[position + 1 :])


@given(st.binary(min_size=1, max_size=50), st.integers(0, len(BLOB)))
def test_inserted_bytes_are_noticed(inserted: bytes, position: int) -> None:
    refused(BLOB[:position] + inserted + BLOB[position:])


@given(st.integers(0, len(BLOB)), st.integers(0, len(OTHER_BLOB)))
def test_parts_of_two_ciphertexts_joined_are_refused(first: int, second: int) -> None:
    joined = BLOB[:first] + OTHER_BLOB[second:]
    if joined not in (BLOB, OTHER_BLOB):
        refused(joined)


@given(st.integers(0, len(BLOB) - 1), st.integers(0, len(BLOB) - 1))
def test_two_bytes_that_change_places_are_noticed(first: int, second: int) -> None:
    swapped = bytearray(BLOB)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    if swapped != BLOB:
        refused(bytes(swapped))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(blob: bytes) -> None:
    refused(blob)
    refused(HEADER + blob)


@given(CONTEXTS)
def test_another_context_is_refused(context: dict[str, str]) -> None:
    refused(BLOB, context=context)


@pytest.mark.parametrize("name", CONTEXT)
def test_a_context_with_one_pair_missing_changed_or_added_is_refused(name: str) -> None:
    refused(BLOB, context={other: value for other, value in CONTEXT.items() if other != name})
    refused(BLOB, context=CONTEXT | {name: CONTEXT[name] + " "})
    refused(BLOB, context=CONTEXT | {name.lower(): CONTEXT[name]})


@given(st.binary(min_size=32, max_size=32))
def test_another_key_is_refused(key: bytes) -> None:
    if key != bytes(range(32)):
        refused(BLOB, SealingKey(key, HEADER))


@pytest.mark.parametrize("layer", set(Layer) - {Layer.KMS})
def test_the_same_key_in_another_layer_is_refused(layer: Layer) -> None:
    header = encode_header(layer, "arn:aws:kms:eu-central-1:111122223333:key/a", "ab" * 32)
    moved = header + BLOB[len(HEADER) :]
    refused(BLOB, SealingKey(bytes(range(32)), header))
    refused(moved, SealingKey(bytes(range(32)), header))


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="a key has 32 bytes"):
        SealingKey(bytes(length), HEADER)


def test_the_error_tells_nothing_about_the_ciphertext() -> None:
    with pytest.raises(InvalidCiphertext) as caught:
        KEY.open(BLOB, {})
    with pytest.raises(InvalidCiphertext) as other:
        KEY.open(b"", CONTEXT)
    assert str(caught.value) == str(other.value)
    assert caught.value.__cause__ is None
