"""KMS as other services use it, and what its cache must never do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.harness_kms import ACCOUNT, OTHER_ACCOUNT, REGION, KmsHarness, allow

from strongroom.errors import AccessDenied, AwsError, OperatorError
from strongroom.services.call import Call
from strongroom.services.clients import DataKey, KeyDescription, KmsClient
from strongroom.services.kms import Kms, KmsServiceClient
from strongroom.services.kms.keys import build_key
from strongroom.services.kms.maintenance import Maintenance
from strongroom.services.kms.material_records import MaterialRecord, materials_of_key
from strongroom.store import Statement, Transaction
from strongroom.store.schema import kms_materials

SERVICE_ALIAS = "alias/aws/secretsmanager"
CONTEXT = {"SecretARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf", "SecretVersionId": "1"}


@pytest.fixture
def kms(tmp_path: Path) -> Iterator[KmsHarness]:
    harness = KmsHarness(tmp_path)
    yield harness
    harness.store.close()


async def forwarded(kms: KmsHarness, **arguments: object) -> Call:
    """A call that Secrets Manager continues."""
    call = await kms.call(**arguments)  # type: ignore[arg-type]
    return call.forward("secretsmanager.amazonaws.com")


async def data_key(kms: KmsHarness, call: Call, arn: str) -> DataKey:
    return await kms.store.read(lambda work: kms.client.generate_data_key(work, call, arn, CONTEXT))


async def decrypt(kms: KmsHarness, call: Call, arn: str, ciphertext: bytes) -> bytes:
    return await kms.store.read(lambda work: kms.client.decrypt(work, call, arn, ciphertext, CONTEXT))


async def service_key(kms: KmsHarness, call: Call) -> KeyDescription:
    return await kms.store.write(lambda work: kms.client.service_key(work, call, SERVICE_ALIAS))


def test_the_client_is_what_services_expect(kms: KmsHarness) -> None:
    client: KmsClient = kms.client
    assert client is kms.client


def test_a_data_key_comes_back(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        call = await forwarded(kms)
        made = await data_key(kms, call, arn)
        assert len(made.plaintext) == 32
        assert await decrypt(kms, call, arn, made.ciphertext) == made.plaintext
        assert made.plaintext.hex() not in repr(made)

    asyncio.run(run())


def test_attack_18_a_ciphertext_of_another_key_does_not_open(kms: KmsHarness) -> None:
    async def run() -> None:
        first, second = await kms.make_key(), await kms.make_key()
        call = await forwarded(kms)
        made = await data_key(kms, call, first)
        with pytest.raises(AwsError) as refused:
            await decrypt(kms, call, second, made.ciphertext)
        assert (refused.value.code, refused.value.message) == ("InvalidCiphertextException", "")

    asyncio.run(run())


def test_a_disabled_key_is_refused_on_the_next_call_and_forgotten(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        call = await forwarded(kms)
        made = await data_key(kms, call, arn)
        await decrypt(kms, call, arn, made.ciphertext)
        await kms.kms.disable_key(await kms.call(), KeyId=arn)
        with pytest.raises(AwsError) as refused:
            await decrypt(kms, await forwarded(kms), arn, made.ciphertext)
        assert refused.value.code == "DisabledException"
        # With its row damaged, a material that still opens could only come from memory.
        await kms.store.write(damage_materials)
        await kms.kms.enable_key(await kms.call(), KeyId=arn)
        with pytest.raises(OperatorError):
            await decrypt(kms, await forwarded(kms), arn, made.ciphertext)

    asyncio.run(run())


def damage_materials(transaction: Transaction) -> None:
    transaction.run(Statement(kms_materials.update().values(wrapped=b"damaged")))


def test_a_key_policy_holds_from_the_next_call_on(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        call = await forwarded(kms)
        made = await data_key(kms, call, arn)
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "kms:Decrypt",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"kms:EncryptionContext:SecretVersionId": "1"}},
                },
            ],
        }
        await kms.kms.put_key_policy(await kms.call(), KeyId=arn, Policy=json.dumps(document))
        with pytest.raises(AccessDenied, match="explicit deny in a resource-based policy"):
            await decrypt(kms, await forwarded(kms), arn, made.ciphertext)

    asyncio.run(run())


def test_the_service_key_serves_those_who_may_use_the_service_and_only_through_it(kms: KmsHarness) -> None:
    async def run() -> None:
        nothing = allow("secretsmanager:GetSecretValue")
        made = await service_key(kms, await forwarded(kms, policy=nothing))
        assert made.manager == "AWS"
        assert await service_key(kms, await forwarded(kms, policy=nothing)) == made
        call = await forwarded(kms, policy=nothing)
        sealed = await data_key(kms, call, made.arn)
        assert await decrypt(kms, call, made.arn, sealed.ciphertext) == sealed.plaintext
        with pytest.raises(AccessDenied):
            await decrypt(kms, await kms.call(), made.arn, sealed.ciphertext)
        through_another = (await kms.call()).forward("lambda.amazonaws.com")
        with pytest.raises(AccessDenied):
            await decrypt(kms, through_another, made.arn, sealed.ciphertext)
        with pytest.raises(AccessDenied):
            await decrypt(kms, await forwarded(kms, account=OTHER_ACCOUNT), made.arn, sealed.ciphertext)

    asyncio.run(run())


def test_service_keys_of_two_accounts_and_two_regions_are_different(kms: KmsHarness) -> None:
    async def run() -> None:
        made = {
            (await service_key(kms, await forwarded(kms))).arn,
            (await service_key(kms, await forwarded(kms, account=OTHER_ACCOUNT))).arn,
            (await service_key(kms, await forwarded(kms, region="eu-west-1"))).arn,
        }
        assert len(made) == 3

    asyncio.run(run())


def test_no_service_has_a_key_of_another_name(kms: KmsHarness) -> None:
    async def run() -> None:
        call = await forwarded(kms)
        with pytest.raises(AwsError, match="is not found"):
            await kms.store.write(lambda work: kms.client.service_key(work, call, "alias/aws/nothing"))

    asyncio.run(run())


def test_a_key_that_was_rolled_back_is_not_kept_in_memory(kms: KmsHarness) -> None:
    async def run() -> None:
        call = await forwarded(kms)
        seen: list[str] = []

        def work(transaction: Transaction) -> None:
            arn = kms.client.service_key(transaction, call, SERVICE_ALIAS).arn
            kms.client.generate_data_key(transaction, call, arn, CONTEXT)
            seen.append(arn)
            raise AwsError("Stop", "the write fails after the key was used")

        with pytest.raises(AwsError, match="Stop"):
            await kms.store.write(work)
        with pytest.raises(AwsError):
            await data_key(kms, call, seen[0])

    asyncio.run(run())


def test_a_key_read_newer_than_the_call_is_not_kept_for_the_calls_epoch(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        early = await forwarded(kms)
        another = KmsServiceClient(Kms(kms.store, kms.keyring, kms.world))  # as in another process: its cache is empty

        def work(transaction: Transaction) -> DataKey:
            return another.generate_data_key(transaction, early, arn, CONTEXT)

        await kms.kms.disable_key(await kms.call(), KeyId=arn)
        with pytest.raises(AwsError, match="DisabledException"):
            await kms.store.read(work)
        await kms.kms.enable_key(await kms.call(), KeyId=arn)
        await kms.store.read(work)

    asyncio.run(run())


def test_describe_asks_for_no_permission(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        await kms.kms.create_alias(await kms.call(), AliasName="alias/mine", TargetKeyId=arn)
        call = await forwarded(kms, policy=allow("s3:*"))
        for name in (arn, arn.rpartition("/")[2], "alias/mine", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/mine"):
            found = await kms.store.read(lambda work, name=name: kms.client.describe(work, call, name))  # type: ignore[misc]
            assert found == KeyDescription(arn, ACCOUNT, "CUSTOMER", "Enabled")
        with pytest.raises(AwsError, match="NotFoundException"):
            await kms.store.read(lambda work: kms.client.describe(work, call, "alias/other"))

    asyncio.run(run())


def test_another_accounts_key_needs_both_sides(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key(
            Policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": [ACCOUNT, OTHER_ACCOUNT]},
                            "Action": "kms:*",
                            "Resource": "*",
                        }
                    ],
                }
            )
        )
        closed = await kms.make_key()
        friend = await kms.call(account=OTHER_ACCOUNT)
        sealed = await kms.kms.encrypt(friend, KeyId=arn, Plaintext=b"x")
        assert sealed["KeyId"] == arn
        absent = arn[:-12] + "0" * 12
        for denied, call in (
            (arn, await kms.call(allow("s3:*"), account=OTHER_ACCOUNT)),
            (closed, friend),
            (absent, friend),
        ):
            with pytest.raises(AccessDenied):
                await kms.kms.encrypt(call, KeyId=denied, Plaintext=b"x")
        with pytest.raises(AccessDenied):  # managing is for the key's own account, whatever its policy says
            await kms.kms.disable_key(await kms.call(account=OTHER_ACCOUNT), KeyId=arn)

    asyncio.run(run())


def test_another_accounts_alias_does_not_tell_its_key(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        await kms.kms.create_alias(await kms.call(), AliasName="alias/mine", TargetKeyId=arn)
        stranger = await kms.call(account=OTHER_ACCOUNT)
        texts = []
        for name in ("alias/mine", "alias/none"):
            with pytest.raises(AccessDenied) as refused:
                await kms.kms.encrypt(stranger, KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}", Plaintext=b"x")
            texts.append(refused.value.message.replace(name, "NAME"))
        assert texts[0] == texts[1]
        assert arn not in texts[0]

    asyncio.run(run())


def test_attack_18_key_names_that_differ_in_case_do_not_hide_a_value_from_a_deny(kms: KmsHarness) -> None:
    async def run() -> None:
        deny = {
            "Effect": "Deny",
            "Action": "kms:Encrypt",
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:Project": "secret"}},
        }
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}, deny],
        }
        arn = await kms.make_key()
        for context in (
            {"Project": "secret"},
            {"project": "public", "Project": "secret"},
            {"PROJECT": "secret", "a": "b"},
        ):
            with pytest.raises(AccessDenied):
                await kms.kms.encrypt(await kms.call(policy), KeyId=arn, Plaintext=b"x", EncryptionContext=context)
        await kms.kms.encrypt(
            await kms.call(policy), KeyId=arn, Plaintext=b"x", EncryptionContext={"Project": "public"}
        )

    asyncio.run(run())


def test_a_ciphertext_finds_its_material_among_several(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        call = await forwarded(kms)
        made = await data_key(kms, call, arn)
        key = await kms.store.read(lambda work: kms.kms.directory.load(work, call.epoch, arn))
        assert key is not None
        older = await kms.store.read(lambda work: materials_of_key(work, arn))
        wrapped = kms.keyring.new_material(arn)
        newer = MaterialRecord(arn, wrapped.material_id, wrapped.blob, 0)
        rotated = build_key(replace(key.record, material_id=newer.material_id), [*older, newer])
        fresh = kms.kms.cipher.fresh_key(rotated, 32, CONTEXT)
        assert kms.kms.cipher.decrypt(rotated, made.ciphertext, CONTEXT) == made.plaintext
        assert kms.kms.cipher.decrypt(rotated, fresh.ciphertext, CONTEXT) == fresh.plaintext
        with pytest.raises(AwsError, match="InvalidCiphertextException"):
            kms.kms.cipher.decrypt(key, fresh.ciphertext, CONTEXT)

    asyncio.run(run())


def test_the_client_seals_no_more_than_kms_does(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        call = await forwarded(kms)
        await kms.store.read(lambda work: kms.client.encrypt(work, call, arn, bytes(4096), CONTEXT))
        with pytest.raises(AwsError, match="ValidationException"):
            await kms.store.read(lambda work: kms.client.encrypt(work, call, arn, bytes(4097), CONTEXT))

    asyncio.run(run())


def test_deletion_destroys_the_key_with_everything_of_it_when_it_is_due(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key(Tags=[{"TagKey": "a", "TagValue": "b"}])
        kept = await kms.make_key()
        await kms.kms.create_alias(await kms.call(), AliasName="alias/mine", TargetKeyId=arn)
        await kms.kms.schedule_key_deletion(await kms.call(), KeyId=arn, PendingWindowInDays=7)
        maintenance = Maintenance(kms.store, kms.keyring, kms.world)
        kms.clock.now_ms += 7 * 86_400_000 - 1
        assert await maintenance.destroy_keys() == ()
        kms.clock.now_ms += 1
        assert await maintenance.destroy_keys() == (arn,)
        assert json.loads(kms.journal.events[-1])["eventName"] == "DeleteKey"
        assert await maintenance.destroy_keys() == ()
        listed = await kms.kms.list_keys(await kms.call())
        assert listed["Keys"] == [{"KeyId": kept.rpartition("/")[2], "KeyArn": kept}]
        assert (await kms.kms.list_aliases(await kms.call()))["Aliases"] == []
        for name in (arn, "alias/mine"):
            with pytest.raises(AwsError, match="NotFoundException"):
                await kms.kms.describe_key(await kms.call(), KeyId=name)

    asyncio.run(run())


def test_a_call_names_the_key_in_the_trail(kms: KmsHarness) -> None:
    async def run() -> None:
        arn = await kms.make_key()
        call = await kms.call()
        await kms.kms.encrypt(call, KeyId=arn, Plaintext=b"x")
        assert call.progress.resources == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": arn}]

    asyncio.run(run())
