"""Secrets that another service manages: made, rotated and deleted by their owner, and by nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.support.harness_kms import allow
from tests.support.harness_secretsmanager import FUNCTION, SecretsHarness, in_loop, token

from strongroom.errors import AccessDenied, AwsError
from strongroom.services.clients import ManagedSecret, ManagedSecretDraft, SecretsClient
from strongroom.services.secretsmanager.client import SecretsServiceClient
from strongroom.services.secretsmanager.rotation import RotationEngine
from strongroom.services.secretsmanager.rotation.outcome import STEPS
from strongroom.store import Transaction

T = TypeVar("T")
DAY_MS = 86_400_000
DATABASE = "arn:aws:rds:eu-central-1:123456789012:db:main"


class Database:
    """A service that manages secrets. Its steps do what a good owner's do, unless a test says that one fails."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.steps: list[str] = []
        self.failing: str | None = None

    async def run_rotation_step(self, step: str, secret_arn: str, version_id: str) -> None:
        self.steps.append(step)
        if step == self.failing:
            raise AwsError("InvalidDBInstanceState", "the password is canary")
        now_ms = self._rig.clock.now_ms
        client = self._rig.owner
        if step == "createSecret":
            value = f"rotated-{version_id}".encode()
            await self._rig.write(
                lambda tx: client.put_managed_value(tx, "rds", secret_arn, version_id, value, "AWSPENDING", now_ms)
            )
        if step == "finishSecret":
            await self._rig.write(lambda tx: client.promote_managed(tx, "rds", secret_arn, version_id, now_ms))


class Rig(SecretsHarness):
    """Secrets Manager, a client of it, an owner and the engine that asks the owner to rotate."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.owner: SecretsClient = SecretsServiceClient(self.secrets, self.client)
        self.database = Database(self)
        self.engine = RotationEngine(self.store, self.keyring, self.world, self.functions, {"rds": self.database})

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run an owner's work in a transaction."""
        return await self.store.write(work)

    async def make(self, policy: dict[str, object] | None = None, **changes: Any) -> ManagedSecret:
        """A managed secret, made on behalf of a caller with ``policy``."""
        call = (await self.call_of("CreateDBInstance", policy)).forward("rds.amazonaws.com")
        draft = ManagedSecretDraft(
            "rds",
            f"db-{token()}",
            b'{"username":"admin","password":"first"}',
            tags={"aws:rds:primaryDBInstanceArn": DATABASE},
            **{"rotate_after_days": 7, **changes},
        )
        return await self.write(lambda tx: self.owner.create_managed(tx, call, draft))

    async def operate(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An operation by one who may do everything."""
        method = getattr(self.secrets, "".join(f"_{c.lower()}" if c.isupper() else c for c in operation)[1:])
        return dict(await method(await self.call_of(operation), **parameters))

    async def run(self, *, after_ms: int = 0) -> None:
        """Let time pass, take one turn of the engine, and wait for what it began."""
        self.clock.now_ms += after_ms
        await self.engine.turn()
        while self.engine._running:
            await asyncio.gather(*self.engine._running)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    found = Rig(tmp_path)
    yield found
    found.store.close()


@in_loop
async def test_a_managed_secret_shows_its_owner(rig: Rig) -> None:
    made = await rig.make()
    found = await rig.operate("DescribeSecret", SecretId=made.arn)
    assert (found["Name"], found["OwningService"]) == (made.name, "rds")
    assert made.name.startswith("rds!db-")
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {
        "aws:secretsmanager:owningService": "rds",
        "aws:rds:primaryDBInstanceArn": DATABASE,
    }
    assert (found["RotationEnabled"], found["RotationRules"]) == (True, {"AutomaticallyAfterDays": 7})
    assert "RotationLambdaARN" not in found
    assert (await rig.get(made.arn))["SecretString"] == '{"username":"admin","password":"first"}'
    plain = await rig.create("plain")
    for values, names in ((["rds"], [made.name]), (["!rds"], ["plain"])):
        filters = [{"Key": "owning-service", "Values": values}]
        listed = await rig.operate("ListSecrets", Filters=filters)
        assert [secret["Name"] for secret in listed["SecretList"]] == names
    assert "OwningService" not in await rig.operate("DescribeSecret", SecretId=plain)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("PutSecretValue", {"ClientRequestToken": token(), "SecretString": "x"}),
        ("UpdateSecret", {"ClientRequestToken": token(), "Description": "mine"}),
        ("UpdateSecret", {"ClientRequestToken": token(), "SecretString": "x"}),
        ("UpdateSecretVersionStage", {"VersionStage": "mine", "MoveToVersionId": token()}),
        ("DeleteSecret", {}),
        ("DeleteSecret", {"ForceDeleteWithoutRecovery": True}),
        ("CancelRotateSecret", {}),
        ("RotateSecret", {"ClientRequestToken": token(), "RotationLambdaARN": FUNCTION}),
    ],
)
def test_direct_edits_are_refused(rig: Rig, operation: str, parameters: dict[str, Any]) -> None:
    @in_loop
    async def check() -> None:
        made = await rig.make()
        before = await rig.operate("DescribeSecret", SecretId=made.arn)
        with pytest.raises(AwsError) as refused:
            await rig.operate(operation, SecretId=made.arn, **parameters)
        assert (refused.value.code, refused.value.message) == (
            "InvalidRequestException",
            "The secret is managed by another service, and you must use that service to update it.",
        )
        assert await rig.operate("DescribeSecret", SecretId=made.arn) == before

    check()


@in_loop
async def test_who_may_not_edit_is_told_that_first(rig: Rig) -> None:
    made = await rig.make()
    call = await rig.call_of("DeleteSecret", allow("secretsmanager:DescribeSecret"))
    with pytest.raises(AccessDenied):
        await rig.secrets.delete_secret(call, SecretId=made.arn)


@in_loop
async def test_tags_and_policy_are_the_users_but_not_those_of_services(rig: Rig) -> None:
    made = await rig.make()
    await rig.operate("TagResource", SecretId=made.arn, Tags=[{"Key": "team", "Value": "a"}])
    with pytest.raises(AwsError, match="reserved for AWS use"):
        await rig.operate("UntagResource", SecretId=made.arn, TagKeys=["aws:secretsmanager:owningService"])
    await rig.operate("UntagResource", SecretId=made.arn, TagKeys=["team"])
    assert len((await rig.operate("DescribeSecret", SecretId=made.arn))["Tags"]) == 2
    many = [{"Key": f"tag-{number}", "Value": ""} for number in range(50)]
    await rig.operate("TagResource", SecretId=made.arn, Tags=many)  # those of services do not count
    policy = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*",'
        '"Action":"secretsmanager:GetSecretValue","Resource":"*"}}'
    )
    await rig.operate("PutResourcePolicy", SecretId=made.arn, ResourcePolicy=policy)
    assert "ResourcePolicy" in await rig.operate("GetResourcePolicy", SecretId=made.arn)


@in_loop
async def test_making_one_takes_the_callers_own_rights(rig: Rig) -> None:
    needed = ("secretsmanager:CreateSecret", "secretsmanager:TagResource")
    for one in needed:
        with pytest.raises(AccessDenied):
            await rig.make(allow(one))
    await rig.make(allow(*needed))
    key = await rig.make_key()
    with pytest.raises(AccessDenied, match="Access to KMS is not allowed"):
        await rig.make(allow(*needed), kms_key_id=key)
    made = await rig.make(allow(*needed, "kms:GenerateDataKey", "kms:Decrypt"), kms_key_id=key)
    assert key in made.kms_key_arn


@in_loop
async def test_its_owner_rotates_it_by_schedule_and_on_request(rig: Rig) -> None:
    made = await rig.make(kms_key_id=await rig.make_key())
    await rig.run(after_ms=8 * DAY_MS)
    assert rig.database.steps == list(STEPS)
    rotated = await rig.get(made.arn)
    assert rotated["SecretString"] == f"rotated-{rotated['VersionId']}"
    assert rotated["VersionStages"] == ["AWSCURRENT"]
    asked = token()
    answer = await rig.operate("RotateSecret", SecretId=made.arn, ClientRequestToken=asked)
    assert answer["VersionId"] == asked
    await rig.run()
    assert (await rig.get(made.arn))["SecretString"] == f"rotated-{asked}"
    call = (await rig.call_of("ModifyDBInstance")).forward("rds.amazonaws.com")
    begun = await rig.write(lambda tx: rig.owner.rotate(tx, call, "rds", made.arn))
    with pytest.raises(AwsError, match="A previous rotation isn’t complete"):
        await rig.write(lambda tx: rig.owner.rotate(tx, call, "rds", made.arn))
    await rig.run()
    found = await rig.write(lambda tx: rig.owner.describe_managed(tx, "rds", made.arn))
    assert found is not None
    assert (found.version_id, found.rotation) == (begun, "idle")


@in_loop
async def test_the_schedule_is_the_users_to_change(rig: Rig) -> None:
    made = await rig.make()
    answer = await rig.operate(
        "RotateSecret",
        SecretId=made.arn,
        ClientRequestToken=token(),
        RotationRules={"ScheduleExpression": "rate(10 days)"},
        RotateImmediately=False,
    )
    assert "VersionId" not in answer
    await rig.run()
    assert rig.database.steps == []
    found = await rig.operate("DescribeSecret", SecretId=made.arn)
    assert found["RotationRules"]["ScheduleExpression"] == "rate(10 days)"
    await rig.run(after_ms=8 * DAY_MS)
    assert rig.database.steps == []
    await rig.run(after_ms=3 * DAY_MS)
    assert rig.database.steps == list(STEPS)


@in_loop
async def test_a_failing_step_is_tried_again_and_tells_no_secret(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    made = await rig.make()
    rig.database.failing = "setSecret"
    call = await rig.call_of("ModifyDBInstance")
    await rig.write(lambda tx: rig.owner.rotate(tx, call, "rds", made.arn))
    await rig.run()
    found = await rig.write(lambda tx: rig.owner.describe_managed(tx, "rds", made.arn))
    assert found is not None
    assert (found.version_id, found.rotation) == (made.version_id, "running")
    assert "rds.amazonaws.com failed: InvalidDBInstanceState" in caplog.text
    assert "canary" not in caplog.text
    rig.database.failing = None
    await rig.run(after_ms=2_000)
    assert rig.database.steps == ["createSecret", "setSecret", "setSecret", "testSecret", "finishSecret"]


@in_loop
async def test_an_owner_reaches_its_own_secrets_only(rig: Rig) -> None:
    made, now_ms = await rig.make(), rig.clock.now_ms
    plain = await rig.create("plain")

    async def reach(owner: str, arn: str) -> None:
        with pytest.raises(AwsError, match="can't find the specified secret"):
            await rig.write(lambda tx: rig.owner.managed_value(tx, owner, arn, "AWSCURRENT", now_ms))
        assert await rig.write(lambda tx: rig.owner.describe_managed(tx, owner, arn)) is None
        await rig.write(lambda tx: rig.owner.delete_managed(tx, owner, arn, now_ms))
        await rig.operate("DescribeSecret", SecretId=arn)

    await reach("redshift", made.arn)
    await reach("rds", plain)
    assert await rig.write(lambda tx: rig.owner.managed_value(tx, "rds", made.arn, "AWSPENDING", now_ms)) is None
    assert await rig.write(lambda tx: rig.owner.managed_value(tx, "rds", made.arn, "AWSCURRENT", now_ms)) == (
        b'{"username":"admin","password":"first"}'
    )


@in_loop
async def test_a_version_is_put_once(rig: Rig) -> None:
    made, version, now_ms = await rig.make(), token(), rig.clock.now_ms

    def put(value: bytes) -> Callable[[Transaction], None]:
        return lambda tx: rig.owner.put_managed_value(tx, "rds", made.arn, version, value, "AWSCURRENT", now_ms)

    await rig.write(put(b"second"))
    await rig.write(put(b"second"))
    with pytest.raises(AwsError, match="already in use"):
        await rig.write(put(b"third"))
    stages = (await rig.operate("DescribeSecret", SecretId=made.arn))["VersionIdsToStages"]
    assert stages == {version: ["AWSCURRENT"], made.version_id: ["AWSPREVIOUS"]}
    with pytest.raises(AwsError, match="can't find the specified secret value"):
        await rig.write(lambda tx: rig.owner.promote_managed(tx, "rds", made.arn, token(), now_ms))


@in_loop
async def test_its_end_is_its_owners_too(rig: Rig) -> None:
    made, now_ms = await rig.make(), rig.clock.now_ms
    for _ in range(2):
        await rig.write(lambda tx: rig.owner.delete_managed(tx, "rds", made.arn, now_ms))
    with pytest.raises(AwsError, match="can't find the specified secret"):
        await rig.operate("DescribeSecret", SecretId=made.arn)


@in_loop
async def test_a_disabled_key_is_said_to_be_the_cause(rig: Rig) -> None:
    key = await rig.make_key()
    made, now_ms = await rig.make(kms_key_id=key), rig.clock.now_ms
    await rig.kms.disable_key(await rig.call(), KeyId=key)
    with pytest.raises(AwsError) as refused:
        await rig.write(lambda tx: rig.owner.managed_value(tx, "rds", made.arn, "AWSCURRENT", now_ms))
    assert refused.value.code == "DecryptionFailure"
    with pytest.raises(AwsError) as refused:
        await rig.write(
            lambda tx: rig.owner.put_managed_value(tx, "rds", made.arn, token(), b"x", "AWSCURRENT", now_ms)
        )
    assert refused.value.code == "EncryptionFailure"
