"""The form of keys and ids, and the sealing of secrets."""

from __future__ import annotations

import re

import pytest

from strongroom.identity.credentials import (
    MANAGED_POLICY_ID,
    ROLE_ID,
    TEMPORARY_KEY,
    USER_ID,
    AccessKey,
    new_access_key,
    new_unique_id,
    open_secret,
    seal_secret,
)
from strongroom.keyring import InvalidCiphertext, Keyring, RootKey
from strongroom.world import World

WORLD = World.real()


def test_keys_and_ids_have_the_forms_of_aws() -> None:
    key = new_access_key(WORLD.entropy)
    assert re.fullmatch("AKIA[A-Z2-7]{16}", key.access_key_id)
    assert re.fullmatch("[A-Za-z0-9+/]{40}", key.secret_access_key)
    assert new_access_key(WORLD.entropy, TEMPORARY_KEY).access_key_id.startswith("ASIA")
    for prefix in (USER_ID, ROLE_ID, MANAGED_POLICY_ID):
        assert re.fullmatch(prefix + "[A-Z2-7]{17}", new_unique_id(WORLD.entropy, prefix))
    assert new_access_key(WORLD.entropy) != new_access_key(WORLD.entropy)


def test_a_secret_stays_out_of_repr() -> None:
    assert "open sesame" not in repr(AccessKey("AKIA", "open sesame"))


def test_attack_18_a_sealed_secret_opens_for_its_own_key_and_account_only() -> None:
    keyring = Keyring(RootKey.generate(WORLD.entropy), WORLD)
    key = new_access_key(WORLD.entropy)
    sealed = seal_secret(keyring, "111122223333", key)
    assert key.secret_access_key.encode() not in sealed
    assert open_secret(keyring, "111122223333", key.access_key_id, sealed) == key.secret_access_key
    for account, key_id in (("111122223334", key.access_key_id), ("111122223333", key.access_key_id + "A")):
        with pytest.raises(InvalidCiphertext):
            open_secret(keyring, account, key_id, sealed)
