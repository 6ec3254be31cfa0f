"""Accounts of the organization, from outside."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from tests.support.accounts import ACCESS_ROLE, assume_role, make_account
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.server import RunningServer


def _name() -> str:
    return f"account-{uuid.uuid4().hex[:12]}"


def test_the_organization_is_there_from_the_start(strongroom: RunningServer) -> None:
    client = strongroom.client("organizations")
    organization = client.describe_organization()["Organization"]
    account, found = strongroom.account, organization["Id"]
    assert organization["MasterAccountId"] == account
    assert organization["Arn"] == f"arn:aws:organizations::{account}:organization/{found}"
    assert organization["MasterAccountArn"] == f"arn:aws:organizations::{account}:account/{found}/{account}"
    assert organization["FeatureSet"] == "ALL"
    (root,) = client.list_roots()["Roots"]
    assert root["Name"] == "Root"
    assert root["Arn"] == f"arn:aws:organizations::{account}:root/{found}/{root['Id']}"
    assert root["PolicyTypes"] == [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]
    management = client.describe_account(AccountId=account)["Account"]
    assert (management["Status"], management["JoinedMethod"]) == ("ACTIVE", "INVITED")
    assert refusal(client, "create_organization", FeatureSet="ALL") == (
        "AlreadyInOrganizationException",
        "The provided account is already a member of an organization.",
    )


def test_a_new_account(strongroom: RunningServer) -> None:
    client, name = strongroom.client("organizations"), _name()
    status = client.create_account(
        AccountName=name, Email=f"{name}@example.com", Tags=[{"Key": "team", "Value": "red"}]
    )["CreateAccountStatus"]
    assert (status["State"], status["AccountName"]) == ("SUCCEEDED", name)
    assert "FailureReason" not in status
    assert client.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"] == status
    account = client.describe_account(AccountId=status["AccountId"])["Account"]
    assert (account["Name"], account["Email"]) == (name, f"{name}@example.com")
    assert (account["Status"], account["State"], account["JoinedMethod"]) == ("ACTIVE", "ACTIVE", "CREATED")
    assert abs((datetime.now(UTC) - account["JoinedTimestamp"]).total_seconds()) < 60
    organization, (root,) = client.describe_organization()["Organization"], client.list_roots()["Roots"]
    assert account["Arn"].endswith(f":account/{organization['Id']}/{account['Id']}")
    assert account["Paths"] == [f"{organization['Id']}/{root['Id']}/{account['Id']}/"]
    assert client.list_tags_for_resource(ResourceId=account["Id"])["Tags"] == [{"Key": "team", "Value": "red"}]
    policies = client.list_policies_for_target(TargetId=account["Id"], Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert [policy["Id"] for policy in policies] == ["p-FullAWSAccess"]


def test_the_way_into_a_new_account(strongroom: RunningServer) -> None:
    account = make_account(strongroom)
    told = account.client("sts").get_caller_identity()
    assert told["Account"] == account.id
    assert told["Arn"] == f"arn:aws:sts::{account.id}:assumed-role/{ACCESS_ROLE}/test"
    role = account.client("iam").get_role(RoleName=ACCESS_ROLE)["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{strongroom.account}:root"}
    attached = account.client("iam").list_attached_role_policies(RoleName=ACCESS_ROLE)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AdministratorAccess"]
    nobody = strongroom.make_user(document(allow("iam:*")))
    arn = f"arn:aws:iam::{account.id}:role/{ACCESS_ROLE}"
    refused = refusal_code(strongroom.client("sts", nobody), "assume_role", RoleArn=arn, RoleSessionName="me")
    assert refused == "AccessDenied"


def test_the_role_may_have_another_name(strongroom: RunningServer) -> None:
    client, name = strongroom.client("organizations"), _name()
    made = client.create_account(AccountName=name, Email=f"{name}@example.com", RoleName="Way+In")
    account = made["CreateAccountStatus"]["AccountId"]
    assume_role(strongroom, f"arn:aws:iam::{account}:role/Way+In")
    code, _ = refusal(client, "create_account", AccountName=name, Email=f"x{name}@example.com", RoleName="W\u00e4y")
    assert code == "ValidationException"
    code, _ = refusal(client, "create_account", AccountName=name, Email="a\0b@example.com")
    assert code == "InvalidInputException"


def test_an_address_can_be_used_once(strongroom: RunningServer) -> None:
    client, name = strongroom.client("organizations"), _name()
    client.create_account(AccountName=name, Email=f"{name}@example.com")
    again = client.create_account(AccountName=name, Email=f"{name.upper()}@Example.com")["CreateAccountStatus"]
    assert (again["State"], again["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert "AccountId" not in again
    failed = [
        status["Id"]
        for page in client.get_paginator("list_create_account_status").paginate(States=["FAILED"])
        for status in page["CreateAccountStatuses"]
    ]
    assert again["Id"] in failed


def test_an_id_can_be_chosen(strongroom: RunningServer) -> None:
    client, name, chosen = strongroom.client("organizations"), _name(), f"4{uuid.uuid4().int % 10**11:011}"

    def request(value: str) -> dict[str, object]:
        tags = [{"Key": "strongroom:account-id", "Value": value}, {"Key": "a", "Value": "b"}]
        return {"AccountName": name, "Email": f"{uuid.uuid4().hex}@example.com", "Tags": tags}

    assert client.create_account(**request(chosen))["CreateAccountStatus"]["AccountId"] == chosen
    assert client.list_tags_for_resource(ResourceId=chosen)["Tags"] == [{"Key": "a", "Value": "b"}]
    for taken in (chosen, strongroom.account, "12345", f"{chosen}0"):
        assert refusal_code(client, "create_account", **request(taken)) == "InvalidInputException"


def test_accounts_are_listed_in_pages(strongroom: RunningServer) -> None:
    client = strongroom.client("organizations")
    made = {make_account(strongroom).id for _ in range(3)}
    pages = [
        page["Accounts"] for page in client.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 2})
    ]
    found = [account["Id"] for page in pages for account in page]
    assert len(found) == len(set(found))
    assert made | {strongroom.account} <= set(found)
    assert all(len(page) <= 2 for page in pages)
    assert refusal_code(client, "list_accounts", NextToken="\u00e9") == "InvalidInputException"
    assert refusal_code(client, "list_accounts", NextToken="x") == "InvalidInputException"


def test_what_does_not_exist(strongroom: RunningServer) -> None:
    client = strongroom.client("organizations")
    assert refusal(client, "describe_account", AccountId="999999999999") == (
        "AccountNotFoundException",
        "You specified an account that doesn't exist.",
    )
    assert refusal_code(client, "close_account", AccountId="999999999999") == "AccountNotFoundException"
    assert (
        refusal_code(client, "describe_create_account_status", CreateAccountRequestId="car-12345678")
        == "CreateAccountStatusNotFoundException"
    )


def test_a_closed_account_is_shut_at_once(strongroom: RunningServer) -> None:
    client, account = strongroom.client("organizations"), make_account(strongroom)
    user = account.make_user(document(allow("*")))
    secrets = account.client("secretsmanager", user)
    arn = secrets.create_secret(Name="closing", SecretString="x")["ARN"]
    key = account.client("kms").create_key(
        Policy=json.dumps(document(allow("kms:*", Principal={"AWS": [account.id, strongroom.account]})))
    )["KeyMetadata"]["Arn"]
    strongroom.client("kms").encrypt(KeyId=key, Plaintext=b"x")
    client.close_account(AccountId=account.id)
    assert refusal_code(secrets, "get_secret_value", SecretId=arn) == "InvalidSignatureException"
    assert refusal_code(account.client("sts"), "get_caller_identity") == "InvalidClientTokenId"
    assert refusal_code(strongroom.client("kms"), "encrypt", KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    role = f"arn:aws:iam::{account.id}:role/{ACCESS_ROLE}"
    assert refusal_code(strongroom.client("sts"), "assume_role", RoleArn=role, RoleSessionName="me") == "AccessDenied"
    closed = client.describe_account(AccountId=account.id)["Account"]
    assert (closed["Status"], closed["State"]) == ("SUSPENDED", "CLOSED")
    assert refusal_code(client, "close_account", AccountId=account.id) == "AccountAlreadyClosedException"


def test_the_management_account_stays_open(strongroom: RunningServer) -> None:
    client = strongroom.client("organizations")
    code, _ = refusal(client, "close_account", AccountId=strongroom.account)
    assert code == "ConstraintViolationException"


def test_only_the_management_account_governs(strongroom: RunningServer) -> None:
    account = make_account(strongroom)
    member = account.client("organizations")
    assert member.describe_organization()["Organization"]["MasterAccountId"] == strongroom.account
    for operation, parameters in (
        ("list_accounts", {}),
        ("list_roots", {}),
        ("describe_account", {"AccountId": account.id}),
        ("close_account", {"AccountId": strongroom.account}),
        ("create_account", {"AccountName": "x", "Email": "raise@example.com"}),
        ("detach_policy", {"PolicyId": "p-FullAWSAccess", "TargetId": account.id}),
        ("attach_policy", {"PolicyId": "p-FullAWSAccess", "TargetId": account.id}),
    ):
        assert refusal(member, operation, **parameters) == (
            "AccessDeniedException",
            "You don't have permissions to access this resource.",
        )


def test_each_operation_asks(strongroom: RunningServer) -> None:
    organization = strongroom.client("organizations").describe_organization()["Organization"]["Id"]
    account = make_account(strongroom).id
    arn = f"arn:aws:organizations::{strongroom.account}:account/{organization}/{account}"
    other = strongroom.account
    user = strongroom.make_user(document(allow("organizations:DescribeAccount", resource=arn)))
    client = strongroom.client("organizations", user)
    assert client.describe_account(AccountId=account)["Account"]["Id"] == account
    code, text = refusal(client, "describe_account", AccountId=other)
    assert code == "AccessDeniedException"
    assert f"organizations:DescribeAccount on resource: {arn.replace(f'/{account}', f'/{other}')}" in text
    assert refusal_code(client, "list_accounts") == "AccessDeniedException"
    assert refusal_code(client, "close_account", AccountId="999999999999") == "AccessDeniedException"
    tagger = strongroom.make_user(document(allow("organizations:CreateAccount")))
    parameters = {"AccountName": "x", "Email": "tags@example.com", "Tags": [{"Key": "a", "Value": "b"}]}
    code, text = refusal(strongroom.client("organizations", tagger), "create_account", **parameters)
    assert (code, "organizations:TagResource" in text) == ("AccessDeniedException", True)


def test_an_operation_that_is_not_offered(strongroom: RunningServer) -> None:
    code, text = refusal(strongroom.client("organizations"), "list_handshakes_for_organization")
    assert code == "UnsupportedOperationException"
    assert "ListHandshakesForOrganization" in text
