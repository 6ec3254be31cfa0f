"""The rotation engine in this process: a scripted function, a movable clock, and every way a step can end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.support.harness_rotation import Behaviour, RotationHarness
from tests.support.harness_secretsmanager import in_loop, token

from strongroom.errors import AwsError
from strongroom.identity.organization import SUSPENDED
from strongroom.services.secretsmanager.rotation.outcome import ATTEMPTS, REPLACEMENTS, STEPS
from strongroom.services.secretsmanager.rotation.queue import LEASE_MS
from strongroom.store import Statement
from strongroom.store.schema import accounts

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[RotationHarness]:
    made = RotationHarness(tmp_path)
    yield made
    made.store.close()


@in_loop
async def test_four_steps_and_the_service_takes_pending_off(rig: RotationHarness) -> None:
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
async def test_a_failing_step_is_tried_again_after_growing_pauses(rig: RotationHarness) -> None:
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
async def test_it_gives_up_and_is_taken_up_again_on_request(rig: RotationHarness) -> None:
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
async def test_a_function_that_moves_no_label_has_failed(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn)

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        return None if step == "finishSecret" else await rig.rotate_well(step, event)

    rig.behaviour = behaviour
    await rig.run()
    assert rig.events() == ["RotationStarted", "RotationFailed"]
    assert (await rig.get(arn))["SecretString"] == "v1"


@in_loop
async def test_a_rejected_password_is_replaced_and_not_for_ever(rig: RotationHarness) -> None:
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


@pytest.mark.parametrize("at", STEPS[:3])
@in_loop
async def test_a_value_put_meanwhile_ends_it(rig: RotationHarness, at: str) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn)

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        problem = await rig.rotate_well(step, event)
        if step == at:
            await rig.secrets.put_secret_value(
                await rig.call_of("PutSecretValue"), SecretId=arn, ClientRequestToken=token(), SecretString="by hand"
            )
        return problem

    rig.behaviour = behaviour
    await rig.run()
    await rig.run(after_ms=HOUR_MS)
    assert tuple(rig.steps) == STEPS[: STEPS.index(at) + 1]
    assert rig.events() == ["RotationStarted", "RotationAbandoned"]
    assert (await rig.get(arn))["SecretString"] == "by hand"
    assert "AWSPENDING" not in str((await rig.describe(arn))["VersionIdsToStages"])


@pytest.mark.parametrize("at", STEPS)
@in_loop
async def test_cancelling_stops_it_at_the_next_step(rig: RotationHarness, at: str) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn)

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        problem = None if step == "finishSecret" else await rig.rotate_well(step, event)
        if step == at:
            answer = await rig.secrets.cancel_rotate_secret(await rig.call_of("CancelRotateSecret"), SecretId=arn)
            assert answer["VersionId"] == version
        return problem

    rig.behaviour = behaviour
    await rig.run()
    await rig.run(after_ms=HOUR_MS)
    assert tuple(rig.steps) == STEPS[: STEPS.index(at) + 1]
    described = await rig.describe(arn)
    assert described["RotationEnabled"] is False
    assert described["VersionIdsToStages"][version] == ["AWSPENDING"]
    assert rig.events() == ["RotationStarted"]


@pytest.mark.parametrize("at", STEPS)
@pytest.mark.parametrize("destroyed", [False, True])
@in_loop
async def test_a_deletion_meanwhile_stops_it_at_the_next_step(rig: RotationHarness, at: str, destroyed: bool) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn)

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        problem = None if step == "finishSecret" else await rig.rotate_well(step, event)
        if step == at:
            call = await rig.call_of("DeleteSecret")
            await rig.secrets.delete_secret(call, SecretId=arn, ForceDeleteWithoutRecovery=destroyed)
        return problem

    rig.behaviour = behaviour
    await rig.run()
    await rig.run(after_ms=HOUR_MS)
    assert tuple(rig.steps) == STEPS[: STEPS.index(at) + 1]
    assert "RotationSucceeded" not in rig.events()


@in_loop
async def test_a_lease_that_ran_out_is_taken_over_and_its_holder_changes_nothing(rig: RotationHarness) -> None:
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
async def test_a_host_that_knows_it_is_alone_goes_on_at_once(rig: RotationHarness) -> None:
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
async def test_a_schedule_rotates_when_its_window_opens(rig: RotationHarness) -> None:
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
async def test_no_schedule_rotates_in_a_closed_account(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn, RotationRules={"ScheduleExpression": "rate(10 days)"})
    await rig.run()
    close = update(accounts).where(accounts.c.account == arn.split(":")[4]).values(status=SUSPENDED)
    assert await rig.store.write(lambda transaction: transaction.run(Statement(close))) == 1
    await rig.run(after_ms=10 * DAY_MS)
    assert len(rig.steps) == 4
    assert rig.events() == ["RotationStarted", "RotationSucceeded"]


@in_loop
async def test_missed_windows_are_made_up_for_once(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn, RotationRules={"ScheduleExpression": "rate(10 days)", "Duration": "3h"})
    await rig.run()
    await rig.run(after_ms=35 * DAY_MS)
    await rig.run()
    assert len(rig.steps) == 8, "three windows went by, and one rotation makes up for them"
    following = (await rig.describe(arn))["NextRotationDate"].timestamp() * 1000
    assert rig.clock.now_ms < following <= rig.clock.now_ms + 11 * DAY_MS


@in_loop
async def test_a_window_takes_up_the_rotation_that_was_given_up(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    rig.behaviour = _always("OperationalError")
    version = await rig.rotate(arn, RotationRules={"ScheduleExpression": "rate(10 days)"})
    for _ in range(ATTEMPTS):
        await rig.run(after_ms=HOUR_MS)
    tried = len(rig.steps)
    await rig.run(after_ms=DAY_MS)
    assert len(rig.steps) == tried == ATTEMPTS
    rig.behaviour = rig.rotate_well
    await rig.run(after_ms=10 * DAY_MS)
    assert (await rig.describe(arn))["VersionIdsToStages"][version] == ["AWSCURRENT"]
    assert rig.events().count("RotationStarted") == 1


@in_loop
async def test_a_deleted_secret_is_not_rotated(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn, RotationRules={"AutomaticallyAfterDays": 1})
    await rig.secrets.delete_secret(await rig.call_of("DeleteSecret"), SecretId=arn)
    await rig.run()
    await rig.run(after_ms=2 * DAY_MS)
    assert rig.steps == []


@pytest.mark.parametrize("problem", [None, "AssertionError"])
@in_loop
async def test_rotate_immediately_false_only_tests(rig: RotationHarness, problem: str | None) -> None:
    arn = await rig.create("db")
    rig.behaviour = _always(problem)
    version = await rig.rotate(arn, RotationRules={"AutomaticallyAfterDays": 1}, RotateImmediately=False)
    assert (await rig.get(arn, VersionId=version))["SecretString"] == "v1"
    await rig.run()
    assert rig.steps == ["testSecret"]
    assert version not in (await rig.describe(arn))["VersionIdsToStages"]
    ended = "TestRotationFailed" if problem else "TestRotationSucceeded"
    assert rig.events() == ["TestRotationStarted", ended]
    rig.behaviour = rig.rotate_well
    await rig.rotate(arn)
    await rig.run()
    assert rig.events()[2:] == ["RotationStarted", "RotationSucceeded"], "the test is over, whatever came of it"


async def _hang(step: str, event: dict[str, str]) -> str | None:
    await asyncio.Event().wait()
    return None


def _always(problem: str | None) -> Behaviour:
    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        return problem

    return behaviour
