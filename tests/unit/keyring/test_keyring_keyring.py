"""The keyring: keys, caches, and what it forgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from strongroom.keyring import (
    InvalidCiphertext,
    Keyring,
    RootKey,
    UnusableKeyMaterial,
    WrappedMaterial,
    inspect,
    open_with_data_key,
    seal_with_data_key,
)
from strongroom.keyring.cache import BoundedCache
from strongroom.keyring.sealing import Opener
from strongroom.keyring.values import value_opener
from strongroom.world import Entropy, World

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_ARN = "arn:aws:kms:eu-central-1:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab"
CONTEXT = {"SecretARN": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a-AbCdEf", "SecretVersionId": "1"}
DATA_KEY = bytes(range(32))


@pytest.fixture
def material(keyring: Keyring) -> WrappedMaterial:
    return keyring.new_material(ARN)


def broken(material: WrappedMaterial) -> WrappedMaterial:
    """The same material by name, which opens only if it is still in the cache."""
    return replace(material, blob=b"")


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 4096])
def test_what_was_encrypted_is_decrypted(keyring: Keyring, material: WrappedMaterial, length: int) -> None:
    plaintext = bytes(length)
    blob = keyring.encrypt(ARN, material, plaintext, CONTEXT)
    assert keyring.decrypt(ARN, material, blob, CONTEXT) == plaintext
    assert keyring.decrypt(ARN, material, blob, dict(reversed(CONTEXT.items()))) == plaintext


def test_a_ciphertext_names_its_key_and_material(keyring: Keyring, material: WrappedMaterial) -> None:
    header = inspect(keyring.encrypt(ARN, material, b"plaintext", CONTEXT))
    assert (header.key_arn, header.material_id) == (ARN, material.material_id)
    assert len(material.material_id) == 64


def test_another_keyring_with_the_same_root_key_decrypts(
    keyring: Keyring, material: WrappedMaterial, root_key: RootKey, world: World
) -> None:
    blob = keyring.encrypt(ARN, material, DATA_KEY, CONTEXT)
    assert Keyring(root_key, world).decrypt(ARN, material, blob, CONTEXT) == DATA_KEY


def test_old_material_still_decrypts_after_a_rotation(keyring: Keyring, material: WrappedMaterial) -> None:
    blob = keyring.encrypt(ARN, material, DATA_KEY, CONTEXT)
    rotated = keyring.new_material(ARN)
    assert rotated.material_id != material.material_id
    assert keyring.decrypt(ARN, material, blob, CONTEXT) == DATA_KEY
    with pytest.raises(InvalidCiphertext):
        keyring.decrypt(ARN, rotated, blob, CONTEXT)


def test_material_of_another_root_key_key_or_id_is_unusable(
    keyring: Keyring, material: WrappedMaterial, entropy: Entropy, world: World
) -> None:
    stranger = Keyring(RootKey.generate(entropy), world)
    for ring, arn, candidate in (
        (stranger, ARN, material),
        (keyring, OTHER_ARN, material),
        (keyring, ARN, replace(material, material_id="00" * 32)),
        (keyring, ARN, broken(material)),
    ):
        with pytest.raises(UnusableKeyMaterial, match="does not open under the root key"):
            ring.encrypt(arn, candidate, b"plaintext", CONTEXT)
        with pytest.raises(UnusableKeyMaterial):
            ring.decrypt(arn, candidate, b"", CONTEXT)


def test_opened_material_and_data_keys_are_kept(keyring: Keyring, material: WrappedMaterial) -> None:
    blob = keyring.encrypt(ARN, material, DATA_KEY, CONTEXT)
    assert keyring.decrypt(ARN, broken(material), blob, CONTEXT) == DATA_KEY
    assert keyring.decrypt(ARN, broken(material), blob, CONTEXT) is keyring.decrypt(ARN, material, blob, CONTEXT)


def test_a_kept_data_key_is_given_only_for_the_same_key_ciphertext_and_context(
    keyring: Keyring, material: WrappedMaterial
) -> None:
    blob = keyring.encrypt(ARN, material, DATA_KEY, CONTEXT)
    keyring.decrypt(ARN, material, blob, CONTEXT)
    other_material = keyring.new_material(OTHER_ARN)
    for arn, candidate, candidate_blob, context in (
        (OTHER_ARN, other_material, blob, CONTEXT),
        (ARN, keyring.new_material(ARN), blob, CONTEXT),
        (ARN, material, blob[:-1] + bytes([blob[-1] ^ 1]), CONTEXT),
        (ARN, material, blob, CONTEXT | {"SecretVersionId": "2"}),
        (ARN, material, blob, {}),
    ):
        with pytest.raises(InvalidCiphertext):
            keyring.decrypt(arn, candidate, candidate_blob, context)


def test_plaintexts_that_are_no_data_keys_and_large_contexts_are_not_kept(
    keyring: Keyring, material: WrappedMaterial
) -> None:
    large = {"name": "v" * 2000}
    for plaintext, context in ((b"what a caller of kms:Encrypt sent", CONTEXT), (DATA_KEY, large)):
        blob = keyring.encrypt(ARN, material, plaintext, context)
        first = keyring.decrypt(ARN, material, blob, context)
        assert keyring.decrypt(ARN, material, blob, context) is not first


def test_forget_drops_one_key_at_once_and_no_other(keyring: Keyring, material: WrappedMaterial) -> None:
    other = keyring.new_material(OTHER_ARN)
    blob = keyring.encrypt(ARN, material, DATA_KEY, CONTEXT)
    other_blob = keyring.encrypt(OTHER_ARN, other, DATA_KEY, CONTEXT)
    keyring.decrypt(ARN, material, blob, CONTEXT)
    keyring.decrypt(OTHER_ARN, other, other_blob, CONTEXT)

    keyring.forget(ARN)
    with pytest.raises(UnusableKeyMaterial):
        keyring.decrypt(ARN, broken(material), blob, CONTEXT)
    assert keyring.decrypt(OTHER_ARN, broken(other), other_blob, CONTEXT) == DATA_KEY
    assert keyring.decrypt(ARN, material, blob, CONTEXT) == DATA_KEY


def test_forget_all_drops_every_key(keyring: Keyring, material: WrappedMaterial) -> None:
    blob = keyring.encrypt(ARN, material, DATA_KEY, CONTEXT)
    keyring.decrypt(ARN, material, blob, CONTEXT)
    sealed = keyring.seal_system("access-key", b"secret", {})
    keyring.forget_all()
    with pytest.raises(UnusableKeyMaterial):
        keyring.decrypt(ARN, broken(material), blob, CONTEXT)
    assert keyring.open_system("access-key", sealed, {}) == b"secret"


def test_without_a_cache_everything_still_works(root_key: RootKey, world: World) -> None:
    keyring = Keyring(root_key, world, cache_size=0)
    material = keyring.new_material(ARN)
    blob = keyring.encrypt(ARN, material, DATA_KEY, CONTEXT)
    assert keyring.decrypt(ARN, material, blob, CONTEXT) == DATA_KEY
    with pytest.raises(UnusableKeyMaterial):
        keyring.decrypt(ARN, broken(material), blob, CONTEXT)


def test_what_the_system_sealed_opens_for_the_same_purpose_and_context_only(
    keyring: Keyring, root_key: RootKey, world: World
) -> None:
    context = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}
    blob = keyring.seal_system("access-key", b"secret", context)
    assert keyring.open_system("access-key", blob, context) == b"secret"
    assert Keyring(root_key, world).open_system("access-key", blob, context) == b"secret"
    for purpose, other in (("session-token", context), ("access-key", {}), ("access-key/", context)):
        with pytest.raises(InvalidCiphertext):
            keyring.open_system(purpose, blob, other)


def test_a_value_opens_under_its_data_key(entropy: Entropy) -> None:
    blob = seal_with_data_key(DATA_KEY, b"value", CONTEXT, entropy)
    assert open_with_data_key(DATA_KEY, blob, CONTEXT) == b"value"
    with pytest.raises(ValueError, match="a key has 32 bytes, not 16"):
        seal_with_data_key(DATA_KEY[:16], b"value", CONTEXT, entropy)


def test_the_cache_gives_up_what_was_used_longest_ago() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c"), len(cache)) == (1, None, 3, 2)
    cache.put("a", 4)
    cache.put("d", 5)
    assert (cache.get("a"), cache.get("c"), cache.get("d")) == (4, None, 5)


def test_a_cache_of_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        BoundedCache[str, int](-1)


def test_a_value_read_before_is_still_bound_to_everything(keyring: Keyring, entropy: Entropy) -> None:
    blob = seal_with_data_key(DATA_KEY, b"value", CONTEXT, entropy)
    assert [keyring.open_value(DATA_KEY, blob, CONTEXT) for _ in range(2)] == [b"value", b"value"]
    altered = blob[:-1] + bytes((blob[-1] ^ 1,))
    for data_key, candidate, context in (
        (DATA_KEY, altered, CONTEXT),
        (DATA_KEY, blob[:-1], CONTEXT),
        (DATA_KEY, blob[:-20], CONTEXT),
        (DATA_KEY, blob, CONTEXT | {"SecretVersionId": "2"}),
        (DATA_KEY, blob, {}),
        (bytes(32), blob, CONTEXT),
    ):
        with pytest.raises(InvalidCiphertext):
            keyring.open_value(data_key, candidate, context)
    assert keyring.open_value(DATA_KEY, blob, CONTEXT) == b"value"


@pytest.mark.parametrize("forget", [Keyring.forget_all, lambda keyring: keyring.forget(OTHER_ARN)])
def test_forgetting_drops_the_ciphers_of_values(
    keyring: Keyring, entropy: Entropy, monkeypatch: pytest.MonkeyPatch, forget: Callable[[Keyring], None]
) -> None:
    derived = []

    def spy(data_key: bytes, blob: bytes, context: Mapping[str, str]) -> Opener:
        derived.append(blob)
        return value_opener(data_key, blob, context)

    monkeypatch.setattr("strongroom.keyring.keyring.value_opener", spy)
    blob = seal_with_data_key(DATA_KEY, b"value", CONTEXT, entropy)
    keyring.open_value(DATA_KEY, blob, CONTEXT)
    keyring.open_value(DATA_KEY, blob, CONTEXT)
    assert len(derived) == 1
    forget(keyring)
    assert keyring.open_value(DATA_KEY, blob, CONTEXT) == b"value"
    assert len(derived) == 2
