"""Imported key material through boto3."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.kms_keys import new_key, wrap
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.server import RunningServer

FOR_EVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
ALGORITHM = "RSAES_OAEP_SHA_256"


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    return new_key(kms, Origin="EXTERNAL")


def transfer(kms: Any, key: str, material: bytes, algorithm: str = ALGORITHM, bits: int = 2048) -> dict[str, Any]:
    """The parameters with which the owner of the material sends it."""
    given = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=f"RSA_{bits}")
    assert given["KeyId"] == key
    assert abs(given["ParametersValidTo"] - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=5)
    wrapped = wrap(given["PublicKey"], algorithm, material)
    return {"KeyId": key, "ImportToken": given["ImportToken"], "EncryptedKeyMaterial": wrapped}


def bring(kms: Any, key: str, material: bytes, **others: Any) -> str:
    """Import material; answers its id."""
    answer = kms.import_key_material(**transfer(kms, key, material), **{**FOR_EVER, **others})
    assert answer["KeyId"] == key
    return str(answer["KeyMaterialId"])


@pytest.mark.parametrize(("algorithm", "bits"), [("RSAES_OAEP_SHA_1", 2048), ("RSAES_OAEP_SHA_256", 3072)])
def test_material_is_imported_deleted_and_imported_again(kms: Any, key: str, algorithm: str, bits: int) -> None:
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"], metadata["Origin"]) == ("PendingImport", False, "EXTERNAL")
    assert "ExpirationModel" not in metadata
    pending = ("KMSInvalidStateException", f"{key} is pending import.")
    for operation, parameters in (
        ("encrypt", {"Plaintext": b"x"}),
        ("generate_data_key", {"KeySpec": "AES_256"}),
        ("enable_key", {}),
        ("disable_key", {}),
    ):
        assert refusal(kms, operation, KeyId=key, **parameters) == pending
    material = os.urandom(32)
    imported = kms.import_key_material(**transfer(kms, key, material, algorithm, bits), **FOR_EVER)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Enabled", True)
    assert metadata["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    assert metadata["CurrentKeyMaterialId"] == imported["KeyMaterialId"]
    assert "ValidTo" not in metadata
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    deleted = kms.delete_imported_key_material(KeyId=key)
    assert (deleted["KeyId"], deleted["KeyMaterialId"]) == (key, imported["KeyMaterialId"])
    assert refusal(kms, "decrypt", CiphertextBlob=sealed) == pending
    assert refusal_code(kms, "import_key_material", **transfer(kms, key, os.urandom(32)), **FOR_EVER) == (
        "IncorrectKeyMaterialException"
    )
    assert bring(kms, key, material) == imported["KeyMaterialId"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_material_expires_at_the_time_of_the_request(kms: Any, key: str) -> None:
    valid_to = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    material = os.urandom(32)
    bring(kms, key, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=valid_to)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["ExpirationModel"], metadata["ValidTo"]) == ("KEY_MATERIAL_EXPIRES", valid_to)
    bring(kms, key, material)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"ExpirationModel": "KEY_MATERIAL_EXPIRES"},
            "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        ),
        ({}, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"),
        ({"ValidTo": datetime(2020, 1, 1, tzinfo=UTC)}, None),
        ({"ValidTo": datetime(2200, 1, 1, tzinfo=UTC)}, None),
        ({**FOR_EVER, "ValidTo": datetime(2200, 1, 1, tzinfo=UTC)}, None),
    ],
)
def test_an_expiry_that_makes_no_sense(kms: Any, key: str, parameters: dict[str, Any], message: str | None) -> None:
    code, text = refusal(
        kms, "import_key_material", KeyId=key, ImportToken=b"x", EncryptedKeyMaterial=b"x", **parameters
    )
    assert code == "ValidationException"
    assert message in {None, text}


def test_only_what_belongs_together_is_taken(kms: Any, key: str) -> None:
    good = transfer(kms, key, os.urandom(32))
    other = new_key(kms, Origin="EXTERNAL")
    damaged = good["ImportToken"][:-1] + bytes([good["ImportToken"][-1] ^ 1])
    for change, code in (
        ({"ImportToken": damaged}, "InvalidImportTokenException"),
        ({"ImportToken": b"x"}, "InvalidImportTokenException"),
        ({"KeyId": other}, "InvalidImportTokenException"),
        ({"EncryptedKeyMaterial": b"x"}, "InvalidCiphertextException"),
        (
            {"EncryptedKeyMaterial": transfer(kms, key, os.urandom(32))["EncryptedKeyMaterial"]},
            "InvalidCiphertextException",
        ),
        ({"KeyMaterialId": "0" * 64}, "IncorrectKeyMaterialException"),
        ({"ImportType": "EXISTING_KEY_MATERIAL"}, "IncorrectKeyMaterialException"),
    ):
        assert refusal_code(kms, "import_key_material", **{**good, **change}, **FOR_EVER) == code
    short = transfer(kms, key, os.urandom(16))
    assert refusal_code(kms, "import_key_material", **short, **FOR_EVER) == "IncorrectKeyMaterialException"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    kms.import_key_material(**good, **FOR_EVER)


def test_new_material_waits_for_a_rotation_on_demand(kms: Any, key: str) -> None:
    first, second = os.urandom(32), os.urandom(32)
    one = bring(kms, key, first, KeyMaterialDescription="the first")
    sealed = kms.encrypt(KeyId=key, Plaintext=b"1")["CiphertextBlob"]
    assert refusal_code(kms, "rotate_key_on_demand", KeyId=key) == "KMSInvalidStateException"
    two = bring(kms, key, second, ImportType="NEW_KEY_MATERIAL")
    again = transfer(kms, key, first)
    assert refusal_code(kms, "import_key_material", **again, **FOR_EVER, ImportType="NEW_KEY_MATERIAL") == (
        "IncorrectKeyMaterialException"
    )

    def states() -> list[tuple[str, str, str]]:
        found = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
        return [(entry["KeyMaterialId"], entry["KeyMaterialState"], entry["ImportState"]) for entry in found]

    assert states() == [(one, "CURRENT", "IMPORTED"), (two, "PENDING_ROTATION", "IMPORTED")]
    assert kms.encrypt(KeyId=key, Plaintext=b"1")["KeyId"] == key
    kms.rotate_key_on_demand(KeyId=key)
    assert states() == [(one, "NON_CURRENT", "IMPORTED"), (two, "CURRENT", "IMPORTED")]
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == two
    newer = kms.encrypt(KeyId=key, Plaintext=b"2")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=one)
    assert states() == [(one, "NON_CURRENT", "PENDING_IMPORT"), (two, "CURRENT", "IMPORTED")]
    assert refusal_code(kms, "decrypt", CiphertextBlob=newer) == "KMSInvalidStateException"
    assert bring(kms, key, first, KeyMaterialId=one) == one
    assert [kms.decrypt(CiphertextBlob=each)["Plaintext"] for each in (sealed, newer)] == [b"1", b"2"]
    entry = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"][0]
    assert (entry["KeyMaterialDescription"], entry["ExpirationModel"]) == ("the first", FOR_EVER["ExpirationModel"])


def test_material_that_waits_is_forgotten_when_it_is_deleted(kms: Any, key: str) -> None:
    bring(kms, key, os.urandom(32))
    waiting = bring(kms, key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=waiting)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert len(kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]) == 1
    assert refusal_code(kms, "delete_imported_key_material", KeyId=key, KeyMaterialId=waiting) == "NotFoundException"


def test_only_keys_of_this_origin_take_material(kms: Any) -> None:
    own = new_key(kms)
    wanted = ("UnsupportedOperationException", f"{own} origin is AWS_KMS which is not valid for this operation.")
    parameters = {"WrappingAlgorithm": ALGORITHM, "WrappingKeySpec": "RSA_2048"}
    assert refusal(kms, "get_parameters_for_import", KeyId=own, **parameters) == wanted
    assert refusal(kms, "import_key_material", KeyId=own, ImportToken=b"x", EncryptedKeyMaterial=b"x", **FOR_EVER) == (
        wanted
    )
    assert refusal(kms, "delete_imported_key_material", KeyId=own) == wanted


@pytest.mark.parametrize(
    ("algorithm", "spec", "named"),
    [
        ("RSAES_PKCS1_V1_5", "RSA_2048", "WrappingAlgorithm RSAES_PKCS1_V1_5"),
        ("RSA_AES_KEY_WRAP_SHA_256", "RSA_2048", "WrappingAlgorithm RSA_AES_KEY_WRAP_SHA_256"),
        ("RSAES_OAEP_SHA_256", "SM2", "WrappingKeySpec SM2"),
    ],
)
def test_ways_of_wrapping_that_are_not_offered(kms: Any, key: str, algorithm: str, spec: str, named: str) -> None:
    code, text = refusal(kms, "get_parameters_for_import", KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)
    assert code == "UnsupportedOperationException"
    assert text.startswith(named)


def test_a_key_that_is_about_to_be_destroyed_takes_none(kms: Any, key: str) -> None:
    material = os.urandom(32)
    bring(kms, key, material)
    ready = transfer(kms, key, material)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    expected = ("KMSInvalidStateException", f"{key} is pending deletion.")
    assert refusal(kms, "import_key_material", **ready, **FOR_EVER) == expected
    kms.delete_imported_key_material(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"


def test_imported_material_is_not_rotated_automatically(kms: Any, key: str) -> None:
    assert refusal(kms, "enable_key_rotation", KeyId=key) == (
        "UnsupportedOperationException",
        f"{key} origin is EXTERNAL which is not valid for this operation.",
    )
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


@pytest.mark.parametrize(
    ("condition", "admitted"),
    [
        ({"StringEquals": {"kms:ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}}, True),
        ({"StringEquals": {"kms:ExpirationModel": "KEY_MATERIAL_EXPIRES"}}, False),
        ({"StringEquals": {"kms:KeyOrigin": "EXTERNAL"}}, True),
    ],
)
def test_permission_by_expiry_and_origin(
    kms: Any, strongroom: RunningServer, key: str, condition: dict[str, Any], admitted: bool
) -> None:
    statements = (allow("kms:ImportKeyMaterial", Condition=condition),)
    user = strongroom.client("kms", strongroom.make_user(document(*statements)))
    ready = transfer(kms, key, os.urandom(32))
    if admitted:
        user.import_key_material(**ready, **FOR_EVER)
    else:
        assert refusal_code(user, "import_key_material", **ready, **FOR_EVER) == "AccessDeniedException"


def test_permission_by_wrapping(strongroom: RunningServer, key: str) -> None:
    long_keys = allow(
        "kms:GetParametersForImport",
        Condition={"StringEquals": {"kms:WrappingAlgorithm": ALGORITHM, "kms:WrappingKeySpec": "RSA_2048"}},
    )
    user = strongroom.client("kms", strongroom.make_user(document(long_keys)))
    user.get_parameters_for_import(KeyId=key, WrappingAlgorithm=ALGORITHM, WrappingKeySpec="RSA_2048")
    request = {"KeyId": key, "WrappingAlgorithm": ALGORITHM, "WrappingKeySpec": "RSA_3072"}
    assert refusal_code(user, "get_parameters_for_import", **request) == "AccessDeniedException"
