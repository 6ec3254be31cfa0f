"""Replication in this process: several engines at once, leases, pauses, and other organizations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support.harness_kms import ACCOUNT, OTHER_ACCOUNT, REGION
from tests.support.harness_secretsmanager import SecretsHarness, in_loop, token

from strongroom.errors import AwsError
from strongroom.services.secretsmanager import SecretsManagerSettings
from strongroom.services.secretsmanager.replication import ReplicationEngine
from strongroom.services.secretsmanager.replication.links import claim_due, find_link, take_up
from strongroom.store import Transaction

THERE = "eu-west-9"
LEASE_MS = 30_000


class Apart:
    """Accounts that belong to different organizations."""

    def exists(self, transaction: Transaction, account: str) -> bool:
        return True

    def same_organization(self, transaction: Transaction, one: str, other: str) -> bool:
        return one == other


class Rig(SecretsHarness):
    """Secrets Manager with two regions, and engines."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SecretsManagerSettings(regions=frozenset({REGION, THERE})))

    def engine(self) -> ReplicationEngine:
        """Another engine on the same store, as another process has."""
        return ReplicationEngine(self.store, self.keyring, self.world, self.client, self.secrets.organization)

    async def replicated(self, name: str = "app/db") -> tuple[str, str]:
        """A new secret and the ARN of its replica, which is not in step yet."""
        arn = await self.create(name, AddReplicaRegions=[{"Region": THERE}])
        return arn, arn.replace(REGION, THERE)

    async def describe(self, arn: str, account: str = ACCOUNT) -> dict[str, Any]:
        call = await self.call_of("DescribeSecret", account=account)
        call.region = arn.split(":")[3]
        return await self.secrets.describe_secret(call, SecretId=arn)

    async def put(self, arn: str, value: str) -> None:
        call = await self.call_of("PutSecretValue")
        await self.secrets.put_secret_value(call, SecretId=arn, ClientRequestToken=token(), SecretString=value)

    def told(self, name: str) -> int:
        """How many events of a name the trail has."""
        return sum(orjson.loads(event).get("eventName") == name for event in self.journal.events)

    async def pair(self) -> tuple[str, str]:
        """A secret, and an empty replica of it in another account."""
        primary, key = await self.create("app/db"), await self.shared_key()
        made = await self.secrets.create_secret(
            await self.call_of("CreateSecret", account=OTHER_ACCOUNT),
            Name="copy",
            ClientRequestToken=token(),
            KmsKeyId=key,
            CrossAccountPrimaryARN=primary,
        )
        return primary, str(made["ARN"])

    async def shared_key(self) -> str:
        """A key of the other account under which everybody may encrypt."""
        policy = {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"},
        }
        call = await self.call_of("CreateKey", account=OTHER_ACCOUNT)
        made: Any = await self.kms.create_key(call, Policy=orjson.dumps(policy).decode())
        return str(made["KeyMetadata"]["Arn"])

    async def associate(self, primary: str, replica: str, **parameters: str) -> None:
        await self.secrets.associate_cross_account_replica(
            await self.call_of("AssociateCrossAccountReplica"),
            SecretId=primary,
            CrossAccountReplicaARN=replica,
            **parameters,
        )


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    found = Rig(tmp_path)
    yield found
    found.store.close()


@in_loop
async def test_two_engines_do_the_work_once(rig: Rig) -> None:
    names = [await rig.replicated(f"app/{number}") for number in range(20)]
    await asyncio.gather(*(engine.turn() for engine in (rig.engine(), rig.engine(), rig.engine())))
    assert rig.told("ReplicationSucceeded") == len(names)
    for arn, replica in names:
        assert (await rig.describe(arn))["ReplicationStatus"][0]["Status"] == "InSync"
        assert (await rig.describe(replica))["PrimaryRegion"] == REGION
    before = len(rig.journal.events)
    await rig.engine().turn()
    assert len(rig.journal.events) == before


@in_loop
async def test_a_claim_that_nobody_ends_is_taken_over(rig: Rig) -> None:
    arn, _ = await rig.replicated()
    (link,) = await rig.store.write(lambda tx: claim_due(tx, "a process that dies", rig.clock.now_ms, 10))
    await rig.engine().turn()
    assert (await rig.describe(arn))["ReplicationStatus"][0]["Status"] == "InProgress"
    rig.clock.now_ms += LEASE_MS
    await rig.engine().turn()
    assert (await rig.describe(arn))["ReplicationStatus"][0]["Status"] == "InSync"
    # The first one turns out to be alive: there is nothing left for it to do.
    assert await rig.store.write(lambda tx: take_up(tx, link, "a process that dies")) is None


@in_loop
async def test_a_host_that_is_alone_goes_on_at_once(rig: Rig) -> None:
    arn, _ = await rig.replicated()
    await rig.store.write(lambda tx: claim_due(tx, "a process that died", rig.clock.now_ms, 10))
    engine = rig.engine()
    await engine.recover(sole_owner=False)
    await engine.turn()
    assert (await rig.describe(arn))["ReplicationStatus"][0]["Status"] == "InProgress"
    await engine.recover(sole_owner=True)
    await engine.turn()
    assert (await rig.describe(arn))["ReplicationStatus"][0]["Status"] == "InSync"


@in_loop
async def test_a_change_during_a_copy_is_not_lost(rig: Rig) -> None:
    arn, replica = await rig.replicated()
    await rig.store.write(lambda tx: claim_due(tx, "another", rig.clock.now_ms, 10))
    await rig.put(arn, "v2")
    rig.clock.now_ms += LEASE_MS
    await rig.engine().turn()
    await rig.put(arn, "v3")
    assert (await rig.describe(arn))["ReplicationStatus"][0]["Status"] == "InProgress"
    await rig.engine().turn()
    call = await rig.call_of("GetSecretValue")
    call.region = THERE
    assert (await rig.secrets.get_secret_value(call, SecretId=replica))["SecretString"] == "v3"


@in_loop
async def test_what_fails_is_tried_again_after_growing_pauses_and_told_once(rig: Rig) -> None:
    call = await rig.call_of("CreateSecret")
    call.region = THERE
    await rig.secrets.create_secret(call, Name="app/db", ClientRequestToken=token(), SecretString="x")
    arn, replica = await rig.replicated()
    engine = rig.engine()
    pauses = []
    for _ in range(8):
        await engine.turn()
        link = rig.store.read_now(lambda tx: find_link(tx, arn, replica))
        assert link is not None
        assert link.due_ms is not None
        pauses.append(link.due_ms - rig.clock.now_ms)
        rig.clock.now_ms = link.due_ms - 1
        await engine.turn()
        assert rig.store.read_now(lambda tx: find_link(tx, arn, replica)) == link
        rig.clock.now_ms += 1
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
    assert rig.told("ReplicationFailed") == 1


@in_loop
async def test_another_account_names_a_key_of_its_own_right(rig: Rig) -> None:
    key = await rig.shared_key()
    arn = await rig.create("app/db", None)
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"},
    }
    await rig.secrets.put_resource_policy(
        await rig.call_of("PutResourcePolicy"), SecretId=arn, ResourcePolicy=orjson.dumps(policy).decode()
    )

    async def replicate(**of_region: str) -> None:
        call = await rig.call_of("ReplicateSecretToRegions", account=OTHER_ACCOUNT)
        await rig.secrets.replicate_secret_to_regions(
            call, SecretId=arn, AddReplicaRegions=[{"Region": THERE, **of_region}]
        )

    with pytest.raises(AwsError, match="default KMS service key"):
        await replicate()
    await replicate(KmsKeyId=key.replace(REGION, THERE))
    (status,) = (await rig.describe(arn))["ReplicationStatus"]
    assert status["KmsKeyId"] == key.replace(REGION, THERE)


@in_loop
async def test_another_organization_is_refused_unless_it_is_allowed(rig: Rig) -> None:
    primary, replica = await rig.pair()
    rig.secrets.organization = Apart()
    with pytest.raises(AwsError, match="same organization") as caught:
        await rig.associate(primary, replica)
    assert caught.value.code == "InvalidParameterException"
    with pytest.raises(AwsError, match="same organization"):
        await rig.associate(primary, replica, ReplicaRestriction="SameOrg")
    await rig.associate(primary, replica, ReplicaRestriction="NoRestriction")
    await rig.engine().turn()
    assert (await rig.describe(primary))["CrossAccountReplicas"][0]["ReplicationStatus"] == "InSync"


@in_loop
async def test_an_account_that_leaves_the_organization_gets_no_more(rig: Rig) -> None:
    primary, replica = await rig.pair()
    await rig.associate(primary, replica)
    await rig.engine().turn()
    rig.secrets.organization = Apart()
    await rig.put(primary, "v2")
    await rig.engine().turn()
    found = (await rig.describe(primary))["CrossAccountReplicas"][0]
    assert found["ReplicationStatus"] == "Failed"
    assert "organization" in found["StatusMessage"]
    other = await rig.describe(replica, OTHER_ACCOUNT)
    assert other["CrossAccountPrimary"]["StatusMessage"] == found["StatusMessage"]
