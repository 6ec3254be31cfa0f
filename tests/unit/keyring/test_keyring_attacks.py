"""Attack 18: a ciphertext moved, opened in a wrong context, or made to open under two keys.

The attacker here owns the store: every row can be copied over any other. Some attackers also know keys.
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass

import pytest

from strongroom.keyring import (
    InvalidCiphertext,
    Keyring,
    RootKey,
    WrappedMaterial,
    open_with_data_key,
    seal_with_data_key,
)
from strongroom.keyring.header import COMMITMENT_LENGTH, NONCE_LENGTH, Layer, encode_header
from strongroom.keyring.seals import PassphraseSeal
from strongroom.world import Entropy

ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"


@dataclass(frozen=True)
class StoredVersion:
    """A secret version as the store has it."""

    secret: str
    version: str
    wrapped_data_key: bytes
    value: bytes

    @property
    def context(self) -> dict[str, str]:
        return {"SecretARN": self.secret, "SecretVersionId": self.version}


class Vault:
    """The keyring used as the services use it: one KMS key in each of two accounts."""

    def __init__(self, keyring: Keyring, entropy: Entropy) -> None:
        self.keyring = keyring
        self._entropy = entropy
        self.keys = {account: f"arn:aws:kms:eu-central-1:{account}:key/k" for account in (ACCOUNT, OTHER_ACCOUNT)}
        self.materials = {account: keyring.new_material(arn) for account, arn in self.keys.items()}

    def store(self, account: str, name: str, version: str, value: bytes) -> StoredVersion:
        arn = f"arn:aws:secretsmanager:eu-central-1:{account}:secret:{name}-AbCdEf"
        context = {"SecretARN": arn, "SecretVersionId": version}
        data_key = self._entropy.bytes(32)
        wrapped = self.keyring.encrypt(self.keys[account], self.materials[account], data_key, context)
        return StoredVersion(arn, version, wrapped, seal_with_data_key(data_key, value, context, self._entropy))

    def read(self, account: str, row: StoredVersion) -> bytes:
        data_key = self.keyring.decrypt(self.keys[account], self.materials[account], row.wrapped_data_key, row.context)
        return open_with_data_key(data_key, row.value, row.context)


@pytest.fixture
def vault(keyring: Keyring, entropy: Entropy) -> Vault:
    return Vault(keyring, entropy)


@pytest.mark.parametrize(
    ("account", "name", "version"),
    [
        pytest.param(ACCOUNT, "other", "v1", id="to another secret"),
        pytest.param(ACCOUNT, "name", "v2", id="to another version"),
        pytest.param(OTHER_ACCOUNT, "name", "v1", id="to another account"),
    ],
)
@pytest.mark.parametrize("already_read", [False, True], ids=["", "with warm caches"])
def test_attack_18_a_row_moved_does_not_open(
    vault: Vault, account: str, name: str, version: str, already_read: bool
) -> None:
    stolen = vault.store(ACCOUNT, "name", "v1", b"value")
    target = vault.store(account, name, version, b"another value")
    if already_read:
        assert vault.read(ACCOUNT, stolen) == b"value"
        assert vault.read(account, target) == b"another value"
    for wrapped_data_key, value in (
        (stolen.wrapped_data_key, stolen.value),
        (stolen.wrapped_data_key, target.value),
        (target.wrapped_data_key, stolen.value),
    ):
        with pytest.raises(InvalidCiphertext):
            vault.read(account, StoredVersion(target.secret, target.version, wrapped_data_key, value))


def test_attack_18_key_material_moved_to_another_account_does_not_open(vault: Vault) -> None:
    row = vault.store(ACCOUNT, "name", "v1", b"value")
    with pytest.raises(InvalidCiphertext):
        vault.keyring.decrypt(vault.keys[OTHER_ACCOUNT], vault.materials[ACCOUNT], row.wrapped_data_key, row.context)


def test_attack_18_a_value_swapped_for_an_older_one_under_the_same_data_key_name_does_not_open(vault: Vault) -> None:
    first = vault.store(ACCOUNT, "name", "v1", b"value")
    second = vault.store(ACCOUNT, "name", "v1", b"newer value")
    with pytest.raises(InvalidCiphertext):
        vault.read(ACCOUNT, StoredVersion(first.secret, first.version, second.wrapped_data_key, first.value))


def test_attack_18_a_ciphertext_of_one_layer_does_not_open_in_another(
    vault: Vault, root_key: RootKey, entropy: Entropy
) -> None:
    row = vault.store(ACCOUNT, "name", "v1", b"value")
    sealed = vault.keyring.seal_system("access-key", b"secret", row.context)
    wrapped = root_key.wrap(b"material", row.context, entropy)
    for blob in (row.value, sealed, wrapped):
        with pytest.raises(InvalidCiphertext):
            vault.keyring.decrypt(vault.keys[ACCOUNT], vault.materials[ACCOUNT], blob, row.context)
    for blob in (row.value, row.wrapped_data_key, wrapped):
        with pytest.raises(InvalidCiphertext):
            vault.keyring.open_system("access-key", blob, row.context)


def test_attack_18_a_commitment_of_zeros_or_of_another_ciphertext_does_not_open(vault: Vault) -> None:
    row, other = vault.store(ACCOUNT, "a", "v1", b"value"), vault.store(ACCOUNT, "b", "v1", b"value")
    header = encode_header(Layer.DATA_KEY, "data-key")
    start = len(header) + NONCE_LENGTH
    end = start + COMMITMENT_LENGTH
    for commitment in (bytes(COMMITMENT_LENGTH), other.value[start:end]):
        with pytest.raises(InvalidCiphertext):
            vault.read(
                ACCOUNT,
                StoredVersion(
                    row.secret, row.version, row.wrapped_data_key, row.value[:start] + commitment + row.value[end:]
                ),
            )


def test_a_key_holder_gives_no_key_away_as_text_pickle_or_copy(
    root_key: RootKey, keyring: Keyring, entropy: Entropy
) -> None:
    passphrase = b"correct horse battery staple"
    holders = (
        root_key,
        keyring,
        root_key.system_key("access-key"),
        PassphraseSeal(passphrase, entropy),
    )
    for holder in holders:
        for text in (repr(holder), str(holder), f"{holder}", f"{holder!r}"):
            assert text == f"<{type(holder).__name__}>"
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="neither pickled nor copied"):
                pickle.dumps(holder, protocol)
        for copied in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="neither pickled nor copied"):
                copied(holder)


def test_material_is_shown_without_its_bytes() -> None:
    assert repr(WrappedMaterial("ab", b"blob")) == "WrappedMaterial(material_id='ab')"
