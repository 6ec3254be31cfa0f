"""Concurrency, account settings, encryption of variables, and what infrastructure tools read, through boto3."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.lambda_service import make_function, new_name
from tests.support.refusals import error_of
from tests.support.server import RunningServer

READS_IT = "import os\ndef handler(event, context):\n    return os.environ['COLOUR']\n"


def answer(functions: Any, name: str, payload: bytes = b"{}") -> Any:
    return json.loads(functions.invoke(FunctionName=name, Payload=payload)["Payload"].read())


def test_reserved_concurrency(strongroom: RunningServer, functions: Any, role: str) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event\n"
    name = make_function(strongroom, role, source)["FunctionName"]
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
    put = functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert put["ReservedConcurrentExecutions"] == 0
    with pytest.raises(ClientError) as refused:
        answer(functions, name, b"0")
    response: Any = refused.value.response
    assert response["Error"]["Code"] == "TooManyRequestsException"
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    assert functions.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 1}
    answer(functions, name, b"0")

    def run_slowly() -> None:
        while True:
            try:
                answer(functions, name, b"2")
            except ClientError:  # the other one was quicker
                continue
            return

    with ThreadPoolExecutor(1) as other:
        slow = other.submit(run_slowly)
        codes: set[str] = set()
        until = time.monotonic() + 10
        while "TooManyRequestsException" not in codes and time.monotonic() < until:
            try:
                answer(functions, name, b"0")
            except ClientError as error:
                codes.add(error.response["Error"]["Code"])
        slow.result()
    assert codes == {"TooManyRequestsException"}
    functions.delete_function_concurrency(FunctionName=name)
    assert "Concurrency" not in functions.get_function(FunctionName=name)
    answer(functions, name, b"0")
    too_much = error_of(lambda: functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=901))
    assert too_much[1] == (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        "its minimum value of [100]."
    )


def test_account_settings(strongroom: RunningServer, functions: Any, role: str) -> None:
    before = functions.get_account_settings()
    made = make_function(strongroom, role, Publish=True)
    functions.put_function_concurrency(FunctionName=made["FunctionName"], ReservedConcurrentExecutions=5)
    after = functions.get_account_settings()
    assert after["AccountLimit"]["ConcurrentExecutions"] == 1000
    unreserved = [each["AccountLimit"]["UnreservedConcurrentExecutions"] for each in (before, after)]
    assert unreserved[0] - unreserved[1] == 5
    used = [each["AccountUsage"] for each in (before, after)]
    assert used[1]["FunctionCount"] == used[0]["FunctionCount"] + 1
    assert used[1]["TotalCodeSize"] == used[0]["TotalCodeSize"] + 2 * made["CodeSize"], "a version counts as well"
    functions.delete_function(FunctionName=made["FunctionName"])


def test_what_infrastructure_tools_read(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, Publish=True)
    name, arn = made["FunctionName"], made["FunctionArn"]
    signing = functions.get_function_code_signing_config(FunctionName=name)
    assert (signing["FunctionName"], signing["CodeSigningConfigArn"]) == (name, "")
    runtime = functions.get_runtime_management_config(FunctionName=name)
    assert (runtime["UpdateRuntimeOn"], runtime["FunctionArn"]) == ("Auto", f"{arn}:$LATEST")
    assert functions.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    assert functions.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"] == []
    assert functions.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"] == []
    missing = new_name()
    for work in (
        lambda: functions.get_function_code_signing_config(FunctionName=missing),
        lambda: functions.get_runtime_management_config(FunctionName=missing),
        lambda: functions.get_function_recursion_config(FunctionName=missing),
        lambda: functions.list_provisioned_concurrency_configs(FunctionName=missing),
        lambda: functions.list_function_url_configs(FunctionName=missing),
        lambda: functions.get_function_concurrency(FunctionName=missing),
        lambda: functions.put_function_concurrency(FunctionName=missing, ReservedConcurrentExecutions=1),
        lambda: functions.delete_function_concurrency(FunctionName=missing),
        lambda: functions.list_versions_by_function(FunctionName=missing),
        lambda: functions.list_aliases(FunctionName=missing),
        lambda: functions.publish_version(FunctionName=missing),
    ):
        assert error_of(work)[0] == "ResourceNotFoundException"


def test_ephemeral_storage(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, EphemeralStorage={"Size": 600})
    assert made["EphemeralStorage"] == {"Size": 600}
    name = made["FunctionName"]
    assert functions.update_function_configuration(FunctionName=name, Timeout=4)["EphemeralStorage"] == {"Size": 600}
    changed = functions.update_function_configuration(FunctionName=name, EphemeralStorage={"Size": 512})
    assert changed["EphemeralStorage"] == {"Size": 512}


def test_variables_are_sealed_under_the_accounts_own_key(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, READS_IT, Environment={"Variables": {"COLOUR": "blue"}})
    assert "KMSKeyArn" not in made
    assert answer(functions, made["FunctionName"]) == "blue"
    kms = strongroom.client("kms")
    pages = kms.get_paginator("list_aliases").paginate()
    aliases = {alias["AliasName"]: alias for page in pages for alias in page["Aliases"]}
    key = kms.describe_key(KeyId=aliases["alias/aws/lambda"]["TargetKeyId"])["KeyMetadata"]
    assert key["KeyManager"] == "AWS"
    user = strongroom.make_user(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:Get*", "Resource": "*"}]}
    )
    seen = strongroom.client("lambda", user).get_function_configuration(FunctionName=made["FunctionName"])
    assert seen["Environment"] == {"Variables": {"COLOUR": "blue"}}, "the service's key serves the whole account"


def test_variables_under_a_key_of_ones_own(strongroom: RunningServer, functions: Any, role: str) -> None:
    kms = strongroom.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    made = make_function(strongroom, role, READS_IT, Environment={"Variables": {"COLOUR": "red"}}, KMSKeyArn=key)
    name = made["FunctionName"]
    assert made["KMSKeyArn"] == key
    functions.publish_version(FunctionName=name)
    assert answer(functions, name) == "red"

    allow = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    stranger = strongroom.client("lambda", strongroom.make_user({"Version": "2012-10-17", "Statement": [allow]}))
    hidden = stranger.get_function_configuration(FunctionName=name)["Environment"]
    assert "Variables" not in hidden
    assert hidden["Error"]["ErrorCode"] == "AccessDeniedException"
    denied = error_of(
        lambda: stranger.update_function_configuration(FunctionName=name, Environment={"Variables": {"COLOUR": "x"}})
    )
    assert denied[0] == "AccessDeniedException"

    kms.disable_key(KeyId=key)
    functions.update_function_configuration(FunctionName=name, Timeout=9)  # the next invocation needs a new process
    refused = error_of(lambda: functions.invoke(FunctionName=name))
    assert refused[0] == "KMSDisabledException"
    assert refused[1].startswith("Lambda was unable to decrypt the environment variables because the KMS key used is")
    assert refused[2] == 502
    kms.enable_key(KeyId=key)
    assert answer(functions, name) == "red"
    changed = functions.update_function_configuration(FunctionName=name, KMSKeyArn="")
    assert "KMSKeyArn" not in changed
    kms.disable_key(KeyId=key)
    assert answer(functions, name) == "red"
    assert "Error" in functions.get_function_configuration(FunctionName=f"{name}:1")["Environment"]


def test_variables_survive_a_rewrap_to_newer_key_material(strongroom: RunningServer, functions: Any, role: str) -> None:
    kms = strongroom.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    made = make_function(strongroom, role, READS_IT, Environment={"Variables": {"COLOUR": "red"}}, KMSKeyArn=key)
    kms.rotate_key_on_demand(KeyId=key)
    assert answer(functions, made["FunctionName"]) == "red"
    changed = functions.update_function_configuration(
        FunctionName=made["FunctionName"], Environment={"Variables": {"COLOUR": "green"}}
    )
    assert changed["KMSKeyArn"] == key
    assert answer(functions, made["FunctionName"]) == "green"
