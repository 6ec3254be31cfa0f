"""The kms seal against a KMS that a test plays. `tests/system/test_seal_commands.py` has a real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from tests.unit.keyring.test_keyring_seals import refusal

from strongroom.keyring import RootKey
from strongroom.keyring.seals import KmsPlace, KmsSeal
from strongroom.keyring.seals.kms import connect
from strongroom.world import Entropy

PLACE = KmsPlace("alias/strongroom", "eu-central-1", "https://kms.example", "keeper", "/etc/ca.pem")


class PlayedKms:
    """Keeps what it is given, and gives it back for the same key and context."""

    def __init__(self) -> None:
        self.kept: dict[bytes, tuple[str, dict[str, str], object]] = {}

    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]) -> Mapping[str, object]:
        """Keep a plaintext."""
        blob = b"blob %d" % len(self.kept)
        self.kept[blob] = (KeyId, dict(EncryptionContext), Plaintext)
        return {"CiphertextBlob": blob}

    def decrypt(
        self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]
    ) -> Mapping[str, object]:
        """Give it back."""
        key_id, context, plaintext = self.kept[CiphertextBlob]
        if (key_id, context) != (KeyId, EncryptionContext):
            raise ClientError({"Error": {"Code": "InvalidCiphertextException", "Message": ""}}, "Decrypt")
        return {"Plaintext": plaintext}


@pytest.fixture
def kms() -> PlayedKms:
    return PlayedKms()


def test_the_root_key_is_bound_to_its_fingerprint(kms: PlayedKms, root_key: RootKey, entropy: Entropy) -> None:
    seal = KmsSeal(PLACE, lambda _: kms)
    entry = seal.seal(root_key)
    assert KmsPlace.of(entry) == PLACE
    assert seal.open(entry).expose() == root_key.expose()
    assert root_key.expose().hex() not in repr(entry)
    other = replace(entry, root_key_id=RootKey.generate(entropy).fingerprint)
    assert "InvalidCiphertextException" in refusal(lambda: seal.open(other), root_key.expose())


@pytest.mark.parametrize("plaintext", [b"", bytes(31), bytes(32), "text", None])
def test_an_answer_that_is_not_the_root_key_is_refused(kms: PlayedKms, root_key: RootKey, plaintext: object) -> None:
    seal = KmsSeal(PLACE, lambda _: kms)
    entry = seal.seal(root_key)
    [(blob, (key_id, context, _))] = kms.kept.items()
    kms.kept[blob] = (key_id, context, plaintext)
    said = refusal(lambda: seal.open(entry), root_key.expose())
    assert "did not answer as a KMS does" in said or "nother root key" in said


def test_places_without_extras_are_those_of_aws(kms: PlayedKms, root_key: RootKey) -> None:
    place = KmsPlace("1234abcd-12ab-34cd-56ef-1234567890ab", "us-east-1")
    entry = KmsSeal(place, lambda _: kms).seal(root_key)
    assert entry.parameters.keys() == {"key_id", "region", "wrapped_root_key"}
    assert KmsPlace.of(entry) == place


def test_a_root_key_does_not_cross_a_network_in_the_clear() -> None:
    assert "in the clear" in refusal(lambda: connect(replace(PLACE, endpoint_url="http://192.0.2.1:4566")))


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert "could not be used" in refusal(lambda: connect(PLACE))
