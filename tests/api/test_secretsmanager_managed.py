"""Names of managed secrets are not to be had by users. What managed secrets do is in the unit tests of their client."""

from __future__ import annotations

import uuid

import pytest
from tests.support.policies import refusal
from tests.support.server import RunningServer


@pytest.mark.parametrize("name", ["rds!db-{}", "{}!", "!{}", "a/{}!b"])
def test_names_with_an_owner_are_refused(strongroom: RunningServer, name: str) -> None:
    client = strongroom.client("secretsmanager")
    whole = name.format(uuid.uuid4().hex)
    code, message = refusal(client, "create_secret", Name=whole, SecretString="x")
    assert (code, "managed by other services" in message) == ("InvalidParameterException", True)
    assert refusal(client, "describe_secret", SecretId=whole)[0] == "ResourceNotFoundException"
