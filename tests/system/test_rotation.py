"""Rotation from end to end: a real function changes a real password, and whatever comes in between is survived."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator

import pytest
from tests.support.canary import Canaries
from tests.support.refusals import refusal
from tests.support.rotation import Rig, RotatedSecret, rotation_rig, wait_until

from strongroom.services.secretsmanager.rotation.outcome import REPLACEMENTS

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("rotation")]

UNFINISHED = "A previous rotation isn’t complete. That rotation will be reattempted."
NO_PERMISSION = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to "
    "the principal secretsmanager.amazonaws.com."
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rotation_rig(tmp_path_factory.mktemp("rotation"), "--minute-schedules") as made:
        yield made


@pytest.fixture(scope="module")
def shipped(rig: Rig) -> str:
    return rig.shipped_function()


@pytest.fixture(scope="module")
def gated(rig: Rig) -> str:
    return rig.gated_function()


@pytest.fixture(scope="module", autouse=True)
def scheduled(rig: Rig, shipped: str) -> tuple[RotatedSecret, dict[str, str], str]:
    """A secret whose schedule falls due while the other tests run, with its labels and its password before that."""
    secret = rig.make_secret(shipped)
    before, password = secret.labels(), secret.credential()["password"]
    secret.rotate(RotationRules={"ScheduleExpression": "rate(1 minute)"}, RotateImmediately=False)
    return secret, before, password


def new_token() -> str:
    return str(uuid.uuid4())


def rotation_events(secret: RotatedSecret) -> list[str]:
    return [event["eventName"] for event in secret.events() if event["eventType"] == "AwsServiceEvent"]


# --- the good ends


def test_a_rotation_on_request(rig: Rig, shipped: str) -> None:
    secret = rig.make_secret(shipped)
    before = secret.labels()["AWSCURRENT"]
    old = secret.credential()["password"]
    token = secret.rotate(RotationRules={"AutomaticallyAfterDays": 30}, ClientRequestToken=new_token())
    described = secret.describe()
    assert (described["RotationEnabled"], described["RotationLambdaARN"]) == (True, shipped)
    secret.wait_until_complete(token)
    assert secret.labels() == {"AWSCURRENT": token, "AWSPREVIOUS": before}
    assert secret.credential("AWSPREVIOUS")["password"] == old
    assert (secret.logs_in(), secret.takes(old)) == (True, False)
    described = secret.describe()
    now = datetime.datetime.now(datetime.UTC)
    assert abs(now - described["LastRotatedDate"]) < datetime.timedelta(minutes=5)
    ahead = described["NextRotationDate"] - now
    assert datetime.timedelta(days=29) < ahead < datetime.timedelta(days=31)
    assert rotation_events(secret) == ["RotationStarted", "RotationSucceeded"]


def test_the_events_are_shaped_as_cloudtrail_has_them(rig: Rig, shipped: str) -> None:
    secret = rig.make_secret(shipped)
    token = secret.rotate()
    secret.wait_until_complete(token)
    for event in secret.events("RotationStarted", "RotationSucceeded"):
        assert event["eventSource"] == "secretsmanager.amazonaws.com"
        assert event["eventType"] == "AwsServiceEvent"
        assert event["eventCategory"] == "Management"
        assert event["userIdentity"]["invokedBy"] == "secretsmanager.amazonaws.com"
        assert event["additionalEventData"] == {"SecretId": secret.arn}
        assert event["requestID"] == f"Rotation-{secret.arn}-{token}"
        assert event["awsRegion"] == rig.server.region
        assert event["recipientAccountId"] == rig.server.account
        assert "errorCode" not in event
    by_the_function = secret.events("PutSecretValue", "UpdateSecretVersionStage")
    role = rig.role_arn.rpartition("/")[2]
    assert [event["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] for event in by_the_function] == [
        role,
        role,
    ]


def test_a_rotation_without_arguments_uses_what_is_stored(rig: Rig, shipped: str) -> None:
    secret = rig.make_secret(shipped)
    first = secret.rotate(RotationRules={"AutomaticallyAfterDays": 7})
    secret.wait_until_complete(first)
    rules = secret.describe()["RotationRules"]
    second = rig.secrets.rotate_secret(SecretId=secret.name)["VersionId"]
    secret.wait_until_complete(second)
    described = secret.describe()
    assert (described["RotationLambdaARN"], described["RotationRules"]) == (shipped, rules)
    assert secret.labels() == {"AWSCURRENT": second, "AWSPREVIOUS": first}
    assert secret.logs_in()


def test_attack_12_no_password_is_left_anywhere(rig: Rig, shipped: str) -> None:
    secret, canaries = rig.make_secret(shipped), Canaries()
    canaries.watch("the password to begin with", secret.credential()["password"])
    for number in range(2):
        secret.wait_until_complete(secret.rotate())
        canaries.watch(f"password {number}", secret.credential()["password"])
    server = rig.server
    assert canaries.found_in_files(server.data_dir, server.log, rig.database.log) == {}
    assert canaries.found_in_processes(server.process.pid) == {}


def test_a_repeated_request_is_one_rotation(rig: Rig, shipped: str) -> None:
    secret = rig.make_secret(shipped)
    token = new_token()
    for _ in range(2):
        assert secret.rotate(ClientRequestToken=token) == token
    secret.wait_until_complete(token)
    assert secret.rotate(ClientRequestToken=token) == token
    assert rotation_events(secret) == ["RotationStarted", "RotationSucceeded"]


def test_several_secrets_rotate_at_once(rig: Rig, shipped: str) -> None:
    secrets = [rig.make_secret(shipped) for _ in range(4)]
    tokens = [secret.rotate() for secret in secrets]
    for secret, token in zip(secrets, tokens, strict=True):
        secret.wait_until_complete(token)
        assert secret.logs_in()


def test_a_test_run_changes_nothing(rig: Rig, shipped: str) -> None:
    secret = rig.make_secret(shipped)
    before, credential = secret.labels(), secret.credential()
    rules = {"AutomaticallyAfterDays": 30}
    secret.rotate(RotateImmediately=False, RotationRules=rules)
    secret.wait_for_events("TestRotationSucceeded")
    assert secret.labels() == before
    assert secret.credential() == credential
    described = secret.describe()
    assert described["RotationEnabled"]
    assert "LastRotatedDate" not in described
    assert "NextRotationDate" in described
    assert rotation_events(secret) == ["TestRotationStarted", "TestRotationSucceeded"]


def test_a_test_run_that_fails_leaves_nothing_behind(rig: Rig, shipped: str) -> None:
    secret = rig.make_secret(shipped)
    wrong = {**secret.credential(), "password": "not the one in the database"}
    rig.secrets.put_secret_value(SecretId=secret.arn, SecretString=json.dumps(wrong))
    before = secret.labels()
    secret.rotate(RotateImmediately=False, RotationRules={"AutomaticallyAfterDays": 30})
    failed = secret.wait_for_events("TestRotationFailed")
    assert failed[0]["errorMessage"] == "the function failed: RotationError"
    assert secret.labels() == before


# --- what goes wrong


def test_a_failing_function_is_called_again(rig: Rig) -> None:
    function = rig.gated_function(FAIL_STEP="setSecret")
    secret = rig.make_secret(function)
    token = secret.rotate()
    failed = secret.wait_for_events("RotationFailed", 2)
    assert {event["errorMessage"] for event in failed} == {"the function failed: RuntimeError"}
    assert {event["errorCode"] for event in failed} == {"RotationFailed"}
    assert secret.logs_in()
    assert secret.labels()["AWSPENDING"] == token
    promised = secret.credential(version=token)
    rig.set_environment(function)
    secret.wait_until_complete(token)
    assert secret.credential() == promised
    assert secret.logs_in()
    assert rotation_events(secret)[-1] == "RotationSucceeded"


def test_a_second_request_while_one_is_under_way(rig: Rig, gated: str) -> None:
    secret, token = rig.make_secret(gated), new_token()
    with rig.closed_gate(token, "setSecret", "before") as gate:
        secret.rotate(ClientRequestToken=token)
        gate.wait_until_reached()
        for _ in range(3):
            refused = refusal(rig.secrets.rotate_secret, SecretId=secret.arn)
            assert refused == ("InvalidRequestException", UNFINISHED)
        assert secret.labels()["AWSPENDING"] == token
    secret.wait_until_complete(token)
    assert secret.logs_in()
    assert rotation_events(secret) == ["RotationStarted", "RotationSucceeded"]
    again = secret.rotate()
    secret.wait_until_complete(again)
    assert secret.logs_in()


def test_a_request_takes_up_a_rotation_that_waits(rig: Rig) -> None:
    function = rig.gated_function(FAIL_STEP="createSecret")
    secret = rig.make_secret(function)
    token = secret.rotate()
    secret.wait_for_events("RotationFailed", 1)
    rig.set_environment(function)
    assert refusal(rig.secrets.rotate_secret, SecretId=secret.arn) == ("InvalidRequestException", UNFINISHED)
    secret.wait_until_complete(token)
    assert secret.logs_in()


def test_a_rotation_that_is_cancelled_before_the_database_changed(rig: Rig, gated: str) -> None:
    secret, token = rig.make_secret(gated), new_token()
    before = secret.labels()["AWSCURRENT"]
    with rig.closed_gate(token, "setSecret", "before") as gate:
        secret.rotate(ClientRequestToken=token)
        gate.wait_until_reached()
        answer = rig.secrets.cancel_rotate_secret(SecretId=secret.arn)
        assert answer["VersionId"] == token
    assert secret.describe()["RotationEnabled"] is False
    assert secret.labels() == {"AWSCURRENT": before, "AWSPENDING": token}
    assert secret.logs_in()
    again = secret.rotate()
    secret.wait_until_complete(again)
    assert secret.logs_in()
    assert rotation_events(secret) == ["RotationStarted", "RotationStarted", "RotationSucceeded"]


def test_a_rotation_that_is_cancelled_after_the_database_changed(rig: Rig, gated: str) -> None:
    """Its version is the password in the database: as AWS says, the operator makes it the current one.

    Where nobody does, the next rotation finds the password in the version that has lost its label.
    """
    secret, token = rig.make_secret(gated), new_token()
    before = secret.labels()["AWSCURRENT"]
    with rig.closed_gate(token, "testSecret", "before") as gate:
        secret.rotate(ClientRequestToken=token)
        gate.wait_until_reached()
        assert rig.secrets.cancel_rotate_secret(SecretId=secret.arn)["VersionId"] == token
    assert (secret.logs_in(), secret.logs_in("AWSPENDING")) == (False, True)
    assert secret.labels() == {"AWSCURRENT": before, "AWSPENDING": token}
    forgotten = secret.rotate()
    secret.wait_until_complete(forgotten)
    assert secret.logs_in()

    before, token = forgotten, new_token()
    with rig.closed_gate(token, "testSecret", "before") as gate:
        secret.rotate(ClientRequestToken=token)
        gate.wait_until_reached()
        rig.secrets.cancel_rotate_secret(SecretId=secret.arn)
    assert (secret.logs_in(), secret.logs_in("AWSPENDING")) == (False, True)
    rig.secrets.update_secret_version_stage(
        SecretId=secret.arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=before
    )
    assert secret.logs_in()
    again = secret.rotate()
    secret.wait_until_complete(again)
    assert secret.logs_in()


def test_a_new_value_abandons_the_rotation(rig: Rig, gated: str) -> None:
    secret, token = rig.make_secret(gated), new_token()
    with rig.closed_gate(token, "setSecret", "before") as gate:
        secret.rotate(ClientRequestToken=token)
        gate.wait_until_reached()
        put = rig.secrets.put_secret_value(SecretId=secret.arn, SecretString=json.dumps(secret.credential()))
        assert secret.labels()["AWSCURRENT"] == put["VersionId"]
    # The function goes on with its step, must not change the password any more, and is not called again.
    again = secret.rotate()
    secret.wait_until_complete(again)
    assert secret.logs_in()
    assert rotation_events(secret) == ["RotationStarted", "RotationAbandoned", "RotationStarted", "RotationSucceeded"]
    with rig.database.admin() as admin:
        steps = admin.execute("SELECT step, moment FROM reached WHERE token = %s", (token,)).fetchall()
    assert steps == [("createSecret", "before"), ("createSecret", "after"), ("setSecret", "before")]


def test_a_secret_that_is_deleted_meanwhile(rig: Rig, gated: str) -> None:
    secret, token = rig.make_secret(gated), new_token()
    with rig.closed_gate(token, "setSecret", "before") as gate:
        secret.rotate(ClientRequestToken=token)
        gate.wait_until_reached()
        rig.secrets.delete_secret(SecretId=secret.arn)
    rig.secrets.restore_secret(SecretId=secret.arn)
    again = secret.rotate()
    secret.wait_until_complete(again)
    assert secret.logs_in()


def test_a_secret_that_is_destroyed_meanwhile(rig: Rig, gated: str, shipped: str) -> None:
    secret, token = rig.make_secret(gated), new_token()
    with rig.closed_gate(token, "createSecret", "after") as gate:
        secret.rotate(ClientRequestToken=token)
        gate.wait_until_reached()
        rig.secrets.delete_secret(SecretId=secret.arn, ForceDeleteWithoutRecovery=True)
    assert refusal(rig.secrets.describe_secret, SecretId=secret.arn)[0] == "ResourceNotFoundException"
    other = rig.make_secret(shipped)
    other.wait_until_complete(other.rotate())
    assert other.logs_in()


def test_a_function_that_secrets_manager_may_not_invoke(rig: Rig) -> None:
    function = rig.shipped_function()
    secret = rig.make_secret(function)
    before = secret.describe()
    rig.server.client("lambda").remove_permission(FunctionName=function, StatementId="rotation")
    refused = refusal(rig.secrets.rotate_secret, SecretId=secret.arn, RotationLambdaARN=function)
    assert refused == ("AccessDeniedException", NO_PERMISSION)
    after = secret.describe()
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert after == before


def test_a_permission_that_is_taken_back_meanwhile(rig: Rig) -> None:
    function = rig.gated_function()
    secret, token = rig.make_secret(function), new_token()
    functions = rig.server.client("lambda")
    with rig.closed_gate(token, "createSecret", "before") as gate:
        secret.rotate(ClientRequestToken=token)
        gate.wait_until_reached()
        functions.remove_permission(FunctionName=function, StatementId="rotation")
    failed = secret.wait_for_events("RotationFailed")
    assert failed[0]["errorMessage"] == "the function could not be invoked: AccessDeniedException"
    assert secret.logs_in()
    functions.add_permission(
        FunctionName=function,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    secret.wait_until_complete(token)
    assert secret.logs_in()


def test_a_rejected_password_is_replaced_and_not_for_ever(rig: Rig) -> None:
    function = rig.gated_function(REJECT="yes")
    secret = rig.make_secret(function)
    current = secret.labels()["AWSCURRENT"]
    secret.rotate()
    failed = secret.wait_for_events("RotationFailed", REPLACEMENTS)
    tokens = {event["requestID"] for event in failed}
    assert len(tokens) == REPLACEMENTS
    assert len(secret.events("RotationStarted")) == REPLACEMENTS
    assert secret.labels() == {"AWSCURRENT": current}
    assert secret.logs_in()
    rig.set_environment(function)
    token = secret.rotate()
    secret.wait_until_complete(token)
    assert len(secret.events("RotationStarted")) == REPLACEMENTS + 1
    assert secret.logs_in()


def test_one_rejected_password_is_followed_by_another(rig: Rig) -> None:
    function = rig.gated_function(REJECT="yes")
    secret = rig.make_secret(function)
    rejected = secret.rotate()
    secret.wait_for_events("RotationFailed")
    rig.set_environment(function)
    wait_until(lambda: bool(secret.events("RotationSucceeded")), "a replaced password is taken")
    assert secret.labels()["AWSCURRENT"] != rejected
    assert "AWSPENDING" not in secret.labels()
    assert secret.logs_in()


def test_a_schedule_falls_due(rig: Rig, scheduled: tuple[RotatedSecret, dict[str, str], str]) -> None:
    """Stands last, because until the schedule falls due the other tests can run."""
    secret, before, old = scheduled
    first = secret.wait_for_events("RotationSucceeded")[0]
    rig.secrets.cancel_rotate_secret(SecretId=secret.arn)
    assert first["requestID"] != f"Rotation-{secret.arn}-{before['AWSCURRENT']}"
    assert not secret.events("RotateSecret")[1:]
    wait_until(secret.logs_in, "the password under AWSCURRENT logs in")
    assert not secret.takes(old)
