"""boto3 the ways that applications use it: endpoints from the environment and from profiles, a role."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

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
