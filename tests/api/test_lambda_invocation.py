"""Invoking functions through boto3."""

from __future__ import annotations

import base64
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.lambda_service import archive, make_function, make_role
from tests.support.server import RunningServer

CALLER = """
import os
import boto3

def handler(event, context):
    return {
        "arn": boto3.client("sts").get_caller_identity()["Arn"],
        "request": context.aws_request_id,
        "invoked": context.invoked_function_arn,
        "region": os.environ["AWS_REGION"],
        "endpoint": os.environ["SECRETS_MANAGER_ENDPOINT"],
        "group": os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        "own": os.environ["OWN"],
    }
"""

LEAVES_A_MARK = """
import boto3

def handler(event, context):
    boto3.client("secretsmanager").create_secret(Name=event["name"], ClientRequestToken=context.aws_request_id)
"""


@pytest.fixture
def functions(strongroom: RunningServer) -> Any:
    return strongroom.client("lambda")


@pytest.fixture(scope="module")
def role(strongroom: RunningServer) -> str:
    return make_role(strongroom)


@pytest.fixture(scope="module")
def echo(strongroom: RunningServer, role: str) -> str:
    return str(make_function(strongroom, role)["FunctionName"])


def refused(functions: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        functions.invoke(**parameters)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_answer(functions: Any, echo: str) -> None:
    answer = functions.invoke(FunctionName=echo, Payload=b'{"colour": "blue"}')
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert "LogResult" not in answer
    assert json.loads(answer["Payload"].read()) == {"colour": "blue"}
    assert json.loads(functions.invoke(FunctionName=echo)["Payload"].read()) == {}
    assert json.loads(functions.invoke(FunctionName=echo, Qualifier="$LATEST")["Payload"].read()) == {}


def test_a_function_finds_its_surroundings(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, CALLER, Environment={"Variables": {"OWN": "mine"}})
    answer = functions.invoke(FunctionName=made["FunctionName"])
    found = json.loads(answer["Payload"].read())
    assert found == {
        "arn": f"arn:aws:sts::{strongroom.account}:assumed-role/{role.rpartition('/')[2]}/{made['FunctionName']}",
        "request": answer["ResponseMetadata"]["RequestId"],
        "invoked": made["FunctionArn"],
        "region": strongroom.region,
        "endpoint": strongroom.endpoint,
        "group": f"/aws/lambda/{made['FunctionName']}",
        "own": "mine",
    }
    functions.update_function_configuration(
        FunctionName=made["FunctionName"], Environment={"Variables": {"OWN": "changed"}}
    )
    assert json.loads(functions.invoke(FunctionName=made["FunctionName"])["Payload"].read())["own"] == "changed"


def test_a_function_that_fails(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, "def handler(event, context):\n    raise KeyError('k')\n")
    answer = functions.invoke(FunctionName=made["FunctionName"], LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "KeyError"
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert f"START RequestId: {answer['ResponseMetadata']['RequestId']} Version: $LATEST" in tail


def test_a_function_that_takes_too_long(strongroom: RunningServer, functions: Any, role: str) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(60)\n"
    made = make_function(strongroom, role, source, Timeout=1)
    answer = functions.invoke(FunctionName=made["FunctionName"])
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "Sandbox.Timedout"


def test_a_dry_run(functions: Any, echo: str) -> None:
    answer = functions.invoke(FunctionName=echo, InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert answer["Payload"].read() == b""


def test_an_event_runs_later(strongroom: RunningServer, functions: Any) -> None:
    allow = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}
    role = make_role(strongroom, policy={"Version": "2012-10-17", "Statement": [allow]})
    made = make_function(strongroom, role, LEAVES_A_MARK)
    name = f"mark-{uuid.uuid4().hex}"
    answer = functions.invoke(
        FunctionName=made["FunctionName"], InvocationType="Event", Payload=json.dumps({"name": name})
    )
    assert answer["StatusCode"] == 202
    secrets = strongroom.client("secretsmanager")
    while not secrets.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]:
        pass  # the test's own time limit ends this


def test_payloads_that_are_refused(functions: Any, echo: str) -> None:
    for payload in (b"{", b"not json", b"\xff", b"[NaN]"):
        assert refused(functions, FunctionName=echo, Payload=payload) == ("InvalidRequestContentException", 400)
    large = json.dumps("x" * (6 * 1024 * 1024)).encode()
    assert refused(functions, FunctionName=echo, Payload=large) == ("RequestTooLargeException", 413)
    event = json.dumps("x" * (1024 * 1024)).encode()
    too_large = refused(functions, FunctionName=echo, Payload=event, InvocationType="Event")
    assert too_large == ("RequestTooLargeException", 413)
    deep = b"[" * 100_000 + b"]" * 100_000
    assert refused(functions, FunctionName=echo, Payload=deep) == ("InvalidRequestContentException", 400)


def test_a_large_payload_comes_back(functions: Any, echo: str) -> None:
    payload = json.dumps("x" * (5 * 1024 * 1024)).encode()
    assert functions.invoke(FunctionName=echo, Payload=payload)["Payload"].read() == payload


def test_what_is_not_offered_is_not_ignored(functions: Any, echo: str) -> None:
    assert refused(functions, FunctionName=echo, TenantId="t")[0] == "InvalidParameterValueException"
    assert refused(functions, FunctionName=echo, Qualifier="1")[0] == "ResourceNotFoundException"


def test_several_at_once(strongroom: RunningServer, functions: Any, role: str) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(0.2)\n    return event\n"
    name = make_function(strongroom, role, source)["FunctionName"]

    def call(number: int) -> int:
        return int(functions.invoke(FunctionName=name, Payload=str(number))["Payload"].read())

    with ThreadPoolExecutor(6) as callers:
        assert list(callers.map(call, range(12))) == list(range(12))


def test_code_that_changes_while_it_is_called(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = make_function(strongroom, role, "def handler(event, context):\n    return 0\n")["FunctionName"]

    def call(_: int) -> int:
        return int(functions.invoke(FunctionName=name)["Payload"].read())

    with ThreadPoolExecutor(2) as callers:
        calls = callers.map(call, range(12))
        for number in (1, 2, 3):
            code = archive(f"def handler(event, context):\n    return {number}\n")
            functions.update_function_code(FunctionName=name, ZipFile=code)
        assert set(calls) <= {0, 1, 2, 3}
    assert call(0) == 3


def test_a_role_that_lambda_may_no_longer_assume(strongroom: RunningServer, functions: Any) -> None:
    role = make_role(strongroom)
    name = make_function(strongroom, role)["FunctionName"]
    strongroom.client("iam").delete_role(RoleName=role.rpartition("/")[2])
    assert refused(functions, FunctionName=name) == ("AccessDeniedException", 403)
