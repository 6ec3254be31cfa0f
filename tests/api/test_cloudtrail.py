"""CloudTrail: looking events up, as an auditor does with boto3."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.accounts import make_account
from tests.support.policies import allow, document, refusal, refusal_code
from tests.support.server import Credentials, RunningServer


@dataclass(frozen=True)
class Story:
    """What one user of its own did: created, read and described a secret, and was refused its deletion.

    Attributes:
        began: Before the first of it.
        ended: After the last of it.
    """

    user: Credentials
    name: str
    arn: str
    began: datetime
    ended: datetime


DONE = ["CreateSecret", "GetSecretValue", "DescribeSecret", "DeleteSecret"]


@pytest.fixture(scope="module")
def story(strongroom: RunningServer) -> Story:
    rights = ("secretsmanager:CreateSecret", "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret")
    user = strongroom.make_user(document(allow(*rights, "kms:*", "cloudtrail:LookupEvents")))
    client = strongroom.client("secretsmanager", user)
    name = f"story/{uuid.uuid4().hex}"
    began = datetime.now(UTC).replace(microsecond=0)
    arn = client.create_secret(Name=name, SecretString="not in the trail")["ARN"]
    client.get_secret_value(SecretId=name)
    client.describe_secret(SecretId=arn)
    refusal_code(client, "delete_secret", SecretId=name)
    return Story(user, name, arn, began, datetime.now(UTC))


def lookup(strongroom: RunningServer, key: str, value: str, **parameters: Any) -> list[dict[str, Any]]:
    """Every event that has a value of an attribute, of all pages."""
    attributes = [{"AttributeKey": key, "AttributeValue": value}]
    pages = strongroom.client("cloudtrail").get_paginator("lookup_events")
    answers = pages.paginate(LookupAttributes=attributes, **parameters)
    return [event for page in answers for event in page["Events"]]


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["EventName"] for event in events]


def test_an_event_is_found_as_soon_as_its_call_is_answered(strongroom: RunningServer) -> None:
    user = strongroom.make_user(document(allow("secretsmanager:ListSecrets")))
    for count in range(1, 6):
        strongroom.client("secretsmanager", user).list_secrets()
        assert len(lookup(strongroom, "Username", user.user_name)) == count


def test_an_event_says_what_cloudtrail_says(strongroom: RunningServer, story: Story) -> None:
    event = lookup(strongroom, "AccessKeyId", story.user.access_key_id)[-1]
    record = json.loads(event.pop("CloudTrailEvent"))
    assert story.began <= event.pop("EventTime") <= story.ended
    assert event == {
        "EventId": record["eventID"],
        "EventName": "CreateSecret",
        "ReadOnly": "false",
        "AccessKeyId": story.user.access_key_id,
        "EventSource": "secretsmanager.amazonaws.com",
        "Username": story.user.user_name,
        "Resources": [
            {"ResourceType": "AWS::SecretsManager::Secret", "ResourceName": story.arn},
            {"ResourceType": "AWS::SecretsManager::Secret", "ResourceName": story.name},
        ],
    }
    assert record["userIdentity"]["arn"] == story.user.arn
    assert record["recipientAccountId"] == strongroom.account
    assert "not in the trail" not in json.dumps(record)


@pytest.mark.parametrize("key", ["Username", "AccessKeyId", "ResourceName", "ARN"])
def test_events_are_found_by_who_did_it_and_what_it_was_done_to(
    strongroom: RunningServer, story: Story, key: str
) -> None:
    value = {
        "Username": story.user.user_name,
        "AccessKeyId": story.user.access_key_id,
        "ResourceName": story.name,
        "ARN": story.arn,
    }[key]
    found = lookup(strongroom, "ResourceName" if key == "ARN" else key, value)
    # The refused call came to no secret, so it goes by the name in its request.
    assert names(found) == (DONE[:-1] if key == "ARN" else DONE)[::-1]
    assert [event["EventName"] for event in found if "errorCode" in event["CloudTrailEvent"]] == (
        [] if key == "ARN" else ["DeleteSecret"]
    )


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("EventName", "GetSecretValue", ["GetSecretValue"]),
        ("EventSource", "secretsmanager.amazonaws.com", DONE[::-1]),
        ("EventSource", "kms.amazonaws.com", []),
        ("ReadOnly", "true", ["DescribeSecret", "GetSecretValue"]),
        ("ReadOnly", "false", ["DeleteSecret", "CreateSecret"]),
        ("ResourceType", "AWS::SecretsManager::Secret", DONE[::-1]),
        ("ResourceType", "AWS::KMS::Key", []),
    ],
)
def test_events_are_found_by_what_they_are(
    strongroom: RunningServer, story: Story, key: str, value: str, expected: list[str]
) -> None:
    found = lookup(strongroom, key, value, StartTime=story.began, EndTime=story.ended)
    assert names([event for event in found if event.get("Username") == story.user.user_name]) == expected


def test_an_event_is_found_by_its_id(strongroom: RunningServer, story: Story) -> None:
    event = lookup(strongroom, "Username", story.user.user_name)[1]
    assert lookup(strongroom, "EventId", event["EventId"]) == [event]
    assert lookup(strongroom, "EventId", str(uuid.uuid4())) == []
    assert lookup(strongroom, "EventId", "no id") == []


@pytest.mark.parametrize("key", ["EventName", "Username", "AccessKeyId", "ResourceName", "ResourceType", "EventSource"])
def test_what_never_was_is_not_found(strongroom: RunningServer, key: str) -> None:
    assert lookup(strongroom, key, f"nothing of this name {uuid.uuid4()}") == []


def test_the_pages_hold_everything_once_and_the_newest_first(strongroom: RunningServer) -> None:
    user = strongroom.make_user(document(allow("secretsmanager:ListSecrets")))
    client = strongroom.client("secretsmanager", user)
    for _ in range(7):
        client.list_secrets()
    attributes = [{"AttributeKey": "Username", "AttributeValue": user.user_name}]
    trail = strongroom.client("cloudtrail")
    pages = [trail.lookup_events(LookupAttributes=attributes, MaxResults=3)]
    client.list_secrets()  # what happens meanwhile belongs on none of the later pages
    while "NextToken" in pages[-1]:
        token = pages[-1]["NextToken"]
        pages.append(trail.lookup_events(LookupAttributes=attributes, MaxResults=3, NextToken=token))
    assert [len(page["Events"]) for page in pages] == [3, 3, 1]
    events = [event for page in pages for event in page["Events"]]
    assert len({event["EventId"] for event in events}) == 7
    times = [event["EventTime"] for event in events]
    assert times == sorted(times, reverse=True)


def test_a_range_of_time_is_kept_to(strongroom: RunningServer, story: Story) -> None:
    hour = timedelta(hours=1)
    who = story.user.user_name
    assert len(lookup(strongroom, "Username", who, StartTime=story.began)) == 4
    assert len(lookup(strongroom, "Username", who, EndTime=story.ended)) == 4
    assert lookup(strongroom, "Username", who, StartTime=story.ended + hour) == []
    assert lookup(strongroom, "Username", who, EndTime=story.began - hour) == []


def test_events_are_found_when_they_are_indexed_too(strongroom: RunningServer) -> None:
    user = strongroom.make_user(document(allow("secretsmanager:ListSecrets")))
    strongroom.client("secretsmanager", user).list_secrets()
    before = lookup(strongroom, "Username", user.user_name)
    index = strongroom.data_dir / "audit" / "index.sqlite"
    assert index.stat().st_mode & 0o777 == 0o600
    _wait_until_indexed(strongroom, before[0]["EventId"])
    assert lookup(strongroom, "Username", user.user_name) == before


def _wait_until_indexed(strongroom: RunningServer, event_id: str) -> None:
    index = strongroom.data_dir / "audit" / "index.sqlite"
    trail = (strongroom.data_dir / "audit" / "trail.jsonl").read_bytes()
    sequence = trail.count(b"\n", 0, trail.find(event_id.encode())) + 1
    until = time.monotonic() + 20
    while time.monotonic() < until:
        database = sqlite3.connect(f"file:{index}?mode=ro", uri=True)
        row = database.execute("SELECT sequence FROM position").fetchone()
        database.close()
        if row is not None and row[0] >= sequence:
            return
        time.sleep(0.05)
    raise AssertionError("the trail is not indexed")


def test_a_session_is_found_by_its_name_and_its_key(strongroom: RunningServer) -> None:
    iam, sts = strongroom.client("iam"), strongroom.client("sts")
    name = f"role-{uuid.uuid4().hex[:12]}"
    trust = document(allow("sts:AssumeRole"))
    del trust["Statement"][0]["Resource"]
    trust["Statement"][0]["Principal"] = {"AWS": strongroom.account}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    session = f"session-{uuid.uuid4().hex[:12]}"
    key = sts.assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
    who = Credentials(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    strongroom.client("sts", who).get_caller_identity()
    assert names(lookup(strongroom, "Username", session)) == ["GetCallerIdentity"]
    assert names(lookup(strongroom, "AccessKeyId", who.access_key_id)) == ["GetCallerIdentity"]
    assert names(lookup(strongroom, "ResourceName", role)) == ["AssumeRole", "CreateRole"]
    assert names(lookup(strongroom, "ResourceName", name)) == ["AssumeRole", "CreateRole"]


def test_an_account_sees_its_own_events_only(strongroom: RunningServer, story: Story) -> None:
    other = make_account(strongroom)
    trail = other.client("cloudtrail")
    by_name: Mapping[str, str] = {"AttributeKey": "Username", "AttributeValue": story.user.user_name}
    assert trail.lookup_events(LookupAttributes=[by_name])["Events"] == []
    event_id = lookup(strongroom, "Username", story.user.user_name)[0]["EventId"]
    by_id = {"AttributeKey": "EventId", "AttributeValue": event_id}
    assert trail.lookup_events(LookupAttributes=[by_id])["Events"] == []
    other.client("secretsmanager").list_secrets()
    own = trail.lookup_events()["Events"]
    assert "ListSecrets" in names(own)
    assert {json.loads(event["CloudTrailEvent"])["recipientAccountId"] for event in own} == {other.id}


def test_looking_up_needs_the_permission_and_is_recorded(strongroom: RunningServer, story: Story) -> None:
    stranger = strongroom.make_user()
    code, message = refusal(strongroom.client("cloudtrail", stranger), "lookup_events")
    assert code == "AccessDeniedException"
    assert "cloudtrail:LookupEvents" in message
    (event,) = lookup(strongroom, "Username", stranger.user_name)
    assert event["EventName"] == "LookupEvents"
    by_id = {"AttributeKey": "EventId", "AttributeValue": event["EventId"]}
    strongroom.client("cloudtrail", story.user).lookup_events(LookupAttributes=[by_id])
    newest = lookup(strongroom, "Username", story.user.user_name)[0]
    record = json.loads(newest["CloudTrailEvent"])
    assert record["eventSource"] == "cloudtrail.amazonaws.com"
    assert record["requestParameters"]["lookupAttributes"] == [
        {"attributeKey": "EventId", "attributeValue": event["EventId"]}
    ]


def test_insight_events_do_not_exist(strongroom: RunningServer) -> None:
    assert strongroom.client("cloudtrail").lookup_events(EventCategory="insight")["Events"] == []


BY_NAME = {"AttributeKey": "EventName", "AttributeValue": "GetSecretValue"}


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("InvalidLookupAttributesException", {"LookupAttributes": [BY_NAME, BY_NAME]}),
        ("InvalidLookupAttributesException", {"LookupAttributes": [{**BY_NAME, "AttributeKey": "Color"}]}),
        ("InvalidLookupAttributesException", {"LookupAttributes": [{**BY_NAME, "AttributeValue": "a" * 2001}]}),
        ("InvalidTimeRangeException", {"StartTime": 2_000_000_000, "EndTime": 1_900_000_000}),
        ("InvalidMaxResultsException", {"MaxResults": 51}),
        ("InvalidEventCategoryException", {"EventCategory": "management"}),
        ("InvalidNextTokenException", {"NextToken": "bm9uc2Vuc2U="}),
        ("InvalidNextTokenException", {"NextToken": "é"}),
    ],
)
def test_what_cannot_be_looked_up_is_refused(
    strongroom: RunningServer, code: str, parameters: dict[str, object]
) -> None:
    assert refusal_code(strongroom.client("cloudtrail"), "lookup_events", **parameters) == code


def test_a_token_goes_with_what_it_was_made_for(strongroom: RunningServer) -> None:
    trail = strongroom.client("cloudtrail")
    by = {"AttributeKey": "ReadOnly", "AttributeValue": "false"}
    strongroom.make_user()
    token = trail.lookup_events(LookupAttributes=[by], MaxResults=1)["NextToken"]
    other = {**by, "AttributeValue": "true"}
    code = refusal_code(trail, "lookup_events", LookupAttributes=[other], MaxResults=1, NextToken=token)
    assert code == "InvalidNextTokenException"


def test_there_is_one_trail_and_it_records(strongroom: RunningServer) -> None:
    trail = strongroom.client("cloudtrail")
    arn = f"arn:aws:cloudtrail:{strongroom.region}:{strongroom.account}:trail/strongroom"
    (described,) = trail.describe_trails()["trailList"]
    assert (described["TrailARN"], described["IsMultiRegionTrail"]) == (arn, True)
    assert trail.describe_trails(trailNameList=["another"])["trailList"] == []
    assert [found["TrailARN"] for found in trail.list_trails()["Trails"]] == [arn]
    assert trail.get_trail(Name="strongroom")["Trail"] == described
    status = trail.get_trail_status(Name=arn)
    assert status["IsLogging"] is True
    assert "LatestDeliveryError" not in status
    code, message = refusal(trail, "get_trail_status", Name="another")
    assert code == "TrailNotFoundException"
    assert message == f"Unknown trail: {arn.replace('/strongroom', '/another')} for the user: {strongroom.account}"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("describe_trails", {}),
        ("list_trails", {}),
        ("get_trail", {"Name": "strongroom"}),
        ("get_trail_status", {"Name": "strongroom"}),
    ],
)
def test_the_trail_is_shown_to_those_who_may(
    strongroom: RunningServer, operation: str, parameters: dict[str, str]
) -> None:
    stranger = strongroom.client("cloudtrail", strongroom.make_user())
    assert refusal_code(stranger, operation, **parameters) == "AccessDeniedException"


def test_no_operation_changes_the_trail(strongroom: RunningServer) -> None:
    trail = strongroom.client("cloudtrail")
    for operation in ("stop_logging", "delete_trail"):
        with pytest.raises(ClientError) as caught:
            getattr(trail, operation)(Name="strongroom")
        assert "does not offer" in caught.value.response["Error"]["Message"]
