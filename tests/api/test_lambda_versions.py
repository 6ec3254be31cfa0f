"""Published versions and aliases through boto3."""

from __future__ import annotations

import json
from typing import Any

from tests.support.lambda_service import archive, make_function, new_name
from tests.support.refusals import error_of
from tests.support.server import RunningServer


def answering(text: str) -> str:
    return (
        f"def handler(event, context):\n    return [{text!r}, context.function_version, context.invoked_function_arn]\n"
    )


def call(functions: Any, name: str, qualifier: str | None = None) -> Any:
    answer = functions.invoke(FunctionName=name, **({"Qualifier": qualifier} if qualifier else {}))
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read()), answer["ExecutedVersion"]


def test_a_version_never_changes(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, answering("one"), Environment={"Variables": {"KEY": "1"}})
    name, arn = made["FunctionName"], made["FunctionArn"]
    version = functions.publish_version(FunctionName=name, Description="first")
    assert version["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (version["Version"], version["FunctionArn"]) == ("1", f"{arn}:1")
    assert (version["Description"], version["Environment"]) == ("first", {"Variables": {"KEY": "1"}})
    assert version["RevisionId"] != made["RevisionId"]
    functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")

    functions.update_function_code(FunctionName=name, ZipFile=archive(answering("two")))
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"KEY": "2"}}, Timeout=9)
    assert call(functions, name, "1") == (["one", "1", f"{arn}:1"], "1")
    assert call(functions, f"{name}:1") == (["one", "1", f"{arn}:1"], "1")
    assert call(functions, name) == (["two", "$LATEST", arn], "$LATEST")
    kept = functions.get_function(FunctionName=f"{arn}:1")["Configuration"]
    assert (kept["Timeout"], kept["Environment"], kept["CodeSha256"]) == (
        20,
        {"Variables": {"KEY": "1"}},
        made["CodeSha256"],
    )
    refused = error_of(lambda: functions.update_function_configuration(FunctionName=f"{name}:1", Timeout=4))
    assert refused[0] == "InvalidParameterValueException"


def test_nothing_is_published_twice(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = make_function(strongroom, role, answering("one"), Environment={"Variables": {"KEY": "1"}})["FunctionName"]
    assert functions.publish_version(FunctionName=name)["Version"] == "1"
    assert functions.publish_version(FunctionName=name)["Version"] == "1"
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"KEY": "1"}})
    assert functions.publish_version(FunctionName=name, Description="other words")["Version"] == "1"
    functions.update_function_configuration(FunctionName=name, Description="changed")
    assert functions.publish_version(FunctionName=name)["Version"] == "2"
    updated = functions.update_function_code(FunctionName=name, ZipFile=archive(answering("two")), Publish=True)
    assert updated["Version"] == "3"
    assert updated["FunctionArn"].endswith(f"{name}:3")
    again = functions.update_function_code(FunctionName=name, ZipFile=archive(answering("two")), Publish=True)
    assert again["Version"] == "3"


def test_publishing_with_the_function(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, Publish=True)
    assert made["Version"] == "1"
    assert made["FunctionArn"].endswith(made["FunctionName"])
    listed = functions.list_versions_by_function(FunctionName=made["FunctionName"])["Versions"]
    assert [version["Version"] for version in listed] == ["$LATEST", "1"]


def test_publishing_only_what_is_expected(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role)
    name = made["FunctionName"]
    code = error_of(lambda: functions.publish_version(FunctionName=name, CodeSha256="x"))
    assert code[:2] == (
        "InvalidParameterValueException",
        f"CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ({made['CodeSha256']}). "
        "Please try again with the CodeSHA256 in $LATEST.",
    )
    revision = error_of(lambda: functions.publish_version(FunctionName=name, RevisionId="x"))
    assert revision[::2] == ("PreconditionFailedException", 412)
    published = functions.publish_version(
        FunctionName=name, CodeSha256=made["CodeSha256"], RevisionId=made["RevisionId"]
    )
    assert published["Version"] == "1"


def test_lists_of_versions(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = make_function(strongroom, role, Publish=True)["FunctionName"]
    for number in range(3):
        functions.update_function_configuration(FunctionName=name, Timeout=10 + number)
        functions.publish_version(FunctionName=name)
    pages = functions.get_paginator("list_versions_by_function").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 2}
    )
    found = [[version["Version"] for version in page["Versions"]] for page in pages]
    assert found == [["$LATEST", "1"], ["2", "3"], ["4"]]
    pages = functions.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 2})
    everything = [function["FunctionArn"] for page in pages for function in page["Functions"]]
    assert len(everything) == len(set(everything))
    mine = [arn.rpartition(":")[2] for arn in everything if f":{name}:" in arn]
    assert mine == ["$LATEST", "1", "2", "3", "4"]
    plain = [
        f["FunctionArn"] for page in functions.get_paginator("list_functions").paginate() for f in page["Functions"]
    ]
    assert sum(arn.endswith(f":{name}") for arn in plain) == 1
    assert not any(f":{name}:" in arn for arn in plain)


def test_deleting_a_version(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = make_function(strongroom, role, Publish=True)["FunctionName"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    held = error_of(lambda: functions.delete_function(FunctionName=name, Qualifier="1"))
    assert held == (
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
        409,
    )
    functions.delete_alias(FunctionName=name, Name="live")
    functions.delete_function(FunctionName=f"{name}:1")
    assert error_of(lambda: functions.get_function(FunctionName=name, Qualifier="1"))[0] == "ResourceNotFoundException"
    assert call(functions, name)[1] == "$LATEST"
    functions.update_function_configuration(FunctionName=name, Timeout=5)
    assert functions.publish_version(FunctionName=name)["Version"] == "2", "a number is never given again"


def test_an_alias_from_birth_to_death(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, answering("one"), Publish=True)
    name, arn = made["FunctionName"], made["FunctionArn"]
    functions.update_function_code(FunctionName=name, ZipFile=archive(answering("two")), Publish=True)
    alias = functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1", Description="what is used")
    assert alias["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert {key: alias[key] for key in ("AliasArn", "Name", "FunctionVersion", "Description")} == {
        "AliasArn": f"{arn}:live",
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "what is used",
    }
    assert call(functions, name, "live") == (["one", "1", f"{arn}:live"], "1")
    changed = functions.update_alias(
        FunctionName=name, Name="live", FunctionVersion="2", RevisionId=alias["RevisionId"]
    )
    assert (changed["FunctionVersion"], changed["Description"]) == ("2", "what is used")
    assert call(functions, f"{arn}:live") == (["two", "2", f"{arn}:live"], "2")
    stale = error_of(lambda: functions.update_alias(FunctionName=name, Name="live", RevisionId=alias["RevisionId"]))
    assert stale[::2] == ("PreconditionFailedException", 412)
    functions.create_alias(FunctionName=name, Name="beta", FunctionVersion="$LATEST")
    listed = functions.list_aliases(FunctionName=name)["Aliases"]
    assert [each["Name"] for each in listed] == ["beta", "live"]
    assert [each["Name"] for each in functions.list_aliases(FunctionName=name, FunctionVersion="2")["Aliases"]] == [
        "live"
    ]
    shown = functions.get_alias(FunctionName=name, Name="live")
    assert shown["RevisionId"] == changed["RevisionId"]
    functions.delete_alias(FunctionName=name, Name="live")
    functions.delete_alias(FunctionName=name, Name="live")
    gone = error_of(lambda: functions.get_alias(FunctionName=name, Name="live"))
    assert gone == ("ResourceNotFoundException", f"Cannot find alias arn: {arn}:live", 404)
    assert error_of(lambda: functions.invoke(FunctionName=name, Qualifier="live"))[0] == "ResourceNotFoundException"


def test_an_alias_shares_invocations_among_two_versions(strongroom: RunningServer, functions: Any, role: str) -> None:
    name = make_function(strongroom, role, answering("one"), Publish=True)["FunctionName"]
    functions.update_function_code(FunctionName=name, ZipFile=archive(answering("two")), Publish=True)
    routing = {"AdditionalVersionWeights": {"2": 0.5}}
    alias = functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig=routing)
    assert alias["RoutingConfig"] == routing
    assert {call(functions, name, "live")[1] for _ in range(40)} == {"1", "2"}
    functions.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert {call(functions, name, "live")[1] for _ in range(5)} == {"2"}
    single = functions.update_alias(FunctionName=name, Name="live", RoutingConfig={})
    assert "RoutingConfig" not in single
    assert {call(functions, name, "live")[1] for _ in range(5)} == {"1"}


def test_aliases_that_cannot_be(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, Publish=True)
    name, arn = made["FunctionName"], made["FunctionArn"]

    def create(version: str = "1", alias: str = "a", **weights: float) -> tuple[str, str, int]:
        routing = {"AdditionalVersionWeights": {key.strip("v"): value for key, value in weights.items()}}
        return error_of(
            lambda: functions.create_alias(
                FunctionName=name, Name=alias, FunctionVersion=version, RoutingConfig=routing
            )
        )

    assert create("7")[:2] == ("ResourceNotFoundException", f"Function not found: {arn}:7")
    assert create("1", v7=0.1)[:2] == ("ResourceNotFoundException", f"Function not found: {arn}:7")
    assert create("$LATEST", v1=0.1)[1] == "$LATEST is not supported for an alias pointing to more than 1 version"
    assert create("1", v1=0.1)[1].startswith("Invalid function version 1.")
    assert create("1", v2=0.1, v3=0.1)[1] == "Number of items in AdditionalVersionWeights cannot be greater than 1"
    assert create("1", v2=1.5)[0] == "ValidationException"
    assert create("1", alias="12")[0] == "ValidationException"
    functions.create_alias(FunctionName=name, Name="a", FunctionVersion="1")
    assert create("1")[::2] == ("ResourceConflictException", 409)
    nobody = new_name()
    missing = error_of(lambda: functions.create_alias(FunctionName=nobody, Name="a", FunctionVersion="1"))
    assert missing[0] == "ResourceNotFoundException"


def test_policies_of_versions_and_aliases_are_their_own(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, Publish=True)
    name, arn = made["FunctionName"], made["FunctionArn"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for qualifier in ("live", "1"):
        statement = functions.add_permission(
            FunctionName=name,
            Qualifier=qualifier,
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
        )["Statement"]
        assert json.loads(statement)["Resource"] == f"{arn}:{qualifier}"
        shown = json.loads(functions.get_policy(FunctionName=name, Qualifier=qualifier)["Policy"])
        assert [each["Resource"] for each in shown["Statement"]] == [f"{arn}:{qualifier}"]
    assert error_of(lambda: functions.get_policy(FunctionName=name))[0] == "ResourceNotFoundException"
    latest = error_of(
        lambda: functions.add_permission(
            FunctionName=name,
            Qualifier="$LATEST",
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal="s.amazonaws.com",
        )
    )
    assert latest[0] == "InvalidParameterValueException"
    functions.remove_permission(FunctionName=name, Qualifier="live", StatementId="s")
    assert error_of(lambda: functions.get_policy(FunctionName=name, Qualifier="live"))[0] == "ResourceNotFoundException"
    assert functions.get_policy(FunctionName=name, Qualifier="1")


def test_text_that_no_store_can_keep(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role)
    name, arn = made["FunctionName"], made["FunctionArn"]
    content = {"ZipFile": archive()}
    for work in (
        lambda: make_function(strongroom, role, Description="a\0b"),
        lambda: functions.publish_version(FunctionName=name, Description="a\0b"),
        lambda: functions.update_function_configuration(FunctionName=name, Handler="a\0b"),
        lambda: functions.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST", Description="\0"),
        lambda: functions.publish_layer_version(LayerName=name, Content=content, LicenseInfo="a\0b"),
        lambda: functions.tag_resource(Resource=arn, Tags={"a": "\0"}),
        lambda: functions.list_functions(Marker="AAAA"),
        lambda: functions.list_layers(Marker="AAAA"),
    ):
        code, _, status = error_of(work)
        assert (code in {"InvalidParameterValueException", "ValidationException"}, status) == (True, 400)


def test_rights_on_a_qualifier(strongroom: RunningServer, functions: Any, role: str) -> None:
    made = make_function(strongroom, role, Publish=True)
    name, arn = made["FunctionName"], made["FunctionArn"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    allow = {"Effect": "Allow", "Action": "lambda:*", "Resource": f"{arn}:live"}
    user = strongroom.make_user({"Version": "2012-10-17", "Statement": [allow]})
    mine = strongroom.client("lambda", user)
    assert call(mine, name, "live") == ({}, "1")
    for qualifier in ({}, {"Qualifier": "1"}, {"Qualifier": "$LATEST"}):
        assert error_of(lambda extra=qualifier: mine.invoke(FunctionName=name, **extra))[0] == "AccessDeniedException"
