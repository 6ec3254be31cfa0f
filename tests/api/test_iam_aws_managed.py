"""The policies that AWS manages: they are all there, readable, and mean what AWS's mean."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.support.policies import refusal, refusal_code
from tests.support.server import Credentials, RunningServer

# What is allowed does not depend on the store, so one engine will do.
pytestmark = pytest.mark.parametrize("strongroom", ["sqlite"], indirect=True, scope="session")

ROOT = "arn:aws:iam::aws:policy"
NAMES = (
    "AdministratorAccess",
    "AmazonRDSFullAccess",
    "AmazonRDSReadOnlyAccess",
    "AWSKeyManagementServicePowerUser",
    "AWSLambda_FullAccess",
    "AWSLambda_ReadOnlyAccess",
    "AWSOrganizationsFullAccess",
    "AWSOrganizationsReadOnlyAccess",
    "AWSSecretsManagerClientReadOnlyAccess",
    "CloudWatchLogsFullAccess",
    "CloudWatchLogsReadOnlyAccess",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "SecretsManagerReadWrite",
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)


def _name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def _user_with(strongroom: RunningServer, policy: str) -> Credentials:
    user = strongroom.make_user()
    strongroom.client("iam").attach_user_policy(UserName=user.user_name, PolicyArn=f"{ROOT}/{policy}")
    return user


def test_every_policy_of_aws_can_be_listed_and_read(strongroom: RunningServer) -> None:
    iam = strongroom.client("iam")
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 7})
    listed = {policy["Arn"]: policy for page in pages for policy in page["Policies"]}
    assert listed.keys() == {f"{ROOT}/{name}" for name in NAMES}
    assert len({policy["PolicyId"] for policy in listed.values()}) == len(NAMES)
    for arn, policy in listed.items():
        shown = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        assert shown["Document"]["Statement"]
    paths = iam.list_policies(Scope="AWS", PathPrefix="/service-role/")["Policies"]
    assert {policy["Arn"] for policy in paths} == {f"{ROOT}/{name}" for name in NAMES if "/" in name}


def test_a_reader_of_everything_reads_no_secret(strongroom: RunningServer) -> None:
    name = strongroom.client("secretsmanager").create_secret(Name=_name("secret"), SecretString="x")["Name"]
    reader = strongroom.client("secretsmanager", _user_with(strongroom, "ReadOnlyAccess"))
    assert reader.describe_secret(SecretId=name)["Name"] == name
    assert refusal_code(reader, "get_secret_value", SecretId=name) == "AccessDeniedException"


def test_a_client_reads_secrets_and_changes_none(strongroom: RunningServer) -> None:
    key = strongroom.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = strongroom.client("secretsmanager").create_secret(Name=_name("secret"), SecretString="x", KmsKeyId=key)[
        "Name"
    ]
    user = _user_with(strongroom, "AWSSecretsManagerClientReadOnlyAccess")
    secrets = strongroom.client("secretsmanager", user)
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "x"
    assert refusal_code(secrets, "put_secret_value", SecretId=name, SecretString="y") == "AccessDeniedException"
    assert refusal_code(strongroom.client("kms", user), "encrypt", KeyId=key, Plaintext=b"x") == (
        "AccessDeniedException"
    )


@pytest.mark.parametrize(
    ("policy", "service", "allowed", "refused"),
    [
        ("SecretsManagerReadWrite", "secretsmanager", "list_secrets", ("iam", "list_users")),
        ("IAMReadOnlyAccess", "iam", "get_account_summary", ("secretsmanager", "list_secrets")),
        ("IAMFullAccess", "iam", "generate_credential_report", ("kms", "list_keys")),
        ("PowerUserAccess", "secretsmanager", "list_secrets", ("iam", "list_users")),
        ("AWSKeyManagementServicePowerUser", "kms", "list_keys", ("secretsmanager", "list_secrets")),
        ("AWSLambda_ReadOnlyAccess", "lambda", "list_functions", ("iam", "list_users")),
        ("AmazonRDSReadOnlyAccess", "rds", "describe_db_instances", ("lambda", "list_functions")),
        ("CloudWatchLogsReadOnlyAccess", "logs", "describe_log_groups", ("kms", "list_keys")),
        ("AWSOrganizationsReadOnlyAccess", "organizations", "list_roots", ("kms", "list_keys")),
    ],
)
def test_a_policy_of_aws_allows_its_service(
    strongroom: RunningServer, policy: str, service: str, allowed: str, refused: tuple[str, str]
) -> None:
    user = _user_with(strongroom, policy)
    getattr(strongroom.client(service, user), allowed)()
    other, operation = refused
    assert refusal_code(strongroom.client(other, user), operation).startswith("AccessDenied")


def test_full_access_to_lambda_hands_roles_over_and_changes_none(strongroom: RunningServer) -> None:
    admin, name = strongroom.client("iam"), _name("role")
    role = admin.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    user = _user_with(strongroom, "AWSLambda_FullAccess")
    code: dict[str, Any] = {"ZipFile": b"no archive"}
    asked = {"FunctionName": _name("function"), "Runtime": "python3.12", "Handler": "a.b", "Role": role, "Code": code}
    assert refusal_code(strongroom.client("lambda", user), "create_function", **asked) != "AccessDeniedException"
    assert (
        refusal(strongroom.client("iam", user), "attach_role_policy", RoleName=name, PolicyArn=f"{ROOT}/IAMFullAccess")[
            0
        ]
        == "AccessDenied"
    )
