"""Asynchronous invocations outlive the server that accepted them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tests.support.lambda_service import make_function, make_role, new_name
from tests.support.policies import allow, document
from tests.support.server import start_server

pytestmark = pytest.mark.system

SOURCE = """
import boto3

def handler(event, context):
    boto3.client("secretsmanager").create_secret(Name=event["name"], SecretString=context.aws_request_id)
"""


def test_an_accepted_event_survives_a_kill(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    role = make_role(server, policy=document(allow("secretsmanager:CreateSecret")))
    name, left = make_function(server, role, SOURCE)["FunctionName"], new_name()
    functions = server.client("lambda")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    answer = functions.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps({"name": left, "canary": "sings"})
    )
    assert answer["Payload"].read() == b""
    server.kill()
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"sings" not in stored

    server = start_server(tmp_path / "data")
    try:
        server.client("lambda").delete_function_concurrency(FunctionName=name)
        secrets = server.client("secretsmanager")
        until = time.monotonic() + 60
        while not secrets.list_secrets(Filters=[{"Key": "name", "Values": [left]}])["SecretList"]:
            assert time.monotonic() < until, "the event was lost"
            time.sleep(0.1)
        value = secrets.get_secret_value(SecretId=left)["SecretString"]
        assert value == answer["ResponseMetadata"]["RequestId"]
    finally:
        server.stop()
