"""What becomes due on keys: rotation, expiry, destruction; and grants across accounts."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.harness_kms import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, KmsHarness, allow
from tests.support.kms_keys import wrap

from strongroom.errors import AccessDenied, AwsError
from strongroom.services.kms.maintenance import Maintenance
from strongroom.world import from_milliseconds

DAY_MS = 86_400_000


@pytest.fixture
def kms(tmp_path: Path) -> Iterator[KmsHarness]:
    harness = KmsHarness(tmp_path)
    yield harness
    harness.store.close()


@pytest.fixture
def maintenance(kms: KmsHarness) -> Maintenance:
    return Maintenance(kms.store, kms.keyring, kms.world)


async def metadata(kms: KmsHarness, arn: str, region: str = REGION) -> dict[str, Any]:
    answer = await kms.kms.describe_key(await kms.call(region=region), KeyId=arn)
    found = answer["KeyMetadata"]
    assert isinstance(found, dict)
    return found


def last_event(kms: KmsHarness) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(kms.journal.events[-1])
    return event


def test_keys_are_rotated_when_they_are_due(kms: KmsHarness, maintenance: Maintenance) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        sealed = await kms.kms.encrypt(await kms.call(), KeyId=arn, Plaintext=b"x")
        await kms.kms.enable_key_rotation(await kms.call(), KeyId=arn, RotationPeriodInDays=90)
        started_ms = kms.clock.now_ms
        for turn in (1, 2):
            before = await metadata(kms, arn)
            kms.clock.now_ms = started_ms + turn * 90 * DAY_MS - 1
            assert await maintenance.rotate_keys() == ()
            kms.clock.now_ms += 1
            assert await maintenance.rotate_keys() == (arn,)
            assert await maintenance.rotate_keys() == ()
            after = await metadata(kms, arn)
            assert after["CurrentKeyMaterialId"] != before["CurrentKeyMaterialId"]
            assert (last_event(kms)["eventName"], last_event(kms)["additionalEventData"]["keyId"]) == ("RotateKey", arn)
        opened = await kms.kms.decrypt(await kms.call(), CiphertextBlob=sealed["CiphertextBlob"])  # type: ignore[arg-type]
        assert opened["Plaintext"] == b"x"
        listed = await kms.kms.list_key_rotations(await kms.call(), KeyId=arn)
        assert [entry["RotationType"] for entry in listed["Rotations"]] == ["AUTOMATIC"] * 2  # type: ignore[attr-defined]

    asyncio.run(run())


def test_a_disabled_key_is_rotated_when_it_is_enabled_again(kms: KmsHarness, maintenance: Maintenance) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        await kms.kms.enable_key_rotation(await kms.call(), KeyId=arn, RotationPeriodInDays=90)
        await kms.kms.disable_key(await kms.call(), KeyId=arn)
        kms.clock.now_ms += 365 * DAY_MS
        assert await maintenance.rotate_keys() == ()
        await kms.kms.enable_key(await kms.call(), KeyId=arn)
        assert await maintenance.rotate_keys() == (arn,)
        status = await kms.kms.get_key_rotation_status(await kms.call(), KeyId=arn)
        assert status["NextRotationDate"] == from_milliseconds(kms.clock.now_ms + 90 * DAY_MS)

    asyncio.run(run())


def test_no_rotation_on_demand_right_before_an_automatic_one(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        await kms.kms.enable_key_rotation(await kms.call(), KeyId=arn, RotationPeriodInDays=90)
        kms.clock.now_ms += 90 * DAY_MS - 20 * 60_000
        with pytest.raises(AwsError) as refused:
            await kms.kms.rotate_key_on_demand(await kms.call(), KeyId=arn)
        assert refused.value.code == "ConflictException"

    asyncio.run(run())


async def bring(kms: KmsHarness, arn: str, material: bytes, *, days: int) -> None:
    algorithm = "RSAES_OAEP_SHA_256"
    given: Any = await kms.kms.get_parameters_for_import(
        await kms.call(), KeyId=arn, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048"
    )
    await kms.kms.import_key_material(
        await kms.call(),
        KeyId=arn,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(given["PublicKey"], algorithm, material),
        ValidTo=from_milliseconds(kms.clock.now_ms) + timedelta(days=days),
    )


def test_imported_material_is_deleted_when_it_expires(kms: KmsHarness, maintenance: Maintenance) -> None:
    async def run() -> None:
        arn, material = await kms.make_key(Origin="EXTERNAL"), os.urandom(32)
        await bring(kms, arn, material, days=2)
        sealed: Any = await kms.kms.encrypt(await kms.call(), KeyId=arn, Plaintext=b"x")
        kms.clock.now_ms += 2 * DAY_MS - 1
        assert await maintenance.delete_expired_material() == ()
        kms.clock.now_ms += 1
        with pytest.raises(AwsError, match="is pending import"):  # at that instant, whether it was deleted or not
            await kms.kms.decrypt(await kms.call(), CiphertextBlob=sealed["CiphertextBlob"])
        assert (await metadata(kms, arn))["KeyState"] == "Enabled"
        assert await maintenance.delete_expired_material() == (arn,)
        assert last_event(kms)["eventName"] == "DeleteExpiredKeyMaterial"
        assert (await metadata(kms, arn))["KeyState"] == "PendingImport"
        assert await maintenance.delete_expired_material() == ()
        await bring(kms, arn, material, days=2)
        opened = await kms.kms.decrypt(await kms.call(), CiphertextBlob=sealed["CiphertextBlob"])
        assert opened["Plaintext"] == b"x"

    asyncio.run(run())


def test_an_import_token_is_good_for_a_day(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key(Origin="EXTERNAL")
        given: Any = await kms.kms.get_parameters_for_import(
            await kms.call(), KeyId=arn, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
        )
        kms.clock.now_ms += DAY_MS
        with pytest.raises(AwsError) as refused:
            await kms.kms.import_key_material(
                await kms.call(),
                KeyId=arn,
                ImportToken=given["ImportToken"],
                EncryptedKeyMaterial=b"x",
                ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
            )
        assert refused.value.code == "ExpiredImportTokenException"

    asyncio.run(run())


def test_a_primary_key_goes_after_its_last_replica(kms: KmsHarness, maintenance: Maintenance) -> None:
    async def run() -> None:
        arn = await kms.make_key(MultiRegion=True)
        replica = arn.replace(REGION, OTHER_REGION)
        await kms.kms.replicate_key(await kms.call(), KeyId=arn, ReplicaRegion=OTHER_REGION)
        await kms.kms.schedule_key_deletion(await kms.call(), KeyId=arn, PendingWindowInDays=10)
        kms.clock.now_ms += 100 * DAY_MS
        assert await maintenance.destroy_keys() == ()
        away = await kms.call(region=OTHER_REGION)
        await kms.kms.schedule_key_deletion(away, KeyId=replica, PendingWindowInDays=7)
        kms.clock.now_ms += 7 * DAY_MS
        assert await maintenance.destroy_keys() == (replica,)
        found = await metadata(kms, arn)
        assert found["KeyState"] == "PendingDeletion"
        assert found["DeletionDate"] == from_milliseconds(kms.clock.now_ms + 10 * DAY_MS)
        kms.clock.now_ms += 10 * DAY_MS
        assert await maintenance.destroy_keys() == (arn,)

    asyncio.run(run())


def test_a_grant_is_enough_for_a_principal_of_another_account(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        # Accounts and sessions are kept as they are named; a user of the other account would be looked up first.
        session = f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/worker/one"
        nothing = allow("s3:*")
        one = await kms.call(nothing, account=OTHER_ACCOUNT, session=session)
        with pytest.raises(AccessDenied):
            await kms.kms.encrypt(one, KeyId=arn, Plaintext=b"x")
        await kms.kms.create_grant(await kms.call(), KeyId=arn, GranteePrincipal=session, Operations=["Encrypt"])
        one = await kms.call(nothing, account=OTHER_ACCOUNT, session=session)
        await kms.kms.encrypt(one, KeyId=arn, Plaintext=b"x")
        denied = {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"}
        refused = await kms.call(
            {"Version": "2012-10-17", "Statement": [denied]}, account=OTHER_ACCOUNT, session=session
        )
        with pytest.raises(AccessDenied):
            await kms.kms.encrypt(refused, KeyId=arn, Plaintext=b"x")
        two = await kms.call(account=OTHER_ACCOUNT, session=session.replace("one", "two"))
        with pytest.raises(AccessDenied):
            await kms.kms.encrypt(two, KeyId=arn, Plaintext=b"x")

    asyncio.run(run())


def test_a_grant_to_another_account_leaves_the_decision_to_it(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        root = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
        made: Any = await kms.kms.create_grant(
            await kms.call(), KeyId=arn, GranteePrincipal=root, Operations=["Encrypt"], RetiringPrincipal=root
        )
        await kms.kms.encrypt(await kms.call(allow("kms:Encrypt"), account=OTHER_ACCOUNT), KeyId=arn, Plaintext=b"x")
        with pytest.raises(AccessDenied):
            await kms.kms.encrypt(await kms.call(allow("s3:*"), account=OTHER_ACCOUNT), KeyId=arn, Plaintext=b"x")
        request = {"KeyId": arn, "GrantId": made["GrantId"]}
        with pytest.raises(AccessDenied):
            await kms.kms.retire_grant(await kms.call(allow("s3:*"), account=OTHER_ACCOUNT), **request)
        listed = await kms.kms.list_retirable_grants(await kms.call(account=OTHER_ACCOUNT), RetiringPrincipal=root)
        assert len(listed["Grants"]) == 1  # type: ignore[arg-type]
        with pytest.raises(AccessDenied):
            await kms.kms.list_retirable_grants(await kms.call(account=ACCOUNT), RetiringPrincipal=root)
        await kms.kms.retire_grant(await kms.call(allow("kms:RetireGrant"), account=OTHER_ACCOUNT), **request)
        with pytest.raises(AccessDenied):
            await kms.kms.encrypt(await kms.call(account=OTHER_ACCOUNT), KeyId=arn, Plaintext=b"x")

    asyncio.run(run())
