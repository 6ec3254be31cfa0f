"""RotateSecret from outside: every combination of its parameters on a new secret and on one that has settings."""

from __future__ import annotations

import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.operator import operator_client
from tests.support.plain_rotation import PlainSecret, plain_function
from tests.support.rotation import wait_until
from tests.support.server import RunningServer

NO_FUNCTION = ("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
RULES = {"AutomaticallyAfterDays": 11}
OTHER_RULES = {"ScheduleExpression": "rate(10 days)", "Duration": "2h"}
SHOWN = {**OTHER_RULES, "AutomaticallyAfterDays": 10}


@pytest.fixture(scope="module")
def good(strongroom: RunningServer) -> str:
    """A function that rotates well."""
    return plain_function(strongroom)


def state_of_last(secret: PlainSecret) -> tuple[str, str]:
    """Kind and state of the last rotation of a secret."""
    found = operator_client(secret.server).describe_rotations(SecretId=secret.arn)["Rotations"][0]
    return found["Kind"], found["State"]


def wait_until_over(secret: PlainSecret) -> tuple[str, str]:
    """Wait until no rotation of a secret runs; answer how the last one ended."""
    wait_until(lambda: state_of_last(secret)[1] != "running", f"the rotation of {secret.name} is over")
    return state_of_last(secret)


@pytest.mark.parametrize(
    ("with_function", "with_rules", "immediately", "configured"),
    list(itertools.product((True, False), (True, False), (None, True, False), (True, False))),
)
def test_every_combination_of_parameters(
    strongroom: RunningServer,
    good: str,
    with_function: bool,
    with_rules: bool,
    immediately: bool | None,
    configured: bool,
) -> None:
    secret = PlainSecret(strongroom, good)
    if configured:
        secret.rotate(RotationRules=OTHER_RULES, RotateImmediately=False)
        assert wait_until_over(secret) == ("test", "succeeded")
    given: dict[str, Any] = {"RotationLambdaARN": good} if with_function else {}
    given |= {"RotationRules": RULES} if with_rules else {}
    given |= {} if immediately is None else {"RotateImmediately": immediately}
    before = secret.labels()
    if not (with_function or configured):
        with pytest.raises(ClientError) as caught:
            secret.secrets.rotate_secret(SecretId=secret.arn, **given)
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == NO_FUNCTION
        assert not secret.secrets.describe_secret(SecretId=secret.arn).get("RotationEnabled")
        return
    answer = secret.secrets.rotate_secret(SecretId=secret.arn, **given)
    assert (answer["ARN"], answer["Name"]) == (secret.arn, secret.name)
    kind = "test" if immediately is False else "rotation"
    assert wait_until_over(secret) == (kind, "succeeded")
    after = {"AWSCURRENT": answer["VersionId"], "AWSPREVIOUS": before["AWSCURRENT"]}
    assert secret.labels() == (before if kind == "test" else after)
    described = secret.secrets.describe_secret(SecretId=secret.arn)
    assert (described["RotationEnabled"], described["RotationLambdaARN"]) == (True, good)
    assert described.get("RotationRules") == (RULES if with_rules else SHOWN if configured else None)
    assert ("NextRotationDate" in described) is (with_rules or configured)


def test_of_requests_at_one_time_one_begins_a_rotation(strongroom: RunningServer, good: str) -> None:
    secret = PlainSecret(strongroom, good)
    secret.wait_until_complete(secret.rotate())

    def rotate(token: str) -> str | None:
        try:
            secret.secrets.rotate_secret(SecretId=secret.arn, ClientRequestToken=token)
        except ClientError as refused:
            assert refused.response["Error"]["Code"] == "InvalidRequestException"  # noqa: PT017 - told apart below
            return None
        return token

    with ThreadPoolExecutor(6) as threads:
        begun = [token for token in threads.map(rotate, [str(uuid.uuid4()) for _ in range(6)]) if token]
    assert begun
    wait_until(lambda: secret.labels().get("AWSCURRENT") in begun, "a rotation is through")
    assert wait_until_over(secret) == ("rotation", "succeeded")
    rotations = operator_client(strongroom).describe_rotations(SecretId=secret.arn)["Rotations"]
    assert sorted(found["VersionId"] for found in rotations[:-1]) == sorted(begun)
    runs = sorted((run["StartedDate"], run["EndedDate"]) for found in rotations for run in found["Steps"])
    assert all(ended <= following for (_, ended), (following, _) in itertools.pairwise(runs)), "never two at once"
