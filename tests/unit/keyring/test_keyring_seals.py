"""The seals: what they keep, and what an operator is told when a seal does not open."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from argon2.exceptions import HashingError

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.keyring.seals import (
    ROOT_KEY_FILE,
    SEAL_FILE,
    Argon2Cost,
    FileSeal,
    PassphraseSeal,
    Seal,
    SealDocument,
    SealEntry,
    SealFiles,
    passphrase,
)
from strongroom.world import Entropy, SystemEntropy

PASSPHRASE = b"correct horse battery staple"
CHEAP = Argon2Cost(memory_kib=32, iterations=1, lanes=2)


def passphrase_seal(text: bytes = PASSPHRASE) -> PassphraseSeal:
    return PassphraseSeal(text, SystemEntropy(), CHEAP)


@pytest.fixture
def make_seal(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], Seal]:
    return passphrase_seal if request.param == "passphrase" else lambda: FileSeal(SealFiles(tmp_path))


BOTH = pytest.mark.parametrize("make_seal", ["file", "passphrase"], indirect=True)


def refusal(action: Callable[[], object], *secrets: bytes) -> str:
    """What the operator is told, after a check that it has a next step and no secret."""
    with pytest.raises(OperatorError) as caught:
        action()
    text = caught.value.diagnostics()
    assert caught.value.fix
    assert PASSPHRASE.decode() not in text
    for secret in secrets:
        assert secret.hex() not in text
    return text


@BOTH
def test_a_sealed_root_key_is_opened_after_a_restart(
    make_seal: Callable[[], Seal], root_key: RootKey, entropy: Entropy, tmp_path: Path
) -> None:
    entry = make_seal().seal(root_key)
    SealDocument.made(root_key, [entry], entropy).save(SealFiles(tmp_path))
    [loaded] = SealDocument.load(SealFiles(tmp_path)).seals
    assert make_seal().open(loaded).expose() == root_key.expose()
    assert entry.root_key_id == root_key.fingerprint


@BOTH
def test_the_document_and_its_text_hold_no_key(
    make_seal: Callable[[], Seal], root_key: RootKey, entropy: Entropy
) -> None:
    document = SealDocument.made(root_key, [make_seal().seal(root_key)], entropy)
    for text in (document.to_json().decode(), repr(document)):
        assert root_key.expose().hex() not in text
        assert PASSPHRASE.decode() not in text


@BOTH
def test_a_document_of_another_kind_is_refused(make_seal: Callable[[], Seal], root_key: RootKey) -> None:
    seal = make_seal()
    text = refusal(lambda: seal.open(SealEntry("pkcs11", root_key.fingerprint, {})))
    assert "pkcs11" in text
    assert seal.kind in text


class TestFileSeal:
    def test_the_file_is_private_and_nothing_else_is_left(
        self, root_key: RootKey, entropy: Entropy, tmp_path: Path
    ) -> None:
        previous = os.umask(0)
        try:
            SealDocument.made(root_key, [FileSeal(SealFiles(tmp_path)).seal(root_key)], entropy).save(
                SealFiles(tmp_path)
            )
        finally:
            os.umask(previous)
        assert {path.name for path in tmp_path.iterdir()} == {ROOT_KEY_FILE, SEAL_FILE}
        for path in tmp_path.iterdir():
            assert path.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602, 0o644, 0o700 | 0o010])
    def test_a_file_open_to_others_is_refused(self, root_key: RootKey, tmp_path: Path, mode: int) -> None:
        document = FileSeal(SealFiles(tmp_path)).seal(root_key)
        path = tmp_path / ROOT_KEY_FILE
        path.chmod(mode)
        assert f"chmod 600 {path}" in refusal(lambda: FileSeal(SealFiles(tmp_path)).open(document), root_key.expose())

    def test_a_missing_file_is_refused(self, root_key: RootKey, tmp_path: Path) -> None:
        document = FileSeal(SealFiles(tmp_path)).seal(root_key)
        (tmp_path / ROOT_KEY_FILE).unlink()
        assert "could not be read" in refusal(lambda: FileSeal(SealFiles(tmp_path)).open(document))

    @pytest.mark.parametrize("content", [b"", b"00", b"\xff" * 64, b"zz" * 32, b"00" * 33, b"00" * 31 + b"0 \n"])
    def test_a_damaged_file_is_refused(self, root_key: RootKey, tmp_path: Path, content: bytes) -> None:
        document = FileSeal(SealFiles(tmp_path)).seal(root_key)
        (tmp_path / ROOT_KEY_FILE).write_bytes(content)
        with pytest.raises(OperatorError, match=r"is damaged|is not a file that Strongroom wrote") as caught:
            FileSeal(SealFiles(tmp_path)).open(document)
        assert caught.value.__cause__ is None

    def test_the_key_of_another_installation_is_refused(
        self, root_key: RootKey, entropy: Entropy, tmp_path: Path
    ) -> None:
        document = FileSeal(SealFiles(tmp_path)).seal(root_key)
        stranger = RootKey.generate(entropy)
        (tmp_path / ROOT_KEY_FILE).write_text(stranger.expose().hex())
        text = refusal(lambda: FileSeal(SealFiles(tmp_path)).open(document), root_key.expose(), stranger.expose())
        assert root_key.fingerprint in text
        assert stranger.fingerprint in text

    def test_an_existing_key_is_never_overwritten(self, root_key: RootKey, entropy: Entropy, tmp_path: Path) -> None:
        document = FileSeal(SealFiles(tmp_path)).seal(root_key)
        assert "already holds" in refusal(lambda: FileSeal(SealFiles(tmp_path)).seal(RootKey.generate(entropy)))
        assert FileSeal(SealFiles(tmp_path)).seal(root_key) == document
        assert FileSeal(SealFiles(tmp_path)).open(document).expose() == root_key.expose()

    def test_a_folder_that_cannot_be_written_is_refused(self, root_key: RootKey, tmp_path: Path) -> None:
        text = refusal(lambda: FileSeal(SealFiles(tmp_path / "missing")).seal(root_key), root_key.expose())
        assert "could not be written" in text

    def test_a_failed_write_leaves_the_old_file_and_no_other(
        self, root_key: RootKey, entropy: Entropy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = SealFiles(tmp_path)
        document = SealDocument.made(root_key, [FileSeal(files).seal(root_key)], entropy)
        document.save(files)

        def full_disk(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full_disk)
        assert "No space left" in refusal(lambda: SealDocument.made(root_key, [], entropy).save(files))
        assert SealDocument.load(files) == document
        assert {path.name for path in tmp_path.iterdir()} == {ROOT_KEY_FILE, SEAL_FILE}


class TestPassphraseSeal:
    def test_the_default_cost_is_the_recommendation_of_rfc_9106(self, root_key: RootKey) -> None:
        parameters = PassphraseSeal(PASSPHRASE, SystemEntropy()).seal(root_key).parameters
        assert (parameters["memory_kib"], parameters["iterations"], parameters["lanes"]) == (65_536, 3, 4)

    def test_the_same_key_is_sealed_differently_every_time(self, root_key: RootKey) -> None:
        seal = passphrase_seal()
        assert seal.seal(root_key).parameters["salt"] != seal.seal(root_key).parameters["salt"]

    @pytest.mark.parametrize("wrong", [b"", b"Correct horse battery staple", PASSPHRASE + b"\n"])
    def test_a_wrong_passphrase_is_refused(self, root_key: RootKey, wrong: bytes) -> None:
        document = passphrase_seal().seal(root_key)
        text = refusal(lambda: passphrase_seal(wrong).open(document), root_key.expose())
        assert "passphrase is wrong" in text

    def test_a_short_passphrase_is_refused_for_sealing(self, root_key: RootKey) -> None:
        assert "too short" in refusal(lambda: passphrase_seal(b"1234567").seal(root_key))

    @pytest.mark.parametrize("name", ["memory_kib", "iterations", "lanes", "salt", "wrapped_root_key", "root_key_id"])
    def test_a_change_of_any_field_is_noticed(self, root_key: RootKey, name: str) -> None:
        entry = passphrase_seal().seal(root_key)
        value = entry.root_key_id if name == "root_key_id" else entry.parameters[name]
        other = value + 1 if isinstance(value, int) else ("0" if value[0] != "0" else "1") + value[1:]
        if name == "root_key_id":
            changed = replace(entry, root_key_id=str(other))
        else:
            changed = replace(entry, parameters={**entry.parameters, name: other})
        assert "was changed" in refusal(lambda: passphrase_seal().open(changed))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("memory_kib", 1 << 40),
            ("memory_kib", 1),
            ("iterations", 0),
            ("iterations", 1_000_000),
            ("lanes", 0),
            ("lanes", 1000),
            ("lanes", "2"),
            ("salt", "00"),
            ("salt", "no digits"),
            ("salt", 1),
            ("wrapped_root_key", "no digits"),
        ],
    )
    def test_parameters_that_no_seal_has_are_refused_before_any_work(
        self, root_key: RootKey, name: str, value: str | int
    ) -> None:
        document = passphrase_seal().seal(root_key)
        changed = replace(document, parameters={**document.parameters, name: value})
        text = refusal(lambda: passphrase_seal().open(changed))
        assert "is damaged" in text
        assert name in text

    def test_too_little_memory_is_told(self, root_key: RootKey, monkeypatch: pytest.MonkeyPatch) -> None:
        def exhausted(*_: object, **__: object) -> bytes:
            raise HashingError("Memory allocation error")

        monkeypatch.setattr(passphrase, "hash_secret_raw", exhausted)
        assert "32 KiB" in refusal(lambda: passphrase_seal().seal(root_key))
