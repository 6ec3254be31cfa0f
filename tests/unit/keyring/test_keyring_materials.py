"""Key material that comes from outside, of multi-Region keys, and of HMAC keys."""

from __future__ import annotations

import hmac
import re
from pathlib import Path

import pytest
from tests.support.kms_keys import wrap

from strongroom.keyring import (
    InvalidCiphertext,
    Keyring,
    RootKey,
    UnusableKeyMaterial,
    WrappedMaterial,
    generate_transfer_key,
    inspect,
    unwrap_material,
)
from strongroom.keyring.header import Layer, encode_header
from strongroom.keyring.keyring import imported_material_id
from strongroom.keyring.sealing import SealingKey
from strongroom.world import World

DOCUMENT = Path(__file__).parents[3] / "docs" / "ciphertext-format.md"
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALGORITHM = "RSAES_OAEP_SHA_256"


def vector(name: str) -> dict[str, str]:
    found = re.search(rf"\[{name}\]\n((?:.+\n)+)", DOCUMENT.read_text())
    assert found is not None
    return dict(re.findall(r"(\w+) = (.*)", found[1]))


@pytest.fixture
def keyring(root_key: RootKey, world: World) -> Keyring:
    return Keyring(root_key, world)


def test_the_vector_of_a_multi_region_key() -> None:
    known = vector("multi-region")
    key = SealingKey(bytes.fromhex(known["key"]), encode_header(Layer.KMS, known["key_name"], known["material_id"]))
    ciphertext = bytes.fromhex(known["ciphertext"])
    assert key.open(ciphertext, {}) == bytes.fromhex(known["plaintext"])
    assert inspect(ciphertext).key_arn == known["key_name"]


def test_the_vector_of_imported_material() -> None:
    known = vector("imported-material")
    assert imported_material_id(known["key_name"], bytes.fromhex(known["material"])) == known["material_id"]


def test_the_same_material_has_the_same_id_for_the_same_key_only(keyring: Keyring) -> None:
    one, again, other = (keyring.keep_material(name, bytes(32)) for name in (ARN, ARN, f"{ARN}x"))
    assert one.material_id == again.material_id != other.material_id
    assert one.blob != again.blob
    sealed = keyring.encrypt(ARN, one, b"x", {})
    assert keyring.decrypt(ARN, again, sealed, {}) == b"x"
    with pytest.raises(UnusableKeyMaterial):
        keyring.encrypt(ARN, other, b"x", {})


@pytest.mark.parametrize(("bits", "digest"), [(224, "sha224"), (256, "sha256"), (384, "sha384"), (512, "sha512")])
def test_macs_are_those_of_rfc_2104(keyring: Keyring, bits: int, digest: str) -> None:
    material = bytes(range(bits // 8))
    kept = keyring.keep_material(ARN, material)
    assert keyring.mac(ARN, kept, f"HMAC_SHA_{bits}", b"message") == hmac.digest(material, b"message", digest)


def test_the_mac_of_rfc_4231_test_case_7(keyring: Keyring) -> None:
    kept = keyring.keep_material(ARN, b"\xaa" * 131)
    text = (
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
        b"hashed before being used by the HMAC algorithm."
    )
    expected = "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    assert keyring.mac(ARN, kept, "HMAC_SHA_256", text).hex() == expected


def test_damaged_material_makes_no_mac(keyring: Keyring) -> None:
    kept = keyring.new_material(ARN, 64)
    damaged = WrappedMaterial(kept.material_id, kept.blob[:-1] + bytes([kept.blob[-1] ^ 1]))
    with pytest.raises(UnusableKeyMaterial):
        keyring.mac(ARN, damaged, "HMAC_SHA_512", b"x")


def test_material_is_wrapped_for_one_transfer_key_and_algorithm() -> None:
    one, other = generate_transfer_key(2048), generate_transfer_key(2048)
    wrapped = wrap(one.public, ALGORITHM, b"material")
    assert unwrap_material(one.private, ALGORITHM, wrapped) == b"material"
    for private, algorithm, sent in (
        (other.private, ALGORITHM, wrapped),
        (one.private, "RSAES_OAEP_SHA_1", wrapped),
        (one.private, ALGORITHM, wrapped[:-1]),
        (one.private, ALGORITHM, b""),
    ):
        with pytest.raises(InvalidCiphertext):
            unwrap_material(private, algorithm, sent)
    assert one.private.hex() not in repr(one)
