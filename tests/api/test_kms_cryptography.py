"""Encrypting and decrypting through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from tests.support.policies import allow, document, refusal_code
from tests.support.refusals import told
from tests.support.server import RunningServer

CONTEXT = {"Purpose": "test", "Number": "1"}


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["Arn"])


@pytest.mark.parametrize("plaintext", [b"x", bytes(range(256)), bytes(4096)])
def test_what_was_encrypted_comes_back(kms: Any, key: str, plaintext: bytes) -> None:
    sealed = kms.encrypt(KeyId=key, Plaintext=plaintext, EncryptionContext=CONTEXT)
    assert sealed["KeyId"] == key
    assert sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert len(sealed["CiphertextBlob"]) <= 6144  # the most that Decrypt takes
    opened = kms.decrypt(
        CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=dict(reversed(list(CONTEXT.items())))
    )
    assert opened["Plaintext"] == plaintext
    assert opened["KeyId"] == key
    assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"


def test_no_two_ciphertexts_are_the_same(kms: Any, key: str) -> None:
    assert len({kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for _ in range(4)}) == 4


def test_a_plaintext_that_is_too_long(kms: Any, key: str) -> None:
    with pytest.raises(ClientError) as refused:
        kms.encrypt(KeyId=key, Plaintext=bytes(4097))
    assert told(refused)[0] == "ValidationException"


@pytest.mark.parametrize(
    "context", [None, {}, {"Purpose": "test"}, {**CONTEXT, "more": "x"}, {**CONTEXT, "Number": "2"}]
)
def test_attack_18_another_context_does_not_open_it(kms: Any, key: str, context: dict[str, str] | None) -> None:
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    given = {} if context is None else {"EncryptionContext": context}
    with pytest.raises(ClientError) as refused:
        kms.decrypt(CiphertextBlob=sealed, **given)
    assert told(refused)[0] == "InvalidCiphertextException"


def test_attack_18_a_damaged_ciphertext_does_not_open(kms: Any, key: str) -> None:
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    broken = [sealed[:-1], sealed + b"\0", b"x", b"\0" * 200]
    broken += [
        sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in (0, 5, len(sealed) - 60, len(sealed) - 1)
    ]
    for ciphertext in broken:
        with pytest.raises(ClientError) as refused:
            kms.decrypt(CiphertextBlob=ciphertext)
        assert told(refused)[0] == "InvalidCiphertextException"


def test_attack_18_a_ciphertext_moved_to_another_key(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    moved = sealed.replace(key.encode(), other.encode())
    assert moved != sealed
    with pytest.raises(ClientError) as refused:
        kms.decrypt(CiphertextBlob=moved)
    assert told(refused)[0] == "InvalidCiphertextException"
    with pytest.raises(ClientError) as refused:
        kms.decrypt(CiphertextBlob=sealed, KeyId=other)
    assert told(refused) == (
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


@pytest.mark.parametrize(
    ("size", "length"),
    [
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 64}, 64),
        ({"NumberOfBytes": 1}, 1),
    ],
)
def test_data_keys(kms: Any, key: str, size: dict[str, Any], length: int) -> None:
    made = kms.generate_data_key(KeyId=key, EncryptionContext=CONTEXT, **size)
    assert len(made["Plaintext"]) == length
    assert made["KeyId"] == key
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == made["Plaintext"]
    hidden = kms.generate_data_key_without_plaintext(KeyId=key, **size)
    assert "Plaintext" not in hidden
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == length


@pytest.mark.parametrize("size", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_a_data_key_has_one_size(kms: Any, key: str, size: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        kms.generate_data_key(KeyId=key, **size)
    assert told(refused) == ("ValidationException", "Please specify either number of bytes or key spec.")


def test_another_algorithm(kms: Any, key: str) -> None:
    with pytest.raises(ClientError) as refused:
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert told(refused) == (
        "InvalidKeyUsageException",
        "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.",
    )


def test_dry_run(kms: Any, strongroom: RunningServer, key: str) -> None:
    with pytest.raises(ClientError) as refused:
        kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=True)
    assert told(refused) == (
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )
    weak = strongroom.client("kms", strongroom.make_user())
    with pytest.raises(ClientError) as refused:
        weak.encrypt(KeyId=key, Plaintext=b"x", DryRun=True)
    assert told(refused)[0] == "AccessDeniedException"


def test_re_encrypt(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=sealed, SourceEncryptionContext=CONTEXT, DestinationKeyId=other)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key, other)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])
    assert (opened["KeyId"], opened["Plaintext"]) == (other, b"x")


def test_generate_random(kms: Any) -> None:
    assert len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]) == 1024
    with pytest.raises(ClientError) as refused:
        kms.generate_random()
    assert told(refused)[0] == "ValidationException"


def test_each_use_needs_its_own_permission(strongroom: RunningServer, kms: Any, key: str) -> None:
    statement = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": key}
    user = strongroom.client("kms", strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]}))
    sealed = user.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["Arn"]
    uses: tuple[tuple[Callable[[], Any], str, str], ...] = (
        (lambda: user.decrypt(CiphertextBlob=sealed), "kms:Decrypt", key),
        (lambda: user.generate_data_key(KeyId=key, KeySpec="AES_256"), "kms:GenerateDataKey", key),
        (lambda: user.encrypt(KeyId=other, Plaintext=b"x"), "kms:Encrypt", other),
    )
    for use, action, arn in uses:
        with pytest.raises(ClientError) as refused:
            use()
        code, text = told(refused)
        assert code == "AccessDeniedException"
        assert f"is not authorized to perform: {action} on resource: {arn} because" in text


def test_permission_by_encryption_context(strongroom: RunningServer, key: str) -> None:
    statement = {
        "Effect": "Allow",
        "Action": ["kms:Encrypt", "kms:Decrypt"],
        "Resource": key,
        "Condition": {"StringEquals": {"kms:EncryptionContext:Purpose": "test"}},
    }
    user = strongroom.client("kms", strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]}))
    sealed = user.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    assert user.decrypt(CiphertextBlob=sealed, EncryptionContext=CONTEXT)["Plaintext"] == b"x"
    for context in ({}, {"Purpose": "Test"}, {"purpos": "test"}):
        with pytest.raises(ClientError) as refused:
            user.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
        assert told(refused)[0] == "AccessDeniedException"


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"])
def test_data_key_pairs(kms: Any, key: str, spec: str) -> None:
    """The private key in clear is the one that is sealed, and it belongs to the public key."""
    given = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext={"of": "mine"})
    assert (given["KeyId"], given["KeyPairSpec"]) == (key, spec)
    opened = kms.decrypt(CiphertextBlob=given["PrivateKeyCiphertextBlob"], EncryptionContext={"of": "mine"})
    assert opened["Plaintext"] == given["PrivateKeyPlaintext"]
    private = load_der_private_key(given["PrivateKeyPlaintext"], None)
    assert private.public_key() == load_der_public_key(given["PublicKey"])
    sealed = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in sealed
    assert sealed["PublicKey"] != given["PublicKey"]


def test_permission_by_the_kind_of_pair(strongroom: RunningServer, key: str) -> None:
    condition = {"StringEquals": {"kms:DataKeyPairSpec": "ECC_NIST_P256"}}
    user = strongroom.client(
        "kms", strongroom.make_user(document(allow("kms:GenerateDataKeyPair", Condition=condition)))
    )
    user.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    assert refusal_code(user, "generate_data_key_pair", KeyId=key, KeyPairSpec="RSA_2048") == "AccessDeniedException"
