"""The situations that AWS's guides work through, as a table: policies, a request, and what AWS says happens.

Statements are written for this table after the pages that each row names; "IAM" is the IAM User Guide, "ORG" the
Organizations User Guide, "SM" the Secrets Manager User Guide, "KMS" the KMS Developer Guide.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from strongroom.policy import (
    AuthorizationRequest,
    Context,
    Policy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    compile_policy,
    evaluate,
)

A, B = "123456789012", "222222222222"
BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"
SECRET = f"arn:aws:secretsmanager:us-west-2:{A}:secret:MyApp/db-a1b2c3"
KEY = f"arn:aws:kms:us-west-2:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
READ = "secretsmanager:GetSecretValue"

Statements = dict[str, Any] | list[dict[str, Any]]


def user(name: str, account: str = A) -> PrincipalFacts:
    arn = f"arn:aws:iam::{account}:user/{name}"
    return PrincipalFacts(arn, arn, account, "user")


def session(role: str, name: str = "session", account: str = A) -> PrincipalFacts:
    return PrincipalFacts(
        f"arn:aws:iam::{account}:role/{role}",
        f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
        account,
        "role-session",
    )


def service(name: str) -> PrincipalFacts:
    return PrincipalFacts(name, name, "", "service", service=name)


BOB = user("Bob")


@dataclass(frozen=True)
class Example:
    """One request under some policies. A policy that is not given does not exist."""

    page: str
    action: str
    allowed: bool
    who: PrincipalFacts = BOB
    resource: str = "*"
    owner: str = A
    context: Context = field(default_factory=dict)
    identity: Statements | None = None
    boundary: Statements | None = None
    session: Statements | None = None
    control: tuple[Statements, ...] = ()
    by_resource: Statements | None = None
    kind: PolicyKind = PolicyKind.RESOURCE

    def __str__(self) -> str:
        return f"{self.page}: {self.action} {'allowed' if self.allowed else 'denied'}"


def compiled(statements: Statements | None, kind: PolicyKind) -> tuple[Policy, ...]:
    if statements is None:
        return ()
    given = statements if isinstance(statements, list) else [statements]
    bare = {} if kind is PolicyKind.TRUST else {"Resource": "*"}
    filled = [(bare if "NotResource" not in each else {}) | {"Effect": "Allow"} | each for each in given]
    return (compile_policy(json.dumps({"Version": "2012-10-17", "Statement": filled}), kind),)


def deny(**more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", **more}


LIST_AND_GET = [
    {"Sid": "AllowGetList", "Action": ["iam:Get*", "iam:List*"]},
    deny(Sid="DenyReports", Action="iam:*Report"),
]
ONLY_S3_AND_EC2 = {"Action": ["s3:*", "cloudwatch:*", "ec2:*"]}
OWN_FOLDER = [{"Action": "s3:*", "Resource": f"{BUCKET}/home/${{aws:username}}/*"}]
TEAM_FOLDER = {"Action": "s3:GetObject", "Resource": f"{BUCKET}/${{aws:PrincipalTag/team, 'company-wide'}}/*"}
OUTSIDE_RANGE = deny(
    Action="*",
    Condition={
        "NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]},
        "Bool": {"aws:ViaAWSService": "false"},
    },
)
OUTSIDE_REGIONS = deny(
    NotAction=["cloudfront:*", "iam:*", "route53:*", "support:*"],
    Condition={"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
)
BETWEEN_DATES = {
    "Action": "service:Operate",
    "Condition": {
        "DateGreaterThan": {"aws:CurrentTime": "2020-04-01T00:00:00Z"},
        "DateLessThan": {"aws:CurrentTime": "2020-06-30T23:59:59Z"},
    },
}
ONLY_THESE_TAGS = {
    "Action": "ec2:CreateTags",
    "Condition": {
        "StringEquals": {"aws:RequestTag/environment": ["preprod", "production"]},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["environment", "CostCenter"]},
    },
}
WITHOUT_MFA = deny(
    NotAction=["iam:ListMFADevices", "sts:GetSessionToken"],
    Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
)
WAREHOUSE_TAG = {"Action": READ, "Condition": {"StringEquals": {"secretsmanager:ResourceTag/team": "warehouse"}}}
SAME_PROJECT = {
    "Action": READ,
    "Condition": {"StringEquals": {"aws:ResourceTag/access-project": "${aws:PrincipalTag/access-project}"}},
}
ONE_STAGE = {"Action": READ, "Condition": {"ForAnyValue:StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}}
NOT_FROM_ENDPOINT = deny(
    Principal="*", Action="secretsmanager:*", Condition={"StringNotEquals": {"aws:sourceVpce": "vpce-1234a5678b9012c"}}
)
ROTATION = {
    "Action": "lambda:InvokeFunction",
    "Principal": {"Service": "secretsmanager.amazonaws.com"},
    "Condition": {"StringEquals": {"aws:SourceAccount": A}, "ArnLike": {"aws:SourceArn": SECRET}},
}
THROUGH_SECRETS_MANAGER = {
    "Principal": {"AWS": f"arn:aws:iam::{A}:role/ExampleRole"},
    "Action": "kms:Decrypt",
    "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.us-west-2.amazonaws.com"}},
}
DEFAULT_KEY_POLICY = {"Principal": {"AWS": f"arn:aws:iam::{A}:root"}, "Action": "kms:*"}
NOT_BOB = deny(
    NotPrincipal={"AWS": [f"arn:aws:iam::{A}:user/Bob", f"arn:aws:iam::{A}:root"]},
    Action="s3:*",
    Resource=[BUCKET, f"{BUCKET}/*"],
)
FULL = {"Action": "*"}
AT_NIGHT = "2020-07-01T00:00:00Z"
LAMBDA = "arn:aws:lambda:us-west-2:123456789012:function:Rotate"

EXAMPLES = [
    Example("IAM, The difference between explicit and implicit denies", "iam:ListUsers", True, identity=LIST_AND_GET),
    Example(
        "IAM, The difference between explicit and implicit denies", "iam:CreatePolicy", False, identity=LIST_AND_GET
    ),
    Example(
        "IAM, The difference between explicit and implicit denies",
        "iam:GetCredentialReport",
        False,
        identity=[*LIST_AND_GET, {"Action": "iam:GetCredentialReport"}],
    ),
    Example("IAM, Permissions boundaries", "iam:CreateUser", False, identity=FULL, boundary=ONLY_S3_AND_EC2),
    Example("IAM, Permissions boundaries", "s3:ListBucket", True, identity=FULL, boundary=ONLY_S3_AND_EC2),
    Example("IAM, Permissions boundaries", "s3:ListBucket", False, boundary=ONLY_S3_AND_EC2),
    Example(
        "IAM, Resource-based policies and implicit denies: a user",
        "s3:GetObject",
        True,
        resource=f"{BUCKET}/x",
        boundary={"Action": "ec2:*"},
        by_resource={"Action": "s3:*", "Principal": {"AWS": BOB.arn}},
    ),
    Example(
        "IAM, Resource-based policies and implicit denies: a role",
        "s3:GetObject",
        False,
        who=session("examplerole"),
        resource=f"{BUCKET}/x",
        boundary={"Action": "ec2:*"},
        by_resource={"Action": "s3:*", "Principal": {"AWS": f"arn:aws:iam::{A}:role/examplerole"}},
    ),
    Example(
        "IAM, Resource-based policies and implicit denies: a role session",
        "s3:GetObject",
        True,
        who=session("examplerole", "examplesession"),
        resource=f"{BUCKET}/x",
        boundary={"Action": "ec2:*"},
        session={"Action": "ec2:*"},
        by_resource={"Action": "s3:*", "Principal": {"AWS": session("examplerole", "examplesession").session_arn}},
    ),
    Example(
        "IAM, Resource-based policies and implicit denies: everybody, by aws:PrincipalArn",
        "s3:GetObject",
        True,
        who=session("examplerole"),
        resource=f"{BUCKET}/x",
        boundary={"Action": "ec2:*"},
        context={"aws:principalarn": f"arn:aws:iam::{A}:role/examplerole"},
        by_resource={
            "Action": "s3:*",
            "Principal": "*",
            "Condition": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{A}:role/examplerole"}},
        },
    ),
    Example(
        "IAM, Session policies",
        "s3:PutObject",
        False,
        who=session("app"),
        identity={"Action": "s3:*"},
        session={"Action": "s3:Get*"},
    ),
    Example(
        "IAM, Cross-account policy evaluation logic: both sides allow",
        "s3:PutObject",
        True,
        who=user("Carlos", B),
        resource=f"{BUCKET}/x",
        identity={"Action": "s3:*"},
        by_resource={"Action": "s3:PutObject", "Principal": {"AWS": f"arn:aws:iam::{B}:user/Carlos"}},
    ),
    Example(
        "IAM, Cross-account policy evaluation logic: only the resource allows",
        "s3:PutObject",
        False,
        who=user("Carlos", B),
        resource=f"{BUCKET}/x",
        by_resource={"Action": "s3:PutObject", "Principal": {"AWS": f"arn:aws:iam::{B}:user/Carlos"}},
    ),
    Example(
        "IAM, Cross-account policy evaluation logic: only the principal's account allows",
        "s3:PutObject",
        False,
        who=user("Carlos", B),
        resource=f"{BUCKET}/x",
        identity={"Action": "s3:*"},
    ),
    Example("IAM, NotPrincipal", "s3:GetObject", True, resource=f"{BUCKET}/x", identity=FULL, by_resource=NOT_BOB),
    Example(
        "IAM, NotPrincipal",
        "s3:GetObject",
        False,
        who=user("Carlos"),
        resource=f"{BUCKET}/x",
        identity=FULL,
        by_resource=NOT_BOB,
    ),
    Example(
        "IAM, NotPrincipal with a permissions boundary",
        "s3:GetObject",
        False,
        resource=f"{BUCKET}/x",
        identity=FULL,
        boundary=FULL,
        by_resource=NOT_BOB,
    ),
    Example(
        "IAM, Variables and tags",
        "s3:GetObject",
        True,
        resource=f"{BUCKET}/home/Bob/x",
        context={"aws:username": "Bob"},
        identity=OWN_FOLDER,
    ),
    Example(
        "IAM, Variables and tags",
        "s3:GetObject",
        False,
        resource=f"{BUCKET}/home/Carlos/x",
        context={"aws:username": "Bob"},
        identity=OWN_FOLDER,
    ),
    Example("IAM, Variables without a value", "s3:GetObject", False, resource=f"{BUCKET}/home//x", identity=OWN_FOLDER),
    Example(
        "IAM, Default values of variables",
        "s3:GetObject",
        True,
        resource=f"{BUCKET}/company-wide/x",
        identity=TEAM_FOLDER,
    ),
    Example(
        "IAM, Default values of variables",
        "s3:GetObject",
        False,
        resource=f"{BUCKET}/company-wide/x",
        context={"aws:principaltag/team": "yellow"},
        identity=TEAM_FOLDER,
    ),
    Example(
        "IAM, Example: deny access based on the source IP",
        "ec2:RunInstances",
        False,
        context={"aws:sourceip": "198.51.100.7", "aws:viaawsservice": "false"},
        identity=[FULL, OUTSIDE_RANGE],
    ),
    Example(
        "IAM, Example: deny access based on the source IP, on behalf of the caller",
        "ec2:RunInstances",
        True,
        context={"aws:sourceip": "198.51.100.7", "aws:viaawsservice": "true", "aws:calledvia": ("x.amazonaws.com",)},
        identity=[FULL, OUTSIDE_RANGE],
    ),
    Example(
        "IAM, Example: deny access based on the requested Region",
        "ec2:RunInstances",
        False,
        context={"aws:requestedregion": "us-east-1"},
        identity=[FULL, OUTSIDE_REGIONS],
    ),
    Example(
        "IAM, Example: deny access based on the requested Region",
        "iam:CreateUser",
        True,
        context={"aws:requestedregion": "us-east-1"},
        identity=[FULL, OUTSIDE_REGIONS],
    ),
    Example(
        "IAM, Example: access within specific dates",
        "service:Operate",
        True,
        context={"aws:currenttime": "2020-05-01T12:00:00Z"},
        identity=BETWEEN_DATES,
    ),
    Example(
        "IAM, Example: access within specific dates",
        "service:Operate",
        False,
        context={"aws:currenttime": AT_NIGHT},
        identity=BETWEEN_DATES,
    ),
    Example(
        "IAM, Controlling access based on tag keys",
        "ec2:CreateTags",
        True,
        context={"aws:requesttag/environment": "preprod", "aws:tagkeys": ("environment",)},
        identity=ONLY_THESE_TAGS,
    ),
    Example(
        "IAM, Controlling access based on tag keys",
        "ec2:CreateTags",
        False,
        context={"aws:requesttag/environment": "preprod", "aws:tagkeys": ("environment", "owner")},
        identity=ONLY_THESE_TAGS,
    ),
    Example(
        "IAM, ...IfExists condition operators: long-term credentials", "s3:ListBucket", False,
        identity=[FULL, WITHOUT_MFA],
    ),
    Example(
        "IAM, ...IfExists condition operators", "sts:GetSessionToken", True, identity=[FULL, WITHOUT_MFA]
    ),
    Example(
        "IAM, ...IfExists condition operators", "s3:ListBucket", True,
        context={"aws:multifactorauthpresent": "true"}, identity=[FULL, WITHOUT_MFA],
    ),
    Example(
        "IAM, Null: a key that must not be there",
        "s3:PutObject",
        False,
        context={"s3:x-amz-acl": "public-read"},
        identity={"Action": "s3:*", "Condition": {"Null": {"s3:x-amz-acl": "true"}}},
    ),
    Example("ORG, SCP evaluation: an allow list", "ec2:RunInstances", True, identity=FULL, control=(FULL, FULL)),
    Example(
        "ORG, SCP evaluation: an allow list", "iam:CreateUser", False, identity=FULL,
        control=(FULL, {"Action": ["ec2:*", "s3:*"]}),
    ),
    Example(
        "ORG, SCP evaluation: an SCP grants nothing", "ec2:RunInstances", False, control=(FULL, FULL)
    ),
    Example(
        "ORG, SCP evaluation: a deny list", "s3:GetObject", False, resource=f"{BUCKET}/x", identity=FULL,
        control=([FULL, deny(Action="s3:*")],), by_resource={"Action": "s3:*", "Principal": "*"},
    ),
    Example(
        "SM, Permissions to access secrets by tag", READ, True, resource=SECRET,
        context={"secretsmanager:resourcetag/team": "warehouse"}, identity=WAREHOUSE_TAG,
    ),
    Example(
        "SM, Access control using ABAC", READ, True, who=session("app"), resource=SECRET,
        context={"aws:resourcetag/access-project": "red", "aws:principaltag/access-project": "red"},
        identity=SAME_PROJECT,
    ),
    Example(
        "SM, Access control using ABAC", READ, False, who=session("app"), resource=SECRET,
        context={"aws:resourcetag/access-project": "red"}, identity=SAME_PROJECT,
    ),
    Example(
        "SM, Condition keys: the version stage", READ, False, resource=SECRET,
        context={"secretsmanager:versionstage": "AWSPENDING"}, identity=ONE_STAGE,
    ),
    Example(
        "SM, Resource policies: only through an endpoint", READ, False, resource=SECRET, identity=FULL,
        by_resource=NOT_FROM_ENDPOINT,
    ),
    Example(
        "SM, Resource policies: only through an endpoint", READ, True, resource=SECRET, identity=FULL,
        context={"aws:sourcevpce": "vpce-1234a5678b9012c"}, by_resource=NOT_FROM_ENDPOINT,
    ),
    Example(
        "SM, Permissions for rotation: the service invokes the function", "lambda:InvokeFunction", True,
        who=service("secretsmanager.amazonaws.com"), resource=LAMBDA, by_resource=ROTATION,
        context={"aws:sourceaccount": A, "aws:sourcearn": SECRET},
    ),
    Example(
        "IAM, The confused deputy problem", "lambda:InvokeFunction", False,
        who=service("secretsmanager.amazonaws.com"), resource=LAMBDA, by_resource=ROTATION,
        context={"aws:sourceaccount": B, "aws:sourcearn": SECRET.replace(A, B)},
    ),
    Example(
        "KMS, kms:ViaService", "kms:Decrypt", True, who=session("ExampleRole"), resource=KEY, kind=PolicyKind.KEY,
        by_resource=THROUGH_SECRETS_MANAGER, context={"kms:viaservice": "secretsmanager.us-west-2.amazonaws.com"},
    ),
    Example(
        "KMS, kms:ViaService", "kms:Decrypt", False, who=session("ExampleRole"), resource=KEY, kind=PolicyKind.KEY,
        by_resource=THROUGH_SECRETS_MANAGER, identity=FULL,
    ),
    Example(
        "KMS, Default key policy", "kms:Decrypt", True, resource=KEY, kind=PolicyKind.KEY, identity=FULL,
        by_resource=DEFAULT_KEY_POLICY,
    ),
    Example(
        "KMS, Default key policy", "kms:Decrypt", False, resource=KEY, kind=PolicyKind.KEY,
        by_resource=DEFAULT_KEY_POLICY,
    ),
    Example(
        "KMS, Key policies: the account itself has no permission without one", "kms:Decrypt", False,
        who=PrincipalFacts(f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:root", A, "root"), resource=KEY,
        kind=PolicyKind.KEY, by_resource={"Principal": {"AWS": BOB.arn}, "Action": "kms:*"},
    ),
    Example(
        "IAM, Roles: how to use an external ID", "sts:AssumeRole", False, who=user("Deploy", B), identity=FULL,
        resource=f"arn:aws:iam::{A}:role/app", kind=PolicyKind.TRUST,
        by_resource={
            "Action": "sts:AssumeRole", "Principal": {"AWS": B},
            "Condition": {"StringEquals": {"sts:ExternalId": "12345"}},
        },
    ),
    Example(
        "IAM, Roles: how to use an external ID", "sts:AssumeRole", True, who=user("Deploy", B), identity=FULL,
        resource=f"arn:aws:iam::{A}:role/app", kind=PolicyKind.TRUST, context={"sts:externalid": "12345"},
        by_resource={
            "Action": "sts:AssumeRole", "Principal": {"AWS": B},
            "Condition": {"StringEquals": {"sts:ExternalId": "12345"}},
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_documented_examples(example: Example) -> None:
    boundary = compiled(example.boundary, PolicyKind.BOUNDARY)
    resource = compiled(example.by_resource, example.kind)
    policies = PolicySet(
        compiled(example.identity, PolicyKind.IDENTITY),
        boundary[0] if boundary else None,
        None if example.session is None else compiled(example.session, PolicyKind.SESSION),
        tuple(compiled(level, PolicyKind.SERVICE_CONTROL) for level in example.control),
    )
    request = AuthorizationRequest(example.who, example.action, example.resource, example.owner, example.context)
    assert evaluate(request, policies, resource[0] if resource else None).allowed is example.allowed
