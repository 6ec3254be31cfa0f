"""Records come out in CloudTrail's shape, and nothing that a stranger sends can break one."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import orjson
import pytest

from strongroom.audit import api_event, operation, resource, service_event, user_identity
from strongroom.audit.events import LARGEST_EVENT

ACCOUNT = "111122223333"
SECRET_ARN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:prod/db-AbCdEf"
USER = user_identity.iam_user(
    principal_id="AIDAEXAMPLE",
    arn=f"arn:aws:iam::{ACCOUNT}:user/app",
    account_id=ACCOUNT,
    access_key_id="AKIDEXAMPLE",
    user_name="app",
)


def build(**changes: Any) -> bytes:
    get = operation("secretsmanager", "GetSecretValue")
    given: dict[str, Any] = {
        "user_identity": USER,
        "time": 1_769_860_800_999,
        "source": get.source,
        "name": get.name,
        "region": "us-east-1",
        "source_ip": "192.0.2.1",
        "user_agent": "Boto3/1.44",
        "request_parameters": get.parameters({"SecretId": "prod/db", "VersionStage": "AWSCURRENT"}),
        "response_elements": get.response({"ARN": SECRET_ARN, "SecretString": "hidden"}),
        "request_id": "11111111-1111-4111-8111-111111111111",
        "event_id": "22222222-2222-4222-8222-222222222222",
        "read_only": get.read_only,
        "recipient_account": ACCOUNT,
        "resources": [resource(SECRET_ARN, ACCOUNT, "AWS::SecretsManager::Secret")],
    }
    return api_event(**(given | changes))


def test_a_read_in_cloudtrails_shape() -> None:
    assert list(orjson.loads(build()).items()) == [
        ("eventVersion", "1.11"),
        ("userIdentity", USER),
        ("eventTime", "2026-01-31T12:00:00Z"),
        ("eventSource", "secretsmanager.amazonaws.com"),
        ("eventName", "GetSecretValue"),
        ("awsRegion", "us-east-1"),
        ("sourceIPAddress", "192.0.2.1"),
        ("userAgent", "Boto3/1.44"),
        ("requestParameters", {"secretId": "prod/db", "versionStage": "AWSCURRENT"}),
        ("responseElements", None),
        ("requestID", "11111111-1111-4111-8111-111111111111"),
        ("eventID", "22222222-2222-4222-8222-222222222222"),
        ("readOnly", True),
        ("resources", [{"accountId": ACCOUNT, "type": "AWS::SecretsManager::Secret", "ARN": SECRET_ARN}]),
        ("eventType", "AwsApiCall"),
        ("managementEvent", True),
        ("recipientAccountId", ACCOUNT),
        ("eventCategory", "Management"),
    ]


def test_an_error_stands_after_the_user_agent() -> None:
    event = orjson.loads(build(error_code="AccessDenied", error_message="not\nallowed", resources=()))
    assert list(event)[7:12] == ["userAgent", "errorCode", "errorMessage", "requestParameters", "responseElements"]
    assert event["errorMessage"] == "not\ufffdallowed"
    assert "resources" not in event


def test_a_service_event() -> None:
    event = orjson.loads(
        service_event(
            user_identity=user_identity.aws_service("secretsmanager.amazonaws.com", ACCOUNT),
            time=0,
            source="secretsmanager.amazonaws.com",
            name="RotationStarted",
            region="us-east-1",
            additional_data={"SecretId": SECRET_ARN},
            request_id=f"Rotation-{SECRET_ARN}-token",
            event_id="id",
            recipient_account=ACCOUNT,
        )
    )
    assert event["eventType"] == "AwsServiceEvent"
    assert event["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "secretsmanager.amazonaws.com"}
    assert event["additionalEventData"] == {"SecretId": SECRET_ARN}
    assert event["sourceIPAddress"] == event["userAgent"] == "secretsmanager.amazonaws.com"


@pytest.mark.parametrize(
    "identity", [orjson.Fragment(orjson.dumps(USER)), MappingProxyType(USER)], ids=["serialised", "read-only"]
)
def test_identities_may_come_in_other_forms(identity: object) -> None:
    assert build(user_identity=identity) == build()


HOSTILE = [
    'x\n{"sequence":1,"previous":"","event":{}}',
    "x\r\ny",
    "\x1b[2J\x07\x00",
    "\u2028\u2029\x85",
    "\ud800 lone surrogate",
    '"}}',
    "é" * 5000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_attack_13_hostile_text_stays_inside_its_field(text: str) -> None:
    create = operation("secretsmanager", "CreateSecret")
    given = {"Name": text, "Description": text, "Tags": [{"Key": text, "Value": text}]}
    record = build(
        user_agent=text, name=text, error_code="E", error_message=text, request_parameters=create.parameters(given)
    )
    assert b"\n" not in record
    assert b"\r" not in record
    assert b"\x1b" not in record
    event = orjson.loads(record)
    assert event["eventSource"] == "secretsmanager.amazonaws.com"
    assert event["userAgent"].isprintable()
    assert len(event["userAgent"]) <= 1024


def test_line_breaks_of_a_policy_survive() -> None:
    put = operation("secretsmanager", "PutResourcePolicy")
    policy = '{\n\t"Version": "2012-10-17"\n}'
    assert put.parameters({"SecretId": "a", "ResourcePolicy": policy}) == {"secretId": "a", "resourcePolicy": policy}


def test_an_event_that_is_too_large_says_what_it_omits() -> None:
    tags = [{"Key": "k" * 5000, "Value": "v" * 5000} for _ in range(60)]
    event = orjson.loads(
        build(request_parameters=operation("secretsmanager", "TagResource").parameters({"Tags": tags}))
    )
    assert event["requestParameters"]["omitted"] is True
    assert event["requestParameters"]["originalSize"] > LARGEST_EVENT
    assert event["responseElements"] is None
    assert event["eventName"] == "GetSecretValue"


def test_identities() -> None:
    issuer = user_identity.SessionIssuer("AROAX", f"arn:aws:iam::{ACCOUNT}:role/rotate", ACCOUNT, "rotate")
    session = user_identity.assumed_role(
        principal_id="AROAX:step",
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/rotate/step",
        account_id=ACCOUNT,
        access_key_id="ASIAX",
        issuer=issuer,
        created=1_769_860_800_000,
        source_identity="alice",
    )
    assert session["sessionContext"] == {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAX",
            "arn": issuer.arn,
            "accountId": ACCOUNT,
            "userName": "rotate",
        },
        "attributes": {"creationDate": "2026-01-31T12:00:00Z", "mfaAuthenticated": "false"},
        "sourceIdentity": "alice",
    }
    forwarded = user_identity.on_behalf_of(session, "secretsmanager.amazonaws.com")
    assert forwarded == {**session, "invokedBy": "secretsmanager.amazonaws.com"}
    assert user_identity.root(account_id=ACCOUNT, access_key_id="AKIDX")["arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert user_identity.aws_service("lambda.amazonaws.com") == {
        "type": "AWSService",
        "invokedBy": "lambda.amazonaws.com",
    }
    assert user_identity.aws_account(principal_id="AIDAX", account_id=ACCOUNT)["type"] == "AWSAccount"
    assert user_identity.unknown() == {"type": "Unknown"}
    assert user_identity.unknown("AK\nID") == {"type": "Unknown", "accessKeyId": "AK\ufffdID"}
