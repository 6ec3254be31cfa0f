"""Attack 18, the part that AES-GCM alone does not stop: one ciphertext made to open under two keys.

Someone who knows both keys solves the equation of the authentication tag for a ciphertext block, so that one and the
same ciphertext has a valid tag under either key. The tests do that for real, see AES-GCM accept it, and see the
commitment refuse it.
"""

from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.keyring import InvalidCiphertext, open_with_data_key
from strongroom.keyring.context import encode_context
from strongroom.keyring.header import Layer, encode_header
from strongroom.keyring.kdf import derive

HEADER = encode_header(Layer.DATA_KEY, "data-key")
NONCE = bytes(range(100, 132))
GCM_NONCE = bytes(12)
BLOCK = 16

Recipient = tuple[bytes, dict[str, str]]
"""A data key and the encryption context that its holder opens with."""

CONTEXT = {"SecretARN": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a-AbCdEf", "SecretVersionId": "1"}
OTHER_CONTEXT = CONTEXT | {"SecretVersionId": "2"}
TWO_KEYS: tuple[Recipient, Recipient] = ((bytes(range(32)), CONTEXT), (bytes(range(32, 64)), CONTEXT))
TWO_CONTEXTS: tuple[Recipient, Recipient] = ((bytes(range(32)), CONTEXT), (bytes(range(32)), OTHER_CONTEXT))


def multiply(left: int, right: int) -> int:
    """Multiplication in the field of GHASH (NIST SP 800-38D, algorithm 1)."""
    product = 0
    for position in range(127, -1, -1):
        if left >> position & 1:
            product ^= right
        right = right >> 1 ^ (0xE1 << 120 if right & 1 else 0)
    return product


def inverse(element: int) -> int:
    """The inverse in a field of 2^128 elements: the power 2^128 - 2."""
    result, power = 1 << 127, element
    for _ in range(127):
        power = multiply(power, power)
        result = multiply(result, power)
    return result


def aes(key: bytes, block: bytes) -> int:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return int.from_bytes(encryptor.update(block) + encryptor.finalize(), "big")


def tag_of(key: bytes, associated: bytes, block: int) -> int:
    """The AES-GCM tag of one ciphertext block, computed from the definition."""
    hash_key = aes(key, bytes(BLOCK))
    padded = associated + bytes(-len(associated) % BLOCK)
    blocks = [int.from_bytes(padded[start : start + BLOCK], "big") for start in range(0, len(padded), BLOCK)]
    total = 0
    for part in (*blocks, block, len(associated) * 8 << 64 | BLOCK * 8):
        total = multiply(total ^ part, hash_key)
    return total ^ aes(key, GCM_NONCE + (1).to_bytes(4, "big"))


def derived_for(recipient: Recipient) -> tuple[bytes, bytes, bytes]:
    """Encryption key, commitment and associated data of a ciphertext for a recipient, as the format has them."""
    data_key, context = recipient
    associated = HEADER + encode_context(context)
    derived = derive(data_key, b"strongroom ciphertext", NONCE + sha256(associated).digest(), 64)
    return derived[:32], derived[32:], associated


def sealed_for_both(first: Recipient, second: Recipient) -> bytes:
    """One ciphertext block with one tag that AES-GCM accepts from both recipients."""
    key, _, associated = derived_for(first)
    other_key, _, other_associated = derived_for(second)
    # The tag is linear in the block, which counts with the square of the hash key.
    difference = tag_of(key, associated, 0) ^ tag_of(other_key, other_associated, 0)
    hash_key, other_hash_key = aes(key, bytes(BLOCK)), aes(other_key, bytes(BLOCK))
    factor = multiply(hash_key, hash_key) ^ multiply(other_hash_key, other_hash_key)
    block = multiply(difference, inverse(factor))
    return block.to_bytes(BLOCK, "big") + tag_of(key, associated, block).to_bytes(BLOCK, "big")


@pytest.mark.parametrize("recipients", [TWO_KEYS, TWO_CONTEXTS], ids=["two keys", "two contexts"])
def test_attack_18_a_ciphertext_that_aes_gcm_opens_twice_opens_at_most_once(
    recipients: tuple[Recipient, Recipient],
) -> None:
    sealed = sealed_for_both(*recipients)
    for recipient in recipients:
        key, _, associated = derived_for(recipient)
        assert len(AESGCM(key).decrypt(GCM_NONCE, sealed, associated)) == BLOCK

    for chosen, left_out in (recipients, recipients[::-1]):
        _, commitment, _ = derived_for(chosen)
        blob = HEADER + NONCE + commitment + sealed
        assert len(open_with_data_key(chosen[0], blob, chosen[1])) == BLOCK
        with pytest.raises(InvalidCiphertext):
            open_with_data_key(left_out[0], blob, left_out[1])
