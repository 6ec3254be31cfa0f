"""Resource policies: writing, listing and validating them, and what keeps them from letting the wrong ones in."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import RunningServer

UNSUPPORTED = "This resource policy contains an unsupported principal, action, resource, or condition."
LOCKED_OUT = "The new resource policy will not allow you to update the resource policy in the future."
EVERYBODY = allow("secretsmanager:GetSecretValue", Principal="*")


@pytest.fixture
def admin(strongroom: RunningServer) -> Any:
    return strongroom.client("secretsmanager")


@pytest.fixture
def name(admin: Any) -> str:
    """The name of a new secret."""
    found = f"policies/{uuid.uuid4().hex}"
    admin.create_secret(Name=found, SecretString="x")
    return found


def text(*statements: dict[str, Any]) -> str:
    return json.dumps(document(*statements))


def test_a_policy_is_named_default_and_listed(admin: Any, strongroom: RunningServer, name: str) -> None:
    assert admin.list_resource_policies(SecretId=name)["ResourcePolicies"] == []
    assert "ResourcePolicy" not in admin.get_resource_policy(SecretId=name)
    grant = text(allow("secretsmanager:GetSecretValue", Principal={"AWS": strongroom.make_user().arn}))
    assert admin.put_resource_policy(SecretId=name, ResourcePolicy=grant, PolicyName="default")["Name"] == name
    paginator = admin.get_paginator("list_resource_policies")
    pages = list(paginator.paginate(SecretId=name, PaginationConfig={"PageSize": 1}))
    assert [page["ResourcePolicies"] for page in pages] == [[{"PolicyName": "default"}]]
    found = admin.get_resource_policy(SecretId=name)
    assert (json.loads(found["ResourcePolicy"]), found["PolicyName"]) == (json.loads(grant), "default")
    assert admin.delete_resource_policy(SecretId=name)["PolicyName"] == "default"
    assert admin.list_resource_policies(SecretId=name)["ResourcePolicies"] == []


def test_no_policy_but_default_can_be_written(admin: Any, name: str) -> None:
    for operation, parameters in (
        ("put_resource_policy", {"ResourcePolicy": text(EVERYBODY)}),
        ("delete_resource_policy", {}),
    ):
        assert refusal_code(admin, operation, SecretId=name, PolicyName="other", **parameters) == (
            "InvalidParameterException"
        )
    assert refusal_code(admin, "get_resource_policy", SecretId=name, PolicyName="other") == "ResourceNotFoundException"
    assert refusal_code(admin, "list_resource_policies", SecretId=name, NextToken="x") == "InvalidNextTokenException"
    assert refusal_code(admin, "list_resource_policies", SecretId=f"{name}-gone") == "ResourceNotFoundException"


def test_policies_of_a_secret_that_is_marked_for_deletion_rest(admin: Any, name: str) -> None:
    admin.delete_secret(SecretId=name)
    for operation, parameters in (
        ("get_resource_policy", {}),
        ("list_resource_policies", {}),
        ("put_resource_policy", {"ResourcePolicy": text(EVERYBODY)}),
        ("delete_resource_policy", {}),
        ("validate_resource_policy", {"ResourcePolicy": text(EVERYBODY)}),
    ):
        code, message = refusal(admin, operation, SecretId=name, **parameters)
        assert (code, "marked for deletion" in message) == ("InvalidRequestException", True)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("{", "This policy has invalid syntax. This policy contains invalid Json"),
        (json.dumps({"Version": "2019-10-19", "Statement": [EVERYBODY]}), "This policy has invalid syntax."),
        (text({**EVERYBODY, "Effect": "Maybe"}), "This policy has invalid syntax."),
        (text(allow("secretsmanager:GetSecretValue")), "This policy has invalid syntax."),
        (text({**EVERYBODY, "Action": "s3:GetObject"}), UNSUPPORTED),
        (text({**EVERYBODY, "Action": ["secretsmanager:GetSecretValue", "secretsmanager:Read"]}), UNSUPPORTED),
        (text({**EVERYBODY, "Resource": "arn:aws:s3:::bucket"}), UNSUPPORTED),
        (text({**EVERYBODY, "Principal": {"AWS": "arn:aws:iam::000000000000:role/nobody"}}), UNSUPPORTED),
        (text({**EVERYBODY, "Condition": {"Bool": {"secretsmanager:Nothing": "true"}}}), UNSUPPORTED),
        (text(EVERYBODY, deny("secretsmanager:*", Principal="*")), LOCKED_OUT),
    ],
)
def test_malformed_policies_are_refused_with_the_reason(admin: Any, name: str, policy: str, message: str) -> None:
    code, found = refusal(admin, "put_resource_policy", SecretId=name, ResourcePolicy=policy)
    assert (code, found[: len(message)]) == ("MalformedPolicyDocumentException", message)
    assert "ResourcePolicy" not in admin.get_resource_policy(SecretId=name)


@pytest.mark.parametrize(
    "statement",
    [
        {**EVERYBODY, "Action": "*"},
        {**EVERYBODY, "Action": "secretsmanager:Get*"},
        {**EVERYBODY, "Action": "SecretsManager:getsecretvalue"},
        {**EVERYBODY, "Resource": "arn:aws:secretsmanager:*:*:secret:*"},
        {
            **EVERYBODY,
            "Condition": {"StringEquals": {"SecretsManager:ResourceTag/team": "a", "aws:PrincipalTag/x": "b"}},
        },
    ],
)
def test_what_the_service_has_is_accepted(admin: Any, name: str, statement: dict[str, Any]) -> None:
    admin.put_resource_policy(SecretId=name, ResourcePolicy=text(statement))
    assert "ResourcePolicy" in admin.get_resource_policy(SecretId=name)


def test_a_policy_has_at_most_20480_characters(admin: Any, name: str) -> None:
    short = text({**EVERYBODY, "Sid": "a"})
    longest = short.replace('"a"', f'"{"a" * (20_481 - len(short))}"')
    assert len(longest) == 20_480
    admin.put_resource_policy(SecretId=name, ResourcePolicy=longest)
    assert refusal_code(admin, "put_resource_policy", SecretId=name, ResourcePolicy=longest + " ") == (
        "ValidationException"
    )


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        (None, True),
        ({"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}, True),
        ({"StringLike": {"aws:PrincipalOrgPaths": "o-*"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}, False),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-exampleorgid/r-ab12/*"}}, False),
        ({"StringLike": {"aws:userid": "AROAEXAMPLEID1234567:*"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::one"}}, False),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, False),
    ],
)
def test_broad_policies_are_blocked_if_asked(admin: Any, name: str, condition: Any, public: bool) -> None:
    policy = text({**EVERYBODY, **({"Condition": condition} if condition else {})})
    if public:
        code, message = refusal(
            admin, "put_resource_policy", SecretId=name, ResourcePolicy=policy, BlockPublicPolicy=True
        )
        assert code == "PublicPolicyException"
        assert "did not prevent broad access to the secret" in message
    else:
        admin.put_resource_policy(SecretId=name, ResourcePolicy=policy, BlockPublicPolicy=True)
    found = admin.validate_resource_policy(SecretId=name, ResourcePolicy=policy)
    checks = [error["CheckName"] for error in found["ValidationErrors"]]
    assert (found["PolicyValidationPassed"], checks) == (not public, ["BlockPublicPolicy"] if public else [])
    admin.put_resource_policy(SecretId=name, ResourcePolicy=policy)


def test_validation_finds_everything_and_stores_nothing(admin: Any, name: str) -> None:
    bad = [
        allow("secretsmanager:GetSecretValue", "s3:GetObject", Principal="*"),
        allow("secretsmanager:GetSecretValue", Principal={"AWS": "arn:aws:iam::000000000000:user/nobody"}),
        deny("secretsmanager:PutResourcePolicy", Principal="*"),
    ]
    found = admin.validate_resource_policy(SecretId=name, ResourcePolicy=text(*bad))
    messages = {error["CheckName"]: error["ErrorMessage"] for error in found["ValidationErrors"]}
    assert found["PolicyValidationPassed"] is False
    assert set(messages) == {"PolicyElements", "PolicyPrincipals", "BlockPublicPolicy", "CallerLockOut"}
    assert "s3:GetObject" in messages["PolicyElements"]
    assert "user/nobody" in messages["PolicyPrincipals"]
    assert "ResourcePolicy" not in admin.get_resource_policy(SecretId=name)
    syntax = admin.validate_resource_policy(ResourcePolicy=text({**EVERYBODY, "Effect": "Maybe"}))
    assert [error["CheckName"] for error in syntax["ValidationErrors"]] == ["PolicySyntax"]
    assert refusal_code(admin, "validate_resource_policy", ResourcePolicy="{") == "MalformedPolicyDocumentException"


def test_validation_needs_the_right_to_put(strongroom: RunningServer, name: str) -> None:
    policy = text(allow("secretsmanager:GetSecretValue", Principal={"AWS": "000000000000"}))
    both = ("secretsmanager:ValidateResourcePolicy", "secretsmanager:PutResourcePolicy")
    for one in both:
        client = strongroom.client("secretsmanager", strongroom.make_user(document(allow(one))))
        for secret in ({}, {"SecretId": name}):
            assert refusal_code(client, "validate_resource_policy", ResourcePolicy=policy, **secret) == (
                "AccessDeniedException"
            )
    client = strongroom.client("secretsmanager", strongroom.make_user(document(allow(*both))))
    assert client.validate_resource_policy(SecretId=name, ResourcePolicy=policy)["PolicyValidationPassed"]
    assert client.validate_resource_policy(ResourcePolicy=policy)["PolicyValidationPassed"]


def test_nobody_gives_away_a_right_that_the_policy_alone_gave(strongroom: RunningServer, admin: Any, name: str) -> None:
    """Who may put policies only by the present one keeps that right in the next one, under its stored form, too."""
    user = strongroom.make_user()
    client = strongroom.client("secretsmanager", user)
    mine = allow("secretsmanager:PutResourcePolicy", Principal={"AWS": user.arn})
    admin.put_resource_policy(SecretId=name, ResourcePolicy=text(mine))
    code, message = refusal(client, "put_resource_policy", SecretId=name, ResourcePolicy=text(EVERYBODY))
    assert (code, message) == ("MalformedPolicyDocumentException", LOCKED_OUT)
    client.put_resource_policy(SecretId=name, ResourcePolicy=text(mine, EVERYBODY))


def test_identity_and_resource_policy_decide_together(strongroom: RunningServer, admin: Any, name: str) -> None:
    plain = strongroom.make_user(document(allow("kms:Decrypt")))
    reader = strongroom.make_user(document(allow("secretsmanager:GetSecretValue", "kms:Decrypt")))
    barred = strongroom.make_user(document(allow("kms:Decrypt"), deny("secretsmanager:GetSecretValue")))

    def reads(user: Any) -> bool:
        client = strongroom.client("secretsmanager", user)
        try:
            client.get_secret_value(SecretId=name)
        except ClientError as refused:
            return bool(refused.response["Error"]["Code"] != "AccessDeniedException")
        return True

    everyone = [plain, reader, barred]
    assert [reads(user) for user in everyone] == [False, True, False]
    grant = allow("secretsmanager:GetSecretValue", Principal={"AWS": [plain.arn, barred.arn]})
    admin.put_resource_policy(SecretId=name, ResourcePolicy=text(grant))
    assert [reads(user) for user in everyone] == [True, True, False]
    refuse = deny("secretsmanager:GetSecretValue", Principal={"AWS": reader.arn})
    admin.put_resource_policy(SecretId=name, ResourcePolicy=text(grant, refuse))
    assert [reads(user) for user in everyone] == [True, False, False]
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        strongroom.client("secretsmanager", reader).get_secret_value(SecretId=name)
