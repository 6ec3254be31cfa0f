"""The policy simulator: decisions that nobody asks in earnest, by the policies of a request or of a principal."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.accounts import attached_policy, make_account
from tests.support.server import RunningServer

READ = "secretsmanager:GetSecretValue"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _name(kind: str = "sim") -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _allow(action: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def _deny(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {**_allow(action, resource, **more), "Effect": "Deny"}


def _secret(account: str, name: str = "app/db-AbCdEf") -> str:
    return f"arn:aws:secretsmanager:eu-west-1:{account}:secret:{name}"


def _one(answer: dict[str, Any]) -> dict[str, Any]:
    (result,) = answer["EvaluationResults"]
    assert isinstance(result, dict)
    return result


def _entry(name: str, kind: str, *values: str) -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": list(values)}


def _refused(code: str, text: str, action: Any, **parameters: Any) -> None:
    with pytest.raises(ClientError) as caught:
        action(**parameters)
    error = caught.value.response["Error"]
    assert (error["Code"], text in error["Message"]) == (code, True), error


# The example of the AWS CLI's reference, and its answer.
_DATED = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":'
    '{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
)


def test_the_documented_example(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    asked = {"PolicyInputList": [_DATED], "ActionNames": ["dynamodb:CreateBackup"]}
    later = _entry("aws:CurrentTime", "date", "2019-04-25T11:00:00Z")
    assert _one(iam.simulate_custom_policy(**asked, ContextEntries=[later])) == {
        "EvalActionName": "dynamodb:CreateBackup",
        "EvalResourceName": "*",
        "EvalDecision": "allowed",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": 167},
            }
        ],
        "MissingContextValues": [],
    }
    earlier = _entry("aws:CurrentTime", "date", "2014-04-25T11:00:00Z")
    refused = _one(iam.simulate_custom_policy(**asked, ContextEntries=[earlier]))
    assert (refused["EvalDecision"], refused["MatchedStatements"]) == ("implicitDeny", [])
    unknown = _one(iam.simulate_custom_policy(**asked))
    assert (unknown["EvalDecision"], unknown["MissingContextValues"]) == ("implicitDeny", ["aws:CurrentTime"])


def test_positions_in_a_list_of_statements(strongroom: RunningServer) -> None:
    text = f'{{\n  "Statement": [{json.dumps(_allow("s3:GetObject"))},\n    {json.dumps(_deny("s3:Put*"))}\n  ]\n}}'
    results = strongroom.client("iam").simulate_custom_policy(
        PolicyInputList=[_policy(ALL), text], ActionNames=["s3:GetObject", "s3:PutObject"]
    )["EvaluationResults"]
    first, second = [result["MatchedStatements"][-1] for result in results]
    assert [result["EvalDecision"] for result in results] == ["allowed", "explicitDeny"]
    end = {"Line": 2, "Column": 17 + len(json.dumps(_allow("s3:GetObject")))}
    assert (first["StartPosition"], first["EndPosition"]) == ({"Line": 2, "Column": 17}, end)
    assert first["SourcePolicyId"] == "PolicyInputList.2"
    assert second["StartPosition"] == {"Line": 1, "Column": 41}  # of the policy that allows everything
    deny = results[1]["MatchedStatements"][0]
    assert (deny["StartPosition"], deny["EndPosition"]["Line"]) == (end, 3)


def test_resources_are_decided_one_by_one(strongroom: RunningServer) -> None:
    iam, account = strongroom.client("iam"), strongroom.account
    mine, other = _secret(account), _secret(account, "other-AbCdEf")
    text = _policy(_allow(READ, _secret(account, "app/*")))
    result = _one(iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=[READ], ResourceArns=[mine, other]))
    assert result["EvalDecision"] == "implicitDeny"
    decisions = {one["EvalResourceName"]: one["EvalResourceDecision"] for one in result["ResourceSpecificResults"]}
    assert decisions == {mine: "allowed", other: "implicitDeny"}
    sole = _one(iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=[READ], ResourceArns=[mine]))
    assert (sole["EvalResourceName"], sole["EvalDecision"]) == (mine, "allowed")
    assert sole["ResourceSpecificResults"][0]["MatchedStatements"] == sole["MatchedStatements"]


def test_boundaries_and_organizations_are_told_apart(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")

    def result(**more: Any) -> dict[str, Any]:
        return _one(iam.simulate_custom_policy(PolicyInputList=[_policy(ALL)], ActionNames=[READ], **more))

    narrow, wide = _policy(_allow("s3:*")), _policy(ALL)
    refused = result(PermissionsBoundaryPolicyInputList=[narrow])
    assert refused["EvalDecision"] == "implicitDeny"
    assert refused["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    granted = result(PermissionsBoundaryPolicyInputList=[wide])
    assert granted["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    denied = result(PermissionsBoundaryPolicyInputList=[_policy(ALL, _deny(READ))])
    assert denied["EvalDecision"] == "explicitDeny"
    assert denied["MatchedStatements"][-1]["SourcePolicyType"] == "Permissions Boundary Policy"
    for levels, decision, allowed in (
        ([[wide], [wide, narrow]], "allowed", True),
        ([[wide], [narrow]], "implicitDeny", False),
        ([[wide, _policy(_deny(READ))]], "explicitDeny", False),
    ):
        held = result(OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": level} for level in levels])
        assert held["EvalDecision"] == decision
        assert held["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": allowed}
    assert "OrganizationsDecisionDetail" not in granted


def test_resource_policies_within_and_across_accounts(strongroom: RunningServer) -> None:
    iam, account = strongroom.client("iam"), strongroom.account
    bob, eve = f"arn:aws:iam::{account}:user/bob", "arn:aws:iam::999988887777:user/eve"
    asked = {"ActionNames": [READ], "ResourceArns": [_secret(account)]}
    grants = _policy({**_allow(READ), "Principal": {"AWS": [bob, eve]}})
    nothing = _policy(_allow("s3:*"))
    alone = _one(iam.simulate_custom_policy(PolicyInputList=[nothing], ResourcePolicy=grants, CallerArn=bob, **asked))
    assert alone["EvalDecision"] == "allowed"
    assert [each["SourcePolicyId"] for each in alone["MatchedStatements"]] == ["ResourcePolicy"]
    assert alone["EvalDecisionDetails"] == {}
    across = _one(iam.simulate_custom_policy(PolicyInputList=[nothing], ResourcePolicy=grants, CallerArn=eve, **asked))
    assert across["EvalDecision"] == "implicitDeny"
    assert across["EvalDecisionDetails"] == {"Resource Policy": "allowed", "IAM Policy": "implicitDeny"}
    both = iam.simulate_custom_policy(PolicyInputList=[_policy(ALL)], ResourcePolicy=grants, CallerArn=eve, **asked)
    assert _one(both)["EvalDecision"] == "allowed"
    owned = iam.simulate_custom_policy(
        PolicyInputList=[_policy(ALL)], ActionNames=[READ], ResourceOwner="arn:aws:iam::999988887777:root"
    )
    assert _one(owned)["EvalDecision"] == "implicitDeny"


def test_context_entries(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    condition = {
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]},
        "StringEquals": {"aws:ResourceTag/Owner": "${aws:username}"},
    }
    text = _policy(_allow(READ, Condition=condition))

    def decision(*entries: dict[str, Any]) -> str:
        answer = iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=[READ], ContextEntries=list(entries))
        return str(_one(answer)["EvalDecision"])

    owner = _entry("AWS:resourcetag/owner", "string", "bob")
    name = _entry("aws:username", "string", "bob")
    assert decision(owner, name, _entry("aws:TagKeys", "stringList", "team")) == "allowed"
    assert decision(owner, name, _entry("aws:TagKeys", "stringList", "team", "other")) == "implicitDeny"
    assert decision(owner, _entry("aws:username", "string", "eve")) == "implicitDeny"
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"] == [
        "aws:TagKeys",
        "aws:ResourceTag/Owner",
        "aws:username",
    ]


def test_a_principal_with_all_of_its_policies(strongroom: RunningServer) -> None:
    iam, user, group = strongroom.client("iam"), _name("user"), _name("group")
    arn = iam.create_user(UserName=user, Tags=[{"Key": "team", "Value": "red"}])["User"]["Arn"]
    managed = iam.create_policy(PolicyName=_name("managed"), PolicyDocument=_policy(_allow("kms:Decrypt")))["Policy"]
    bound = iam.create_policy(PolicyName=_name("bound"), PolicyDocument=_policy(_allow("*"), _deny("kms:Encrypt")))
    iam.put_user_policy(
        UserName=user,
        PolicyName="own",
        PolicyDocument=_policy(
            _allow("kms:*"),
            _allow(READ, "arn:aws:secretsmanager:*:*:secret:${aws:username}/*"),
            _allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
        ),
    )
    iam.attach_user_policy(UserName=user, PolicyArn=managed["Arn"])
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=bound["Policy"]["Arn"])
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="shared", PolicyDocument=_policy(_deny("kms:Delete*")))
    iam.add_user_to_group(GroupName=group, UserName=user)

    def result(action: str, **more: Any) -> dict[str, Any]:
        return _one(iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[action], **more))

    decrypt = result("kms:Decrypt")
    assert decrypt["EvalDecision"] == "allowed"
    assert {each["SourcePolicyId"] for each in decrypt["MatchedStatements"]} == {
        f"user_{user}_own",
        managed["PolicyName"],
        bound["Policy"]["PolicyName"],
    }
    assert result("kms:Encrypt")["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    deleted = result("kms:DeleteAlias")
    assert deleted["EvalDecision"] == "explicitDeny"
    assert deleted["MatchedStatements"][0]["SourcePolicyId"] == f"group_{group}_shared"
    assert result("s3:GetObject")["EvalDecision"] == "allowed"
    mine = _secret(strongroom.account, f"{user}/x-AbCdEf")
    assert result(READ, ResourceArns=[mine])["EvalDecision"] == "allowed"
    assert result(READ, ResourceArns=[_secret(strongroom.account)])["EvalDecision"] == "implicitDeny"
    added = result("sqs:SendMessage", PolicyInputList=[_policy(_allow("sqs:*"))])
    assert added["EvalDecision"] == "allowed"
    grants = _policy({**_allow(READ), "Principal": {"AWS": arn}})
    granted = result(READ, ResourcePolicy=grants, ResourceArns=[_secret(strongroom.account)])
    assert granted["EvalDecision"] == "allowed"
    own = {"PolicyName": "own", "AttachmentType": "user", "AttachmentName": user}
    for exclusion, action, expected in (
        ({"InlinePolicyIdentifier": own}, "s3:GetObject", "implicitDeny"),
        ({"PolicyType": "inline"}, "kms:DeleteAlias", "implicitDeny"),
        ({"PolicyArn": managed["Arn"]}, "kms:Decrypt", "allowed"),
        ({"PolicyType": "permission-boundary"}, "kms:Encrypt", "allowed"),
    ):
        assert result(action, PolicyExclusionList=[exclusion])["EvalDecision"] == expected, exclusion
    keys = iam.get_context_keys_for_principal_policy(
        PolicySourceArn=arn,
        PolicyInputList=[_policy(_allow("s3:*", Condition={"Bool": {"aws:ViaAWSService": "true"}}))],
    )
    assert keys["ContextKeyNames"] == ["aws:username", "aws:PrincipalTag/team", "aws:ViaAWSService"]


def test_groups_and_roles_are_sources_too(strongroom: RunningServer) -> None:
    iam, role, group = strongroom.client("iam"), _name("role"), _name("group")
    trust = _policy({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    role_arn = iam.create_role(RoleName=role, Path="/apps/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=_policy(_allow("s3:*")))
    group_arn = iam.create_group(GroupName=group)["Group"]["Arn"]
    iam.put_group_policy(GroupName=group, PolicyName="own", PolicyDocument=_policy(_allow("s3:*")))
    for kind, name, arn in (("role", role, role_arn), ("group", group, group_arn)):
        result = _one(iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject"]))
        assert result["EvalDecision"] == "allowed"
        assert result["MatchedStatements"][0]["SourcePolicyId"] == f"{kind}_{name}_own"
        grants = _policy({**_allow(READ), "Principal": "*"})
        _refused(
            "InvalidInput",
            "CallerArn",
            iam.simulate_principal_policy,
            PolicySourceArn=arn,
            ActionNames=[READ],
            ResourcePolicy=grants,
        )


def test_service_control_policies_of_the_principals_account(strongroom: RunningServer) -> None:
    account = make_account(strongroom)
    user = account.make_user(json.loads(_policy(ALL)))
    iam = account.client("iam")
    asked = {"PolicySourceArn": user.arn, "ActionNames": [READ]}
    free = _one(iam.simulate_principal_policy(**asked))
    assert (free["EvalDecision"], free["OrganizationsDecisionDetail"]) == ("allowed", {"AllowedByOrganizations": True})
    with attached_policy(strongroom, _policy(ALL, _deny(READ)), account.id):
        held = _one(iam.simulate_principal_policy(**asked))
        spared = _one(iam.simulate_principal_policy(**asked, PolicyExclusionList=[{"PolicyType": "scp"}]))
    assert (held["EvalDecision"], held["MatchedStatements"][1:]) == ("explicitDeny", [])
    assert held["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    assert (spared["EvalDecision"], "OrganizationsDecisionDetail" in spared) == ("allowed", False)


def test_pages(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    actions = [f"s3:Action{number}" for number in range(7)]
    pages = list(
        iam.get_paginator("simulate_custom_policy").paginate(
            PolicyInputList=[_policy(_allow("s3:*"))], ActionNames=actions, PaginationConfig={"PageSize": 3}
        )
    )
    assert [len(page["EvaluationResults"]) for page in pages] == [3, 3, 1]
    assert [each["EvalActionName"] for page in pages for each in page["EvaluationResults"]] == actions
    assert pages[-1]["IsTruncated"] is False
    many = [_secret(strongroom.account, f"s{number}-AbCdEf") for number in range(400)]
    crowded = iam.simulate_custom_policy(PolicyInputList=[_policy(ALL)], ActionNames=actions, ResourceArns=many)
    assert (len(crowded["EvaluationResults"]), crowded["IsTruncated"]) == (2, True)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"PolicyInputList": ["{}"]}, "Statement"),
        ({"PermissionsBoundaryPolicyInputList": [_policy(ALL), _policy(ALL)]}, "one permissions boundary"),
        ({"ActionNames": ["s3:*"]}, "Wildcards"),
        ({"ResourceArns": ["secret"]}, "Invalid resource ARN"),
        ({"ResourceOwner": "123456789012"}, "'123456789012' is not a valid as a Resource Owner."),
        ({"CallerArn": "arn:aws:iam::123456789012:role/x"}, "CallerArn"),
        ({"ResourcePolicy": _policy(_allow("*", Principal="*"))}, "CallerArn"),
        (
            {"ResourcePolicy": _policy(ALL), "CallerArn": "arn:aws:iam::123456789012:user/x"},
            "Missing required field Principal",
        ),
        ({"ContextEntries": [_entry("nocolon", "string", "x")]}, "nocolon"),
        ({"ContextEntries": [_entry("aws:x", "string", "1"), _entry("AWS:X", "string", "2")]}, "twice"),
        ({"ResourceHandlingOption": "EC2-Moon"}, "EC2-Moon"),
    ],
)
def test_what_makes_no_sense_is_refused(strongroom: RunningServer, change: dict[str, Any], text: str) -> None:
    asked = {"PolicyInputList": [_policy(ALL)], "ActionNames": [READ]} | change
    _refused("InvalidInput", text, strongroom.client("iam").simulate_custom_policy, **asked)


def test_sources_that_are_not_there(strongroom: RunningServer) -> None:
    iam, account = strongroom.client("iam"), strongroom.account
    for source, code, text in (
        (f"arn:aws:iam::{account}:user/{_name()}", "NoSuchEntity", "cannot be found"),
        (f"arn:aws:iam::{account}:user/path/administrator", "NoSuchEntity", "cannot be found"),
        (f"arn:aws:sts::{account}:assumed-role/a/b", "InvalidInput", "does not clearly define entity type and name."),
        ("arn:aws:iam::999988887777:user/somebody", "AccessDenied", "iam:SimulatePrincipalPolicy"),
    ):
        _refused(code, text, iam.simulate_principal_policy, PolicySourceArn=source, ActionNames=[READ])
    _refused(
        "ValidationError",
        "Marker",
        iam.simulate_custom_policy,
        PolicyInputList=[_policy(ALL)],
        ActionNames=[READ],
        Marker="bm9uZQ==",
    )


def test_simulations_need_permission(strongroom: RunningServer) -> None:
    me = strongroom.make_user()
    iam = strongroom.client("iam", me)
    for action, parameters in (
        ("simulate_custom_policy", {"PolicyInputList": [_policy(ALL)], "ActionNames": [READ]}),
        ("simulate_principal_policy", {"PolicySourceArn": me.arn, "ActionNames": [READ]}),
        ("get_context_keys_for_custom_policy", {"PolicyInputList": [_policy(ALL)]}),
        ("get_context_keys_for_principal_policy", {"PolicySourceArn": me.arn}),
    ):
        _refused("AccessDenied", "because no identity-based policy allows", getattr(iam, action), **parameters)
    one = strongroom.make_user(json.loads(_policy(_allow("iam:SimulatePrincipalPolicy", me.arn))))
    allowed = strongroom.client("iam", one)
    result = allowed.simulate_principal_policy(PolicySourceArn=me.arn, ActionNames=[READ])
    assert _one(result)["EvalDecision"] == "implicitDeny"
    _refused("AccessDenied", one.arn, allowed.simulate_principal_policy, PolicySourceArn=one.arn, ActionNames=[READ])
