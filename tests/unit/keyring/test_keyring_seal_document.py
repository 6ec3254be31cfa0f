"""The seal document: what is read back, what is refused, and who may have written it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.keyring.test_keyring_seals import refusal

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import (
    SEAL_FILE,
    FileSeal,
    Means,
    PassphraseSeal,
    SealDocument,
    Sealed,
    SealEntry,
    SealFiles,
    open_root_key,
)
from strongroom.world import Entropy

ENTRIES = [
    {"name": "file", "kind": "file", "parameters": {}},
    {"name": "second", "kind": "passphrase", "parameters": {"text": "a", "number": 1}},
]
GOOD = {"format": 2, "root_key_id": "00" * 16, "seals": ENTRIES, "authenticator": "aa"}
FIRST_FORMAT = {"format": 1, "kind": "file", "root_key_id": "00" * 16, "parameters": {}}


def read(content: object) -> SealDocument:
    return SealDocument.from_json(json.dumps(content).encode())


def test_a_document_is_read_back(root_key: RootKey, entropy: Entropy) -> None:
    entries = [SealEntry("file", root_key.fingerprint), SealEntry("kms", root_key.fingerprint, {"a": 1}, "other")]
    document = SealDocument.made(root_key, entries, entropy)
    again = SealDocument.from_json(document.to_json())
    assert again == document
    again.require_made_with(root_key)
    assert again.seal("other").kind == "kms"
    assert "file, other" in refusal(lambda: again.seal("missing"))


def test_a_document_of_the_first_format_is_one_seal(root_key: RootKey) -> None:
    document = read(FIRST_FORMAT | {"root_key_id": root_key.fingerprint})
    assert document.seals == (SealEntry("file", root_key.fingerprint, {}, "file"),)
    document.require_made_with(root_key)
    assert "no seal of the kind kms" in refusal(lambda: read(FIRST_FORMAT | {"kind": "kms"}))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_what_is_not_a_json_object_is_refused(text: bytes) -> None:
    assert "is damaged" in refusal(lambda: SealDocument.from_json(text))


@pytest.mark.parametrize(
    "change",
    [
        {"root_key_id": None},
        {"root_key_id": "0"},
        {"root_key_id": "G" * 32},
        {"seals": None},
        {"seals": []},
        {"seals": ["file"]},
        {"seals": ENTRIES * 2},
        {"seals": [{"name": str(number), "kind": "file", "parameters": {}} for number in range(17)]},
        {"authenticator": None},
        {"authenticator": ""},
        {"authenticator": "no digits"},
    ],
)
def test_a_missing_or_wrong_field_is_refused(change: dict[str, object]) -> None:
    read(GOOD)
    assert "is damaged" in refusal(lambda: read(GOOD | change))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": None},
        {"kind": 1},
        {"name": "UPPER"},
        {"name": "../x"},
        {"name": ""},
        {"parameters": None},
        {"parameters": []},
        {"parameters": {"a": None}},
        {"parameters": {"a": True}},
        {"parameters": {"a": 1.5}},
    ],
)
def test_a_seal_with_a_wrong_field_is_refused(change: dict[str, object]) -> None:
    assert "is damaged" in refusal(lambda: read(GOOD | {"seals": [ENTRIES[0] | change]}))


@pytest.mark.parametrize("number", [None, 0, 3, "1", True])
def test_another_format_is_refused(number: object) -> None:
    assert "version of Strongroom" in refusal(lambda: read(GOOD | {"format": number}))


def test_a_missing_document_is_refused(tmp_path: Path) -> None:
    assert "could not be read" in refusal(lambda: SealDocument.load(SealFiles(tmp_path)))


def test_a_document_that_is_far_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / SEAL_FILE
    path.touch(0o600)
    path.write_bytes(bytes(100_000))
    assert "not a file that Strongroom wrote" in refusal(lambda: SealDocument.load(SealFiles(tmp_path)))


def test_who_lacks_the_root_key_cannot_change_a_seal_or_add_one(root_key: RootKey, entropy: Entropy) -> None:
    """Otherwise the next root key could be sealed to whoever can write the file."""
    entry = SealEntry("kms", root_key.fingerprint, {"endpoint_url": "https://kms.example"})
    document = SealDocument.made(root_key, [entry], entropy)
    elsewhere = replace(entry, parameters={"endpoint_url": "https://kms.attacker.example"})
    for seals in [(elsewhere,), (entry, replace(entry, name="more")), ()]:
        changed = replace(document, seals=seals)
        assert "was changed" in refusal(lambda changed=changed: changed.require_made_with(root_key))  # type: ignore[misc]
    assert "was changed" in refusal(lambda: document.require_made_with(RootKey.generate(entropy)))


def test_any_one_seal_opens_and_a_changed_document_does_not(
    root_key: RootKey, entropy: Entropy, tmp_path: Path
) -> None:
    files = SealFiles(tmp_path)
    means = Means(files, entropy, passphrase=lambda _: b"correct horse battery")
    entries = [FileSeal(files).seal(root_key), PassphraseSeal(b"correct horse battery", entropy).seal(root_key)]
    document = SealDocument.made(root_key, entries, entropy)
    assert open_root_key(document, means, without={"passphrase"}).expose() == root_key.expose()
    files.remove("root.key")
    told: list[str] = []
    assert open_root_key(document, means, tell=lambda name, _: told.append(name)).expose() == root_key.expose()
    assert told == ["file"]
    with pytest.raises(Sealed) as caught:
        open_root_key(document, Means(files, entropy))
    assert caught.value.reasons.keys() == {"file"}
    assert "passphrase: nobody was asked" in caught.value.why
    with pytest.raises(OperatorError, match="was changed"):
        open_root_key(replace(document, seals=document.seals[1:]), means)
