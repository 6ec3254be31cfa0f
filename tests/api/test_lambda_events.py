"""Asynchronous invocations through boto3: stored, run, told to destinations."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.lambda_service import make_function, make_role, new_name
from tests.support.policies import allow, document
from tests.support.refusals import error_of
from tests.support.server import RunningServer

LEAVES_A_MARK = """
import json
import boto3

def handler(event, context):
    name = event.get("name") or event["requestPayload"]["mark"]
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(event))
"""
FAILS = "def handler(event, context):\n    raise ValueError('no')\n"


@pytest.fixture(scope="module")
def role(strongroom: RunningServer) -> str:
    return make_role(strongroom, policy=document(allow("secretsmanager:*", "lambda:InvokeFunction")))


def send(functions: Any, name: str, event: Mapping[str, Any], **parameters: Any) -> None:
    answer = functions.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode(), **parameters
    )
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert "LogResult" not in answer


def mark(strongroom: RunningServer, name: str) -> Any:
    """What the function left, once it has."""
    secrets = strongroom.client("secretsmanager")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            return json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
        except secrets.exceptions.ResourceNotFoundException:
            time.sleep(0.05)
    raise AssertionError("the function did not run")


def test_an_event_of_an_alias(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = make_function(strongroom, role, LEAVES_A_MARK, Publish=True)["FunctionName"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    left = f"mark-{uuid.uuid4().hex}"
    send(functions, name, {"name": left}, Qualifier="live", LogType="Tail")
    assert mark(strongroom, left) == {"name": left}


def test_a_failure_is_told_to_its_destination(strongroom: RunningServer, functions: Any, role: str) -> None:
    told = make_function(strongroom, role, LEAVES_A_MARK)["FunctionArn"]
    made = make_function(strongroom, role, FAILS)
    name, arn = made["FunctionName"], made["FunctionArn"]
    config = functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": told}}
    )
    assert config["FunctionArn"] == f"{arn}:$LATEST"
    left = f"mark-{uuid.uuid4().hex}"
    send(functions, name, {"mark": left})
    record = mark(strongroom, left)
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["requestPayload"] == {"mark": left}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_a_success_is_told_to_its_destination(strongroom: RunningServer, functions: Any, role: str) -> None:
    told = make_function(strongroom, role, LEAVES_A_MARK)["FunctionArn"]
    name = make_function(strongroom, role)["FunctionName"]
    functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": told}}
    )
    left = f"mark-{uuid.uuid4().hex}"
    send(functions, name, {"mark": left})
    record = mark(strongroom, left)
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == {"mark": left}
    assert "functionError" not in record["responseContext"]


def test_a_configuration_from_birth_to_death(strongroom: RunningServer, functions: Any, role: str) -> None:
    other = make_function(strongroom, role)["FunctionArn"]
    made = make_function(strongroom, role, Publish=True)
    name, arn = made["FunctionName"], made["FunctionArn"]
    missing = error_of(lambda: functions.get_function_event_invoke_config(FunctionName=name))
    assert missing == (
        "ResourceNotFoundException",
        f"The function {arn}:$LATEST doesn't have an EventInvokeConfig",
        404,
    )
    assert (
        error_of(lambda: functions.update_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1))[2]
        == 404
    )
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    functions.put_function_event_invoke_config(FunctionName=name, Qualifier="1", MaximumEventAgeInSeconds=60)
    changed = functions.update_function_event_invoke_config(
        FunctionName=name,
        MaximumEventAgeInSeconds=90,
        DestinationConfig={"OnSuccess": {}, "OnFailure": {"Destination": other}},
    )
    shown = functions.get_function_event_invoke_config(FunctionName=f"{name}:$LATEST")
    assert {**shown, "ResponseMetadata": 0} == {**changed, "ResponseMetadata": 0}
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (1, 90)
    assert changed["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": other}}
    listed = functions.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert [each["FunctionArn"] for each in listed] == [f"{arn}:$LATEST", f"{arn}:1"]
    replaced = functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=2)
    assert "MaximumEventAgeInSeconds" not in replaced
    functions.delete_function_event_invoke_config(FunctionName=name)
    assert error_of(lambda: functions.delete_function_event_invoke_config(FunctionName=name))[2] == 404


def test_destinations_that_cannot_be(strongroom: RunningServer, functions: Any, role: str) -> None:
    powerless = make_role(strongroom)
    made = make_function(strongroom, powerless)
    other = make_function(strongroom, role)["FunctionArn"]

    def put(destination: str) -> tuple[str, str, int]:
        config = {"OnFailure": {"Destination": destination}}
        return error_of(
            lambda: functions.put_function_event_invoke_config(
                FunctionName=made["FunctionName"], DestinationConfig=config
            )
        )

    assert put(f"arn:aws:sqs:{strongroom.region}:{strongroom.account}:queue")[0] == "InvalidParameterValueException"
    assert put(made["FunctionArn"])[1] == "You can't specify the function as a destination for itself."
    assert "doesn't have permissions to call InvokeFunction" in put(other)[1]
    assert "doesn't have permissions" in put(other.replace(other.rpartition(":")[2], new_name()))[1]
    nothing = error_of(lambda: functions.put_function_event_invoke_config(FunctionName=made["FunctionName"]))
    assert nothing[1] == "You must specify at least one of error handling or destination setting."


def test_the_clients_context_reaches_the_handler(strongroom: RunningServer, functions: Any, role: str) -> None:
    source = "def handler(event, context):\n    return context.client_context and context.client_context.custom\n"
    name = make_function(strongroom, role, source)["FunctionName"]

    def call(context: bytes) -> Any:
        encoded = base64.b64encode(context).decode()
        return json.loads(functions.invoke(FunctionName=name, ClientContext=encoded)["Payload"].read())

    assert call('{"custom": {"colour": "blau ü"}}'.encode()) == {"colour": "blau ü"}
    assert call(b'{"custom": {"line": "a\\r\\nX-Injected: 1"}}') == {"line": "a\r\nX-Injected: 1"}
    for bad in (b"{", b"[]", b"\xff"):
        assert error_of(lambda text=bad: call(text))[0] == "InvalidRequestContentException"
    assert error_of(lambda: functions.invoke(FunctionName=name, ClientContext="no base64!"))[2] == 400
    assert error_of(lambda: call(b'{"custom": "' + b"x" * 4000 + b'"}'))[0] == "InvalidParameterValueException"
