"""The system's signatures."""

from __future__ import annotations

import pytest

from strongroom.keyring import RootKey, is_signed, public_key_from_pem, public_key_to_pem
from strongroom.keyring.signing import SigningKey
from strongroom.world import SystemEntropy

# RFC 8032, section 7.1, test 2
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_the_rfc_vector() -> None:
    key = SigningKey(SEED)
    assert key.public_key == PUBLIC
    assert key.sign(b"\x72") == SIGNATURE
    assert is_signed(PUBLIC, SIGNATURE, b"\x72")


@pytest.mark.parametrize(
    ("public", "signature", "message"),
    [
        (PUBLIC, SIGNATURE, b"\x73"),
        (PUBLIC, SIGNATURE[:-1], b"\x72"),
        (PUBLIC, b"", b"\x72"),
        (PUBLIC[:-1], SIGNATURE, b"\x72"),
        (bytes(32), SIGNATURE, b"\x72"),
    ],
)
def test_what_is_not_signed(public: bytes, signature: bytes, message: bytes) -> None:
    assert not is_signed(public, signature, message)


def test_the_key_outlives_the_root_key_and_each_purpose_has_its_own() -> None:
    entropy = SystemEntropy()
    old, new = RootKey.generate(entropy), RootKey.generate(entropy)
    seed = old.new_system_seed(entropy)
    before = old.with_system_seed(seed)
    after = new.with_system_seed(old.rewrap_system_seed(seed, new, entropy))
    assert before.signing_key("a").public_key == after.signing_key("a").public_key
    assert before.signing_key("a").public_key != before.signing_key("b").public_key
    assert before.signing_key("a").public_key != new.signing_key("a").public_key


def test_pem_and_back() -> None:
    pem = public_key_to_pem(PUBLIC)
    assert pem.startswith(b"-----BEGIN PUBLIC KEY-----\n")
    assert public_key_from_pem(pem) == PUBLIC
    assert public_key_from_pem(b"nonsense") is None


def test_the_key_does_not_show_itself() -> None:
    assert repr(SigningKey(SEED)) == "<SigningKey>"
