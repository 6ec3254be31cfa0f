"""The operator's API: rotations seen and steered, each call decided and recorded like any other."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

import pytest
from tests.support.operator import operator_client
from tests.support.plain_rotation import PlainSecret, plain_function
from tests.support.refusals import refusal
from tests.support.rotation import wait_until
from tests.support.server import RunningServer

from strongroom.audit import EventFilter, read_records


@pytest.fixture(scope="module")
def good(strongroom: RunningServer) -> str:
    """A function that rotates well."""
    return plain_function(strongroom)


def shown(server: RunningServer, secret: PlainSecret) -> dict[str, Any]:
    """The last rotation of a secret."""
    found: dict[str, Any] = operator_client(server).describe_rotations(SecretId=secret.name)["Rotations"][0]
    return found


def test_a_rotation_tells_of_every_step(strongroom: RunningServer, good: str) -> None:
    secret = PlainSecret(strongroom, good)
    first = secret.rotate()
    secret.wait_until_complete(first)
    second = secret.rotate()
    secret.wait_until_complete(second)
    answer = operator_client(strongroom).describe_rotations(SecretId=secret.arn)
    assert (answer["ARN"], answer["Name"]) == (secret.arn, secret.name)
    assert [found["VersionId"] for found in answer["Rotations"]] == [second, first]
    found = answer["Rotations"][0]
    assert (found["State"], found["Kind"], found["Origin"], found["RotatedBy"], found["Failing"]) == (
        "succeeded",
        "rotation",
        "request",
        good,
        False,
    )
    assert {"Error", "NextAttemptDate", "AttemptsLeft"}.isdisjoint(found)
    steps = found["Steps"]
    assert [run["Step"] for run in steps] == ["createSecret", "setSecret", "testSecret", "finishSecret"]
    assert [run["Attempt"] for run in steps] == [1] * 4
    assert all(run["StartedDate"] <= run["EndedDate"] and "Error" not in run for run in steps)
    events = strongroom.client("logs").get_log_events(
        logGroupName=steps[1]["LogGroupName"], logStreamName=steps[1]["LogStreamName"]
    )["events"]
    assert "step setSecret" in [event["message"].rstrip() for event in events]
    only = operator_client(strongroom).describe_rotations(SecretId=secret.arn, VersionId=first)["Rotations"]
    assert [found["VersionId"] for found in only] == [first]
    unknown = refusal(operator_client(strongroom).describe_rotations, SecretId=secret.arn, VersionId=str(uuid.uuid4()))
    assert unknown[0] == "ResourceNotFoundException"


def test_a_failing_rotation_is_shown_and_taken_up_again(strongroom: RunningServer) -> None:
    secret = PlainSecret(strongroom, plain_function(strongroom, fail="testSecret"))
    operator = operator_client(strongroom)
    token = secret.rotate()
    wait_until(lambda: shown(strongroom, secret)["FailedAttempts"] >= 3, "three attempts fail")
    found = shown(strongroom, secret)
    assert (found["State"], found["Step"], found["Failing"]) == ("running", "testSecret", True)
    assert found["Error"] == "the function failed: RuntimeError"
    assert found["FailedAttempts"] + found["AttemptsLeft"] == 10
    failed = [run for run in found["Steps"] if "Error" in run]
    assert [run["Attempt"] for run in failed] == list(range(1, len(failed) + 1))
    assert "NextAttemptDate" in found
    listed = operator.list_rotations(Failing=True)["Rotations"]
    assert [(each["Name"], each["VersionId"]) for each in listed if each["ARN"] == secret.arn] == [(secret.name, token)]
    assert "Steps" not in listed[0]
    with urllib.request.urlopen(f"{strongroom.endpoint}/health/ready", timeout=5) as page:
        health = json.load(page)
    assert health["status"] == "ready"
    assert "failing: see `strongroom rotation list --failing`" in health["warnings"][0]
    assert secret.name not in str(health)
    secret.set_failure("")
    answer = operator.retry_rotation(SecretId=secret.name)
    assert (answer["ARN"], answer["VersionId"], answer["Step"]) == (secret.arn, token, "testSecret")
    secret.wait_until_complete(token)
    assert secret.arn not in [each["ARN"] for each in operator.list_rotations(Failing=True)["Rotations"]]
    code, message = refusal(operator.retry_rotation, SecretId=secret.name)
    assert (code, message) == (
        "InvalidRequestException",
        "No rotation of this secret is unfinished. RotateSecret begins a new one.",
    )


def test_a_rotation_is_ended_before_the_password_can_have_changed(strongroom: RunningServer) -> None:
    secret = PlainSecret(strongroom, plain_function(strongroom, fail="createSecret"))
    rules = {"AutomaticallyAfterDays": 9}
    before = secret.labels()
    token = secret.rotate(RotationRules=rules)
    wait_until(lambda: shown(strongroom, secret)["FailedAttempts"] >= 1, "an attempt fails")
    assert operator_client(strongroom).abort_rotation(SecretId=secret.arn)["VersionId"] == token
    assert secret.labels() == before
    described = secret.secrets.describe_secret(SecretId=secret.arn)
    assert (described["RotationEnabled"], described["RotationRules"]) == (True, rules)
    assert shown(strongroom, secret)["State"] == "abandoned"
    secret.set_failure("")
    secret.wait_until_complete(secret.rotate())


def test_a_rotation_that_may_have_changed_the_password_is_ended_by_force_only(strongroom: RunningServer) -> None:
    secret = PlainSecret(strongroom, plain_function(strongroom, fail="setSecret"))
    operator = operator_client(strongroom)
    token = secret.rotate()
    wait_until(lambda: shown(strongroom, secret)["FailedAttempts"] >= 1, "an attempt fails")
    code, message = refusal(operator.abort_rotation, SecretId=secret.arn)
    assert code == "InvalidRequestException"
    assert f"version {token} may hold the password that is valid now" in message
    assert operator.abort_rotation(SecretId=secret.arn, Force=True)["Step"] == "setSecret"
    assert (shown(strongroom, secret)["State"], secret.labels()["AWSPENDING"]) == ("cancelled", token)
    assert refusal(operator.abort_rotation, SecretId=secret.arn)[0] == "InvalidRequestException"
    secret.set_failure("")
    operator.retry_rotation(SecretId=secret.arn)
    secret.wait_until_complete(token)


def test_upcoming_rotations_are_listed_in_order(strongroom: RunningServer, good: str) -> None:
    days = (3, 1, 2)
    secrets = [PlainSecret(strongroom, good) for _ in days]
    for secret, number in zip(secrets, days, strict=True):
        secret.rotate(RotationRules={"AutomaticallyAfterDays": number, "Duration": "2h"}, RotateImmediately=False)
    operator = operator_client(strongroom)
    pages = operator.get_paginator("list_upcoming_rotations").paginate(Days=5, PaginationConfig={"PageSize": 1})
    found = [each for page in pages for each in page["Rotations"]]
    mine = [each for each in found if each["ARN"] in {secret.arn for secret in secrets}]
    assert [(each["Name"], each["AutomaticallyAfterDays"], each["Duration"]) for each in mine] == [
        (secrets[1].name, 1, "2h"),
        (secrets[2].name, 2, "2h"),
        (secrets[0].name, 3, "2h"),
    ]
    assert all(each["WindowOpensDate"] < each["WindowClosesDate"] for each in mine)
    within = operator.list_upcoming_rotations(Days=1)["Rotations"]
    assert secrets[0].arn not in [each["ARN"] for each in within]


def test_the_list_has_pages_and_states(strongroom: RunningServer, good: str) -> None:
    secrets = [PlainSecret(strongroom, good) for _ in range(3)]
    for secret in secrets:
        secret.wait_until_complete(secret.rotate())
    operator = operator_client(strongroom)
    pages = operator.get_paginator("list_rotations").paginate(States=["succeeded"], PaginationConfig={"PageSize": 2})
    found = [each["ARN"] for page in pages for each in page["Rotations"]]
    assert sorted(found) == sorted(set(found))
    assert {secret.arn for secret in secrets} <= set(found)
    others = operator.list_rotations(States=["abandoned"])["Rotations"]
    assert {secret.arn for secret in secrets}.isdisjoint(each["ARN"] for each in others)
    for wrong in ("x", "WzFd", "WyJhIiwiYiJd"):
        assert refusal(operator.list_rotations, NextToken=wrong)[0] == "InvalidNextTokenException"


def test_each_operation_is_decided_and_recorded(strongroom: RunningServer, good: str) -> None:
    secret, other = PlainSecret(strongroom, good), PlainSecret(strongroom, good)
    secret.wait_until_complete(secret.rotate())
    allowed = {"Effect": "Allow", "Action": "strongroom:DescribeRotations", "Resource": secret.arn}
    user = strongroom.make_user({"Version": "2012-10-17", "Statement": [allowed]})
    operator = operator_client(strongroom, user)
    assert operator.describe_rotations(SecretId=secret.arn)["Rotations"]
    for call, parameters in (
        (operator.describe_rotations, {"SecretId": other.arn}),
        (operator.retry_rotation, {"SecretId": secret.arn}),
        (operator.abort_rotation, {"SecretId": secret.arn, "Force": True}),
        (operator.list_rotations, {}),
        (operator.list_upcoming_rotations, {}),
    ):
        code, message = refusal(call, **parameters)
        assert code == "AccessDeniedException"
        assert user.arn in message
    denied = {"Effect": "Deny", "Principal": {"AWS": user.arn}, "Action": "*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [denied]}
    secret.secrets.put_resource_policy(SecretId=secret.arn, ResourcePolicy=json.dumps(policy))
    assert refusal(operator.describe_rotations, SecretId=secret.arn)[0] == "AccessDeniedException"
    records = read_records(strongroom.data_dir / "audit", EventFilter(resource=secret.arn))
    mine: list[Any] = [record.event for record in records]
    told = [
        event
        for event in mine
        if event["eventSource"] == "strongroom.amazonaws.com"
        and event["userIdentity"].get("userName") == user.user_name
    ]
    assert [(event["eventName"], event.get("errorCode")) for event in told] == [
        ("DescribeRotations", None),
        ("RetryRotation", "AccessDeniedException"),
        ("AbortRotation", "AccessDeniedException"),
        ("DescribeRotations", "AccessDeniedException"),
    ]
    assert told[2]["requestParameters"] == {"secretId": secret.arn, "force": True}
