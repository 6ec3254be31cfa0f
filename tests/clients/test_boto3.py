"""boto3 the ways that applications use it: endpoints from the environment and from profiles, a cache, a role."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.server import RunningServer

pytestmark = pytest.mark.system

_FIELDS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


@pytest.fixture
def environment(strongroom: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator's keys in the environment, and no endpoint."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in strongroom.environment().items():
        if name in _FIELDS or name.endswith("_FILE"):
            monkeypatch.setenv(name, value)


@pytest.fixture
def secret(strongroom: RunningServer) -> str:
    """The name of a secret whose value is ``first``."""
    name = f"boto3-{uuid.uuid4().hex[:12]}"
    strongroom.client("secretsmanager").create_secret(Name=name, SecretString="first")
    return name


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"])
def test_an_endpoint_from_the_environment(
    strongroom: RunningServer, secret: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, strongroom.endpoint)
    client = boto3.session.Session().client("secretsmanager")
    assert client.get_secret_value(SecretId=secret)["SecretString"] == "first"


def test_an_endpoint_from_a_profile(
    strongroom: RunningServer, secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(
        f"[profile one]\nregion = {strongroom.region}\nservices = mine\n"
        f"[services mine]\nsecrets_manager =\n  endpoint_url = {strongroom.endpoint}\n"
        f"[profile all]\nregion = {strongroom.region}\nendpoint_url = {strongroom.endpoint}\n"
    )
    keys = (strongroom.data_dir / "admin.credentials").read_text()
    (tmp_path / "credentials").write_text(keys.replace("[strongroom]", "[one]") + keys.replace("[strongroom]", "[all]"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for profile in ("one", "all"):
        client = boto3.session.Session(profile_name=profile).client("secretsmanager")
        assert client.get_secret_value(SecretId=secret)["SecretString"] == "first"


class _CachingReader:
    """Reads as the AWS Secrets Manager caching clients do.

    A description is kept for a time; it says which version is AWSCURRENT, and each version's value is kept for ever.
    """

    def __init__(self, client: Any, clock: Callable[[], float], seconds: float) -> None:
        self._client = client
        self._clock = clock
        self._seconds = seconds
        self._described: dict[str, tuple[float, str]] = {}
        self._values: dict[str, str] = {}
        self._lock = threading.Lock()

    def read(self, name: str) -> str:
        with self._lock:
            known = self._described.get(name)
            if known is None or known[0] <= self._clock():
                stages = self._client.describe_secret(SecretId=name)["VersionIdsToStages"]
                current = next(version for version, labels in stages.items() if "AWSCURRENT" in labels)
                known = self._described[name] = (self._clock() + self._seconds, current)
            version = known[1]
            if version not in self._values:
                found = self._client.get_secret_value(SecretId=name, VersionId=version)
                assert found["VersionId"] == version
                self._values[version] = found["SecretString"]
            return self._values[version]


def test_a_caching_client(strongroom: RunningServer, secret: str) -> None:
    allowed = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "kms:Decrypt"]
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    user = strongroom.make_user({"Version": "2012-10-17", "Statement": [statement]})
    now = [0.0]
    reader = _CachingReader(strongroom.client("secretsmanager", user), lambda: now[0], 60)
    assert reader.read(secret) == "first"
    strongroom.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="second")
    assert reader.read(secret) == "first"
    now[0] = 61
    assert reader.read(secret) == "second"


def test_a_role_that_a_profile_names(
    strongroom: RunningServer, secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    iam = strongroom.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "kms:Decrypt"], "Resource": "*"}
    trusted, allowed = (json.dumps({"Version": "2012-10-17", "Statement": [it]}) for it in (trust, allow))
    role = iam.create_role(RoleName=secret, AssumeRolePolicyDocument=trusted)["Role"]
    iam.put_role_policy(RoleName=secret, PolicyName="read", PolicyDocument=allowed)
    (tmp_path / "config").write_text(
        f"[profile reader]\nrole_arn = {role['Arn']}\nsource_profile = strongroom\n"
        f"region = {strongroom.region}\nendpoint_url = {strongroom.endpoint}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(strongroom.data_dir / "admin.credentials"))
    session = boto3.session.Session(profile_name="reader")
    assert f":assumed-role/{secret}/" in session.client("sts").get_caller_identity()["Arn"]
    client = session.client("secretsmanager")
    assert client.get_secret_value(SecretId=secret)["SecretString"] == "first"
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.describe_secret(SecretId=secret)
