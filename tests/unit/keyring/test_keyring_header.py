"""The header: what it holds, and that a damaged one is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.keyring import CiphertextHeader, InvalidCiphertext, inspect
from strongroom.keyring.header import OVERHEAD, Layer, encode_header

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MATERIAL_ID = "ab" * 32
BLOB = encode_header(Layer.KMS, ARN, MATERIAL_ID) + bytes(OVERHEAD)


def test_inspect_reads_the_key_and_its_material() -> None:
    assert inspect(BLOB) == CiphertextHeader(ARN, MATERIAL_ID)


@given(st.text(max_size=100), st.binary(max_size=255), st.binary(max_size=40))
def test_every_header_is_read_back(reference: str, material: bytes, plaintext: bytes) -> None:
    blob = encode_header(Layer.KMS, reference, material.hex()) + bytes(OVERHEAD) + plaintext
    assert inspect(blob) == CiphertextHeader(reference, material.hex())


@given(st.text(max_size=8), st.binary(max_size=4), st.text(max_size=8), st.binary(max_size=4))
def test_no_header_is_the_beginning_of_another(
    reference: str, material: bytes, other_reference: str, other_material: bytes
) -> None:
    header = encode_header(Layer.KMS, reference, material.hex())
    other = encode_header(Layer.KMS, other_reference, other_material.hex())
    assert header == other or not header.startswith(other)


def test_a_ciphertext_cut_anywhere_is_refused() -> None:
    for length in range(len(BLOB)):
        with pytest.raises(InvalidCiphertext):
            inspect(BLOB[:length])


@pytest.mark.parametrize("position", range(6))
def test_another_magic_version_algorithm_or_layer_is_refused(position: int) -> None:
    for value in set(range(256)) - {BLOB[position]}:
        with pytest.raises(InvalidCiphertext):
            inspect(BLOB[:position] + bytes([value]) + BLOB[position + 1 :])


def test_a_key_reference_that_is_not_text_is_refused() -> None:
    with pytest.raises(InvalidCiphertext):
        inspect(BLOB.replace(b"arn:", b"\xff\xfe\xfd\xfc"))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_or_read_and_never_crash(blob: bytes) -> None:
    for candidate in (blob, b"SRC\x01\x01\x02" + blob):
        try:
            inspect(candidate)
        except InvalidCiphertext:
            continue


@pytest.mark.parametrize("material_id", ["AB", "a", "xy", "ab ab", "ab" * 256])
def test_a_material_id_that_the_header_cannot_hold_is_refused(material_id: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode_header(Layer.KMS, ARN, material_id)


def test_a_key_reference_that_is_too_long_is_refused() -> None:
    assert encode_header(Layer.KMS, "a" * 65_535)
    with pytest.raises(ValueError, match="too long"):
        encode_header(Layer.KMS, "a" * 65_536)
