"""Service control policies: how they are managed, and that they hold, from the next request on."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.support.accounts import Account, attached_policy, make_account
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import RunningServer

FULL = "p-FullAWSAccess"
TYPE = "SERVICE_CONTROL_POLICY"
NO_SECRETS = json.dumps(document(deny("secretsmanager:*")))
ONLY_KMS = json.dumps(document(allow("kms:*", "sts:*", "iam:*")))


@pytest.fixture
def client(strongroom: RunningServer) -> Any:
    return strongroom.client("organizations")


@pytest.fixture
def root(client: Any) -> str:
    return str(client.list_roots()["Roots"][0]["Id"])


@pytest.fixture(scope="module")
def account(strongroom: RunningServer) -> Account:
    return make_account(strongroom)


def _name() -> str:
    return f"policy-{uuid.uuid4().hex[:12]}"


def _policy(client: Any, content: str = NO_SECRETS, name: str | None = None) -> str:
    made = client.create_policy(Content=content, Description="d", Name=name or _name(), Type=TYPE)
    return str(made["Policy"]["PolicySummary"]["Id"])


def test_a_policy(client: Any, strongroom: RunningServer) -> None:
    name, tags = _name(), [{"Key": "a", "Value": "b"}]
    policy = client.create_policy(Content=NO_SECRETS, Description="d", Name=name, Type=TYPE, Tags=tags)["Policy"]
    summary, organization = policy["PolicySummary"], client.describe_organization()["Organization"]["Id"]
    place = f"arn:aws:organizations::{strongroom.account}:policy/{organization}/service_control_policy"
    assert policy["Content"] == NO_SECRETS
    assert summary == {
        "Id": summary["Id"],
        "Arn": f"{place}/{summary['Id']}",
        "Name": name,
        "Description": "d",
        "Type": TYPE,
        "AwsManaged": False,
    }
    assert client.describe_policy(PolicyId=summary["Id"])["Policy"] == policy
    assert client.list_tags_for_resource(ResourceId=summary["Id"])["Tags"] == tags
    updated = client.update_policy(PolicyId=summary["Id"], Description="", Content=ONLY_KMS)["Policy"]
    assert updated == {"PolicySummary": {**summary, "Description": ""}, "Content": ONLY_KMS}
    listed = [
        found["Id"]
        for page in client.get_paginator("list_policies").paginate(Filter=TYPE)
        for found in page["Policies"]
    ]
    assert {FULL, summary["Id"]} <= set(listed)
    assert client.list_policies(Filter="TAG_POLICY")["Policies"] == []
    client.delete_policy(PolicyId=summary["Id"])
    assert refusal(client, "describe_policy", PolicyId=summary["Id"]) == (
        "PolicyNotFoundException",
        "You specified a policy that doesn't exist.",
    )


def test_full_access_is_awss_own(client: Any) -> None:
    policy = client.describe_policy(PolicyId=FULL)["Policy"]
    assert json.loads(policy["Content"])["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    assert policy["PolicySummary"]["Arn"] == f"arn:aws:organizations::aws:policy/service_control_policy/{FULL}"
    assert policy["PolicySummary"]["AwsManaged"] is True
    for operation in ("delete_policy", "update_policy"):
        assert refusal_code(client, operation, PolicyId=FULL) == "AccessDeniedException"


def test_documents_and_names_that_are_refused(client: Any) -> None:
    name = _name()
    _policy(client, name=name)
    for content, code in (
        ("{", "MalformedPolicyDocumentException"),
        (json.dumps(document(allow("*", Principal="*"))), "MalformedPolicyDocumentException"),
        (json.dumps(document(allow("*", resource="x" * 5200))), "ConstraintViolationException"),
    ):
        parameters = {"Content": content, "Description": "", "Name": _name(), "Type": TYPE}
        assert refusal_code(client, "create_policy", **parameters) == code
    for member in ("Name", "Description"):
        parameters = {"Content": NO_SECRETS, "Description": "", "Name": _name(), "Type": TYPE, member: "a\0"}
        assert refusal_code(client, "create_policy", **parameters) == "InvalidInputException"
        parameters = {"PolicyId": FULL, member: "a\0"}
        assert refusal_code(client, "update_policy", **parameters) == "InvalidInputException"
    parameters = {"Content": NO_SECRETS, "Description": "", "Name": name, "Type": TYPE}
    assert refusal_code(client, "create_policy", **parameters) == "DuplicatePolicyException"
    parameters = {"Content": "{}", "Description": "", "Name": _name(), "Type": "TAG_POLICY"}
    assert refusal_code(client, "create_policy", **parameters) == "PolicyTypeNotAvailableForOrganizationException"


def test_attachments(client: Any, account: Account, root: str) -> None:
    policy = _policy(client)
    client.attach_policy(PolicyId=policy, TargetId=account.id)
    (target,) = client.list_targets_for_policy(PolicyId=policy)["Targets"]
    assert (target["TargetId"], target["Type"]) == (account.id, "ACCOUNT")
    assert target["Name"].startswith("account-")
    assert client.list_policies_for_target(TargetId=account.id, Filter="TAG_POLICY")["Policies"] == []
    again = refusal_code(client, "attach_policy", PolicyId=policy, TargetId=account.id)
    assert again == "DuplicatePolicyAttachmentException"
    assert refusal_code(client, "delete_policy", PolicyId=policy) == "PolicyInUseException"
    others = [_policy(client) for _ in range(4)]
    for other in others[:3]:
        client.attach_policy(PolicyId=other, TargetId=account.id)
    sixth = refusal_code(client, "attach_policy", PolicyId=others[3], TargetId=account.id)
    assert sixth == "ConstraintViolationException"
    for attached in (policy, *others[:3]):
        client.detach_policy(PolicyId=attached, TargetId=account.id)
    last = refusal(client, "detach_policy", PolicyId=FULL, TargetId=account.id)
    assert last == (
        "ConstraintViolationException",
        "You cannot remove the last policy attached to the specified target. You must have at least one attached at "
        "all times.",
    )
    gone = refusal_code(client, "detach_policy", PolicyId=policy, TargetId=account.id)
    assert gone == "PolicyNotAttachedException"
    for operation in ("attach_policy", "detach_policy"):
        absent = refusal_code(client, operation, PolicyId="p-00000000", TargetId=root)
        assert absent == "PolicyNotFoundException"
        absent = refusal_code(client, operation, PolicyId=policy, TargetId="999999999999")
        assert absent == "TargetNotFoundException"


def test_a_deny_holds_everybody_in_the_account(strongroom: RunningServer, account: Account) -> None:
    user = account.make_user(document(allow("*")))
    secrets = account.client("secretsmanager", user)
    arn = secrets.create_secret(Name=f"held/{uuid.uuid4().hex}", SecretString="x")["ARN"]
    everybody = json.dumps(document(allow("secretsmanager:*", Principal="*")))
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy=everybody)
    with attached_policy(strongroom, NO_SECRETS, account.id) as policy:
        for credentials in (user, account.administrator):
            client = account.client("secretsmanager", credentials)
            code, text = refusal(client, "get_secret_value", SecretId=arn)
            assert code == "AccessDeniedException"
            assert " with an explicit deny in a service control policy: arn:aws:organizations::" in text
            assert text.endswith(f"/service_control_policy/{policy}")
        account.client("kms", user).list_keys()
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "x"


def test_every_level_must_allow(strongroom: RunningServer, client: Any, root: str) -> None:
    account = make_account(strongroom)
    unit = client.create_organizational_unit(ParentId=root, Name=_name())["OrganizationalUnit"]["Id"]
    client.move_account(AccountId=account.id, SourceParentId=root, DestinationParentId=unit)
    secrets, kms = account.client("secretsmanager"), account.client("kms")
    secrets.list_secrets()
    policy = _policy(client, ONLY_KMS)
    for level in (unit, account.id):
        client.attach_policy(PolicyId=policy, TargetId=level)
        secrets.list_secrets()
        client.detach_policy(PolicyId=FULL, TargetId=level)
        code, text = refusal(secrets, "list_secrets")
        assert code == "AccessDeniedException"
        assert text.endswith("because no service control policy allows the secretsmanager:ListSecrets action")
        kms.list_keys()
        client.attach_policy(PolicyId=FULL, TargetId=level)
        client.detach_policy(PolicyId=policy, TargetId=level)
        secrets.list_secrets()


def test_moving_and_updating_count_at_once(strongroom: RunningServer, client: Any, root: str) -> None:
    account = make_account(strongroom)
    unit = client.create_organizational_unit(ParentId=root, Name=_name())["OrganizationalUnit"]["Id"]
    secrets = account.client("secretsmanager")
    with attached_policy(strongroom, NO_SECRETS, unit) as policy:
        secrets.list_secrets()
        client.move_account(AccountId=account.id, SourceParentId=root, DestinationParentId=unit)
        assert refusal_code(secrets, "list_secrets") == "AccessDeniedException"
        client.update_policy(PolicyId=policy, Content=json.dumps(document(deny("kms:*"))))
        secrets.list_secrets()
        client.update_policy(PolicyId=policy, Content=NO_SECRETS)
        assert refusal_code(secrets, "list_secrets") == "AccessDeniedException"
        client.move_account(AccountId=account.id, SourceParentId=unit, DestinationParentId=root)
        secrets.list_secrets()


def test_the_management_account_is_not_held(strongroom: RunningServer, root: str, account: Account) -> None:
    not_the_role = {"StringNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{account.id}:role/*"}}
    content = json.dumps(document(deny("secretsmanager:ListSecrets", Condition=not_the_role)))
    user = account.make_user(document(allow("*")))
    with attached_policy(strongroom, content, root), attached_policy(strongroom, content, strongroom.account):
        strongroom.client("secretsmanager").list_secrets()
        account.client("secretsmanager").list_secrets()
        assert refusal_code(account.client("secretsmanager", user), "list_secrets") == "AccessDeniedException"


def test_the_type_can_be_taken_out_of_force(strongroom: RunningServer, client: Any, root: str) -> None:
    account = make_account(strongroom)
    secrets, policy = account.client("secretsmanager"), _policy(client)
    client.attach_policy(PolicyId=policy, TargetId=account.id)
    assert refusal_code(secrets, "list_secrets") == "AccessDeniedException"
    parameters = {"RootId": root, "PolicyType": TYPE}
    assert client.disable_policy_type(**parameters)["Root"]["PolicyTypes"] == []
    try:
        secrets.list_secrets()
        assert refusal_code(client, "disable_policy_type", **parameters) == "PolicyTypeNotEnabledException"
        refused = refusal_code(client, "attach_policy", PolicyId=policy, TargetId=account.id)
        assert refused == "PolicyTypeNotEnabledException"
        meanwhile = make_account(strongroom)
    finally:
        enabled = client.enable_policy_type(**parameters)["Root"]
    assert enabled["PolicyTypes"] == [{"Type": TYPE, "Status": "ENABLED"}]
    secrets.list_secrets()
    meanwhile.client("secretsmanager").list_secrets()
    assert client.list_targets_for_policy(PolicyId=policy)["Targets"] == []
    assert refusal_code(client, "enable_policy_type", **parameters) == "PolicyTypeAlreadyEnabledException"
    assert refusal_code(client, "enable_policy_type", RootId="r-0000000", PolicyType=TYPE) == "RootNotFoundException"
    other = refusal_code(client, "enable_policy_type", RootId=root, PolicyType="TAG_POLICY")
    assert other == "PolicyTypeNotAvailableForOrganizationException"


def test_the_type_of_policy_is_a_condition(strongroom: RunningServer, client: Any) -> None:
    condition = {"StringNotEquals": {"organizations:PolicyType": TYPE}}
    user = strongroom.make_user(document(allow("*"), deny("organizations:*", Condition=condition)))
    limited = strongroom.client("organizations", user)
    limited.describe_policy(PolicyId=FULL)
    assert refusal_code(limited, "list_policies", Filter="TAG_POLICY") == "AccessDeniedException"
