"""Client-side encryption with KMS keys: the AWS Encryption SDK, and the envelope that people write by hand."""

from __future__ import annotations

import os
from typing import Any

import aws_encryption_sdk  # type: ignore[import-untyped]
import botocore.session
import pytest
from aws_encryption_sdk import CommitmentPolicy
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.support.kms_keys import new_key
from tests.support.policies import allow, document, refusal_code
from tests.support.server import RunningServer

CONTEXT = {"purpose": "test"}
TEXT = b"a secret that never leaves the client in clear" * 100


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


@pytest.fixture
def environment(strongroom: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK makes its own clients, so it learns of the server as every AWS tool does."""
    for name, value in strongroom.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)


def keys(*arns: str) -> Any:
    return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(
        key_ids=list(arns), botocore_session=botocore.session.Session()
    )


@pytest.fixture
def sdk() -> Any:
    return aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


@pytest.mark.usefixtures("environment")
def test_the_encryption_sdk_encrypts_and_decrypts(kms: Any, sdk: Any) -> None:
    one, two = new_key(kms), new_key(kms)
    message, header = sdk.encrypt(source=TEXT, key_provider=keys(one, two), encryption_context=CONTEXT)
    assert header.encryption_context.items() >= CONTEXT.items()
    for arn in (one, two):  # each of the two keys opens it
        opened, header = sdk.decrypt(source=message, key_provider=keys(arn))
        assert opened == TEXT
        assert header.encryption_context.items() >= CONTEXT.items()


@pytest.mark.usefixtures("environment")
def test_the_encryption_sdk_goes_through_rotations_and_stops_at_a_disabled_key(kms: Any, sdk: Any) -> None:
    arn = new_key(kms)
    message, _ = sdk.encrypt(source=TEXT, key_provider=keys(arn), encryption_context=CONTEXT)
    kms.rotate_key_on_demand(KeyId=arn)
    assert sdk.decrypt(source=message, key_provider=keys(arn))[0] == TEXT
    other = new_key(kms)
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=message, key_provider=keys(other))
    kms.disable_key(KeyId=arn)
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=message, key_provider=keys(arn))


@pytest.mark.usefixtures("environment")
def test_the_encryption_sdk_caches_data_keys(kms: Any, sdk: Any) -> None:
    manager = aws_encryption_sdk.CachingCryptoMaterialsManager(
        master_key_provider=keys(new_key(kms)),
        cache=aws_encryption_sdk.LocalCryptoMaterialsCache(10),
        max_age=60.0,
        max_messages_encrypted=10,
    )
    messages = [sdk.encrypt(source=TEXT, materials_manager=manager)[0] for _ in range(3)]
    assert {sdk.decrypt(source=message, materials_manager=manager)[0] for message in messages} == {TEXT}


def test_an_envelope_written_by_hand(strongroom: RunningServer, kms: Any) -> None:
    arn = new_key(kms)
    writer = strongroom.client("kms", strongroom.make_user(document(allow("kms:GenerateDataKey", resource=arn))))
    reader = strongroom.client("kms", strongroom.make_user(document(allow("kms:Decrypt", resource=arn))))
    made = writer.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=CONTEXT)
    nonce = os.urandom(12)
    kept = (made["CiphertextBlob"], nonce, AESGCM(made["Plaintext"]).encrypt(nonce, TEXT, None))
    assert refusal_code(writer, "decrypt", CiphertextBlob=kept[0], EncryptionContext=CONTEXT) == "AccessDeniedException"
    data_key = reader.decrypt(CiphertextBlob=kept[0], EncryptionContext=CONTEXT)["Plaintext"]
    assert AESGCM(data_key).decrypt(kept[1], kept[2], None) == TEXT
