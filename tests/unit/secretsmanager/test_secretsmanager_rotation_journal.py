"""What is kept of rotations: each run of each step, a bounded number of them, and what the operator's service sees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.harness_rotation import RotationHarness
from tests.support.harness_secretsmanager import in_loop

from strongroom.errors import AwsError
from strongroom.services.clients import RotationView
from strongroom.services.secretsmanager.rotation.client import RotationServiceClient
from strongroom.services.secretsmanager.rotation.journal import CUT_SHORT, KEPT, StepRun, runs_of
from strongroom.services.secretsmanager.rotation.outcome import ATTEMPTS, STEPS
from strongroom.services.secretsmanager.rotation.queue import LEASE_MS
from strongroom.services.secretsmanager.rotations import KEPT as ROTATIONS_KEPT
from strongroom.services.secretsmanager.rotations import remembered_rotations


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[RotationHarness]:
    made = RotationHarness(tmp_path)
    yield made
    made.store.close()


def runs(rig: RotationHarness, arn: str) -> list[StepRun]:
    return rig.store.read_now(lambda transaction: runs_of(transaction, arn))


async def steered(rig: RotationHarness, operation: str, arn: str, *, force: bool = False) -> RotationView:
    """Retry or abort a rotation, in a transaction of its own."""
    client, call = RotationServiceClient(rig.world), await rig.call_of(operation)
    if operation == "RetryRotation":
        return rig.store.write_now(lambda tx: client.retry(tx, call, f"strongroom:{operation}", arn))
    return rig.store.write_now(lambda tx: client.abort(tx, call, f"strongroom:{operation}", arn, force=force))


@in_loop
async def test_every_run_is_kept_with_its_time_and_error(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn)
    failures = iter(["OperationalError"])

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        rig.clock.now_ms += 10
        if step == "setSecret" and (problem := next(failures, None)):
            return problem
        return await rig.rotate_well(step, event)

    rig.behaviour = behaviour
    await rig.run()
    await rig.run(after_ms=1_000)
    found = runs(rig, arn)
    assert [(run.step, run.attempt, run.error) for run in found] == [
        ("createSecret", 1, None),
        ("setSecret", 1, "the function failed: OperationalError"),
        ("setSecret", 2, None),
        ("testSecret", 1, None),
        ("finishSecret", 1, None),
    ]
    assert [run.number for run in found] == [1, 2, 3, 4, 5]
    assert all(run.ended_ms == run.started_ms + 10 and run.token == version for run in found)
    assert found[2].started_ms == found[1].started_ms + 1_010


@in_loop
async def test_a_run_whose_process_was_killed_is_told_as_such(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    await rig.rotate(arn)

    async def hang(step: str, event: dict[str, str]) -> str | None:
        await asyncio.Event().wait()
        return None

    rig.behaviour = hang
    await rig.engine.turn()
    await asyncio.sleep(0.05)
    assert [(run.step, run.ended_ms) for run in runs(rig, arn)] == [("createSecret", None)]
    killed = rig.engine
    rig.engine, rig.behaviour = rig.make_engine(), rig.rotate_well
    await rig.run(after_ms=LEASE_MS)
    await killed.stop()
    assert [(run.step, run.error) for run in runs(rig, arn)] == [
        ("createSecret", CUT_SHORT),
        *((step, None) for step in STEPS),
    ]


@in_loop
async def test_what_is_kept_of_a_secret_is_bounded(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    for _ in range(ROTATIONS_KEPT + 2):
        await rig.rotate(arn)
        await rig.run(after_ms=1)
    found = runs(rig, arn)
    assert len(found) == KEPT
    assert found[-1].number == (ROTATIONS_KEPT + 2) * len(STEPS)
    kept = rig.store.read_now(lambda transaction: remembered_rotations(transaction, arn))
    assert len(kept) == ROTATIONS_KEPT
    assert kept[0].token == found[-1].token


@in_loop
async def test_a_rotation_that_was_given_up_keeps_failing_until_it_is_taken_up(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    client = RotationServiceClient(rig.world)
    version = await rig.rotate(arn)

    async def fail(step: str, event: dict[str, str]) -> str | None:
        return "OperationalError"

    rig.behaviour = fail
    for attempt in range(ATTEMPTS):
        assert rig.store.read_now(client.count_failing) == (1 if attempt > 2 else 0)
        await rig.run(after_ms=3_600_000)
    await rig.run(after_ms=3_600_000)
    assert len(rig.steps) == ATTEMPTS
    assert rig.store.read_now(client.count_failing) == 1
    rig.behaviour = rig.rotate_well
    assert (await steered(rig, "RetryRotation", arn)).token == version
    await rig.run()
    assert rig.store.read_now(client.count_failing) == 0
    assert (await rig.describe(arn))["VersionIdsToStages"][version] == ["AWSCURRENT"]


@pytest.mark.parametrize("at", STEPS[1:3])
@in_loop
async def test_a_rotation_that_was_cancelled_in_the_middle_can_be_brought_to_its_end(
    rig: RotationHarness, at: str
) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn, RotationRules={"AutomaticallyAfterDays": 5})

    async def behaviour(step: str, event: dict[str, str]) -> str | None:
        if step == at:
            await rig.secrets.cancel_rotate_secret(await rig.call_of("CancelRotateSecret"), SecretId=arn)
        return await rig.rotate_well(step, event)

    rig.behaviour = behaviour
    await rig.run()
    rig.behaviour = rig.rotate_well
    assert (await steered(rig, "RetryRotation", arn)).step == at
    described = await rig.describe(arn)
    assert described["RotationEnabled"] is True, "functions refuse a secret whose rotation is off"
    assert "NextRotationDate" in described
    await rig.run()
    assert (await rig.describe(arn))["VersionIdsToStages"][version] == ["AWSCURRENT"]
    with pytest.raises(AwsError, match="No rotation of this secret is unfinished"):
        await steered(rig, "RetryRotation", arn)


@in_loop
async def test_a_test_that_is_ended_takes_its_version_with_it(rig: RotationHarness) -> None:
    arn = await rig.create("db")
    version = await rig.rotate(arn, RotationRules={"AutomaticallyAfterDays": 5}, RotateImmediately=False)
    await steered(rig, "AbortRotation", arn)
    assert version not in (await rig.describe(arn))["VersionIdsToStages"]
    await rig.run()
    assert rig.steps == []
