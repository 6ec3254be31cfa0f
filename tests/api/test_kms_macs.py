"""HMAC keys through boto3."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

import pytest
from tests.support.kms_keys import new_key, wrap
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.server import RunningServer

BITS = (224, 256, 384, 512)


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


def mac_key(kms: Any, bits: int = 256, **parameters: Any) -> str:
    return new_key(kms, KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC", **parameters)


@pytest.mark.parametrize("bits", BITS)
def test_a_mac_is_made_and_verified(kms: Any, bits: int) -> None:
    arn, algorithm = mac_key(kms, bits), f"HMAC_SHA_{bits}"
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert metadata["KeySpec"] == metadata["CustomerMasterKeySpec"] == f"HMAC_{bits}"
    assert metadata["KeyUsage"] == "GENERATE_VERIFY_MAC"
    assert metadata["MacAlgorithms"] == [algorithm]
    assert "EncryptionAlgorithms" not in metadata
    assert "CurrentKeyMaterialId" not in metadata
    made = kms.generate_mac(KeyId=arn, Message=b"message", MacAlgorithm=algorithm)
    assert (made["KeyId"], made["MacAlgorithm"], len(made["Mac"])) == (arn, algorithm, bits // 8)
    verified = kms.verify_mac(KeyId=arn, Message=b"message", MacAlgorithm=algorithm, Mac=made["Mac"])
    assert verified["MacValid"] is True
    for wrong in ({"Message": b"messagE"}, {"Mac": made["Mac"][:-1]}, {"Mac": made["Mac"][:-1] + b"\0" * 2}):
        request = {"KeyId": arn, "Message": b"message", "MacAlgorithm": algorithm, "Mac": made["Mac"], **wrong}
        assert refusal_code(kms, "verify_mac", **request) == "KMSInvalidMacException"


def test_the_mac_is_that_of_rfc_2104(kms: Any) -> None:
    arn = mac_key(kms, 512, Origin="EXTERNAL")
    algorithm, material = "RSAES_OAEP_SHA_256", os.urandom(64)
    given = kms.get_parameters_for_import(KeyId=arn, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
    kms.import_key_material(
        KeyId=arn,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(given["PublicKey"], algorithm, material),
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )
    made = kms.generate_mac(KeyId=arn, Message=b"message", MacAlgorithm="HMAC_SHA_512")["Mac"]
    assert made == hmac.digest(material, b"message", hashlib.sha512)


def test_each_kind_of_key_does_its_own_work_only(kms: Any) -> None:
    mac, encryption = mac_key(kms), new_key(kms)
    assert refusal(kms, "encrypt", KeyId=mac, Plaintext=b"x") == (
        "InvalidKeyUsageException",
        f"{mac} key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt.",
    )
    request = {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    assert refusal(kms, "generate_mac", KeyId=encryption, **request) == (
        "InvalidKeyUsageException",
        f"{encryption} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.",
    )
    assert refusal(kms, "generate_mac", KeyId=mac, Message=b"x", MacAlgorithm="HMAC_SHA_512") == (
        "InvalidKeyUsageException",
        "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.",
    )
    for operation in ("enable_key_rotation", "rotate_key_on_demand", "get_key_rotation_status", "list_key_rotations"):
        assert refusal(kms, operation, KeyId=mac) == (
            "UnsupportedOperationException",
            f"{mac} key spec is HMAC_256 which is not valid for this operation.",
        )


def test_state_permission_and_dry_run_decide(kms: Any, strongroom: RunningServer) -> None:
    arn = mac_key(kms)
    request = {"KeyId": arn, "Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
    assert refusal_code(kms, "generate_mac", **request, DryRun=True) == "DryRunOperationException"
    made = kms.generate_mac(**request)["Mac"]
    assert refusal_code(kms, "verify_mac", **request, Mac=made, DryRun=True) == "DryRunOperationException"
    only_one = allow("kms:GenerateMac", resource=arn, Condition={"StringEquals": {"kms:MacAlgorithm": "HMAC_SHA_256"}})
    user = strongroom.client("kms", strongroom.make_user(document(only_one)))
    user.generate_mac(**request)
    assert refusal_code(user, "verify_mac", **request, Mac=made) == "AccessDeniedException"
    kms.disable_key(KeyId=arn)
    assert refusal(kms, "generate_mac", **request) == ("DisabledException", f"{arn} is disabled.")


def test_an_alias_stays_with_its_kind_of_key(kms: Any) -> None:
    mac, encryption = mac_key(kms), new_key(kms)
    name = f"alias/{mac.rpartition('/')[2]}"
    kms.create_alias(AliasName=name, TargetKeyId=mac)
    assert refusal_code(kms, "update_alias", AliasName=name, TargetKeyId=encryption) == "ValidationException"
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == mac
