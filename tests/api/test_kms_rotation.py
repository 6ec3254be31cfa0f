"""Rotation of KMS keys through boto3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.kms_keys import new_key
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.server import RunningServer


@pytest.fixture
def kms(strongroom: RunningServer) -> Any:
    return strongroom.client("kms")


def test_automatic_rotation_is_switched_on_and_off(kms: Any) -> None:
    arn = new_key(kms)
    assert kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=arn)
    status = kms.get_key_rotation_status(KeyId=arn)
    assert (status["KeyId"], status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (arn, True, 365)
    assert abs(status["NextRotationDate"] - datetime.now(UTC) - timedelta(days=365)) < timedelta(minutes=5)
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=arn)
    assert status["RotationPeriodInDays"] == 90
    assert abs(status["NextRotationDate"] - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    kms.disable_key_rotation(KeyId=arn)
    status = kms.get_key_rotation_status(KeyId=arn)
    assert status["KeyRotationEnabled"] is False
    assert "NextRotationDate" not in status


def test_a_period_out_of_bounds(kms: Any) -> None:
    arn = new_key(kms)
    assert refusal_code(kms, "enable_key_rotation", KeyId=arn, RotationPeriodInDays=2561) == "ValidationException"


def test_a_rotated_key_opens_everything_that_it_ever_sealed(kms: Any) -> None:
    arn = new_key(kms)
    sealed = [kms.encrypt(KeyId=arn, Plaintext=b"0", EncryptionContext={"n": "0"})["CiphertextBlob"]]
    materials = [kms.describe_key(KeyId=arn)["KeyMetadata"]["CurrentKeyMaterialId"]]
    for number in (1, 2):
        assert kms.rotate_key_on_demand(KeyId=arn)["KeyId"] == arn
        context = {"n": str(number)}
        sealed.append(kms.encrypt(KeyId=arn, Plaintext=b"%d" % number, EncryptionContext=context)["CiphertextBlob"])
        materials.append(kms.describe_key(KeyId=arn)["KeyMetadata"]["CurrentKeyMaterialId"])
    assert len(set(materials)) == 3
    for number, ciphertext in enumerate(sealed):
        opened = kms.decrypt(CiphertextBlob=ciphertext, EncryptionContext={"n": str(number)})
        assert opened["Plaintext"] == b"%d" % number
        assert opened["KeyMaterialId"] == materials[number]
    moved = kms.re_encrypt(
        CiphertextBlob=sealed[0],
        SourceEncryptionContext={"n": "0"},
        DestinationKeyId=arn,
        DestinationEncryptionContext={"n": "0"},
    )
    assert (moved["SourceKeyMaterialId"], moved["DestinationKeyMaterialId"]) == (materials[0], materials[2])
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"n": "0"})
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"0", materials[2])


def test_rotations_are_listed(kms: Any) -> None:
    arn = new_key(kms)
    first = kms.describe_key(KeyId=arn)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert kms.list_key_rotations(KeyId=arn)["Rotations"] == []
    for _ in range(3):
        kms.rotate_key_on_demand(KeyId=arn)
    rotations = kms.list_key_rotations(KeyId=arn)["Rotations"]
    assert [entry["RotationType"] for entry in rotations] == ["ON_DEMAND"] * 3
    assert [entry["KeyMaterialState"] for entry in rotations] == ["NON_CURRENT", "NON_CURRENT", "CURRENT"]
    assert all(entry["KeyId"] == arn and "ImportState" not in entry for entry in rotations)
    assert rotations == sorted(rotations, key=lambda entry: entry["RotationDate"])
    everything = kms.list_key_rotations(KeyId=arn, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert everything[1:] == rotations
    assert everything[0] == {"KeyId": arn, "KeyMaterialId": first, "KeyMaterialState": "NON_CURRENT"}
    page = kms.list_key_rotations(KeyId=arn, Limit=2)
    assert page["Truncated"] is True
    rest = kms.list_key_rotations(KeyId=arn, Marker=page["NextMarker"])
    assert (page["Rotations"] + rest["Rotations"], rest["Truncated"]) == (rotations, False)
    assert refusal_code(kms, "list_key_rotations", KeyId=arn, Marker="other") == "InvalidMarkerException"


def test_a_key_is_rotated_on_demand_25_times(kms: Any) -> None:
    arn = new_key(kms)
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=arn)
    assert refusal_code(kms, "rotate_key_on_demand", KeyId=arn) == "LimitExceededException"


def test_the_key_of_a_service_rotates_every_year(kms: Any) -> None:
    arn = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]["Arn"]
    status = kms.get_key_rotation_status(KeyId=arn)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)
    for operation in ("disable_key_rotation", "rotate_key_on_demand", "enable_key_rotation"):
        assert refusal_code(kms, operation, KeyId=arn) == "AccessDeniedException"


def test_the_state_of_the_key_decides(kms: Any) -> None:
    arn = new_key(kms)
    kms.enable_key_rotation(KeyId=arn)
    kms.disable_key(KeyId=arn)
    for operation in ("rotate_key_on_demand", "enable_key_rotation", "disable_key_rotation"):
        assert refusal(kms, operation, KeyId=arn) == ("DisabledException", f"{arn} is disabled.")
    assert kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"] is True
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"] is False
    assert refusal_code(kms, "rotate_key_on_demand", KeyId=arn) == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=arn)
    assert kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"] is True


def test_permission_by_period(kms: Any, strongroom: RunningServer) -> None:
    arn = new_key(kms)
    short = allow("kms:EnableKeyRotation", Condition={"NumericLessThanEquals": {"kms:RotationPeriodInDays": "180"}})
    user = strongroom.client("kms", strongroom.make_user(document(short)))
    user.enable_key_rotation(KeyId=arn, RotationPeriodInDays=180)
    assert refusal_code(user, "enable_key_rotation", KeyId=arn) == "AccessDeniedException"
