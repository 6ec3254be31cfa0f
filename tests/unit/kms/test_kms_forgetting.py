"""A process lets go of opened keys that another one has disabled or destroyed, asked for or not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path

import pytest
from tests.support.harness_kms import OTHER_REGION, REGION, KmsHarness

from strongroom.keyring import Keyring
from strongroom.services.kms import Kms
from strongroom.services.kms.maintenance import Maintenance

DAY_MS = 86_400_000


class Process:
    """Another process of the same installation.

    Attributes:
        keyring: What it has opened.
        kms: Its KMS.
    """

    def __init__(self, of: KmsHarness) -> None:
        self.of = of
        self.keyring = Keyring(of.root_key, of.world)
        self.kms = Kms(of.store, self.keyring, of.world, (REGION, OTHER_REGION))

    async def use(self, arn: str, region: str = REGION) -> None:
        """Have the material of a key and a data key opened."""
        made = await self.kms.generate_data_key(await self.of.call(region=region), KeyId=arn, KeySpec="AES_256")
        await self.kms.decrypt(await self.of.call(region=region), CiphertextBlob=made["CiphertextBlob"])  # type: ignore[arg-type]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[KmsHarness]:
    harness = KmsHarness(tmp_path)
    yield harness
    harness.store.close()


@pytest.fixture
def there(here: KmsHarness) -> Process:
    return Process(here)


def run(work: Coroutine[None, None, None]) -> None:
    asyncio.run(work)


def test_what_another_process_disables_is_forgotten(here: KmsHarness, there: Process) -> None:
    async def work() -> None:
        kept, lost = await here.make_key(), await here.make_key()
        await there.use(kept)
        await there.use(lost)
        await there.kms.forgetting.turn()
        assert there.keyring.opened_keys() == {kept, lost}
        await here.kms.disable_key(await here.call(), KeyId=lost)
        await there.kms.forgetting.turn()
        assert there.keyring.opened_keys() == {kept}

    run(work())


def test_what_another_process_destroys_is_forgotten(here: KmsHarness, there: Process) -> None:
    async def work() -> None:
        arn = await here.make_key()
        await there.use(arn)
        await here.kms.schedule_key_deletion(await here.call(), KeyId=arn, PendingWindowInDays=7)
        here.clock.now_ms += 7 * DAY_MS
        assert await Maintenance(here.store, here.keyring, here.world).destroy_keys() == (arn,)
        assert there.keyring.opened_keys() == {arn}
        await there.kms.forgetting.turn()
        assert there.keyring.opened_keys() == set()

    run(work())


def test_a_key_that_a_late_request_opens_again_is_forgotten_too(here: KmsHarness, there: Process) -> None:
    async def work() -> None:
        arn = await here.make_key()
        made = await here.kms.encrypt(await here.call(), KeyId=arn, Plaintext=b"x" * 32)
        late = await here.call()  # authenticated before the key is disabled
        await there.kms.describe_key(late, KeyId=arn)
        await here.kms.disable_key(await here.call(), KeyId=arn)
        await there.kms.forgetting.turn()
        await there.kms.decrypt(late, CiphertextBlob=made["CiphertextBlob"])  # type: ignore[arg-type]
        assert there.keyring.opened_keys() == {arn}
        await there.kms.forgetting.turn()
        assert there.keyring.opened_keys() == set()

    run(work())


def test_a_multi_region_key_is_kept_for_the_region_that_may_use_it(here: KmsHarness, there: Process) -> None:
    async def work() -> None:
        arn = await here.make_key(MultiRegion=True)
        await here.kms.replicate_key(await here.call(), KeyId=arn, ReplicaRegion=OTHER_REGION)
        replica = arn.replace(REGION, OTHER_REGION)
        await there.use(arn)
        await here.kms.disable_key(await here.call(), KeyId=arn)
        await there.kms.forgetting.turn()
        assert len(there.keyring.opened_keys()) == 1
        await here.kms.disable_key(await here.call(region=OTHER_REGION), KeyId=replica)
        await there.kms.forgetting.turn()
        assert there.keyring.opened_keys() == set()

    run(work())


def test_every_one_of_many_keys_is_looked_at(here: KmsHarness, there: Process) -> None:
    async def work() -> None:
        arns = [await here.make_key() for _ in range(203)]
        for arn in arns:
            await there.use(arn)
        for arn in (arns[0], arns[99], arns[202]):
            await here.kms.disable_key(await here.call(), KeyId=arn)
        await there.kms.forgetting.turn()
        assert there.keyring.opened_keys() == set(arns) - {arns[0], arns[99], arns[202]}

    run(work())
