"""The request side of rotation: settings, rows, labels and the answers, without running a function."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from tests.support.harness_kms import allow
from tests.support.harness_secretsmanager import FUNCTION, SecretsHarness, in_loop, token

from strongroom.errors import AccessDenied, AwsError
from strongroom.services.secretsmanager.rotations import Rotation, find_rotation, rotation_token

RULES = {"AutomaticallyAfterDays": 30}


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[SecretsHarness]:
    found = SecretsHarness(tmp_path)
    yield found
    found.store.close()


async def rotate(harness: SecretsHarness, arn: str, rotation: str, **parameters: object) -> dict[str, object]:
    return await harness.secrets.rotate_secret(
        await harness.call_of("RotateSecret"),
        SecretId=arn,
        ClientRequestToken=rotation,
        **parameters,  # type: ignore[arg-type]
    )


async def begin(harness: SecretsHarness, **parameters: object) -> tuple[str, str]:
    """A secret with a rotation under way; answers its ARN and the token."""
    arn, rotation = await harness.create("app/db"), token()
    await rotate(harness, arn, rotation, RotationLambdaARN=FUNCTION, RotationRules=RULES, **parameters)
    return arn, rotation


async def put(harness: SecretsHarness, arn: str, version: str, value: str, **parameters: object) -> None:
    await harness.secrets.put_secret_value(
        await harness.call_of("PutSecretValue"),
        SecretId=arn,
        ClientRequestToken=version,
        SecretString=value,
        **parameters,  # type: ignore[arg-type]
    )


async def stages(harness: SecretsHarness, arn: str) -> dict[str, list[str]]:
    described = await harness.secrets.describe_secret(await harness.call_of("DescribeSecret"), SecretId=arn)
    found = described["VersionIdsToStages"]
    assert isinstance(found, dict)
    return found


def row(harness: SecretsHarness, arn: str, rotation: str) -> Rotation:
    found = harness.store.read_now(lambda tx: find_rotation(tx, arn, rotation))
    assert found is not None
    return found


def events(harness: SecretsHarness) -> list[str]:
    names = (orjson.loads(event).get("eventName") for event in harness.journal.events)
    return [name for name in names if name]


@in_loop
async def test_a_rotation_begins_with_a_pending_version_that_has_no_value(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    assert (await stages(harness, arn))[rotation] == ["AWSPENDING"]
    listed = await harness.secrets.list_secret_version_ids(await harness.call_of("ListSecretVersionIds"), SecretId=arn)
    versions = listed["Versions"]
    assert isinstance(versions, list)
    assert rotation not in [version["VersionId"] for version in versions]
    with pytest.raises(AwsError) as caught:
        await harness.get(arn, VersionId=rotation, VersionStage="AWSPENDING")
    assert caught.value.code == "ResourceNotFoundException"
    found = row(harness, arn, rotation)
    assert (found.state, found.step, found.kind, found.due_ms) == (
        "running",
        "createSecret",
        "rotation",
        harness.clock.now_ms,
    )
    assert events(harness)[-1] == "RotationStarted"


@in_loop
async def test_the_function_fills_the_pending_version(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    given = rotation_token(harness.keyring, arn, rotation)
    assert len(given) <= 256
    await put(harness, arn, rotation, "v2", VersionStages=["AWSPENDING"], RotationToken=given)
    assert (await harness.get(arn, VersionId=rotation, VersionStage="AWSPENDING"))["SecretString"] == "v2"
    await put(harness, arn, rotation, "v2", VersionStages=["AWSPENDING"])
    with pytest.raises(AwsError, match="already in use for a version"):
        await put(harness, arn, rotation, "v3", VersionStages=["AWSPENDING"])
    assert row(harness, arn, rotation).state == "running"


@in_loop
async def test_a_rotation_token_of_another_rotation_is_refused(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    for given in (rotation_token(harness.keyring, arn, token()), "00" * 103, "not-hexadecimal-" * 4):
        with pytest.raises(AwsError, match="RotationToken"):
            await put(harness, arn, rotation, "v2", VersionStages=["AWSPENDING"], RotationToken=given)


@in_loop
async def test_settings_are_remembered(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    await put(harness, arn, rotation, "v2", VersionStages=["AWSPENDING", "AWSCURRENT"])
    again = token()
    assert (await rotate(harness, arn, again))["VersionId"] == again
    assert row(harness, arn, again).function_arn == FUNCTION
    assert row(harness, arn, rotation).state == "succeeded"
    described = await harness.secrets.describe_secret(await harness.call_of("DescribeSecret"), SecretId=arn)
    assert described["RotationRules"] == RULES
    assert described["RotationEnabled"] is True
    assert str(described["NextRotationDate"]) == "2027-02-14 23:59:59+00:00"


@in_loop
async def test_the_same_request_again_changes_nothing(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    before = row(harness, arn, rotation)
    assert (await rotate(harness, arn, rotation))["VersionId"] == rotation
    assert row(harness, arn, rotation) == before


@in_loop
async def test_a_rotation_that_is_not_through_is_taken_up_again_instead(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    harness.clock.now_ms += 5000
    with pytest.raises(AwsError) as caught:
        await rotate(harness, arn, token())
    assert caught.value.code == "InvalidRequestException"
    assert caught.value.message == "A previous rotation isn’t complete. That rotation will be reattempted."
    assert row(harness, arn, rotation).due_ms == harness.clock.now_ms


@in_loop
async def test_a_new_current_value_abandons_the_rotation(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    await put(harness, arn, token(), "by hand")
    assert row(harness, arn, rotation).state == "abandoned"
    assert events(harness)[-1] == "RotationAbandoned"
    again = token()
    await rotate(harness, arn, again)
    assert (await stages(harness, arn))[again] == ["AWSPENDING"]


@in_loop
async def test_taking_the_pending_label_away_lets_the_next_rotation_begin(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    await harness.secrets.update_secret_version_stage(
        await harness.call_of("UpdateSecretVersionStage"),
        SecretId=arn,
        VersionStage="AWSPENDING",
        RemoveFromVersionId=rotation,
    )
    await rotate(harness, arn, token())
    assert row(harness, arn, rotation).state == "abandoned"


@in_loop
async def test_cancelling_keeps_labels_and_names_the_version(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    call = await harness.call_of("CancelRotateSecret")
    assert (await harness.secrets.cancel_rotate_secret(call, SecretId=arn))["VersionId"] == rotation
    assert row(harness, arn, rotation).state == "cancelled"
    assert (await stages(harness, arn))[rotation] == ["AWSPENDING"]
    assert "VersionId" not in await harness.secrets.cancel_rotate_secret(call, SecretId=arn)
    await rotate(harness, arn, token())


@in_loop
async def test_a_version_without_a_value_cannot_become_current(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness)
    [current] = [version for version, labels in (await stages(harness, arn)).items() if "AWSCURRENT" in labels]
    with pytest.raises(AwsError) as caught:
        await harness.secrets.update_secret_version_stage(
            await harness.call_of("UpdateSecretVersionStage"),
            SecretId=arn,
            VersionStage="AWSCURRENT",
            MoveToVersionId=rotation,
            RemoveFromVersionId=current,
        )
    assert caught.value.code == "ResourceNotFoundException"


@in_loop
async def test_a_test_only_rotation_copies_the_current_value(harness: SecretsHarness) -> None:
    arn, rotation = await begin(harness, RotateImmediately=False)
    assert row(harness, arn, rotation).step == "testSecret"
    assert (await harness.get(arn, VersionStage="AWSPENDING"))["SecretString"] == "v1"
    assert events(harness)[-1] == "TestRotationStarted"


@in_loop
async def test_a_function_that_does_not_admit_the_service_leaves_the_secret_alone(harness: SecretsHarness) -> None:
    arn = await harness.create("app/db")
    harness.functions.admits = False
    with pytest.raises(AccessDenied) as caught:
        await rotate(harness, arn, token(), RotationLambdaARN=FUNCTION, RotationRules=RULES)
    assert caught.value.message == (
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to "
        "the principal secretsmanager.amazonaws.com."
    )
    described = await harness.secrets.describe_secret(await harness.call_of("DescribeSecret"), SecretId=arn)
    assert "RotationEnabled" not in described


@in_loop
async def test_the_caller_must_be_allowed_to_invoke_the_function(harness: SecretsHarness) -> None:
    arn = await harness.create("app/db")
    with pytest.raises(AccessDenied, match="lambda:InvokeFunction"):
        await harness.secrets.rotate_secret(
            await harness.call_of("RotateSecret", allow("secretsmanager:*", "kms:*")),
            SecretId=arn,
            ClientRequestToken=token(),
            RotationLambdaARN=FUNCTION,
        )


@pytest.mark.parametrize(
    "rules",
    [
        {"AutomaticallyAfterDays": 5, "ScheduleExpression": "rate(5 days)"},
        {"ScheduleExpression": "rate(2 minutes)"},
        {"ScheduleExpression": "rate(4 hours)", "Duration": "9h"},
        {},
    ],
)
@in_loop
async def test_rules_that_cannot_be_followed_are_refused(harness: SecretsHarness, rules: dict[str, object]) -> None:
    arn = await harness.create("app/db")
    with pytest.raises(AwsError) as caught:
        await rotate(harness, arn, token(), RotationLambdaARN=FUNCTION, RotationRules=rules)
    assert caught.value.code == "InvalidParameterException"
