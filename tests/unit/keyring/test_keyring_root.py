"""The root key, its system seed, and the root key that follows."""

from __future__ import annotations

import pytest

from strongroom.keyring import InvalidCiphertext, Keyring, RootKey, UnusableKeyMaterial, WrappedMaterial, keeps_private
from strongroom.world import Entropy, World

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONTEXT = {"what": "it belongs to"}


def test_what_the_system_seals_outlives_the_root_key(root_key: RootKey, world: World, entropy: Entropy) -> None:
    seed = root_key.new_system_seed(entropy)
    sealed = Keyring(root_key.with_system_seed(seed), world).seal_system("purpose", b"kept", CONTEXT)
    successor = RootKey.generate(entropy)
    again = root_key.rewrap_system_seed(seed, successor, entropy)
    assert Keyring(successor.with_system_seed(again), world).open_system("purpose", sealed, CONTEXT) == b"kept"
    for stranger in (root_key, successor, root_key.with_system_seed(root_key.new_system_seed(entropy))):
        with pytest.raises(InvalidCiphertext):
            Keyring(stranger, world).open_system("purpose", sealed, CONTEXT)
    with pytest.raises(InvalidCiphertext):
        root_key.with_system_seed(again)  # the old root key does not open what follows it
    assert root_key.with_system_seed(seed).fingerprint == root_key.fingerprint


def test_material_is_wrapped_again_and_stays_the_same(root_key: RootKey, world: World, entropy: Entropy) -> None:
    old = Keyring(root_key, world)
    material = old.new_material(ARN)
    sealed = old.encrypt(ARN, material, b"kept", CONTEXT)
    successor = RootKey.generate(entropy)
    again = WrappedMaterial(material.material_id, old.wrap_again(ARN, material, successor))
    new = Keyring(successor, world)
    assert new.decrypt(ARN, again, sealed, CONTEXT) == b"kept"
    with pytest.raises(UnusableKeyMaterial):
        Keyring(successor, world).decrypt(ARN, material, sealed, CONTEXT)
    with pytest.raises(UnusableKeyMaterial):
        Keyring(root_key, world).decrypt(ARN, again, sealed, CONTEXT)
    with pytest.raises(UnusableKeyMaterial):
        old.wrap_again(f"{ARN}x", material, successor)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://kms.example", True),
        ("http://127.0.0.1:4566", True),
        ("http://[::1]:4566", True),
        ("http://localhost", True),
        ("http://192.0.2.1", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1@kms.example", False),
        ("ftp://localhost", False),
        ("file://localhost/etc", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_addresses_that_key_material_may_go_to(url: str, private: bool) -> None:
    assert keeps_private(url) is private
