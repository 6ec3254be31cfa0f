"""Every error that the service model documents for an operation of KMS, caused through boto3.

`REQUESTS` holds, for each operation, a request that would succeed. A cause is a change of it that leads to one error;
a member that it sets to None is left out. What is neither caused here nor in a file of its own stands in `NEVER` with
its reason, so that the three together are the service model: a new operation or error in botocore fails the first test.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from tests.support.kms_keys import key_policy, new_key, wrap
from tests.support.policies import refusal_code
from tests.support.server import RunningServer

Request = dict[str, Any]

NEVER: Mapping[str, str] = {
    "KMSInternalException": "not by a caller's fault",
    "DependencyTimeoutException": "there is nothing outside to wait for",
    "KeyUnavailableException": "material is in the store, and there whenever its key is",
    "InvalidArnException": "a text that names no key is NotFoundException, as KMS answers; grants have a cause below",
    "CustomKeyStoreInvalidStateException": "there are no custom key stores",
    "CustomKeyStoreNameInUseException": "there are no custom key stores",
    "CustomKeyStoreHasCMKsException": "there are no custom key stores",
    "IncorrectTrustAnchorException": "there are no custom key stores",
    "KMSInvalidSignatureException": "there are no asymmetric keys",
}
"""Errors that no operation answers with, or not for every reason that the model has. CloudHSM's and external key
stores' are left out by their names."""

ASYMMETRIC = ("Sign", "Verify", "GetPublicKey", "DeriveSharedSecret", "Encapsulate", "Decapsulate")
WITHOUT_ASYMMETRIC_KEYS = (
    *("DisabledException", "KMSInvalidStateException", "DryRunOperationException", "InvalidCiphertextException"),
)
IN_EVERY_STATE = (
    *("DeleteAlias", "GetKeyPolicy", "GetKeyRotationStatus", "ListGrants", "ListKeyPolicies", "ListKeyRotations"),
    *("RetireGrant", "RevokeGrant", "PutKeyPolicy", "DeleteImportedKeyMaterial"),
)
"""Operations that take a key in each of the states that there are here ("Key states of AWS KMS keys")."""

ELSEWHERE: Mapping[tuple[str, str], str] = {
    **{
        (operation, error): "there are no asymmetric keys, so it is the usage that is wrong"
        for operation in ASYMMETRIC
        for error in WITHOUT_ASYMMETRIC_KEYS
    },
    **{(operation, "KMSInvalidStateException"): "no state forbids it" for operation in IN_EVERY_STATE},
    ("GetPublicKey", "InvalidKeyUsageException"): "there are no asymmetric keys, so it is not supported",
    ("PutKeyPolicy", "UnsupportedOperationException"): "every key takes a policy",
    ("CreateAlias", "LimitExceededException"): "test_the_quota_of_aliases, below",
    ("UpdateAlias", "LimitExceededException"): "test_the_quota_of_aliases, below",
    ("RotateKeyOnDemand", "LimitExceededException"): "test_kms_rotation.py",
    ("RotateKeyOnDemand", "ConflictException"): "tests/unit/kms/test_kms_maintenance.py: it takes another time",
    ("ImportKeyMaterial", "ExpiredImportTokenException"): "tests/unit/kms/test_kms_maintenance.py: it takes a day",
    ("CreateGrant", "LimitExceededException"): "50,000 grants",
    ("EnableKey", "LimitExceededException"): "Strongroom has no quota of keys",
    ("CreateKey", "LimitExceededException"): "Strongroom has no quota of keys",
    ("ReplicateKey", "LimitExceededException"): "Strongroom has no quota of keys",
    ("CreateCustomKeyStore", "LimitExceededException"): "there are no custom key stores",
    ("ListRetirableGrants", "NotFoundException"): "it names no key",
}


@dataclass(frozen=True)
class World:
    """Keys in every state, by what is odd about them."""

    account: str
    region: str
    enabled: str
    disabled: str
    deleted: str
    importing: str
    importing_deleted: str
    mac: str
    mac_disabled: str
    mac_deleted: str
    regional: str
    alias: str
    absent: str
    ciphertext: bytes
    of_disabled: bytes
    of_deleted: bytes
    grant: str
    public: bytes
    token: bytes
    wrapped: bytes


@pytest.fixture(scope="module")
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


@pytest.fixture(scope="module")
def world(strongroom: RunningServer, kms: Any) -> World:
    enabled, disabled, deleted = new_key(kms), *(new_key(kms, MultiRegion=True) for _ in range(2))
    sealed = [kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for key in (enabled, disabled, deleted)]
    kms.disable_key(KeyId=disabled)
    kms.schedule_key_deletion(KeyId=deleted)
    alias = f"alias/errors-{uuid.uuid4()}"
    kms.create_alias(AliasName=alias, TargetKeyId=enabled)
    root = f"arn:aws:iam::{strongroom.account}:root"
    grant = kms.create_grant(KeyId=enabled, GranteePrincipal=root, Operations=["Encrypt"])["GrantId"]
    importing = new_key(kms, Origin="EXTERNAL")
    transfer = kms.get_parameters_for_import(
        KeyId=importing, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    importing_deleted = new_key(kms, Origin="EXTERNAL")
    kms.schedule_key_deletion(KeyId=importing_deleted)
    wrapped = wrap(transfer["PublicKey"], "RSAES_OAEP_SHA_256", bytes(32))
    macs = [new_key(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC") for _ in range(3)]
    kms.disable_key(KeyId=macs[1])
    kms.schedule_key_deletion(KeyId=macs[2])
    return World(
        account=strongroom.account,
        region=strongroom.region,
        enabled=enabled,
        disabled=disabled,
        deleted=deleted,
        importing=importing,
        importing_deleted=importing_deleted,
        mac=macs[0],
        mac_disabled=macs[1],
        mac_deleted=macs[2],
        regional=new_key(kms, MultiRegion=True),
        alias=alias,
        absent=f"{enabled.rpartition('/')[0]}/{uuid.uuid4()}",
        ciphertext=sealed[0],
        of_disabled=sealed[1],
        of_deleted=sealed[2],
        grant=grant,
        public=transfer["PublicKey"],
        token=transfer["ImportToken"],
        wrapped=wrapped,
    )


def of(key: str, **others: Any) -> Callable[[World], Request]:
    """A request on one of the keys."""
    return lambda world: {"KeyId": getattr(world, key), **others}


SIGNING = {"Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
GRANTEE = {"GranteeServicePrincipal": "rds.amazonaws.com", "RetiringServicePrincipal": "rds.amazonaws.com"}
TAG = {"TagKey": "a", "TagValue": "b"}
MAC = {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}

REQUESTS: Mapping[str, Callable[[World], Request]] = {
    "CancelKeyDeletion": of("enabled"),
    "ConnectCustomKeyStore": lambda _: {"CustomKeyStoreId": "cks-1"},
    "CreateAlias": lambda world: {"AliasName": f"alias/{uuid.uuid4()}", "TargetKeyId": world.enabled},
    "CreateCustomKeyStore": lambda _: {"CustomKeyStoreName": "one"},
    "CreateGrant": lambda world: {
        "KeyId": world.enabled,
        "GranteePrincipal": f"arn:aws:iam::{world.account}:root",
        "Operations": ["Encrypt"],
    },
    "CreateKey": lambda _: {},
    "Decapsulate": of("enabled", SharedSecretCiphertextBlob=b"x", EncapsulationAlgorithm="ML_KEM"),
    "Decrypt": lambda world: {"CiphertextBlob": world.ciphertext},
    "DeleteAlias": lambda world: {"AliasName": world.alias},
    "DeleteCustomKeyStore": lambda _: {"CustomKeyStoreId": "cks-1"},
    "DeleteImportedKeyMaterial": of("importing"),
    "DeriveSharedSecret": of("enabled", KeyAgreementAlgorithm="ECDH", PublicKey=b"x"),
    "DescribeCustomKeyStores": lambda _: {},
    "DescribeKey": of("enabled"),
    "DisableKey": of("enabled"),
    "DisableKeyRotation": of("enabled"),
    "DisconnectCustomKeyStore": lambda _: {"CustomKeyStoreId": "cks-1"},
    "EnableKey": of("enabled"),
    "EnableKeyRotation": of("enabled"),
    "Encapsulate": of("enabled", EncapsulationAlgorithm="ML_KEM"),
    "Encrypt": of("enabled", Plaintext=b"x"),
    "GenerateDataKey": of("enabled", KeySpec="AES_256"),
    "GenerateDataKeyPair": of("enabled", KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyPairWithoutPlaintext": of("enabled", KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyWithoutPlaintext": of("enabled", KeySpec="AES_256"),
    "GenerateMac": of("mac", **MAC),
    "GenerateRandom": lambda _: {"NumberOfBytes": 1},
    "GetKeyPolicy": of("enabled"),
    "GetKeyRotationStatus": of("enabled"),
    "GetParametersForImport": of("importing", WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"),
    "GetPublicKey": of("enabled"),
    "ImportKeyMaterial": lambda world: {
        "KeyId": world.importing,
        "ImportToken": world.token,
        "EncryptedKeyMaterial": world.wrapped,
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    },
    "ListAliases": of("enabled"),
    "ListGrants": of("enabled"),
    "ListKeyPolicies": of("enabled"),
    "ListKeyRotations": of("enabled"),
    "ListKeys": lambda _: {},
    "ListResourceTags": of("enabled"),
    "ListRetirableGrants": lambda world: {"RetiringPrincipal": f"arn:aws:iam::{world.account}:root"},
    "PutKeyPolicy": lambda world: {"KeyId": world.enabled, "Policy": key_policy(world.account)},
    "ReEncrypt": lambda world: {"CiphertextBlob": world.ciphertext, "DestinationKeyId": world.enabled},
    "ReplicateKey": lambda world: {"KeyId": world.regional, "ReplicaRegion": world.region},
    "RetireGrant": lambda world: {"KeyId": world.enabled, "GrantId": world.grant},
    "RevokeGrant": lambda world: {"KeyId": world.enabled, "GrantId": world.grant},
    "RotateKeyOnDemand": of("enabled"),
    "ScheduleKeyDeletion": of("enabled"),
    "Sign": of("enabled", **SIGNING),
    "TagResource": of("enabled", Tags=[TAG]),
    "UntagResource": of("enabled", TagKeys=["a"]),
    "UpdateAlias": lambda world: {"AliasName": world.alias, "TargetKeyId": world.enabled},
    "UpdateCustomKeyStore": lambda _: {"CustomKeyStoreId": "cks-1"},
    "UpdateKeyDescription": of("enabled", Description="x"),
    "UpdatePrimaryRegion": lambda world: {"KeyId": world.regional, "PrimaryRegion": world.region},
    "Verify": of("enabled", **SIGNING, Signature=b"x"),
    "VerifyMac": of("mac", **MAC, Mac=b"x" * 32),
}

Cause = Callable[[World], Request]

GENERAL: Mapping[str, Cause] = {
    "NotFoundException": of("absent"),
    "DisabledException": of("disabled"),
    "KMSInvalidStateException": of("deleted"),
    "InvalidGrantTokenException": lambda _: {"GrantTokens": ["no token"]},
    "DryRunOperationException": lambda _: {"DryRun": True},
    "InvalidMarkerException": lambda _: {"Marker": "no marker"},
    "InvalidKeyUsageException": of("mac"),
    "CustomKeyStoreNotFoundException": lambda _: {"CustomKeyStoreId": "cks-1"},
    "MalformedPolicyDocumentException": lambda _: {"Policy": "{"},
    "TagException": lambda _: {"Tags": [TAG, TAG]},
    "InvalidGrantIdException": lambda _: {"GrantId": "no grant"},
}
"""What causes an error in most operations."""

SPECIAL: Mapping[tuple[str, str], Cause] = {
    ("CancelKeyDeletion", "KMSInvalidStateException"): of("enabled"),
    ("CreateAlias", "AlreadyExistsException"): lambda world: {"AliasName": world.alias},
    ("CreateAlias", "NotFoundException"): lambda world: {"TargetKeyId": world.absent},
    ("CreateAlias", "KMSInvalidStateException"): lambda world: {"TargetKeyId": world.deleted},
    ("CreateAlias", "InvalidAliasNameException"): lambda _: {"AliasName": "alias/"},
    ("CreateGrant", "InvalidArnException"): lambda _: {"GranteePrincipal": "nobody"},
    ("CreateKey", "UnsupportedOperationException"): lambda _: {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"},
    ("Decrypt", "DisabledException"): lambda world: {"CiphertextBlob": world.of_disabled},
    ("Decrypt", "KMSInvalidStateException"): lambda world: {"CiphertextBlob": world.of_deleted},
    ("Decrypt", "InvalidCiphertextException"): lambda _: {"CiphertextBlob": b"x"},
    ("Decrypt", "IncorrectKeyException"): of("regional"),
    ("DeleteAlias", "NotFoundException"): lambda _: {"AliasName": "alias/no-such"},
    ("DeleteImportedKeyMaterial", "UnsupportedOperationException"): of("enabled"),
    ("DisableKeyRotation", "UnsupportedOperationException"): of("mac"),
    ("EnableKeyRotation", "UnsupportedOperationException"): of("mac"),
    ("GenerateDataKeyPair", "UnsupportedOperationException"): lambda _: {"KeyPairSpec": "SM2"},
    ("GenerateDataKeyPairWithoutPlaintext", "UnsupportedOperationException"): lambda _: {"KeyPairSpec": "ML_KEM_512"},
    ("GenerateMac", "InvalidKeyUsageException"): of("enabled"),
    **{
        (operation, error): of(key)
        for operation in ("GenerateMac", "VerifyMac")
        for error, key in (("DisabledException", "mac_disabled"), ("KMSInvalidStateException", "mac_deleted"))
    },
    ("GenerateRandom", "UnsupportedOperationException"): lambda _: {"Recipient": {}},
    ("GetKeyRotationStatus", "UnsupportedOperationException"): of("mac"),
    ("GetParametersForImport", "UnsupportedOperationException"): of("enabled"),
    ("GetPublicKey", "UnsupportedOperationException"): lambda _: {},
    ("ImportKeyMaterial", "UnsupportedOperationException"): of("enabled"),
    ("ImportKeyMaterial", "InvalidCiphertextException"): lambda _: {"EncryptedKeyMaterial": b"x" * 256},
    ("ImportKeyMaterial", "IncorrectKeyMaterialException"): lambda world: {
        "EncryptedKeyMaterial": wrap(world.public, "RSAES_OAEP_SHA_256", bytes(31))
    },
    ("ImportKeyMaterial", "InvalidImportTokenException"): lambda _: {"ImportToken": b"x"},
    ("ListKeyRotations", "UnsupportedOperationException"): of("mac"),
    ("ListRetirableGrants", "InvalidArnException"): lambda _: {"RetiringPrincipal": "nobody"},
    ("PutKeyPolicy", "LimitExceededException"): lambda world: {"Policy": key_policy(world.account) + " " * 32768},
    ("ReEncrypt", "NotFoundException"): lambda world: {"DestinationKeyId": world.absent},
    ("ReEncrypt", "DisabledException"): lambda world: {"DestinationKeyId": world.disabled},
    ("ReEncrypt", "KMSInvalidStateException"): lambda world: {"DestinationKeyId": world.deleted},
    ("ReEncrypt", "InvalidCiphertextException"): lambda _: {"CiphertextBlob": b"x"},
    ("ReEncrypt", "IncorrectKeyException"): lambda world: {"SourceKeyId": world.regional},
    ("ReEncrypt", "InvalidKeyUsageException"): lambda world: {"DestinationKeyId": world.mac},
    ("ReplicateKey", "AlreadyExistsException"): lambda _: {},
    ("ReplicateKey", "UnsupportedOperationException"): of("enabled"),
    ("RetireGrant", "InvalidGrantTokenException"): lambda _: {"GrantToken": "no token", "KeyId": None, "GrantId": None},
    ("RetireGrant", "NotFoundException"): lambda _: {"GrantId": "0" * 64},
    ("RevokeGrant", "NotFoundException"): lambda _: {"GrantId": "0" * 64},
    ("RotateKeyOnDemand", "UnsupportedOperationException"): of("mac"),
    ("TagResource", "LimitExceededException"): lambda _: {
        "Tags": [{"TagKey": str(number), "TagValue": ""} for number in range(51)]
    },
    ("UntagResource", "TagException"): lambda _: {"TagKeys": ["aws:a"]},
    ("UpdateAlias", "NotFoundException"): lambda _: {"AliasName": "alias/no-such"},
    ("UpdateAlias", "KMSInvalidStateException"): lambda world: {"TargetKeyId": world.deleted},
    ("UpdatePrimaryRegion", "UnsupportedOperationException"): of("enabled"),
    ("VerifyMac", "KMSInvalidMacException"): lambda _: {},
    **{
        (operation, "InvalidKeyUsageException"): lambda _: {} for operation in ASYMMETRIC if operation != "GetPublicKey"
    },
    **{
        (operation, "KMSInvalidStateException"): of("importing_deleted")
        for operation in ("GetParametersForImport", "ImportKeyMaterial")
    },
    ("VerifyMac", "InvalidKeyUsageException"): of("enabled"),
}
"""What causes an error in one operation."""


def documented() -> Iterator[tuple[str, str]]:
    """Every pair of an operation and an error in the service model, but for those of CloudHSM and of key stores."""
    model = botocore.session.get_session().get_service_model("kms")
    for operation in model.operation_names:
        for shape in model.operation_model(operation).error_shapes:
            if not shape.name.startswith(("CloudHsm", "Xks")):
                yield operation, shape.name


def cause_of(operation: str, error: str) -> Cause | None:
    """What causes an error; None where nothing does."""
    found = SPECIAL.get((operation, error))
    return found or (None if error in NEVER or (operation, error) in ELSEWHERE else GENERAL.get(error))


CAUSED = sorted({pair for pair in documented() if pair[0] in REQUESTS and cause_of(*pair) is not None})


def test_every_documented_error_is_accounted_for() -> None:
    documented_pairs = set(documented())
    assert {operation for operation, _ in documented_pairs} - REQUESTS.keys() == {"GetKeyLastUsage"}
    left = {pair for pair in documented_pairs if pair[0] in REQUESTS and pair not in CAUSED}
    assert {pair for pair in left if pair not in ELSEWHERE and pair[1] not in NEVER} == set()
    assert SPECIAL.keys() <= documented_pairs
    assert {pair for pair in ELSEWHERE if pair[0] not in ASYMMETRIC} <= documented_pairs


@pytest.mark.parametrize("operation", sorted({operation for operation, _ in CAUSED}))
def test_documented_errors(kms: Any, world: World, operation: str) -> None:
    expected, found = {}, {}
    for _, error in (pair for pair in CAUSED if pair[0] == operation):
        cause = cause_of(operation, error)
        assert cause is not None
        expected[error] = error
        request = {**REQUESTS[operation](world), **cause(world)}
        given = {name: value for name, value in request.items() if value is not None}
        found[error] = refusal_code(kms, xform_name(operation), **given)
    assert found == expected


def test_the_quota_of_aliases(kms: Any) -> None:
    full, other = new_key(kms), new_key(kms)
    unique = uuid.uuid4()
    for number in range(50):
        kms.create_alias(AliasName=f"alias/{unique}-{number}", TargetKeyId=full)
    one_more = {"AliasName": f"alias/{unique}-more", "TargetKeyId": full}
    assert refusal_code(kms, "create_alias", **one_more) == "LimitExceededException"
    kms.create_alias(**{**one_more, "TargetKeyId": other})
    assert refusal_code(kms, "update_alias", **one_more) == "LimitExceededException"


def test_what_is_not_offered_names_what_it_would_take(kms: Any, world: World) -> None:
    """Asymmetric keys and custom key stores."""
    for operation, request, named in (
        ("create_key", {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, "KeySpec ECC_NIST_P256"),
        ("create_custom_key_store", {"CustomKeyStoreName": "one"}, "CustomKeyStoreType AWS_CLOUDHSM"),
        ("connect_custom_key_store", {"CustomKeyStoreId": "cks-1"}, "custom key store cks-1"),
        ("sign", {"KeyId": world.enabled, **SIGNING}, "key usage is ENCRYPT_DECRYPT which is not valid for Sign"),
        ("get_public_key", {"KeyId": world.enabled}, "key spec is SYMMETRIC_DEFAULT"),
        ("generate_data_key_pair", {"KeyId": world.enabled, "KeyPairSpec": "SM2"}, "KeyPairSpec SM2"),
    ):
        with pytest.raises(kms.exceptions.ClientError, match=named):
            getattr(kms, operation)(**request)
