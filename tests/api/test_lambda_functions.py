"""Functions through boto3: making, reading, listing, changing, deleting, tagging."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from functools import partial
from typing import Any

import pytest
from tests.support.lambda_service import OWN_RUNTIME, archive, make_function, make_role, new_name
from tests.support.refusals import error_of
from tests.support.server import RunningServer


def test_create_and_read(strongroom: RunningServer, functions: Any, role: str) -> None:
    name, code = new_name(), archive()
    made = make_function(
        strongroom,
        role,
        FunctionName=name,
        Code={"ZipFile": code},
        Description="echoes",
        MemorySize=256,
        Timeout=7,
        Environment={"Variables": {"COLOUR": "blue"}},
        Tags={"team": "red"},
    )
    arn = f"arn:aws:lambda:{strongroom.region}:{strongroom.account}:function:{name}"
    expected = {
        "FunctionName": name,
        "FunctionArn": arn,
        "Runtime": OWN_RUNTIME,
        "Role": role,
        "Handler": "mod.handler",
        "CodeSize": len(code),
        "CodeSha256": base64.b64encode(hashlib.sha256(code).digest()).decode(),
        "Description": "echoes",
        "Timeout": 7,
        "MemorySize": 256,
        "Version": "$LATEST",
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Environment": {"Variables": {"COLOUR": "blue"}},
    }
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert expected.items() <= made.items()
    read = functions.get_function(FunctionName=name)
    assert expected.items() <= read["Configuration"].items()
    assert read["Configuration"]["RevisionId"] == made["RevisionId"]
    assert read["Tags"] == {"team": "red"}
    assert "Location" not in read["Code"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)


def test_every_way_to_name_a_function(strongroom: RunningServer, functions: Any, role: str) -> None:
    arn = make_function(strongroom, role)["FunctionArn"]
    name = arn.rpartition(":")[2]
    for named in (name, f"{strongroom.account}:function:{name}", arn):
        assert functions.get_function_configuration(FunctionName=named)["FunctionArn"] == arn
        qualified = functions.get_function_configuration(FunctionName=f"{named}:$LATEST")
        assert qualified["FunctionArn"] == f"{arn}:$LATEST"
        also = functions.get_function_configuration(FunctionName=named, Qualifier="$LATEST")
        assert also["FunctionArn"] == f"{arn}:$LATEST"
        missing = error_of(partial(functions.get_function, FunctionName=named, Qualifier="1"))
        assert missing == ("ResourceNotFoundException", f"Function not found: {arn}:1", 404)


def test_attack_1_other_spellings_name_nothing(strongroom: RunningServer, functions: Any, role: str) -> None:
    arn = make_function(strongroom, role)["FunctionArn"]
    name = arn.rpartition(":")[2]
    for spelled in (name.upper(), name + "-", name + "."):
        found = error_of(partial(functions.get_function, FunctionName=spelled))
        assert found[0] == "ResourceNotFoundException"
    for spelled in (f" {name}", f"{name} ", f"{name}/", f"{name}%2F..", f"{name}\u0301", f"{name}\0"):
        found = error_of(partial(functions.get_function, FunctionName=spelled))
        assert found[0] in {"ValidationException", "ResourceNotFoundException", "UnknownOperationException"}
    elsewhere = arn.replace("arn:aws:", "arn:aws-cn:")
    assert error_of(lambda: functions.get_function(FunctionName=elsewhere))[0] == "ResourceNotFoundException"


def test_qualifiers_that_disagree(functions: Any) -> None:
    found = error_of(lambda: functions.get_function(FunctionName=f"{new_name()}:$LATEST", Qualifier="1"))
    assert found == (
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
        400,
    )


def test_functions_of_another_region(strongroom: RunningServer, functions: Any) -> None:
    arn = f"arn:aws:lambda:ap-south-1:{strongroom.account}:function:f"
    found = error_of(lambda: functions.get_function(FunctionName=arn))
    text = f"Functions from 'ap-south-1' are not reachable in this region ('{strongroom.region}')"
    assert found == ("ResourceNotFoundException", text, 404)


def test_a_function_that_does_not_exist(strongroom: RunningServer, functions: Any) -> None:
    name = new_name()
    arn = f"arn:aws:lambda:{strongroom.region}:{strongroom.account}:function:{name}"
    expected = ("ResourceNotFoundException", f"Function not found: {arn}", 404)
    for work in (
        lambda: functions.get_function(FunctionName=name),
        lambda: functions.get_function_configuration(FunctionName=name),
        lambda: functions.update_function_code(FunctionName=name, ZipFile=archive()),
        lambda: functions.update_function_configuration(FunctionName=name, Timeout=4),
        lambda: functions.delete_function(FunctionName=name),
        lambda: functions.invoke(FunctionName=name),
        lambda: functions.get_policy(FunctionName=name),
        lambda: functions.remove_permission(FunctionName=name, StatementId="s"),
        lambda: functions.list_tags(Resource=arn),
        lambda: functions.tag_resource(Resource=arn, Tags={"a": "b"}),
        lambda: functions.untag_resource(Resource=arn, TagKeys=["a"]),
    ):
        assert error_of(work) == expected


def test_a_name_that_is_taken(strongroom: RunningServer, role: str) -> None:
    name = make_function(strongroom, role)["FunctionName"]
    found = error_of(lambda: make_function(strongroom, role, FunctionName=name))
    assert found == ("ResourceConflictException", f"Function already exist: {name}", 409)


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"Runtime": "ruby3.3"}, "InvalidParameterValueException", "ruby3.3 is not supported"),
        ({"Runtime": "python2.7"}, "InvalidParameterValueException", "python2.7 is not supported"),
        ({"Timeout": 901}, "ValidationException", "less than or equal to 900"),
        ({"MemorySize": 20480}, "ValidationException", "less than or equal to 10240"),
        ({"FunctionName": "f" * 65}, "ValidationException", "length less than or equal to 64"),
        ({"FunctionName": "f:$LATEST"}, "InvalidParameterValueException", "Invalid function name"),
        ({"Code": {}}, "InvalidParameterValueException", "Please provide a source for function code."),
        ({"Code": {"S3Bucket": "bucket", "S3Key": "k"}}, "InvalidParameterValueException", "S3Bucket is not supported"),
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException", "Could not unzip uploaded file."),
        ({"PackageType": "Image"}, "InvalidParameterValueException", "PackageType is not supported"),
        ({"Layers": ["arn:aws:lambda:eu-west-1:111122223333:layer:l:1"]}, "InvalidParameterValueException", "Layers"),
        ({"TracingConfig": {"Mode": "Active"}}, "InvalidParameterValueException", "TracingConfig is not supported"),
        ({"KMSKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/k"}, "InvalidParameterValueException", "KMS key"),
        ({"Tags": {"aws:x": "y"}}, "InvalidParameterValueException", "reserved"),
        ({"Environment": {"Variables": {"BIG": "x" * 4096}}}, "InvalidParameterValueException", "the 4KB limit"),
    ],
)
def test_what_cannot_be_made(
    strongroom: RunningServer, role: str, changes: dict[str, Any], code: str, says: str
) -> None:
    found = error_of(lambda: make_function(strongroom, role, **changes))
    assert found[0] == code
    assert says in found[1]


def test_parameters_that_ask_for_nothing(strongroom: RunningServer, role: str) -> None:
    make_function(
        strongroom,
        role,
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
        DeadLetterConfig={"TargetArn": ""},
        TracingConfig={"Mode": "PassThrough"},
        EphemeralStorage={"Size": 512},
        PackageType="Zip",
        KMSKeyArn="",
        Layers=[],
        Publish=False,
    )


def test_reserved_variables(strongroom: RunningServer, role: str) -> None:
    variables = {"AWS_REGION": "x", "AWS_ACCESS_KEY_ID": "y", "FINE": "z"}
    found = error_of(lambda: make_function(strongroom, role, Environment={"Variables": variables}))
    assert found[:2] == (
        "InvalidParameterValueException",
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        "contains reserved keys that are currently not supported for modification. "
        "Reserved keys used in this request: AWS_ACCESS_KEY_ID, AWS_REGION",
    )


def test_attack_17_zip_slip_is_refused_at_upload(strongroom: RunningServer, role: str) -> None:
    for name in ("../escape.py", "/etc/passwd", "a/../../b.py"):
        found = error_of(partial(make_function, strongroom, role, Code={"ZipFile": archive(file=name)}))
        assert found[0] == "InvalidParameterValueException"


def test_attack_17_a_zip_bomb_is_refused_at_upload(strongroom: RunningServer, role: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bomb, bomb.open("zeros", "w", force_zip64=True) as entry:
        for _ in range(256):
            entry.write(bytes(1 << 20))
    found = error_of(lambda: make_function(strongroom, role, Code={"ZipFile": buffer.getvalue()}))
    assert found[:2] == ("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes")


def test_roles_that_lambda_cannot_use(strongroom: RunningServer) -> None:
    cannot = "The role defined for the function cannot be assumed by Lambda."
    missing = f"arn:aws:iam::{strongroom.account}:role/none-of-this-name"
    for arn in (missing, make_role(strongroom, service="ec2.amazonaws.com")):
        found = error_of(partial(make_function, strongroom, arn))
        assert found == ("InvalidParameterValueException", cannot, 400)
    found = error_of(lambda: make_function(strongroom, "arn:aws:iam::999988887777:role/r"))
    assert found == ("AccessDeniedException", "Cross-account pass role is not allowed.", 403)


def test_update_configuration(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, Environment={"Variables": {"AA": "1"}}, Description="before")
    name = made["FunctionName"]
    changed = functions.update_function_configuration(FunctionName=name, Timeout=9, RevisionId=made["RevisionId"])
    assert changed["Timeout"] == 9
    assert changed["Description"] == "before"
    assert changed["Environment"] == {"Variables": {"AA": "1"}}
    assert changed["RevisionId"] != made["RevisionId"]
    stale = error_of(
        lambda: functions.update_function_configuration(FunctionName=name, Timeout=8, RevisionId=made["RevisionId"])
    )
    assert stale[0] == "PreconditionFailedException"
    assert stale[2] == 412
    emptied = functions.update_function_configuration(FunctionName=name, Description="", Environment={"Variables": {}})
    assert emptied["Description"] == ""
    assert "Environment" not in emptied
    assert functions.get_function_configuration(FunctionName=name)["Timeout"] == 9


def test_update_code(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role)
    name = made["FunctionName"]
    newer = archive("def handler(event, context):\n    return 'newer'\n")
    rehearsed = functions.update_function_code(FunctionName=name, ZipFile=newer, DryRun=True)
    assert rehearsed["CodeSha256"] != made["CodeSha256"]
    assert functions.get_function_configuration(FunctionName=name)["CodeSha256"] == made["CodeSha256"]
    assert functions.invoke(FunctionName=name, Payload=b'"echo"')["Payload"].read() == b'"echo"'
    stale = error_of(lambda: functions.update_function_code(FunctionName=name, ZipFile=newer, RevisionId="other"))
    assert stale[0] == "PreconditionFailedException"
    changed = functions.update_function_code(FunctionName=name, ZipFile=newer, RevisionId=made["RevisionId"])
    assert changed["CodeSha256"] == rehearsed["CodeSha256"]
    assert functions.invoke(FunctionName=name)["Payload"].read() == b'"newer"'
    again = functions.update_function_code(FunctionName=name, ZipFile=newer)
    assert again["CodeSha256"] == changed["CodeSha256"]
    assert functions.invoke(FunctionName=name)["Payload"].read() == b'"newer"'


def test_list_in_pages(strongroom: RunningServer, functions: Any, role: str) -> None:
    names = sorted(make_function(strongroom, role)["FunctionName"] for _ in range(3))
    pages = functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
    listed = [it["FunctionName"] for page in pages for it in page["Functions"]]
    assert listed == sorted(listed)
    assert set(names) <= set(listed)
    every = functions.list_functions(FunctionVersion="ALL")["Functions"]
    assert all(it["FunctionArn"].endswith(f":{it['Version']}") for it in every)
    assert error_of(lambda: functions.list_functions(Marker="\u00fc"))[0] == "InvalidParameterValueException"


def test_delete(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = make_function(strongroom, role, Tags={"a": "b"})["FunctionName"]
    found = error_of(lambda: functions.delete_function(FunctionName=name, Qualifier="$LATEST"))
    assert found[:2] == (
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    )
    assert functions.delete_function(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert error_of(lambda: functions.get_function(FunctionName=name))[0] == "ResourceNotFoundException"
    assert "Tags" not in functions.get_function(
        FunctionName=make_function(strongroom, role, FunctionName=name)["FunctionName"]
    )


def test_tags(strongroom: RunningServer, functions: Any, role: str) -> None:
    arn = make_function(strongroom, role, Tags={"one": "1"})["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags={"one": "I", "two": "2"})
    assert functions.list_tags(Resource=arn)["Tags"] == {"one": "I", "two": "2"}
    functions.untag_resource(Resource=arn, TagKeys=["one", "absent"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"two": "2"}
    many = {f"key-{number}": "" for number in range(50)}
    found = error_of(lambda: functions.tag_resource(Resource=arn, Tags=many))
    assert found[:2] == ("InvalidParameterValueException", "Number of tags exceeds resource tag limit.")


def test_operations_that_are_not_offered(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = make_function(strongroom, role)["FunctionName"]
    found = error_of(lambda: functions.create_function_url_config(FunctionName=name, AuthType="NONE"))
    assert "CreateFunctionUrlConfig" in found[1]
