"""Layers through boto3: published, listed, shared, used by functions, deleted."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from typing import Any

from tests.support.lambda_service import OWN_RUNTIME, archive, make_function, new_name
from tests.support.refusals import error_of
from tests.support.server import RunningServer

USES_IT = "import shared\ndef handler(event, context):\n    return shared.VALUE\n"


def layer(functions: Any, value: int = 1, *, name: str = "", **changes: Any) -> dict[str, Any]:
    """A version of a layer with a Python module."""
    content = {"ZipFile": archive(f"VALUE = {value}\n", "python/shared.py")}
    made: dict[str, Any] = functions.publish_layer_version(LayerName=name or new_name(), Content=content, **changes)
    return made


def answer(functions: Any, name: str) -> Any:
    return json.loads(functions.invoke(FunctionName=name)["Payload"].read())


def test_publish_and_read(strongroom: RunningServer, functions: Any) -> None:
    name = new_name()
    code = archive("VALUE = 1\n", "python/shared.py")
    made = functions.publish_layer_version(
        LayerName=name,
        Content={"ZipFile": code},
        Description="shared",
        LicenseInfo="MIT",
        CompatibleRuntimes=[OWN_RUNTIME, "python3.9"],
        CompatibleArchitectures=["x86_64"],
    )
    assert made.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    arn = f"arn:aws:lambda:{strongroom.region}:{strongroom.account}:layer:{name}"
    assert made.pop("CreatedDate").endswith("+0000")
    assert made == {
        "LayerArn": arn,
        "LayerVersionArn": f"{arn}:1",
        "Version": 1,
        "Description": "shared",
        "LicenseInfo": "MIT",
        "CompatibleRuntimes": [OWN_RUNTIME, "python3.9"],
        "CompatibleArchitectures": ["x86_64"],
        "Content": {
            "CodeSha256": base64.b64encode(hashlib.sha256(code).digest()).decode(),
            "CodeSize": len(code),
        },
    }
    for named in (name, arn):
        assert functions.get_layer_version(LayerName=named, VersionNumber=1)["LayerVersionArn"] == f"{arn}:1"
    assert functions.get_layer_version_by_arn(Arn=f"{arn}:1")["Content"] == made["Content"]
    assert layer(functions, name=name)["Version"] == 2
    for work in (
        lambda: functions.get_layer_version(LayerName=name, VersionNumber=3),
        lambda: functions.get_layer_version(LayerName=new_name(), VersionNumber=1),
        lambda: functions.get_layer_version_by_arn(Arn=f"{arn}:3"),
        lambda: functions.get_layer_version_policy(LayerName=new_name(), VersionNumber=1),
    ):
        assert error_of(work)[::2] == ("ResourceNotFoundException", 404)


def test_a_large_layer(functions: Any) -> None:
    noise = random.Random(17).randbytes(3 * 1024 * 1024).hex()
    made = functions.publish_layer_version(LayerName=new_name(), Content={"ZipFile": archive(noise, "python/data")})
    assert made["Content"]["CodeSize"] > 3 * 1024 * 1024


def test_lists(functions: Any) -> None:
    name = new_name()
    for number in range(3):
        layer(functions, number, name=name, CompatibleRuntimes=["python3.9" if number else "python3.8"])
    pages = functions.get_paginator("list_layer_versions").paginate(LayerName=name, PaginationConfig={"PageSize": 2})
    assert [[version["Version"] for version in page["LayerVersions"]] for page in pages] == [[3, 2], [1]]
    old = functions.list_layer_versions(LayerName=name, CompatibleRuntime="python3.8")["LayerVersions"]
    assert [version["Version"] for version in old] == [1]
    found = [
        each
        for page in functions.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 2})
        for each in page["Layers"]
        if each["LayerName"] == name
    ]
    assert [each["LatestMatchingVersion"]["Version"] for each in found] == [3]
    functions.delete_layer_version(LayerName=name, VersionNumber=3)
    functions.delete_layer_version(LayerName=name, VersionNumber=3)
    assert [version["Version"] for version in functions.list_layer_versions(LayerName=name)["LayerVersions"]] == [2, 1]
    assert layer(functions, name=name)["Version"] == 4, "a number is never given again"
    assert functions.list_layer_versions(LayerName=new_name())["LayerVersions"] == []


def test_a_function_with_layers(strongroom: RunningServer, functions: Any, role: str) -> None:
    first, second = layer(functions, 1), layer(functions, 2)
    arns = [first["LayerVersionArn"], second["LayerVersionArn"]]
    made = make_function(strongroom, role, USES_IT, Layers=arns[:1])
    name = made["FunctionName"]
    assert made["Layers"] == [{"Arn": arns[0], "CodeSize": first["Content"]["CodeSize"]}]
    assert answer(functions, name) == 1
    changed = functions.update_function_configuration(FunctionName=name, Layers=arns)
    assert [each["Arn"] for each in changed["Layers"]] == arns
    assert answer(functions, name) == 2, "the later layer hides the earlier one"
    functions.publish_version(FunctionName=name)
    without = functions.update_function_configuration(FunctionName=name, Layers=[])
    assert "Layers" not in without
    failed = answer(functions, name)
    assert failed["errorType"] == "Runtime.ImportModuleError", failed
    assert answer(functions, f"{name}:1") == 2


def test_a_deleted_layer_serves_the_functions_that_have_it(
    strongroom: RunningServer, functions: Any, role: str
) -> None:
    made = layer(functions, 5)
    name, arn = made["LayerArn"].rpartition(":")[2], made["LayerVersionArn"]
    function = make_function(strongroom, role, USES_IT, Layers=[arn])["FunctionName"]
    functions.delete_layer_version(LayerName=name, VersionNumber=1)
    assert error_of(lambda: functions.get_layer_version(LayerName=name, VersionNumber=1))[2] == 404
    assert answer(functions, function) == 5
    taken = error_of(lambda: make_function(strongroom, role, USES_IT, Layers=[arn]))
    assert taken[:2] == ("InvalidParameterValueException", f"Layer version {arn} does not exist.")
    kept = functions.update_function_configuration(FunctionName=function, Timeout=9)
    assert [each["Arn"] for each in kept["Layers"]] == [arn]


def test_layers_that_cannot_be(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = new_name()
    first, second = layer(functions, 1, name=name), layer(functions, 2, name=name)
    both = [first["LayerVersionArn"], second["LayerVersionArn"]]
    twice = error_of(lambda: make_function(strongroom, role, Layers=both))
    assert twice[1] == (
        "Two different versions of the same layer are not allowed to be referenced in the same function. "
        f"{both[0]} and {both[1]} are versions of the same layer."
    )
    many = [layer(functions)["LayerVersionArn"] for _ in range(6)]
    assert error_of(lambda: make_function(strongroom, role, Layers=many))[0] == "InvalidParameterValueException"
    bad = error_of(lambda: functions.publish_layer_version(LayerName=name, Content={"ZipFile": b"no zip"}))
    assert bad[1].startswith("Could not unzip")
    elsewhere = error_of(
        lambda: functions.publish_layer_version(LayerName=name, Content={"S3Bucket": "bucket", "S3Key": "k"})
    )
    assert elsewhere[0] == "InvalidParameterValueException"


def test_permissions(strongroom: RunningServer, functions: Any) -> None:
    made = layer(functions)
    name, arn = made["LayerArn"].rpartition(":")[2], made["LayerVersionArn"]
    version = {"LayerName": name, "VersionNumber": 1}
    assert error_of(lambda: functions.get_layer_version_policy(**version))[1] == (
        "No policy is associated with the given resource."
    )
    added = functions.add_layer_version_permission(
        **version, StatementId="other", Action="lambda:GetLayerVersion", Principal="444455556666"
    )
    assert json.loads(added["Statement"]) == {
        "Sid": "other",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": "lambda:GetLayerVersion",
        "Resource": arn,
    }
    public = functions.add_layer_version_permission(
        **version,
        StatementId="all",
        Action="lambda:GetLayerVersion",
        Principal="*",
        OrganizationId="o-1234567890",
        RevisionId=added["RevisionId"],
    )
    assert json.loads(public["Statement"])["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
    shown = functions.get_layer_version_policy(**version)
    assert shown["RevisionId"] == public["RevisionId"]
    assert [each["Sid"] for each in json.loads(shown["Policy"])["Statement"]] == ["other", "all"]
    stale = error_of(
        lambda: functions.remove_layer_version_permission(**version, StatementId="all", RevisionId=added["RevisionId"])
    )
    assert stale[::2] == ("PreconditionFailedException", 412)
    functions.remove_layer_version_permission(**version, StatementId="all")
    functions.remove_layer_version_permission(**version, StatementId="other")
    assert error_of(lambda: functions.get_layer_version_policy(**version))[2] == 404
    gone = error_of(lambda: functions.remove_layer_version_permission(**version, StatementId="other"))
    assert gone[::2] == ("ResourceNotFoundException", 404)


def test_a_layer_takes_the_right_to_get_it(strongroom: RunningServer, functions: Any, role: str) -> None:
    arn = layer(functions)["LayerVersionArn"]
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "lambda:GetLayerVersion", "Resource": arn},
    ]
    user = strongroom.make_user({"Version": "2012-10-17", "Statement": statements})
    mine = strongroom.client("lambda", user)
    assert error_of(lambda: mine.get_layer_version_by_arn(Arn=arn))[0] == "AccessDeniedException"
    name = make_function(strongroom, role)["FunctionName"]
    denied = error_of(lambda: mine.update_function_configuration(FunctionName=name, Layers=[arn]))
    assert denied[0] == "AccessDeniedException"
    assert "Layers" not in functions.get_function_configuration(FunctionName=name)


def test_layers_by_condition(strongroom: RunningServer, functions: Any, role: str) -> None:
    trusted, other = layer(functions)["LayerVersionArn"], layer(functions)["LayerVersionArn"]
    only = {"ForAllValues:StringEquals": {"lambda:Layer": [trusted]}}
    statements = [
        {"Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": "*"},
        {"Effect": "Allow", "Action": "lambda:UpdateFunctionConfiguration", "Resource": "*", "Condition": only},
    ]
    user = strongroom.make_user({"Version": "2012-10-17", "Statement": statements})
    mine = strongroom.client("lambda", user)
    name = make_function(strongroom, role)["FunctionName"]
    assert mine.update_function_configuration(FunctionName=name, Layers=[trusted])["Layers"][0]["Arn"] == trusted
    assert error_of(lambda: mine.update_function_configuration(FunctionName=name, Layers=[other]))[0] == (
        "AccessDeniedException"
    )
