"""The known answers of docs/ciphertext-format.md, checked against the code and against a second implementation."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from strongroom.keyring import RootKey
from strongroom.keyring.header import Layer, encode_header
from strongroom.keyring.sealing import SealingKey

DOCUMENT = Path(__file__).parents[3] / "docs" / "ciphertext-format.md"
LAYERS = {"root": Layer.ROOT, "kms": Layer.KMS, "data-key": Layer.DATA_KEY, "system": Layer.SYSTEM}
Vector = dict[str, str]
Decode = Callable[[bytes], dict[str, str]]
CounterMode = Callable[[bytes, bytes, int], bytes]


def read_vectors() -> dict[str, Vector]:
    block = DOCUMENT.read_text().rpartition("\n```\n[")[2].partition("```")[0]
    vectors: dict[str, Vector] = {}
    for section in ("[" + block).strip().split("\n\n"):
        name, _, lines = section.partition("\n")
        vectors[name.strip("[]")] = dict(re.findall(r"(\w+) = ?(.*)", lines))
    return vectors


VECTORS = read_vectors()


class OneNonce:
    """Entropy that gives the nonce of a vector and nothing else."""

    def __init__(self, nonce: bytes) -> None:
        self._nonce = nonce

    def bytes(self, count: int) -> bytes:
        assert count == len(self._nonce)
        return self._nonce

    def below(self, bound: int) -> int:
        raise NotImplementedError

    def uuid(self) -> str:
        raise NotImplementedError


def header_of(name: str, vector: Vector) -> bytes:
    reference = vector.get("key_arn") or vector.get("purpose") or name
    return encode_header(LAYERS[name], reference, vector.get("material_id", ""))


def test_the_document_has_a_vector_for_every_layer_but_the_seal() -> None:
    assert VECTORS.keys() == LAYERS.keys()


@pytest.mark.parametrize("name", LAYERS)
def test_sealing_gives_the_ciphertext_of_the_vector(decode_context: Decode, name: str) -> None:
    vector = VECTORS[name]
    key = SealingKey(bytes.fromhex(vector["key"]), header_of(name, vector))
    context = decode_context(bytes.fromhex(vector["context"]))
    nonce = OneNonce(bytes.fromhex(vector["nonce"]))
    assert key.seal(bytes.fromhex(vector["plaintext"]), context, nonce).hex() == vector["ciphertext"]


@pytest.mark.parametrize("name", LAYERS)
def test_opening_gives_the_plaintext_of_the_vector(decode_context: Decode, name: str) -> None:
    vector = VECTORS[name]
    key = SealingKey(bytes.fromhex(vector["key"]), header_of(name, vector))
    context = decode_context(bytes.fromhex(vector["context"]))
    assert key.open(bytes.fromhex(vector["ciphertext"]), context).hex() == vector["plaintext"]


@pytest.mark.parametrize("name", LAYERS)
def test_a_second_implementation_gives_the_same_bytes(counter_mode: CounterMode, name: str) -> None:
    vector = VECTORS[name]
    header = header_of(name, vector)
    associated = header + bytes.fromhex(vector["context"])
    nonce = bytes.fromhex(vector["nonce"])
    fixed = b"strongroom ciphertext\0" + nonce + sha256(associated).digest() + (512).to_bytes(4, "big")
    derived = counter_mode(bytes.fromhex(vector["key"]), fixed, 64)
    assert derived.hex() == vector["encryption_key"] + vector["commitment"]

    encryptor = Cipher(algorithms.AES(derived[:32]), modes.GCM(bytes(12))).encryptor()
    encryptor.authenticate_additional_data(associated)
    sealed = encryptor.update(bytes.fromhex(vector["plaintext"])) + encryptor.finalize() + encryptor.tag
    assert (header + nonce + derived[32:] + sealed).hex() == vector["ciphertext"]


def test_the_fingerprint_of_the_root_key() -> None:
    assert RootKey(bytes.fromhex(VECTORS["root"]["key"])).fingerprint == VECTORS["root"]["fingerprint"]


def test_the_system_key_of_a_purpose() -> None:
    vector = VECTORS["system"]
    key = RootKey(bytes.fromhex(vector["root_key"])).system_key(vector["purpose"])
    assert key.open(bytes.fromhex(vector["ciphertext"]), {}).hex() == vector["plaintext"]
