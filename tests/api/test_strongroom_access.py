"""Access explained: the same answers that requests in earnest get, with the policies that give them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.accounts import assume_role, attached_policy, make_account
from tests.support.operator import operator_client
from tests.support.refusals import refusal
from tests.support.server import Credentials, RunningServer

READ, DECRYPT = "secretsmanager:GetSecretValue", "kms:Decrypt"


def _name(kind: str = "access") -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **one} for one in statements]}


BOTH = {"Action": [READ, DECRYPT]}


@dataclass
class Scene:
    """A secret under a key of its own, and principals that may or may not read it."""

    server: RunningServer
    secret: str
    name: str
    key: str
    users: dict[str, Credentials] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.operator = operator_client(self.server)

    def user(self, name: str, *statements: dict[str, Any]) -> Credentials:
        self.users[name] = self.server.make_user(_policy(*statements) if statements else None)
        return self.users[name]

    def role(self, name: str, trusted: dict[str, Any], *statements: dict[str, Any]) -> str:
        iam, role = self.server.client("iam"), _name("role")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **trusted}]}
        arn = str(iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])
        iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(_policy(*statements)))
        self.roles[name] = arn
        return arn

    def readers(self, credentials: Credentials | None = None) -> dict[str, dict[str, Any]]:
        """What who-can says, by ARN of principal; of several paths one through roles."""
        client = self.operator if credentials is None else operator_client(self.server, credentials)
        answer = client.list_secret_readers(SecretId=self.name)
        assert answer["ARN"] == self.secret
        return {reader["Principal"]: reader for reader in answer["Readers"]}

    def reads(self, credentials: Credentials) -> bool:
        """What happens in earnest."""
        client = self.server.client("secretsmanager", credentials)
        try:
            client.get_secret_value(SecretId=self.secret)
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return False
        return True


def _make_scene(server: RunningServer) -> Scene:
    key = server.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = _name("secret")
    secret = server.client("secretsmanager").create_secret(
        Name=name, SecretString="x", KmsKeyId=key, Tags=[{"Key": "team", "Value": "red"}]
    )["ARN"]
    return Scene(server, secret, name, key)


def _fill(scene: Scene) -> None:
    iam, kms = scene.server.client("iam"), scene.server.client("kms")
    scene.user("identity", BOTH)
    scene.user("stranger")
    scene.user("no key", {"Action": READ})
    scene.user("other secret", {"Action": READ, "Resource": f"{scene.secret}x"}, {"Action": DECRYPT})
    scene.user("denied", BOTH, {"Effect": "Deny", "Action": READ, "Resource": scene.secret})
    scene.user("via service", {"Action": READ}, {
        "Action": DECRYPT,
        "Condition": {"StringEquals": {"kms:ViaService": f"secretsmanager.{scene.server.region}.amazonaws.com"}},
    })  # fmt: skip
    scene.user("not via service", {"Action": READ}, {
        "Action": DECRYPT, "Condition": {"StringEquals": {"kms:ViaService": "lambda.eu-west-1.amazonaws.com"}},
    })  # fmt: skip
    scene.user("at home", {**BOTH, "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}})
    scene.user("by tag", {**BOTH, "Condition": {"StringEqualsIfExists": {"aws:ResourceTag/team": "red"}}})
    scene.user("other tag", {"Action": DECRYPT}, {
        "Action": READ, "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
    })  # fmt: skip
    bounded = scene.user("bounded", BOTH)
    boundary = iam.create_policy(PolicyName=_name("bound"), PolicyDocument=json.dumps(_policy({"Action": "kms:*"})))
    iam.put_user_permissions_boundary(UserName=bounded.user_name, PermissionsBoundary=boundary["Policy"]["Arn"])
    member, group = scene.user("by group"), _name("group")
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="shared", PolicyDocument=json.dumps(_policy(BOTH)))
    iam.add_user_to_group(GroupName=group, UserName=member.user_name)
    granted, by_resource = scene.user("by grant", {"Action": READ}), scene.user("by resource", {"Action": DECRYPT})
    kms.create_grant(KeyId=scene.key, GranteePrincipal=granted.arn, Operations=["Decrypt"])
    scene.server.client("secretsmanager").put_resource_policy(
        SecretId=scene.secret,
        ResourcePolicy=json.dumps(_policy({"Sid": "Named", "Action": READ, "Principal": {"AWS": by_resource.arn}})),
    )
    first, far = scene.user("by role"), scene.user("by two roles")
    outside = scene.user("not trusted", {"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/none"})
    near = scene.role("near", {"Principal": {"AWS": far.arn}}, {"Action": "sqs:*"})
    scene.role("reading", {"Principal": {"AWS": [first.arn, near], "Service": "lambda.amazonaws.com"}}, BOTH)
    open_role = scene.role("open", {"Principal": {"AWS": scene.server.account}}, BOTH)
    scene.user("by account", {"Action": "sts:AssumeRole", "Resource": open_role})
    scene.user("by pattern", {"Action": "sts:*", "Resource": f"{open_role[:-4]}*"})
    scene.user("other role", {"Action": "sts:AssumeRole", "Resource": f"{open_role}x"})
    managed = iam.create_policy(PolicyName=_name("managed"), PolicyDocument=json.dumps(_policy(BOTH)))
    iam.attach_user_policy(UserName=scene.user("by managed policy").user_name, PolicyArn=managed["Policy"]["Arn"])
    scene.role("idle", {"Principal": {"AWS": outside.arn}}, {"Action": "sqs:*"})


@pytest.fixture(scope="module")
def scene(strongroom: RunningServer) -> Scene:
    made = _make_scene(strongroom)
    _fill(made)
    return made


THROUGH_ROLES = {"by role", "by two roles", "by account", "by pattern"}
DIRECT = {"by managed policy", "identity", "via service", "at home", "by tag", "by group", "by grant", "by resource"}


def test_who_can_tells_what_happens_in_earnest(scene: Scene) -> None:
    readers = scene.readers()
    told = {name for name, user in scene.users.items() if user.arn in readers}
    assert told == DIRECT | THROUGH_ROLES
    assert {name for name, user in scene.users.items() if scene.reads(user)} == DIRECT
    session = assume_role(scene.server, scene.roles["near"], scene.users["by two roles"])
    assert scene.reads(assume_role(scene.server, scene.roles["reading"], session))
    assert {name for name, arn in scene.roles.items() if arn in readers} == {"near", "reading", "open"}


def test_the_path_that_gives_it(scene: Scene) -> None:
    readers = scene.readers()

    def reader(name: str) -> dict[str, Any]:
        return readers[scene.users[name].arn]

    identity = reader("identity")
    assert identity["Kind"] == "user"
    assert identity["Secret"] == {
        "By": "identity-based policy",
        "Statements": [{"Policy": "inline", "Index": 0}],
    }
    assert identity["Key"] == identity["Secret"]
    assert "Conditions" not in identity
    assert reader("by resource")["Secret"] == {
        "By": "resource-based policy",
        "Statements": [{"Sid": "Named", "Index": 0}],
    }
    assert reader("by grant")["Key"]["By"] == "grant"
    assert reader("by grant")["Key"]["GrantId"]
    assert reader("by group")["Secret"]["Statements"][0]["Policy"].startswith("shared of group group-")
    assert reader("at home")["Conditions"] == ["if IpAddress aws:SourceIp 127.0.0.0/8"]
    assert "Conditions" not in reader("via service")
    reading, near = scene.roles["reading"], scene.roles["near"]
    assert reader("by role")["Through"] == [reading]
    assert reader("by two roles")["Through"] == [near, reading]
    assert readers[near]["Through"] == [reading]
    assert "Through" not in readers[reading]


def test_a_role_may_give_without_condition_what_a_user_has_under_one(strongroom: RunningServer) -> None:
    scene = _make_scene(strongroom)
    home = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    user = scene.user("user", {**BOTH, "Condition": home})
    role = scene.role("role", {"Principal": {"AWS": user.arn}}, BOTH)
    answer = scene.operator.list_secret_readers(SecretId=scene.secret)
    paths = [each for each in answer["Readers"] if each["Principal"] == user.arn]
    assert [(path.get("Through"), path.get("Conditions")) for path in paths] == [
        (None, ["if IpAddress aws:SourceIp 10.0.0.0/8"]),
        ([role], None),
    ]


def test_services_that_run_as_a_role(scene: Scene) -> None:
    answer = scene.operator.list_secret_readers(SecretId=scene.secret)
    through = [each["Through"] for each in answer["Readers"] if each["Principal"] == "lambda.amazonaws.com"]
    assert [scene.roles["reading"]] in through


def test_identity_providers_whose_users_become_a_reading_role(strongroom: RunningServer) -> None:
    scene = _make_scene(strongroom)
    issuer = f"{_name('issuer')}.example.com"
    provider = strongroom.client("iam").create_open_id_connect_provider(Url=f"https://{issuer}", ClientIDList=["app"])[
        "OpenIDConnectProviderArn"
    ]
    role = scene.role(
        "web",
        {
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{issuer}:sub": "repo:acme/app"}},
        },
        BOTH,
    )
    assert scene.readers()[provider] == {
        "Principal": provider,
        "Kind": "federated",
        "Through": [role],
        "Conditions": [f"if StringEquals {issuer}:sub repo:acme/app"],
    }
    for subject, allowed in (("repo:acme/app", True), ("repo:acme/other", False)):
        told = scene.operator.explain_access(
            Principal=provider,
            Action="sts:AssumeRoleWithWebIdentity",
            Resource=role,
            Context=[{"Key": f"{issuer}:sub", "Values": [subject]}],
        )
        assert told["Allowed"] is allowed


def test_sessions_and_services_that_policies_name(strongroom: RunningServer) -> None:
    scene = _make_scene(strongroom)
    user = scene.user("user")
    role = scene.role("role", {"Principal": {"AWS": user.arn}}, {"Action": DECRYPT})
    session = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/test"
    service = "rds.amazonaws.com"
    strongroom.client("secretsmanager").put_resource_policy(
        SecretId=scene.secret,
        ResourcePolicy=json.dumps(
            _policy(
                {"Action": READ, "Principal": {"AWS": session}},
                {"Action": READ, "Principal": {"Service": service}},
            )
        ),
    )
    readers = scene.readers()
    assert readers[session]["Kind"] == "session"
    assert readers[user.arn]["Through"] == [session]
    assert {role, service}.isdisjoint(readers)
    assert scene.reads(assume_role(strongroom, role, user))
    kms = strongroom.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=scene.key, PolicyName="default")["Policy"])
    policy["Statement"].append(
        {"Effect": "Allow", "Action": DECRYPT, "Resource": "*", "Principal": {"Service": service}}
    )
    kms.put_key_policy(KeyId=scene.key, PolicyName="default", Policy=json.dumps(policy))
    reader = scene.readers()[service]
    assert (reader["Kind"], reader["Secret"]["By"], reader["Key"]["By"]) == (
        "service",
        "resource-based policy",
        "key policy",
    )


def test_what_is_public_and_what_reaches_other_accounts(strongroom: RunningServer) -> None:
    scene, other = _make_scene(strongroom), make_account(strongroom)
    eve = other.make_user(_policy(BOTH))
    secrets, kms = strongroom.client("secretsmanager"), strongroom.client("kms")
    answer = scene.operator.list_secret_readers(SecretId=scene.secret)
    assert (answer["Public"], answer["KeyPublic"], answer["OtherAccounts"]) == (False, False, [])
    assert answer["WholeInstallation"] is True
    secrets.put_resource_policy(
        SecretId=scene.secret, ResourcePolicy=json.dumps(_policy({"Action": READ, "Principal": "*"}))
    )
    half = scene.operator.list_secret_readers(SecretId=scene.secret)
    assert (half["Public"], half["KeyPublic"]) == (True, False)
    assert eve.arn not in {each["Principal"] for each in half["Readers"]}
    assert not scene.reads(eve)
    default = json.loads(kms.get_key_policy(KeyId=scene.key, PolicyName="default")["Policy"])
    default["Statement"].append({"Effect": "Allow", "Action": DECRYPT, "Resource": "*", "Principal": {"AWS": other.id}})
    kms.put_key_policy(KeyId=scene.key, PolicyName="default", Policy=json.dumps(default))
    whole = scene.operator.list_secret_readers(SecretId=scene.secret)
    assert scene.reads(eve)
    (reader,) = [each for each in whole["Readers"] if each["Principal"] == eve.arn]
    assert (reader["Account"], reader["Secret"]["By"]) == (other.id, "resource-based policy")
    assert whole["OtherAccounts"] == [other.id]


def test_a_member_account_sees_its_own_principals_only(strongroom: RunningServer) -> None:
    account = make_account(strongroom)
    account.client("secretsmanager").create_secret(Name="mine", SecretString="x")
    answer = operator_client(strongroom, account.administrator).list_secret_readers(SecretId="mine")
    assert answer["WholeInstallation"] is False
    assert {reader["Account"] for reader in answer["Readers"] if "Account" in reader} == {account.id}
    user = strongroom.make_user()
    refused = refusal(
        operator_client(strongroom, account.administrator).explain_access,
        Principal=user.arn,
        Action=READ,
        Resource="*",
    )
    assert refused[0] == "AccessDeniedException"


def test_a_secret_that_nobody_can_read(strongroom: RunningServer) -> None:
    scene = _make_scene(strongroom)
    reader = scene.user("reader", BOTH)
    strongroom.client("secretsmanager").delete_secret(SecretId=scene.secret)
    answer = scene.operator.list_secret_readers(SecretId=scene.secret)
    assert (answer["Readers"], "deletion" in answer["Unreadable"]) == ([], True)
    told = scene.operator.explain_access(Principal=reader.arn, Action=READ, Resource=scene.secret)
    assert (told["Allowed"], told["Explanations"][0]["Decision"]) == (False, "allowed")
    assert told["Explanations"][0]["Obstacles"] == ["the secret is marked for deletion"]


# --- explain --------------------------------------------------------------------------------------------------------


def _explained(scene: Scene, principal: str, action: str = READ, resource: str = "", **keys: str) -> dict[str, Any]:
    answer = scene.operator.explain_access(
        Principal=principal,
        Action=action,
        Resource=resource or scene.secret,
        Context=[{"Key": key.replace("__", ":"), "Values": [value]} for key, value in keys.items()],
    )
    answer.pop("ResponseMetadata")
    return dict(answer)


def test_explain_tells_what_happens_in_earnest(scene: Scene) -> None:
    for name, user in scene.users.items():
        answer = _explained(scene, user.arn, aws__SourceIp="127.0.0.1")
        assert answer["Allowed"] is (name in DIRECT), name
        denied = [each for each in answer["Explanations"] if each["Decision"] != "allowed"]
        with_message = [each["Message"] for each in denied]
        assert all(user.arn in message for message in with_message)
    session = scene.roles["reading"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/one"
    assert _explained(scene, session)["Allowed"]
    assert _explained(scene, scene.roles["reading"])["Allowed"]


def test_the_statements_and_what_is_missing(scene: Scene) -> None:
    denied = _explained(scene, scene.users["denied"].arn)["Explanations"][0]
    assert denied["Decision"] == "explicitDeny"
    assert denied["DecidedBy"] == [{"Policy": "inline", "Index": 1}]
    stranger, key = _explained(scene, scene.users["stranger"].arn)["Explanations"]
    assert stranger["Missing"] == ["identity-based policy"]
    assert (key["Action"], key["Resource"], key["Missing"]) == (DECRYPT, scene.key, ["identity-based policy"])
    (bounded, _) = _explained(scene, scene.users["bounded"].arn)["Explanations"]
    assert bounded["Missing"] == ["permissions boundary"]
    assert [each["PolicyType"] for each in bounded["PolicyTypes"]] == [
        "resource-based policy",
        "identity-based policy",
        "permissions boundary",
    ]
    away = _explained(scene, scene.users["at home"].arn)["Explanations"][0]
    assert away["AbsentKeys"] == ["aws:sourceip"]
    (identity,) = [each for each in away["PolicyTypes"] if each["PolicyType"] == "identity-based policy"]
    assert identity["NotApplied"] == [
        {
            "Policy": "inline",
            "Index": 0,
            "Effect": "Allow",
            "UnmetConditions": ["IpAddress aws:SourceIp 127.0.0.0/8"],
        }
    ]
    by_grant = _explained(scene, scene.users["by grant"].arn)["Explanations"][1]
    assert (by_grant["Decision"], bool(by_grant["GrantId"])) == ("allowed", True)


def test_the_message_is_the_one_that_the_caller_gets(scene: Scene) -> None:
    user = scene.users["denied"]
    with pytest.raises(ClientError) as caught:
        scene.server.client("secretsmanager", user).get_secret_value(SecretId=scene.secret)
    told = _explained(scene, user.arn)["Explanations"][0]
    assert told["Message"] == caught.value.response["Error"]["Message"]


def test_roles_keys_and_functions_have_policies_too(scene: Scene) -> None:
    by_role, outside = scene.users["by role"].arn, scene.users["not trusted"].arn
    assume = ("sts:AssumeRole", scene.roles["reading"])
    trusted = _explained(scene, by_role, *assume)["Explanations"][0]
    assert (trusted["Decision"], trusted["Reason"]) == ("allowed", "allowed by a resource-based policy")
    assert _explained(scene, outside, *assume)["Explanations"][0]["Missing"] == ["resource-based policy"]
    assert _explained(scene, "lambda.amazonaws.com", *assume)["Allowed"]
    alone = _explained(scene, scene.users["identity"].arn, DECRYPT, scene.key)
    assert (alone["Allowed"], len(alone["Explanations"])) == (True, 1)
    missing = f"arn:aws:secretsmanager:{scene.server.region}:{scene.server.account}:secret:none-AbCdEf"
    absent = _explained(scene, scene.users["identity"].arn, READ, missing)
    assert (absent["Allowed"], absent["Explanations"][0]["ResourceFound"]) == (True, False)


def test_service_control_policies_are_told_level_by_level(scene: Scene, strongroom: RunningServer) -> None:
    account = make_account(strongroom)
    user = account.make_user(_policy({"Action": "*"}))
    content = json.dumps(_policy({"Action": "*"}, {"Effect": "Deny", "Action": READ}))
    with attached_policy(strongroom, content, account.id):
        told = scene.operator.explain_access(
            Principal=user.arn, Action=READ, Resource=f"arn:aws:secretsmanager:eu-west-1:{account.id}:secret:x-AbCdEf"
        )["Explanations"][0]
    assert told["Reason"] == "explicit deny in a service control policy"
    levels = [each for each in told["PolicyTypes"] if each["PolicyType"] == "service control policy"]
    assert [each["Effect"] for each in levels][-1] == "Deny"
    assert all(each["Level"] for each in levels)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Principal": "bob"}, "InvalidParameterException"),
        ({"Principal": "arn:aws:s3:::bucket"}, "InvalidParameterException"),
        ({"Principal": "arn:aws:iam::{account}:user/nobody-at-all"}, "ResourceNotFoundException"),
        ({"Action": "GetSecretValue"}, "InvalidParameterException"),
        ({"Resource": "no-such-secret"}, "ResourceNotFoundException"),
        ({"Resource": "thing", "Action": "sqs:SendMessage"}, "ResourceNotFoundException"),
        ({"Principal": "arn:aws:iam::{account}:user/a\0b"}, "InvalidParameterException"),
        ({"Resource": "arn:aws:iam::000000000000:role/a\0b", "Action": "sts:AssumeRole"}, "InvalidParameterException"),
        ({"Context": [{"Key": "nocolon", "Values": ["x"]}]}, "InvalidParameterException"),
    ],
)
def test_questions_that_make_no_sense(scene: Scene, change: dict[str, Any], code: str) -> None:
    question = {"Principal": scene.users["identity"].arn, "Action": READ, "Resource": scene.secret} | change
    question["Principal"] = question["Principal"].replace("{account}", scene.server.account)
    assert refusal(scene.operator.explain_access, **question)[0] == code


def test_both_need_permission(scene: Scene) -> None:
    me = scene.server.make_user(_policy({"Action": "secretsmanager:*"}))
    client = operator_client(scene.server, me)
    asked: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (client.list_secret_readers, {"SecretId": scene.secret}),
        (client.explain_access, {"Principal": me.arn, "Action": READ, "Resource": scene.secret}),
    ]
    for operation, parameters in asked:
        code, message = refusal(operation, **parameters)[:2]
        assert (code, "strongroom:" in message) == ("AccessDeniedException", True)
    allowed = scene.server.make_user(
        _policy(
            {"Action": "strongroom:ListSecretReaders", "Resource": scene.secret},
            {"Action": "strongroom:ExplainAccess", "Resource": me.arn},
        )
    )
    assert me.arn not in scene.readers(allowed)
    told = operator_client(scene.server, allowed).explain_access(Principal=me.arn, Action=READ, Resource=scene.secret)
    assert told["Explanations"][0]["Decision"] == "allowed"
