"""The AWS Secrets Manager caching client for Python, unmodified."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from typing import Any

import boto3
import pytest
from aws_secretsmanager_caching import (  # type: ignore[import-untyped]
    InjectKeywordedSecretString,
    InjectSecretString,
    SecretCache,
    SecretCacheConfig,
)
from aws_secretsmanager_caching.cache.items import SecretCacheObject  # type: ignore[import-untyped]
from botocore.exceptions import ClientError
from tests.support.server import RunningServer

pytestmark = pytest.mark.system


class CountedClient:
    """A client with what a reading application may do, and how often it called each operation."""

    def __init__(self, server: RunningServer) -> None:
        allowed = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "kms:Decrypt"]
        statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
        user = server.make_user({"Version": "2012-10-17", "Statement": [statement]})
        self.client: Any = boto3.session.Session().client(
            "secretsmanager",
            endpoint_url=server.endpoint,
            region_name=server.region,
            aws_access_key_id=user.access_key_id,
            aws_secret_access_key=user.secret_access_key,
        )
        self.calls: Counter[str] = Counter()
        self.client.meta.events.register("before-call.secrets-manager", self._count)

    def _count(self, model: Any, **_: object) -> None:
        self.calls[model.name] += 1


@pytest.fixture
def counted(strongroom: RunningServer) -> CountedClient:
    return CountedClient(strongroom)


@pytest.fixture
def secret(strongroom: RunningServer) -> str:
    """The name of a secret whose value is ``first``."""
    name = f"caching-{uuid.uuid4().hex[:12]}"
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="first")
    return name


def test_a_value_is_fetched_once(counted: CountedClient, secret: str) -> None:
    cache = SecretCache(client=counted.client)
    assert [cache.get_secret_string(secret) for _ in range(3)] == ["first"] * 3
    assert counted.calls == {"DescribeSecret": 1, "GetSecretValue": 1}


def test_a_new_value_is_seen_when_the_description_is_asked_for_again(
    strongroom: RunningServer, counted: CountedClient, secret: str
) -> None:
    cache = SecretCache(SecretCacheConfig(secret_refresh_interval=0), counted.client)
    assert [cache.get_secret_string(secret) for _ in range(2)] == ["first"] * 2
    strongroom.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="second")
    assert [cache.get_secret_string(secret) for _ in range(2)] == ["second"] * 2
    assert cache.get_secret_string(secret, "AWSPREVIOUS") == "first"
    # A version never changes, so each was fetched once.
    assert counted.calls == {"DescribeSecret": 5, "GetSecretValue": 2}


def test_a_refresh_on_demand(
    strongroom: RunningServer, counted: CountedClient, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SecretCacheObject, "FORCE_REFRESH_JITTER_SLEEP", 2)  # milliseconds, not seconds, of waiting
    cache = SecretCache(client=counted.client)
    assert cache.get_secret_string(secret) == "first"
    strongroom.client("secretsmanager").put_secret_value(SecretId=secret, SecretBinary=b"\x00\xff")
    assert cache.get_secret_string(secret) == "first"
    assert cache.refresh_secret_now(secret) is True
    assert cache.get_secret_binary(secret) == b"\x00\xff"
    assert cache.get_secret_string(secret) is None


def test_decorators_give_a_function_its_secret(strongroom: RunningServer, counted: CountedClient, secret: str) -> None:
    cache = SecretCache(client=counted.client)

    @InjectSecretString(secret, cache)  # type: ignore[untyped-decorator]
    def whole(value: str, other: str) -> list[str]:
        return [value, other]

    assert whole("other") == ["first", "other"]

    name = f"{secret}/json"
    value = json.dumps({"username": "app", "password": "p4ss"})
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString=value)

    @InjectKeywordedSecretString(name, cache, user="username", word="password")  # type: ignore[untyped-decorator]
    def parts(*, user: str, word: str) -> list[str]:
        return [user, word]

    assert parts() == ["app", "p4ss"]
    assert counted.calls == {"DescribeSecret": 2, "GetSecretValue": 2}


def test_a_secret_that_is_not_there(counted: CountedClient, secret: str) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        SecretCache(client=counted.client).get_secret_string(f"{secret}/none")
