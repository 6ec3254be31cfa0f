"""``strongroom rotation``: what an operator sees of rotations, and does about them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.commands import run_strongroom
from tests.support.operator import operator_client
from tests.support.plain_rotation import PlainSecret, plain_function
from tests.support.rotation import wait_until
from tests.support.server import RunningServer

pytestmark = pytest.mark.system


def told(server: RunningServer, *arguments: str) -> str:
    """What ``strongroom rotation`` prints."""
    done = run_strongroom("rotation", *arguments, "--data-dir", server.data_dir)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def told_json(server: RunningServer, *arguments: str) -> Any:
    """The same with ``--json``."""
    return json.loads(told(server, *arguments, "--json"))


def test_a_failing_rotation_is_seen_mended_and_taken_up(strongroom: RunningServer) -> None:
    secret = PlainSecret(strongroom, plain_function(strongroom, fail="setSecret"))
    token = secret.rotate(RotationRules={"ScheduleExpression": "rate(10 days)"})
    operator = operator_client(strongroom)
    wait_until(
        lambda: operator.describe_rotations(SecretId=secret.arn)["Rotations"][0]["Failing"],
        "the rotation keeps failing",
    )
    assert secret.arn in [each["ARN"] for each in told_json(strongroom, "list", "--failing")]
    line = next(line for line in told(strongroom, "list").splitlines() if secret.name in line)
    assert line.startswith("! ")
    assert "running in setSecret, failed " in line
    assert line.endswith(": the function failed: RuntimeError")

    text = told(strongroom, "show", secret.arn)
    assert "setSecret    " in text
    assert ", attempt 2: the function failed: RuntimeError" in text
    assert "told to fail" in text
    assert f"at once with `strongroom rotation retry {secret.name}`" in text

    assert f"{secret.name}  (rate(10 days))" in told(strongroom, "upcoming", "--days", "11")

    refused = run_strongroom("rotation", "abort", secret.name, "--data-dir", strongroom.data_dir)
    assert refused.returncode == 1
    assert "The rotation was not ended." in refused.stderr
    assert f"version {token} may hold the password that is valid now" in refused.stderr

    status = run_strongroom("status", "--data-dir", strongroom.data_dir)
    assert status.returncode == 0
    assert "failing: see `strongroom rotation list --failing`" in status.stdout

    answer = told(strongroom, "retry", secret.name)
    assert answer == f"The rotation of {secret.name} to version {token} goes on; step setSecret.\n"
    secret.set_failure("")
    secret.wait_until_complete(token)
    assert "state    succeeded" in told(strongroom, "history", secret.name)


def test_a_rotation_is_ended(strongroom: RunningServer) -> None:
    secret = PlainSecret(strongroom, plain_function(strongroom, fail="createSecret"))
    assert told(strongroom, "show", secret.name) == f"{secret.name} has not been rotated yet.\n"
    token = secret.rotate()
    assert told_json(strongroom, "abort", secret.name)["VersionId"] == token
    assert "AWSPENDING" not in secret.labels()
    unknown = run_strongroom("rotation", "show", "no/such", "--data-dir", strongroom.data_dir)
    assert unknown.returncode == 1
    assert "ResourceNotFoundException" in unknown.stderr
