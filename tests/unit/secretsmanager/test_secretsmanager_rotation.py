"""The rotation engine in this process: a scripted function, a movable clock, and every way a step can end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support.harness_secretsmanager import FUNCTION, Functions, SecretsHarness, in_loop, token

from strongroom.errors import AwsError
from strongroom.services.clients import InvocationResult
from strongroom.services.secretsmanager import SecretsManagerSettings
from strongroom.services.secretsmanager.rotation import RotationEngine
from strongroom.services.secretsmanager.rotation.outcome import ATTEMPTS, REPLACEMENTS, STEPS
from strongroom.services.secretsmanager.rotation.queue import LEASE_MS

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

Behaviour = Callable[[str, dict[str, str]], Awaitable[str | None]]


class Rig(SecretsHarness):
    """A secret, an engine, and a function that does what a test says.

    Attributes:
        steps: What the function was called for, in order.
        behaviour: Called for each step; answers the type of an error, or None.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SecretsManagerSettings(allow_minute_schedules=True))
        self.steps: list[str] = []
        self.behaviour: Behaviour = self.rotate_well
        self.functions = _Scripted(self)
        self.secrets.functions = self.functions
        self.engine = self.make_engine()

    def make_engine(self) -> RotationEngine:
        """Another engine on the same store, as another process has."""
        return RotationEngine(self.store, self.keyring, self.world, self.functions)

    async def rotate_well(self, step: str, event: dict[str, str]) -> str | None:
        """What a good function does: put a value, and at the end move AWSCURRENT."""
        arn, version = event["SecretId"], event["ClientRequestToken"]
        if step == "createSecret":
            await self.secrets.put_secret_value(
                await self.call_of("PutSecretValue"),
                SecretId=arn,
                ClientRequestToken=version,
                SecretString=f"rotated-{version}",
                VersionStages=["AWSPENDING"],
                RotationToken=event["RotationToken"],
            )
        if step == "finishSecret":
            stages = (await self.describe(arn))["VersionIdsToStages"]
            current = next(held for held, labels in stages.items() if "AWSCURRENT" in labels)
            await self.secrets.update_secret_version_stage(
                await self.call_of("UpdateSecretVersionStage"),
                SecretId=arn,
                VersionStage="AWSCURRENT",
                MoveToVersionId=version,
                RemoveFromVersionId=current,
            )
        return None

    async def describe(self, arn: str) -> dict[str, Any]:
        """DescribeSecret."""
        return await self.secrets.describe_secret(await self.call_of("DescribeSecret"), SecretId=arn)

    async def rotate(self, arn: str, **parameters: object) -> str:
        """RotateSecret; answers the token."""
        call = await self.call_of("RotateSecret")
        parameters = {"RotationLambdaARN": FUNCTION, "ClientRequestToken": token(), **parameters}
        answer = await self.secrets.rotate_secret(call, SecretId=arn, **parameters)  # type: ignore[arg-type]
        return str(answer["VersionId"])

    async def run(self, *, after_ms: int = 0) -> None:
        """Let time pass, take one turn, and wait for what it began."""
        self.clock.now_ms += after_ms
        await self.engine.turn()
        while self.engine._running:
            await asyncio.gather(*self.engine._running)

    def events(self) -> list[str]:
        """Names of the service events so far."""
        found = [orjson.loads(event) for event in self.journal.events]
        return [event["eventName"] for event in found if event.get("eventType") == "AwsServiceEvent"]


class _Scripted(Functions):
    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self._rig = rig

    async def invoke_as_service(
        self, function_arn: str, payload: bytes, *, service: str, source_arn: str, source_account: str
    ) -> InvocationResult:
        event = orjson.loads(payload)
        self._rig.steps.append(event["Step"])
        problem = await self._rig.behaviour(event["Step"], event)
        if problem is None:
            return InvocationResult(payload=b"null")
        answer = orjson.dumps({"errorType": problem, "errorMessage": "the password is canary"})
        return InvocationResult(payload=answer, function_error="Unhandled")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.store.close()


@in_loop
async def test_four_steps_and_the_service_takes_pending_off(rig: Rig) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn)
    await rig.run()
    assert tuple(rig.steps) == STEPS
    described = await rig.describe(arn)
    assert described["VersionIdsToStages"][version] == ["AWSCURRENT"]
    assert "LastRotatedDate" in described
    assert rig.events() == ["RotationStarted", "RotationSucceeded"]
    assert (await rig.get(arn))["SecretString"] == f"rotated-{version}"


@in_loop
async def test_a_failing_step_is_tried_again_after_growing_pauses(rig: Rig) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn)
    failures = iter(["OperationalError", "OperationalError"])

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        if step == "setSecret" and (problem := next(failures, None)):
            return problem
        return await rig.rotate_well(step, event)

    rig.behaviour = behaviour
    await rig.run()
    await rig.run(after_ms=999)
    assert rig.steps == ["createSecret", "setSecret"]
    await rig.run(after_ms=1)
    await rig.run(after_ms=1_999)
    assert rig.steps == ["createSecret", "setSecret", "setSecret"]
    await rig.run(after_ms=1)
    assert rig.steps[2:] == ["setSecret", "setSecret", "testSecret", "finishSecret"]
    assert rig.events() == ["RotationStarted", "RotationFailed", "RotationFailed", "RotationSucceeded"]
    assert (await rig.describe(arn))["VersionIdsToStages"][version] == ["AWSCURRENT"]
    assert not any(b"canary" in event for event in rig.journal.events)


@in_loop
async def test_it_gives_up_and_is_taken_up_again_on_request(rig: Rig) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn)
    rig.behaviour = _always("Timeout")
    for _ in range(ATTEMPTS + 3):
        await rig.run(after_ms=HOUR_MS)
    assert len(rig.steps) == ATTEMPTS
    assert (await rig.describe(arn))["RotationEnabled"] is True
    rig.behaviour = rig.rotate_well
    with pytest.raises(AwsError, match="That rotation will be reattempted"):
        await rig.rotate(arn)
    await rig.run()
    assert (await rig.describe(arn))["VersionIdsToStages"][version] == ["AWSCURRENT"]


@in_loop
async def test_a_function_that_moves_no_label_has_failed(rig: Rig) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn)

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        return None if step == "finishSecret" else await rig.rotate_well(step, event)

    rig.behaviour = behaviour
    await rig.run()
    assert rig.events() == ["RotationStarted", "RotationFailed"]
    assert (await rig.get(arn))["SecretString"] == "v1"


@in_loop
async def test_a_rejected_password_is_replaced_and_not_for_ever(rig: Rig) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn)

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        if step != "setSecret":
            return await rig.rotate_well(step, event)
        await rig.secrets.update_secret_version_stage(
            await rig.call_of("UpdateSecretVersionStage"),
            SecretId=arn,
            VersionStage="AWSPENDING",
            RemoveFromVersionId=event["ClientRequestToken"],
        )
        return "RotationError"

    rig.behaviour = behaviour
    for _ in range(REPLACEMENTS + 3):
        await rig.run()
    assert rig.steps == ["createSecret", "setSecret"] * REPLACEMENTS
    rig.behaviour = rig.rotate_well
    version = await rig.rotate(arn)
    await rig.run()
    assert (await rig.describe(arn))["VersionIdsToStages"][version] == ["AWSCURRENT"]


@in_loop
async def test_a_value_put_meanwhile_ends_it(rig: Rig) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn)

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        if step == "setSecret":
            await rig.secrets.put_secret_value(
                await rig.call_of("PutSecretValue"), SecretId=arn, ClientRequestToken=token(), SecretString="by hand"
            )
        return await rig.rotate_well(step, event) if step == "createSecret" else None

    rig.behaviour = behaviour
    await rig.run()
    await rig.run(after_ms=HOUR_MS)
    assert rig.steps == ["createSecret", "setSecret"]
    assert rig.events() == ["RotationStarted", "RotationAbandoned"]
    assert (await rig.get(arn))["SecretString"] == "by hand"


@in_loop
async def test_cancelling_stops_it_at_the_next_step(rig: Rig) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn)

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        problem = await rig.rotate_well(step, event)
        if step == "createSecret":
            answer = await rig.secrets.cancel_rotate_secret(await rig.call_of("CancelRotateSecret"), SecretId=arn)
            assert answer["VersionId"] == version
        return problem

    rig.behaviour = behaviour
    await rig.run()
    await rig.run(after_ms=HOUR_MS)
    assert rig.steps == ["createSecret"]
    described = await rig.describe(arn)
    assert described["RotationEnabled"] is False
    assert described["VersionIdsToStages"][version] == ["AWSPENDING"]


@in_loop
async def test_a_lease_that_ran_out_is_taken_over_and_its_holder_changes_nothing(rig: Rig) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn)
    hanging = asyncio.Event()

    async def hang(step: str, event: dict[str, str]) -> str | None:
        await hanging.wait()
        return "Late"

    rig.behaviour = hang
    await rig.engine.turn()
    await asyncio.sleep(0.05)
    late = rig.engine
    rig.engine = rig.make_engine()
    rig.behaviour = rig.rotate_well
    await rig.run()
    assert rig.steps == ["createSecret"], "the lease holds"
    await rig.run(after_ms=LEASE_MS)
    assert (await rig.describe(arn))["VersionIdsToStages"][version] == ["AWSCURRENT"]
    hanging.set()
    await asyncio.gather(*late._running)
    assert rig.events() == ["RotationStarted", "RotationSucceeded"]


@in_loop
async def test_a_host_that_knows_it_is_alone_goes_on_at_once(rig: Rig) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn)
    rig.behaviour = _hang
    await rig.engine.turn()
    await asyncio.sleep(0.05)
    await rig.engine.stop()
    rig.engine, rig.behaviour = rig.make_engine(), rig.rotate_well
    await rig.engine.recover(sole_owner=True)
    await rig.run()
    assert (await rig.describe(arn))["VersionIdsToStages"][version] == ["AWSCURRENT"]


@in_loop
async def test_a_schedule_rotates_when_its_window_opens(rig: Rig) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn, RotationRules={"ScheduleExpression": "rate(10 days)"})
    await rig.run()
    await rig.run(after_ms=9 * DAY_MS)
    assert len(rig.steps) == 4
    await rig.run(after_ms=DAY_MS)
    assert len(rig.steps) == 8
    await rig.run()
    assert len(rig.steps) == 8
    assert rig.events() == ["RotationStarted", "RotationSucceeded"] * 2
    await rig.run(after_ms=10 * DAY_MS)
    assert len(rig.steps) == 12


@in_loop
async def test_a_deleted_secret_is_not_rotated(rig: Rig) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn, RotationRules={"AutomaticallyAfterDays": 1})
    await rig.secrets.delete_secret(await rig.call_of("DeleteSecret"), SecretId=arn)
    await rig.run()
    await rig.run(after_ms=2 * DAY_MS)
    assert rig.steps == []


@in_loop
@pytest.mark.parametrize("problem", [None, "AssertionError"])
async def test_rotate_immediately_false_only_tests(rig: Rig, problem: str | None) -> None:
    arn = await rig.create("db")
    rig.behaviour = _always(problem)
    version = await rig.rotate(arn, RotationRules={"AutomaticallyAfterDays": 1}, RotateImmediately=False)
    assert (await rig.get(arn, VersionId=version))["SecretString"] == "v1"
    await rig.run()
    assert rig.steps == ["testSecret"]
    assert version not in (await rig.describe(arn))["VersionIdsToStages"]
    ended = "TestRotationFailed" if problem else "TestRotationSucceeded"
    assert rig.events() == ["TestRotationStarted", ended]


async def _hang(step: str, event: dict[str, str]) -> str | None:
    await asyncio.Event().wait()
    return None


def _always(problem: str | None) -> Behaviour:
    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        return problem

    return behaviour
