"""Attack 8: a weak user who wants to be more. Each permission is worth what it says, on what it names, and no more."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.support.accounts import make_account
from tests.support.kms_keys import key_policy
from tests.support.lambda_service import OWN_RUNTIME, archive
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import Credentials, RunningServer

# What is allowed does not depend on the store, so one engine will do.
pytestmark = [
    pytest.mark.system,
    pytest.mark.parametrize("strongroom", ["sqlite"], indirect=True, scope="session"),
]

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ALL = json.dumps(document(allow("*")))


def _name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


class House:
    """An account with something to gain: an administrator's role and group, a policy, a secret."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.admin = server.client("iam")
        self.arn = f"arn:aws:iam::{server.account}"
        self.role = _name("role")
        self.group = _name("group")
        self.policy = self.make_policy(allow("iam:GetUser"))
        trust = {**allow("sts:AssumeRole"), "Principal": {"Service": "lambda.amazonaws.com"}}
        del trust["Resource"]
        self.trust = json.dumps(document(trust))
        self.admin.create_role(RoleName=self.role, AssumeRolePolicyDocument=self.trust)
        self.admin.attach_role_policy(RoleName=self.role, PolicyArn=ADMINISTRATOR)
        self.admin.create_group(GroupName=self.group)
        self.admin.attach_group_policy(GroupName=self.group, PolicyArn=ADMINISTRATOR)

    def make_policy(self, *statements: Mapping[str, Any]) -> str:
        made = self.admin.create_policy(PolicyName=_name("policy"), PolicyDocument=json.dumps(document(*statements)))
        return str(made["Policy"]["Arn"])

    def weak(self, *statements: Mapping[str, Any]) -> Credentials:
        """A user who may do what the statements say."""
        return self.server.make_user(document(*statements))

    def is_weak(self, who: Credentials) -> bool:
        """Whether somebody still cannot do what administrators can."""
        refused = refusal_code(self.server.client("iam", who), "delete_group", GroupName=self.group)
        secrets = refusal_code(self.server.client("secretsmanager", who), "list_secrets")
        return (refused, secrets) == ("AccessDenied", "AccessDeniedException")

    def refuses(self, who: Credentials, operation: str, service: str = "iam", **parameters: Any) -> bool:
        """Whether an operation is refused for want of a permission."""
        return refusal_code(self.server.client(service, who), operation, **parameters).startswith("AccessDenied")


@pytest.fixture(scope="module")
def house(strongroom: RunningServer) -> House:
    return House(strongroom)


Attempt = Callable[[House, str], Mapping[str, Any]]

ON_OTHERS: dict[str, tuple[str, str, Attempt]] = {
    "PutUserPolicy": ("user", "put_user_policy", lambda _, me: {"UserName": me, "PolicyName": "p", **_document(ALL)}),
    "AttachUserPolicy": ("user", "attach_user_policy", lambda _, me: {"UserName": me, "PolicyArn": ADMINISTRATOR}),
    "DeleteUserPolicy": ("user", "delete_user_policy", lambda _, me: {"UserName": me, "PolicyName": "inline"}),
    "DetachUserPolicy": ("user", "detach_user_policy", lambda _, me: {"UserName": me, "PolicyArn": ADMINISTRATOR}),
    "PutUserPermissionsBoundary": (
        "user",
        "put_user_permissions_boundary",
        lambda _, me: {"UserName": me, "PermissionsBoundary": ADMINISTRATOR},
    ),
    "DeleteUserPermissionsBoundary": ("user", "delete_user_permissions_boundary", lambda _, me: {"UserName": me}),
    "TagUser": ("user", "tag_user", lambda _, me: {"UserName": me, "Tags": [{"Key": "team", "Value": "admins"}]}),
    "CreateAccessKey": ("user", "create_access_key", lambda _, __: {"UserName": "administrator"}),
    "UpdateAccessKey": (
        "user",
        "update_access_key",
        lambda _, __: {"UserName": "administrator", "AccessKeyId": "A" * 20, "Status": "Inactive"},
    ),
    "UpdateUser": ("user", "update_user", lambda _, me: {"UserName": me, "NewPath": "/admins/"}),
    "AddUserToGroup": ("group", "add_user_to_group", lambda house, me: {"GroupName": house.group, "UserName": me}),
    "PutGroupPolicy": (
        "group",
        "put_group_policy",
        lambda house, _: {"GroupName": house.group, "PolicyName": "p", **_document(ALL)},
    ),
    "AttachGroupPolicy": (
        "group",
        "attach_group_policy",
        lambda house, _: {"GroupName": house.group, "PolicyArn": ADMINISTRATOR},
    ),
    "UpdateGroup": ("group", "update_group", lambda house, _: {"GroupName": house.group, "NewGroupName": "mine"}),
    "CreatePolicyVersion": (
        "policy",
        "create_policy_version",
        lambda house, _: {"PolicyArn": house.policy, "SetAsDefault": True, **_document(ALL)},
    ),
    "SetDefaultPolicyVersion": (
        "policy",
        "set_default_policy_version",
        lambda house, _: {"PolicyArn": house.policy, "VersionId": "v1"},
    ),
    "UpdateAssumeRolePolicy": (
        "role",
        "update_assume_role_policy",
        lambda house, _: {"RoleName": house.role, "PolicyDocument": house.trust},
    ),
    "PutRolePolicy": (
        "role",
        "put_role_policy",
        lambda house, _: {"RoleName": house.role, "PolicyName": "p", **_document(ALL)},
    ),
    "AttachRolePolicy": (
        "role",
        "attach_role_policy",
        lambda house, _: {"RoleName": house.role, "PolicyArn": ADMINISTRATOR},
    ),
    "DeleteRolePermissionsBoundary": (
        "role",
        "delete_role_permissions_boundary",
        lambda house, _: {"RoleName": house.role},
    ),
}
"""Action -> what it is about, the operation, and what one would ask of it to be more than one is."""


def _document(text: str) -> dict[str, str]:
    return {"PolicyDocument": text}


def test_attack_08_a_permission_on_others_is_none_on_oneself(house: House) -> None:
    actions: dict[str, list[str]] = {}
    for action, (kind, _, _) in ON_OTHERS.items():
        actions.setdefault(kind, []).append(f"iam:{action}")
    who = house.weak(*(allow(*names, resource=f"{house.arn}:{kind}/others/*") for kind, names in actions.items()))
    for action, (_, operation, attempt) in ON_OTHERS.items():
        assert house.refuses(who, operation, **attempt(house, who.user_name)), action
    assert house.is_weak(who)


def test_attack_08_a_user_cannot_rename_itself_into_what_a_policy_means(house: House) -> None:
    privileged = allow("iam:*", resource=f"{house.arn}:user/" + "${aws:username}")
    who = house.weak(
        allow("iam:UpdateUser", resource=f"{house.arn}:user/*"), deny("iam:*", resource=f"{house.arn}:user/admins/*")
    )
    assert house.refuses(who, "update_user", UserName=who.user_name, NewPath="/admins/")
    own = house.weak(privileged)
    assert house.refuses(own, "update_user", UserName=own.user_name, NewUserName="somebody-else")
    assert house.refuses(own, "create_access_key", UserName="administrator")
    assert len(house.server.client("iam", own).list_access_keys()["AccessKeyMetadata"]) == 1


def test_attack_08_a_policy_can_be_attached_when_its_arn_is_allowed_only(house: House) -> None:
    only = {"ArnEquals": {"iam:PolicyARN": house.policy}}
    who = house.weak(
        allow("iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:List*", Condition=only)
    )
    iam, me = house.server.client("iam", who), who.user_name
    assert house.refuses(who, "attach_user_policy", UserName=me, PolicyArn=ADMINISTRATOR)
    assert house.refuses(who, "attach_group_policy", GroupName=house.group, PolicyArn=ADMINISTRATOR)
    assert house.refuses(who, "attach_role_policy", RoleName=house.role, PolicyArn=ADMINISTRATOR)
    for spelled in (
        ADMINISTRATOR.upper(),
        f" {house.policy}",
        f"{house.policy}/",
        house.policy.replace("iam::", "iam:x:"),
    ):
        assert refusal_code(iam, "attach_user_policy", UserName=me, PolicyArn=spelled) in {
            "AccessDenied",
            "InvalidInput",
            "ValidationError",
        }
    iam.attach_user_policy(UserName=me, PolicyArn=house.policy)
    assert house.is_weak(who)


def test_attack_08_a_policy_of_another_account_cannot_be_attached(house: House) -> None:
    account = make_account(house.server)
    foreign = account.client("iam").create_policy(PolicyName="all", PolicyDocument=ALL)["Policy"]["Arn"]
    who = house.weak(allow("iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"))
    iam = house.server.client("iam", who)
    assert refusal_code(iam, "attach_user_policy", UserName=who.user_name, PolicyArn=foreign) == "NoSuchEntity"
    assert (
        refusal_code(iam, "put_user_permissions_boundary", UserName=who.user_name, PermissionsBoundary=foreign)
        == "NoSuchEntity"
    )
    assert house.is_weak(who)


def test_attack_08_a_new_role_gives_nothing_that_one_could_not_attach(house: House) -> None:
    who = house.weak(allow("iam:CreateRole", "sts:AssumeRole"))
    trust = {**allow("sts:AssumeRole"), "Principal": {"AWS": who.arn}}
    del trust["Resource"]
    name = _name("role")
    role = house.server.client("iam", who).create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(document(trust))
    )["Role"]["Arn"]
    made = house.server.client("sts", who).assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    session = Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    assert house.refuses(session, "attach_role_policy", RoleName=name, PolicyArn=ADMINISTRATOR)
    assert house.refuses(who, "attach_role_policy", RoleName=name, PolicyArn=ADMINISTRATOR)
    assert house.is_weak(session)
    assert house.refuses(who, "assume_role", "sts", RoleArn=f"{house.arn}:role/{house.role}", RoleSessionName="me")


def test_attack_08_a_function_gets_a_role_that_one_may_pass_only(house: House) -> None:
    role = f"{house.arn}:role/{house.role}"
    function: dict[str, Any] = {
        "FunctionName": _name("function"),
        "Runtime": OWN_RUNTIME,
        "Handler": "mod.handler",
        "Code": {"ZipFile": archive()},
    }
    may_create = allow("lambda:*")
    for passing in (
        allow("iam:GetRole"),
        allow("iam:PassRole", resource=f"{house.arn}:role/another"),
        allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "rds.amazonaws.com"}}),
    ):
        who = house.weak(may_create, passing)
        assert house.refuses(who, "create_function", "lambda", Role=role, **function)
    passes = allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}})
    trusted = house.weak(may_create, passes)
    house.server.client("lambda", trusted).create_function(Role=role, **function)
    harmless = house.admin.create_role(RoleName=_name("role"), AssumeRolePolicyDocument=house.trust)["Role"]["Arn"]
    who = house.weak(may_create, allow("iam:PassRole", resource=harmless))
    name = function["FunctionName"]
    lambda_ = house.server.client("lambda", who)
    lambda_.update_function_configuration(FunctionName=name, Role=harmless)
    assert house.refuses(who, "update_function_configuration", "lambda", FunctionName=name, Role=role)
    house.server.client("lambda").delete_function(FunctionName=name)


def test_attack_08_a_key_policy_is_its_key_s_own_matter(house: House) -> None:
    kms, account = house.server.client("kms"), house.server.account
    closed = json.dumps(document({**allow("kms:*"), "Principal": {"AWS": f"{house.arn}:user/administrator"}}))
    key = kms.create_key(Policy=closed, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["KeyId"]
    who = house.weak(allow("kms:*"))
    mine = key_policy(account, {**allow("kms:*"), "Principal": {"AWS": who.arn}})
    changed = {"KeyId": key, "PolicyName": "default", "Policy": mine, "BypassPolicyLockoutSafetyCheck": True}
    assert house.refuses(who, "put_key_policy", "kms", **changed)
    assert house.refuses(who, "create_grant", "kms", KeyId=key, GranteePrincipal=who.arn, Operations=["Decrypt"])
    weaker = house.weak(allow("kms:DescribeKey", "kms:GetKeyPolicy", "kms:Encrypt"))
    open_key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert house.refuses(weaker, "put_key_policy", "kms", **{**changed, "KeyId": open_key})


def test_attack_08_a_secret_s_policy_opens_that_secret_and_not_its_key(house: House) -> None:
    admin = house.server.client("secretsmanager")
    key = house.server.client("kms").create_key()["KeyMetadata"]["KeyId"]
    mine = admin.create_secret(Name=_name("secret"), SecretString="x", KmsKeyId=key)["ARN"]
    other = admin.create_secret(Name=_name("secret"), SecretString="x")["ARN"]
    who = house.weak(allow("secretsmanager:PutResourcePolicy", resource=mine))
    opened = json.dumps(document({**allow("secretsmanager:GetSecretValue"), "Principal": {"AWS": who.arn}}))
    secrets = house.server.client("secretsmanager", who)
    assert house.refuses(who, "put_resource_policy", "secretsmanager", SecretId=other, ResourcePolicy=opened)
    assert house.refuses(who, "get_secret_value", "secretsmanager", SecretId=mine)
    secrets.put_resource_policy(SecretId=mine, ResourcePolicy=opened)
    code, message = refusal(secrets, "get_secret_value", SecretId=mine)
    assert code == "AccessDeniedException"
    assert "kms" in message.lower()


def test_attack_08_a_tag_that_gives_rights_cannot_be_put_on_oneself(house: House) -> None:
    team = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    may_tag = {"StringEquals": {"aws:RequestTag/team": "blue"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    who = house.weak(
        allow("iam:PutUserPolicy", "iam:UntagUser", Condition={"StringEquals": {"iam:ResourceTag/team": "blue"}}),
        allow("iam:CreateUser", Condition=may_tag),
        allow("iam:DeleteUser", Condition=team),
    )
    iam, me, made = house.server.client("iam", who), who.user_name, _name("user")
    blue, red = ({"Key": "team", "Value": colour} for colour in ("blue", "red"))
    assert house.refuses(who, "tag_user", UserName=me, Tags=[blue])
    assert house.refuses(who, "put_user_policy", UserName=me, PolicyName="p", PolicyDocument=ALL)
    assert house.refuses(who, "untag_user", UserName=me, TagKeys=["team"])
    assert house.refuses(who, "create_user", UserName=made)
    assert house.refuses(who, "create_user", UserName=made, Tags=[red])
    assert house.refuses(who, "create_user", UserName=made, Tags=[blue, {"Key": "admin", "Value": "yes"}])
    iam.create_user(UserName=made, Tags=[blue])
    iam.put_user_policy(UserName=made, PolicyName="p", PolicyDocument=ALL)
    assert house.refuses(who, "create_access_key", UserName=made)
    assert house.is_weak(who)


def test_attack_08_there_is_no_way_in_by_password(house: House) -> None:
    who = house.weak(allow("iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:ChangePassword"))
    iam = house.server.client("iam", who)
    for operation, parameters in (
        ("create_login_profile", {"UserName": "administrator", "Password": "correct horse battery"}),
        ("update_login_profile", {"UserName": "administrator", "Password": "correct horse battery"}),
        ("change_password", {"OldPassword": "x", "NewPassword": "correct horse battery"}),
    ):
        assert refusal_code(iam, operation, **parameters) == "UnsupportedOperationException"


def test_attack_08_who_may_make_users_within_a_boundary_makes_nobody_beyond_it(house: House) -> None:
    """The pattern of "Delegating responsibility to others using permissions boundaries" (IAM User Guide)."""
    company = house.make_policy(allow("secretsmanager:ListSecrets"), allow("iam:ListUsers"))
    within = {"StringEquals": {"iam:PermissionsBoundary": company}}
    rights = (
        allow(
            "iam:CreateUser",
            "iam:AttachUserPolicy",
            "iam:DetachUserPolicy",
            "iam:PutUserPolicy",
            "iam:DeleteUserPolicy",
            "iam:PutUserPermissionsBoundary",
            Condition=within,
        ),
        allow("iam:CreateAccessKey", "iam:Get*", "iam:List*"),
    )
    own = house.make_policy(*rights)
    edits = ("iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion")
    house.admin.create_policy_version(
        PolicyArn=own,
        PolicyDocument=json.dumps(
            document(*rights, deny(*edits, resource=[company, own]), deny("iam:DeleteUserPermissionsBoundary"))
        ),
        SetAsDefault=True,
    )
    delegate = house.weak(allow("iam:*"))
    me = delegate.user_name
    house.admin.put_user_permissions_boundary(UserName=me, PermissionsBoundary=own)
    iam, made = house.server.client("iam", delegate), _name("user")

    assert house.refuses(delegate, "create_user", UserName=made)
    assert house.refuses(delegate, "create_user", UserName=made, PermissionsBoundary=ADMINISTRATOR)
    assert house.refuses(delegate, "attach_user_policy", UserName=me, PolicyArn=ADMINISTRATOR)
    assert house.refuses(delegate, "put_user_policy", UserName=me, PolicyName="p", PolicyDocument=ALL)
    assert house.refuses(delegate, "put_user_permissions_boundary", UserName=me, PermissionsBoundary=ADMINISTRATOR)
    assert house.refuses(delegate, "delete_user_permissions_boundary", UserName=me)
    assert house.refuses(delegate, "add_user_to_group", GroupName=house.group, UserName=me)
    for policy in (company, own):
        assert house.refuses(delegate, "create_policy_version", PolicyArn=policy, PolicyDocument=ALL, SetAsDefault=True)

    iam.create_user(UserName=made, PermissionsBoundary=company)
    iam.attach_user_policy(UserName=made, PolicyArn=ADMINISTRATOR)
    assert house.refuses(delegate, "delete_user_permissions_boundary", UserName=made)
    assert house.refuses(delegate, "put_user_permissions_boundary", UserName=made, PermissionsBoundary=ADMINISTRATOR)
    key = iam.create_access_key(UserName=made)["AccessKey"]
    bounded = Credentials(key["AccessKeyId"], key["SecretAccessKey"], user_name=made)
    house.server.client("secretsmanager", bounded).list_secrets()
    house.server.client("iam", bounded).list_users(MaxItems=1)
    assert house.refuses(bounded, "delete_user_permissions_boundary", UserName=made)
    assert house.refuses(bounded, "create_group", GroupName=_name("group"))
    assert house.refuses(bounded, "create_secret", "secretsmanager", Name=_name("secret"))
