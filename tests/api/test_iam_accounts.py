"""What concerns an account as a whole: alias, summary, everything about access, credential report, what is absent."""

from __future__ import annotations

import csv
import io
import json
import uuid
from typing import Any

import pytest
from tests.support.accounts import Account, make_account
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.server import RunningServer

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ONE = document(allow("iam:GetUser"))
TRUST = document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


@pytest.fixture(scope="module")
def account(strongroom: RunningServer) -> Account:
    """An account with one user, one group, two roles and one managed policy, each made of everything there is."""
    account = make_account(strongroom)
    iam = account.client("iam")
    policy = iam.create_policy(PolicyName="managed", Path="/team/", PolicyDocument=json.dumps(ONE), Description="one")
    arn = policy["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ONE), SetAsDefault=True)
    iam.create_group(GroupName="group")
    iam.put_group_policy(GroupName="group", PolicyName="inline", PolicyDocument=json.dumps(ONE))
    iam.attach_group_policy(GroupName="group", PolicyArn=arn)
    iam.create_user(UserName="user", Path="/team/", PermissionsBoundary=arn, Tags=[{"Key": "Cost", "Value": "7"}])
    iam.add_user_to_group(GroupName="group", UserName="user")
    iam.put_user_policy(UserName="user", PolicyName="inline", PolicyDocument=json.dumps(ONE))
    iam.attach_user_policy(UserName="user", PolicyArn=ADMINISTRATOR)
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=[{"Key": "a", "Value": "b"}])
    iam.put_role_policy(RoleName="role", PolicyName="inline", PolicyDocument=json.dumps(ONE))
    iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    return account


def test_an_account_has_one_alias_that_no_other_has(strongroom: RunningServer, account: Account) -> None:
    ours, theirs = account.client("iam"), strongroom.client("iam")
    first, second = (f"alias-{uuid.uuid4().hex[:12]}" for _ in range(2))
    assert ours.list_account_aliases()["AccountAliases"] == []
    ours.create_account_alias(AccountAlias=first)
    taken = ("EntityAlreadyExists", f"The account alias {first} already exists.")
    assert refusal(theirs, "create_account_alias", AccountAlias=first) == taken
    assert refusal(ours, "create_account_alias", AccountAlias=first) == taken
    ours.create_account_alias(AccountAlias=second)
    assert ours.list_account_aliases()["AccountAliases"] == [second]
    assert refusal_code(theirs, "delete_account_alias", AccountAlias=second) == "NoSuchEntity"
    assert refusal_code(ours, "delete_account_alias", AccountAlias=first) == "NoSuchEntity"
    ours.delete_account_alias(AccountAlias=second)
    assert ours.list_account_aliases()["AccountAliases"] == []
    for name in ("123456789012", "two--hyphens", "Capitals"):
        assert refusal_code(ours, "create_account_alias", AccountAlias=name) == "ValidationError"


def test_the_summary_counts_what_there_is(account: Account) -> None:
    summary = account.client("iam").get_account_summary()["SummaryMap"]
    counted = {name: summary[name] for name in ("Users", "Groups", "Roles", "Policies", "PolicyVersionsInUse")}
    assert counted == {"Users": 1, "Groups": 1, "Roles": 2, "Policies": 1, "PolicyVersionsInUse": 2}
    assert (summary["GroupsPerUserQuota"], summary["AttachedPoliciesPerUserQuota"]) == (10, 10)
    assert summary["Providers"] == 0
    iam = account.client("iam")
    provider = iam.create_open_id_connect_provider(Url="https://issuer.example.com", ClientIDList=["a"])
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["OpenIDConnectProviderArn"])
    assert (summary["AccountMFAEnabled"], summary["InstanceProfiles"]) == (0, 0)


def test_the_details_hold_everything_that_decides_about_access(account: Account) -> None:
    details = account.client("iam").get_account_authorization_details()
    assert details["IsTruncated"] is False
    (user,), (group,) = details["UserDetailList"], details["GroupDetailList"]
    arn = f"arn:aws:iam::{account.id}:policy/team/managed"
    managed = [{"PolicyName": "managed", "PolicyArn": arn}]
    inline = [{"PolicyName": "inline", "PolicyDocument": ONE}]
    assert user["Arn"] == f"arn:aws:iam::{account.id}:user/team/user"
    assert user["GroupList"] == ["group"]
    assert user["UserPolicyList"] == inline
    assert user["AttachedManagedPolicies"] == [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}]
    assert user["PermissionsBoundary"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert user["Tags"] == [{"Key": "Cost", "Value": "7"}]
    assert (group["GroupPolicyList"], group["AttachedManagedPolicies"]) == (inline, managed)
    access, role = details["RoleDetailList"]
    assert access["RoleName"] == "OrganizationAccountAccessRole"
    assert (role["RolePolicyList"], role["AttachedManagedPolicies"]) == (inline, managed)
    assert (role["AssumeRolePolicyDocument"], role["InstanceProfileList"]) == (TRUST, [])
    assert role["Tags"] == [{"Key": "a", "Value": "b"}]
    own, aws = details["Policies"]
    assert (own["Arn"], own["AttachmentCount"], own["PermissionsBoundaryUsageCount"]) == (arn, 2, 1)
    assert (own["DefaultVersionId"], own["Description"]) == ("v2", "one")
    assert [(one["VersionId"], one["IsDefaultVersion"], one["Document"]) for one in own["PolicyVersionList"]] == [
        ("v2", True, ONE),
        ("v1", False, ONE),
    ]
    assert (aws["Arn"], aws["AttachmentCount"]) == (ADMINISTRATOR, 2)


@pytest.mark.parametrize("size", [1, 4])
def test_the_details_come_in_pages(account: Account, size: int) -> None:
    iam = account.client("iam")
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": size}))
    members = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    assert [sum(len(page[member]) for member in members) for page in pages] == {1: [1] * 6, 4: [4, 2]}[size]
    names = [
        entry.get("UserName") or entry.get("Arn") for page in pages for member in members for entry in page[member]
    ]
    assert len(set(names)) == 6
    assert refusal_code(iam, "get_account_authorization_details", Marker="eA==") == "ValidationError"


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (["User"], {"UserDetailList": 1}),
        (["Group", "Role"], {"GroupDetailList": 1, "RoleDetailList": 2}),
        (["LocalManagedPolicy"], {"Policies": 1}),
        (["AWSManagedPolicy"], {"Policies": 1}),
    ],
)
def test_the_details_can_be_filtered(account: Account, chosen: list[str], found: dict[str, int]) -> None:
    details = account.client("iam").get_account_authorization_details(Filter=chosen)
    members = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    assert {member: len(details[member]) for member in members if details[member]} == found


def test_the_credential_report_tells_of_every_user_and_its_keys(strongroom: RunningServer) -> None:
    account = make_account(strongroom)
    iam = account.client("iam")
    assert refusal_code(iam, "get_credential_report") == "ReportNotPresent"
    without, with_keys = "comma,=1+1", "keys"
    for name in (without, with_keys):
        iam.create_user(UserName=name)
    first, second = (iam.create_access_key(UserName=with_keys)["AccessKey"] for _ in range(2))
    iam.update_access_key(UserName=with_keys, AccessKeyId=first["AccessKeyId"], Status="Inactive")
    assert iam.generate_credential_report()["State"] == "COMPLETE"

    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    assert report["GeneratedTime"] >= second["CreateDate"]
    lines = list(csv.DictReader(io.StringIO(report["Content"].decode())))
    assert [line["user"] for line in lines] == ["<root_account>", without, with_keys]
    assert lines[0]["arn"] == f"arn:aws:iam::{account.id}:root"
    assert {line["mfa_active"] for line in lines} == {"false"}
    told = [
        (line["access_key_1_active"], line["access_key_1_last_rotated"], line["access_key_2_active"]) for line in lines
    ]
    ordered = sorted((first, second), key=lambda key: (key["CreateDate"], key["AccessKeyId"]))
    made = ordered[0]["CreateDate"].replace(microsecond=0).isoformat()
    active = ["false" if key is first else "true" for key in ordered]
    assert told == [("false", "N/A", "false"), ("false", "N/A", "false"), (active[0], made, active[1])]
    assert lines[2]["access_key_2_last_used_service"] == "N/A"
    assert len(lines[0]) == 22


def test_what_there_is_none_of(account: Account) -> None:
    iam = account.client("iam")
    for operation, member in (
        ("list_mfa_devices", "MFADevices"),
        ("list_signing_certificates", "Certificates"),
        ("list_ssh_public_keys", "SSHPublicKeys"),
        ("list_service_specific_credentials", "ServiceSpecificCredentials"),
    ):
        assert getattr(iam, operation)(UserName="user")[member] == []
        assert refusal_code(iam, operation, UserName="nobody") == "NoSuchEntity"
    assert iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"] == []
    assert iam.list_instance_profiles_for_role(RoleName="role")["InstanceProfiles"] == []
    for operation, member in (
        ("list_instance_profiles", "InstanceProfiles"),
        ("list_virtual_mfa_devices", "VirtualMFADevices"),
        ("list_server_certificates", "ServerCertificateMetadataList"),
        ("list_saml_providers", "SAMLProviderList"),
    ):
        assert getattr(iam, operation)()[member] == []
    no_profile = ("NoSuchEntity", "Login Profile for User user cannot be found.")
    assert refusal(iam, "get_login_profile", UserName="user") == no_profile
    assert refusal(iam, "delete_login_profile", UserName="user") == no_profile
    assert refusal(iam, "get_account_password_policy") == (
        "NoSuchEntity",
        f"The Password Policy with domain name {account.id} cannot be found.",
    )


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("create_service_linked_role", {"AWSServiceName": "rds.amazonaws.com"}),
        ("create_login_profile", {"UserName": "user", "Password": "correct horse"}),
        ("create_instance_profile", {"InstanceProfileName": "profile"}),
        ("create_virtual_mfa_device", {"VirtualMFADeviceName": "device"}),
    ],
)
def test_what_is_not_offered_says_so(account: Account, operation: str, parameters: dict[str, Any]) -> None:
    code, message = refusal(account.client("iam"), operation, **parameters)
    assert code == "UnsupportedOperationException"
    assert f"iam:{operation.replace('_', '').replace('mfa', 'MFA')}".lower() in message.lower()
