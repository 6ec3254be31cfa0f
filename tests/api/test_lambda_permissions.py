"""Who may do what to a function: identity policies, the function's own policy, and what PassRole guards."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from tests.support.lambda_service import archive, make_function, make_role, new_name
from tests.support.refusals import error_of
from tests.support.server import RunningServer

OTHER_ACCOUNT = "999988887777"


@pytest.fixture
def function(strongroom: RunningServer, role: str) -> dict[str, Any]:
    return make_function(strongroom, role)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def statements(functions: Any, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    return found


@pytest.mark.parametrize(
    ("parameters", "principal", "condition"),
    [
        ({"Principal": "secretsmanager.amazonaws.com"}, {"Service": "secretsmanager.amazonaws.com"}, None),
        ({"Principal": OTHER_ACCOUNT}, {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}, None),
        (
            {"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::b", "SourceAccount": OTHER_ACCOUNT},
            {"Service": "s3.amazonaws.com"},
            {
                "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
                "StringEquals": {"AWS:SourceAccount": OTHER_ACCOUNT},
            },
        ),
        (
            {"Principal": "*", "PrincipalOrgID": "o-1234567890"},
            "*",
            {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}},
        ),
        (
            {"Principal": "alexa-appkit.amazon.com", "EventSourceToken": "skill"},
            {"Service": "alexa-appkit.amazon.com"},
            {"StringEquals": {"lambda:EventSourceToken": "skill"}},
        ),
    ],
)
def test_add_permission(
    functions: Any, function: dict[str, Any], parameters: dict[str, Any], principal: object, condition: object
) -> None:
    name = function["FunctionName"]
    answer = functions.add_permission(
        FunctionName=name, StatementId="s-1", Action="lambda:InvokeFunction", **parameters
    )
    expected = {
        "Sid": "s-1",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "lambda:InvokeFunction",
        "Resource": function["FunctionArn"],
    }
    if condition:
        expected["Condition"] = condition
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert json.loads(answer["Statement"]) == expected
    read = json.loads(functions.get_policy(FunctionName=name)["Policy"])
    assert read == {"Version": "2012-10-17", "Id": "default", "Statement": [expected]}


def test_permissions_come_and_go(functions: Any, function: dict[str, Any]) -> None:
    name = function["FunctionName"]
    none = error_of(lambda: functions.get_policy(FunctionName=name))
    assert none == ("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    given = {"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com"}
    functions.add_permission(StatementId="one", **given)
    taken = error_of(lambda: functions.add_permission(StatementId="one", **given))
    assert taken[0] == "ResourceConflictException"
    assert "(one) provided already exists" in taken[1]
    revision = functions.get_policy(FunctionName=name)["RevisionId"]
    stale = error_of(lambda: functions.add_permission(StatementId="two", RevisionId="other", **given))
    assert stale[0] == "PreconditionFailedException"
    functions.add_permission(StatementId="two", RevisionId=revision, **given)
    assert [it["Sid"] for it in statements(functions, name)] == ["one", "two"]
    absent = error_of(lambda: functions.remove_permission(FunctionName=name, StatementId="three"))
    assert absent == ("ResourceNotFoundException", "Statement three is not found in resource policy.", 404)
    assert (
        functions.remove_permission(FunctionName=name, StatementId="one")["ResponseMetadata"]["HTTPStatusCode"] == 204
    )
    assert [it["Sid"] for it in statements(functions, name)] == ["two"]
    functions.remove_permission(FunctionName=name, StatementId="two")
    assert error_of(lambda: functions.get_policy(FunctionName=name))[0] == "ResourceNotFoundException"
    assert functions.get_function_configuration(FunctionName=name)["RevisionId"] == function["RevisionId"]


@pytest.mark.parametrize(
    ("principal", "code"),
    [
        ("nobody", "InvalidParameterValueException"),
        (f"arn:aws:iam::{OTHER_ACCOUNT}:user/none-of-this-name", "InvalidParameterValueException"),
        ("arn:aws:s3:::bucket", "InvalidParameterValueException"),
        ("*", "PublicPolicyException"),
    ],
)
def test_principals_that_are_refused(functions: Any, function: dict[str, Any], principal: str, code: str) -> None:
    found = error_of(
        lambda: functions.add_permission(
            FunctionName=function["FunctionName"],
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal=principal,
        )
    )
    assert found[0] == code
    assert error_of(lambda: functions.get_policy(FunctionName=function["FunctionName"]))[2] == 404


def test_a_policy_has_a_largest_size(functions: Any, function: dict[str, Any]) -> None:
    def add(number: int) -> None:
        functions.add_permission(
            FunctionName=function["FunctionName"],
            StatementId=f"s{number}",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn="arn:aws:s3:::" + "b" * 6000,
        )

    for number in range(3):
        add(number)
    found = error_of(lambda: add(3))
    assert found[0] == "PolicyLengthExceededException"
    assert found[1].endswith("is bigger than the limit (20480).")


def test_a_function_policy_lets_a_user_in(strongroom: RunningServer, functions: Any, function: dict[str, Any]) -> None:
    name = function["FunctionName"]
    user = strongroom.make_user()
    theirs = strongroom.client("lambda", user)
    arn = function["FunctionArn"]
    assert error_of(lambda: theirs.invoke(FunctionName=name)) == (
        "AccessDeniedException",
        f"User: {user.arn} is not authorized to perform: lambda:InvokeFunction on resource: {arn} "
        "because no identity-based policy allows the lambda:InvokeFunction action",
        403,
    )
    functions.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal=user.arn)
    assert statements(functions, name)[0]["Principal"] == {"AWS": user.arn}
    assert theirs.invoke(FunctionName=name, Payload=b"1")["Payload"].read() == b"1"
    # An Allow for the function covers no qualified ARN, as on AWS.
    assert error_of(lambda: theirs.invoke(FunctionName=name, Qualifier="$LATEST"))[0] == "AccessDeniedException"
    functions.remove_permission(FunctionName=name, StatementId="s")
    assert error_of(lambda: theirs.invoke(FunctionName=name))[0] == "AccessDeniedException"


def test_attack_6_a_user_made_again_is_somebody_else(
    strongroom: RunningServer, functions: Any, function: dict[str, Any]
) -> None:
    name = function["FunctionName"]
    user = strongroom.make_user()
    functions.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal=user.arn)
    iam = strongroom.client("iam")
    iam.delete_access_key(UserName=user.user_name, AccessKeyId=user.access_key_id)
    iam.delete_user(UserName=user.user_name)
    again = strongroom.client("lambda", strongroom.make_user(name=user.user_name))
    assert error_of(lambda: again.invoke(FunctionName=name))[0] == "AccessDeniedException"
    assert statements(functions, name)[0]["Principal"]["AWS"].startswith("AIDA")


def test_attack_1_a_deny_holds_for_every_spelling(strongroom: RunningServer, function: dict[str, Any]) -> None:
    arn, name = function["FunctionArn"], function["FunctionName"]
    for denied in (arn, f"{arn}:$LATEST"):
        user = strongroom.make_user(
            policy(allow("lambda:*"), {"Effect": "Deny", "Action": "lambda:InvokeFunction", "Resource": denied})
        )
        theirs = strongroom.client("lambda", user)
        for spelled in (f"{name}:$LATEST", f"{arn}:$LATEST", f"{strongroom.account}:function:{name}:$LATEST"):
            found = error_of(partial(theirs.invoke, FunctionName=spelled))
            assert found[0] == "AccessDeniedException"
            assert "explicit deny" in found[1]
        assert error_of(partial(theirs.invoke, FunctionName=name, Qualifier="$LATEST"))[2] == 403
        if denied == arn:
            for spelled in (name, arn, f"{strongroom.account}:function:{name}"):
                found = error_of(partial(theirs.invoke, FunctionName=spelled))
                assert found[0] == "AccessDeniedException"


def test_a_refusal_does_not_tell_whether_a_function_exists(
    strongroom: RunningServer, function: dict[str, Any], role: str
) -> None:
    theirs = strongroom.client("lambda", strongroom.make_user())
    for name in (function["FunctionName"], new_name()):
        arn = f"arn:aws:lambda:{strongroom.region}:{strongroom.account}:function:{name}"
        for work in (
            partial(theirs.get_function, FunctionName=name),
            partial(theirs.get_function_configuration, FunctionName=name),
            partial(theirs.update_function_code, FunctionName=name, ZipFile=b"no zip"),
            partial(theirs.update_function_configuration, FunctionName=name, Timeout=901),
            partial(theirs.delete_function, FunctionName=name),
            partial(theirs.invoke, FunctionName=name, Payload=b"no json"),
            partial(theirs.get_policy, FunctionName=name),
            partial(theirs.remove_permission, FunctionName=name, StatementId="s"),
            partial(
                theirs.add_permission,
                FunctionName=name,
                StatementId="s",
                Action="lambda:InvokeFunction",
                Principal="nobody",
            ),
            partial(theirs.list_tags, Resource=arn),
            partial(theirs.tag_resource, Resource=arn, Tags={"a": "b"}),
            partial(theirs.untag_resource, Resource=arn, TagKeys=["a"]),
            partial(
                theirs.create_function,
                FunctionName=name,
                Role=role,
                Runtime="python3.12",
                Handler="m.h",
                Code={"ZipFile": b"no zip"},
            ),
        ):
            code, message, status = error_of(work)
            assert (code, status) == ("AccessDeniedException", 403)
            assert f"on resource: {arn} because no identity-based policy allows" in message
    assert error_of(theirs.list_functions)[0] == "AccessDeniedException"


def test_functions_of_another_account_are_out_of_reach(strongroom: RunningServer, functions: Any) -> None:
    arn = f"arn:aws:lambda:{strongroom.region}:{OTHER_ACCOUNT}:function:f"
    found = error_of(lambda: functions.invoke(FunctionName=arn))
    assert found[0] == "AccessDeniedException"
    assert "no resource-based policy allows" in found[1]


def test_attack_8_a_role_is_not_handed_over_without_pass_role(strongroom: RunningServer, role: str) -> None:
    other = make_role(strongroom)
    rights = policy(
        allow("lambda:*"),
        allow("iam:PassRole", other, Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),
    )
    theirs = strongroom.client("lambda", strongroom.make_user(rights))
    parameters: dict[str, Any] = {"Runtime": "python3.12", "Handler": "mod.handler", "Code": {"ZipFile": archive()}}
    name = new_name()
    found = error_of(lambda: theirs.create_function(FunctionName=name, Role=role, **parameters))
    assert found[0] == "AccessDeniedException"
    assert f"iam:PassRole on resource: {role}" in found[1]
    theirs.create_function(FunctionName=name, Role=other, **parameters)
    found = error_of(lambda: theirs.update_function_configuration(FunctionName=name, Role=role))
    assert f"iam:PassRole on resource: {role}" in found[1]
    assert theirs.get_function_configuration(FunctionName=name)["Role"] == other


def test_conditions_on_tags_and_principals(strongroom: RunningServer, functions: Any, role: str) -> None:
    red = make_function(strongroom, role, Tags={"Team": "red"})["FunctionName"]
    blue = make_function(strongroom, role, Tags={"Team": "blue"})["FunctionName"]
    on_tag = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    on_principal = {"StringEquals": {"lambda:Principal": "s3.amazonaws.com"}}
    rights = policy(
        allow(["lambda:GetFunction", "lambda:ListTags"], Condition=on_tag),
        allow(["lambda:AddPermission", "lambda:RemovePermission"], Condition=on_principal),
    )
    theirs = strongroom.client("lambda", strongroom.make_user(rights))
    assert theirs.get_function(FunctionName=red)["Tags"] == {"Team": "red"}
    assert error_of(lambda: theirs.get_function(FunctionName=blue))[0] == "AccessDeniedException"
    given = {"FunctionName": red, "Action": "lambda:InvokeFunction"}
    theirs.add_permission(StatementId="a", Principal="s3.amazonaws.com", **given)
    refused = error_of(lambda: theirs.add_permission(StatementId="b", Principal="sns.amazonaws.com", **given))
    assert refused[0] == "AccessDeniedException"
    functions.add_permission(StatementId="b", Principal="sns.amazonaws.com", **given)
    assert error_of(lambda: theirs.remove_permission(FunctionName=red, StatementId="b"))[0] == "AccessDeniedException"
    theirs.remove_permission(FunctionName=red, StatementId="a")


def test_tags_need_a_right_of_their_own(strongroom: RunningServer, role: str) -> None:
    tagged = make_function(strongroom, role, Tags={"a": "b"})["FunctionName"]
    rights = policy(allow(["lambda:GetFunction", "lambda:CreateFunction", "iam:PassRole"]))
    theirs = strongroom.client("lambda", strongroom.make_user(rights))
    read = theirs.get_function(FunctionName=tagged)
    assert "Tags" not in read
    assert read["TagsError"]["ErrorCode"] == "AccessDeniedException"
    found = error_of(
        lambda: theirs.create_function(
            FunctionName=new_name(),
            Role=role,
            Runtime="python3.12",
            Handler="mod.handler",
            Code={"ZipFile": archive()},
            Tags={"a": "b"},
        )
    )
    assert "lambda:TagResource" in found[1]
