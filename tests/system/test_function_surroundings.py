"""What a rotation function finds around it: TLS to Strongroom, the operator's own authorities, an endpoint for all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.support.certificates import write_certificate
from tests.support.lambda_service import archive, make_role, new_name
from tests.support.policies import allow, document
from tests.support.server import RunningServer, start_server

pytestmark = pytest.mark.system

SOURCE = """
import os, ssl, urllib.request
import boto3

def handler(event, context):
    clients = ("secretsmanager", "kms", "iam", "sts", "lambda", "logs", "ssm", "rds", "cloudtrail")
    return {
        "arn": boto3.client("sts").get_caller_identity()["Arn"],
        "secret": boto3.client("secretsmanager", endpoint_url=os.environ["SECRETS_MANAGER_ENDPOINT"])
            .get_secret_value(SecretId=event["secret"])["SecretString"],
        "endpoints": sorted({boto3.client(name).meta.endpoint_url for name in clients}),
        "authorities": open("/etc/pki/tls/cert.pem").read().count("BEGIN CERTIFICATE"),
        "own": event["authority"] in open("/etc/pki/tls/cert.pem").read(),
        "plain": urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/health/live").status,
        "default": len(ssl.create_default_context().get_ca_certs()),
    }
"""


@pytest.fixture(scope="module", params=["host", "strongroom"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = write_certificate(folder)
    settings = {"STRONGROOM_CA_BUNDLE": str(certificate), "STRONGROOM_FUNCTION_NETWORK": request.param}
    options = ("--tls-cert", str(certificate), "--tls-key", str(key))
    running = start_server(folder / "data", *options, environment=settings)
    yield running
    running.stop()


@pytest.fixture
def authority(server: RunningServer) -> Path:
    return server.data_dir.parent / "server.pem"


def client(server: RunningServer, service: str, authority: Path) -> Any:
    return boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.administrator.access_key_id,
        aws_secret_access_key=server.administrator.secret_access_key,
        verify=str(authority),
        config=Config(retries={"max_attempts": 1}),
    )


def test_a_function_trusts_the_operators_authority(
    server: RunningServer, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "client", lambda service: client(server, service, authority))
    role = make_role(server, policy=document(allow("secretsmanager:GetSecretValue")))
    secret = new_name()
    server.client("secretsmanager").create_secret(Name=secret, SecretString="a canary")
    made = server.client("lambda").create_function(
        FunctionName=new_name(),
        Role=role,
        Runtime="python3.11",
        Handler="mod.handler",
        Timeout=900,
        Code={"ZipFile": archive(SOURCE)},
    )
    assert made["Timeout"] == 900
    event = {"secret": secret, "authority": authority.read_text().strip()}
    answer = server.client("lambda").invoke(FunctionName=made["FunctionName"], Payload=json.dumps(event))
    found = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    assert found["secret"] == "a canary"
    assert f":assumed-role/{role.rpartition('/')[2]}/" in found["arn"]
    assert found["endpoints"] == [server.endpoint]
    assert server.endpoint.startswith("https://")
    assert (found["own"], found["plain"]) == (True, 200)
    assert found["authorities"] > 50, "the public authorities are there as well"
    assert found["default"] > 50
