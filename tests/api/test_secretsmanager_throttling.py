"""Quotas: request rates, which all workers of a host share, and the number of secrets."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.policies import refusal, refusal_code
from tests.support.server import RunningServer, running_server

QUOTAS = {"secretsmanager": {"describe_secret": 5, "get_secret_value": 0, "create_secret": 1_000, "secrets": 12}}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of two workers with small quotas."""
    environment = {"STRONGROOM_QUOTAS": json.dumps(QUOTAS), "STRONGROOM_MORE_REGIONS": '["eu-west-1"]'}
    folder = tmp_path_factory.mktemp("limited")
    with running_server(folder / "data", workers=2, environment=environment) as server:
        yield server


def outcomes(client: Any, operation: str, times: int, **parameters: Any) -> Counter[str]:
    """How many of that many calls, one right after the other, end with which error, or well."""
    found: Counter[str] = Counter()
    for _ in range(times):
        try:
            getattr(client, operation)(**parameters)
        except ClientError as error:
            found["{Code}: {Message}".format(**error.response["Error"])] += 1
        else:
            found["well"] += 1
    return found


def test_beyond_the_rate_requests_are_throttled(limited: RunningServer) -> None:
    client, elsewhere = limited.client("secretsmanager"), limited.client("secretsmanager", region="eu-west-1")
    name = uuid.uuid4().hex
    client.create_secret(Name=name, SecretString="x")
    elsewhere.create_secret(Name=name, SecretString="x")
    described = outcomes(client, "describe_secret", 100, SecretId=name)
    assert set(described) == {"well", "ThrottlingException: Rate exceeded"}
    assert outcomes(client, "get_secret_value", 100, SecretId=name) == {"well": 100}
    assert outcomes(elsewhere, "describe_secret", 4, SecretId=name) == {"well": 4}


def test_the_number_of_secrets_has_an_end(limited: RunningServer) -> None:
    client, elsewhere = limited.client("secretsmanager"), limited.client("secretsmanager", region="eu-west-1")
    there = len(client.list_secrets()["SecretList"])
    for number in range(12 - there):
        client.create_secret(Name=f"many/{number}")
    code, message = refusal(client, "create_secret", Name="many/more")
    assert (code, "12 secrets" in message) == ("LimitExceededException", True)
    client.delete_secret(SecretId="many/0", ForceDeleteWithoutRecovery=True)
    client.create_secret(Name="many/again")
    assert refusal_code(client, "create_secret", Name="many/more") == "LimitExceededException"
    elsewhere.create_secret(Name="elsewhere")


def test_lookups_in_the_trail_are_throttled_and_kept_to_a_region(limited: RunningServer) -> None:
    limited.client("secretsmanager", region="eu-west-1").list_secrets()
    elsewhere = limited.client("cloudtrail", region="eu-west-1").lookup_events()["Events"]
    assert elsewhere[0]["EventName"] == "ListSecrets"
    assert {json.loads(event["CloudTrailEvent"])["awsRegion"] for event in elsewhere} == {"eu-west-1"}
    lookups = outcomes(limited.client("cloudtrail"), "lookup_events", 20, MaxResults=1)
    assert set(lookups) == {"well", "ThrottlingException: Rate exceeded"}
