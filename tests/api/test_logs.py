"""CloudWatch Logs through boto3: groups, streams, events, filters, tags."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from tests.support.lambda_service import make_function, make_role
from tests.support.policies import allow, deny, document, refusal, refusal_code
from tests.support.server import RunningServer

NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.")
DAY_MS = 24 * 3600 * 1000


def new_group() -> str:
    return f"/test/{uuid.uuid4().hex}"


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def logs(strongroom: RunningServer) -> Any:
    return strongroom.client("logs")


@pytest.fixture
def group(logs: Any) -> str:
    name = new_group()
    logs.create_log_group(logGroupName=name)
    return name


def put(logs: Any, group: str, stream: str, *messages: str, start: int | None = None, step: int = 1) -> int:
    """Put messages, a step of milliseconds apart; answers the timestamp of the first."""
    first = now() - len(messages) * step if start is None else start
    events = [{"timestamp": first + n * step, "message": message} for n, message in enumerate(messages)]
    answer = logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    assert "rejectedLogEventsInfo" not in answer
    return first


def test_a_group_from_birth_to_death(strongroom: RunningServer, logs: Any) -> None:
    name = new_group()
    logs.create_log_group(logGroupName=name, tags={"team": "red"}, logGroupClass="STANDARD")
    assert refusal(logs, "create_log_group", logGroupName=name) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )
    arn = f"arn:aws:logs:{strongroom.region}:{strongroom.account}:log-group:{name}"
    (shown,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert abs(shown.pop("creationTime") - now()) < 60_000
    assert shown == {
        "logGroupName": name,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
    }
    logs.put_retention_policy(logGroupName=name, retentionInDays=7)
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["retentionInDays"] == 7
    code, text = refusal(logs, "put_retention_policy", logGroupName=name, retentionInDays=8)
    assert code == "InvalidParameterException"
    assert "Member must satisfy enum value set: [1, 3, 5" in text
    logs.delete_retention_policy(logGroupName=name)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    put(logs, name, "s", "gone")
    logs.delete_log_group(logGroupName=name)
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []
    logs.create_log_group(logGroupName=name)
    assert logs.filter_log_events(logGroupName=name)["events"] == []
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_groups_that_are_not_there(logs: Any) -> None:
    name = new_group()
    for operation, parameters in (
        ("delete_log_group", {}),
        ("put_retention_policy", {"retentionInDays": 1}),
        ("delete_retention_policy", {}),
        ("create_log_stream", {"logStreamName": "s"}),
        ("delete_log_stream", {"logStreamName": "s"}),
        ("describe_log_streams", {}),
        ("put_log_events", {"logStreamName": "s", "logEvents": [{"timestamp": now(), "message": "m"}]}),
        ("get_log_events", {"logStreamName": "s"}),
        ("filter_log_events", {}),
        ("list_tags_log_group", {}),
        ("tag_log_group", {"tags": {"a": "b"}}),
        ("describe_subscription_filters", {}),
        ("describe_metric_filters", {}),
    ):
        assert refusal(logs, operation, logGroupName=name, **parameters) == NO_GROUP, operation


def test_lists_of_groups(logs: Any) -> None:
    prefix = new_group()
    for name in ("a", "b", "c"):
        logs.create_log_group(logGroupName=f"{prefix}/{name}")
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=prefix, PaginationConfig={"PageSize": 2}
    )
    assert [[each["logGroupName"][-1] for each in page["logGroups"]] for page in pages] == [["a", "b"], ["c"]]
    part = prefix.rpartition("/")[2]
    found = logs.describe_log_groups(logGroupNamePattern=f"{part}/b")["logGroups"]
    assert [each["logGroupName"] for each in found] == [f"{prefix}/b"]
    found = logs.describe_log_groups(logGroupIdentifiers=[f"{prefix}/c", f"{prefix}/none"])["logGroups"]
    assert [each["logGroupName"] for each in found] == [f"{prefix}/c"]
    assert refusal_code(logs, "describe_log_groups", logGroupNamePrefix="a", logGroupNamePattern="b") == (
        "InvalidParameterException"
    )
    assert refusal_code(logs, "describe_log_groups", nextToken="none of ours") == "InvalidParameterException"
    assert logs.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"] == []


def test_streams(logs: Any, group: str) -> None:
    for name in ("b", "a", "c"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    assert refusal_code(logs, "create_log_stream", logGroupName=group, logStreamName="a") == (
        "ResourceAlreadyExistsException"
    )
    first = put(logs, group, "a", "one", "two")
    put(logs, group, "b", "three", start=first + 500)
    shown = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert [each["logStreamName"] for each in shown] == ["a", "b", "c"]
    assert (shown[0]["firstEventTimestamp"], shown[0]["lastEventTimestamp"]) == (first, first + 1)
    assert "lastEventTimestamp" not in shown[2]
    assert shown[0]["arn"].endswith(f":log-group:{group}:log-stream:a")
    for descending, expected in ((False, "cab"), (True, "bac")):
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, orderBy="LastEventTime", descending=descending, PaginationConfig={"PageSize": 2}
        )
        assert "".join(each["logStreamName"] for page in pages for each in page["logStreams"]) == expected
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, descending=True, PaginationConfig={"PageSize": 1}
    )
    assert "".join(each["logStreamName"] for page in pages for each in page["logStreams"]) == "cba"
    prefixed = logs.describe_log_streams(logGroupIdentifier=group, logStreamNamePrefix="b")["logStreams"]
    assert [each["logStreamName"] for each in prefixed] == ["b"]
    both = {"logStreamNamePrefix": "a", "orderBy": "LastEventTime"}
    assert refusal_code(logs, "describe_log_streams", logGroupName=group, **both) == "InvalidParameterException"
    before = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["storedBytes"]
    logs.delete_log_stream(logGroupName=group, logStreamName="a")
    after = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["storedBytes"]
    assert 0 < after < before
    assert refusal(logs, "get_log_events", logGroupName=group, logStreamName="a") == NO_STREAM
    assert refusal(logs, "delete_log_stream", logGroupName=group, logStreamName="a") == NO_STREAM
    assert [each["message"] for each in logs.filter_log_events(logGroupName=group)["events"]] == ["three"]


def test_events_come_back_page_by_page(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    first = put(logs, group, "s", *[f"line {n}" for n in range(150)])
    stream = {"logGroupName": group, "logStreamName": "s"}
    newest = logs.get_log_events(**stream, limit=100)
    assert [event["message"] for event in newest["events"]] == [f"line {n}" for n in range(50, 150)]
    assert newest["events"][0]["timestamp"] == first + 50
    older = logs.get_log_events(**stream, limit=100, nextToken=newest["nextBackwardToken"])
    assert [event["message"] for event in older["events"]] == [f"line {n}" for n in range(50)]
    oldest = logs.get_log_events(**stream, nextToken=older["nextBackwardToken"])
    assert (oldest["events"], oldest["nextBackwardToken"]) == ([], older["nextBackwardToken"])
    head = logs.get_log_events(**stream, limit=70, startFromHead=True)
    middle = logs.get_log_events(**stream, limit=70, nextToken=head["nextForwardToken"])
    assert [event["message"] for event in middle["events"]] == [f"line {n}" for n in range(70, 140)]
    end = logs.get_log_events(**stream, nextToken=middle["nextForwardToken"])
    again = logs.get_log_events(**stream, nextToken=end["nextForwardToken"])
    assert (len(end["events"]), again["events"]) == (10, [])
    assert again["nextForwardToken"] == end["nextForwardToken"]
    put(logs, group, "s", "later", start=first + 200)
    later = logs.get_log_events(**stream, nextToken=again["nextForwardToken"])
    assert [event["message"] for event in later["events"]] == ["later"]
    part = logs.get_log_events(**stream, startTime=first + 3, endTime=first + 5, startFromHead=True)
    assert [event["message"] for event in part["events"]] == ["line 3", "line 4"]
    assert refusal_code(logs, "get_log_events", **stream, nextToken="x/y") == "InvalidParameterException"


def test_events_in_the_order_of_time(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    start = now() - 10_000
    put(logs, group, "s", "second", start=start + 1)
    put(logs, group, "s", "first", "third", start=start, step=2)
    events = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]
    assert [event["message"] for event in events] == ["first", "second", "third"]


def test_filtering(strongroom: RunningServer, logs: Any, group: str) -> None:
    for name in ("a-1", "a-2", "b-1"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    start = now() - 60_000
    put(logs, group, "a-1", "ERROR one", '{"level":"error","status":500}', start=start, step=10)
    put(logs, group, "a-2", "fine", "ERROR two", start=start + 1, step=10)
    put(logs, group, "b-1", "ERROR three", start=start + 2)

    def found(**parameters: Any) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **parameters)
        return [event["message"] for page in pages for event in page["events"]]

    everything = ["ERROR one", "fine", "ERROR three", '{"level":"error","status":500}', "ERROR two"]
    assert found() == everything
    assert found(filterPattern="ERROR") == ["ERROR one", "ERROR three", "ERROR two"]
    assert found(filterPattern="ERROR -two") == ["ERROR one", "ERROR three"]
    assert found(filterPattern="{ $.status >= 500 }") == ['{"level":"error","status":500}']
    assert found(logStreamNames=["a-2", "b-1"]) == ["fine", "ERROR three", "ERROR two"]
    assert found(logStreamNamePrefix="a-", filterPattern="ERROR") == ["ERROR one", "ERROR two"]
    assert found(startTime=start + 1, endTime=start + 2) == ["fine", "ERROR three"]
    assert found(PaginationConfig={"PageSize": 2}) == everything
    assert found(filterPattern="ERROR", PaginationConfig={"PageSize": 1}) == ["ERROR one", "ERROR three", "ERROR two"]
    arn = f"arn:aws:logs:{strongroom.region}:{strongroom.account}:log-group:{group}"
    page = logs.filter_log_events(logGroupIdentifier=arn, interleaved=True)
    assert "nextToken" not in page
    assert len({event["eventId"] for event in page["events"]}) == 5
    assert all(event["eventId"].isdigit() for event in page["events"])
    assert page["events"][0]["logStreamName"] == "a-1"
    for bad in ('"open', "{ $.a }", "[a, b]", "%x%"):
        assert refusal_code(logs, "filter_log_events", logGroupName=group, filterPattern=bad) == (
            "InvalidParameterException"
        )
    both = {"logGroupName": group, "logGroupIdentifier": arn}
    assert refusal_code(logs, "filter_log_events", **both) == "InvalidParameterException"


def test_batches_that_cannot_be_taken_whole(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")

    def send(*times: int, message: str = "m") -> Any:
        events = [{"timestamp": time, "message": message} for time in times]
        return logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)

    here = now()
    answer = send(here - 15 * DAY_MS)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    answer = send(here, here + 3 * 3600 * 1000)
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert send(here - 2 * DAY_MS)["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    kept = logs.get_log_events(logGroupName=group, logStreamName="s")["events"]
    assert [event["timestamp"] for event in kept] == [here]

    def refused(events: list[dict[str, Any]]) -> str:
        return refusal(logs, "put_log_events", logGroupName=group, logStreamName="s", logEvents=events)[1]

    backwards = [{"timestamp": here, "message": "m"}, {"timestamp": here - 1, "message": "m"}]
    assert "chronological order" in refused(backwards)
    wide = [{"timestamp": here - DAY_MS - 1, "message": "m"}, {"timestamp": here, "message": "m"}]
    assert "span more than 24 hours" in refused(wide)
    assert "too large" in refused([{"timestamp": here, "message": "x" * 300_000}])
    assert "Upload too large" in refused([{"timestamp": here, "message": "x" * 200_000}] * 6)
    missing = {"logGroupName": group, "logStreamName": "none", "logEvents": [{"timestamp": here, "message": "m"}]}
    assert refusal(logs, "put_log_events", **missing) == NO_STREAM


def test_tags(strongroom: RunningServer, logs: Any, group: str) -> None:
    arn = f"arn:aws:logs:{strongroom.region}:{strongroom.account}:log-group:{group}"
    logs.tag_resource(resourceArn=arn, tags={"one": "1", "two": "2"})
    logs.tag_log_group(logGroupName=group, tags={"one": "I"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"one": "I", "two": "2"}
    logs.untag_resource(resourceArn=arn, tagKeys=["two", "absent"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"one": "I"}
    logs.untag_log_group(logGroupName=group, tags=["one"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {}
    many = {f"key-{number}": "" for number in range(50)}
    logs.tag_resource(resourceArn=arn, tags={"one more": ""})
    assert refusal_code(logs, "tag_resource", resourceArn=arn, tags=many) == "TooManyTagsException"
    assert refusal_code(logs, "tag_resource", resourceArn=arn, tags={"aws:x": "y"}) == "InvalidParameterException"
    assert refusal_code(logs, "tag_resource", resourceArn="arn:aws:s3:::b", tags={"a": "b"}) == (
        "InvalidParameterException"
    )


def test_what_a_function_prints(strongroom: RunningServer, logs: Any) -> None:
    source = "def handler(event, context):\n    print('a canary sang')\n    return context.log_stream_name\n"
    name = make_function(strongroom, make_role(strongroom), source)["FunctionName"]
    stream = json.loads(strongroom.client("lambda").invoke(FunctionName=name)["Payload"].read())
    group = f"/aws/lambda/{name}"
    until = time.monotonic() + 30
    lines: list[str] = []
    while not any(line.startswith("REPORT") for line in lines) and time.monotonic() < until:
        if logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            lines = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert lines[0].startswith("START RequestId")
    assert "a canary sang" in lines
    (shown,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert shown["logStreamName"] == stream
    found = logs.filter_log_events(logGroupName=group, filterPattern="canary", logStreamNames=[stream])["events"]
    assert [event["message"] for event in found] == ["a canary sang"]


def test_a_functions_role_may_log_to_its_own_group_only(strongroom: RunningServer, logs: Any, group: str) -> None:
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    logs = boto3.client('logs')\n"
        "    where = {'logGroupName': event['group'], 'logStreamName': 'mine'}\n"
        "    try:\n"
        "        logs.create_log_stream(**where)\n"
        "        logs.put_log_events(**where, logEvents=[{'timestamp': event['now'], 'message': 'from within'}])\n"
        "    except logs.exceptions.ClientError as error:\n"
        "        return error.response['Error']['Code']\n"
        "    return 'logged'\n"
    )
    resource = f"arn:aws:logs:*:*:log-group:{group}:*"
    role = make_role(strongroom, policy=document(allow("logs:CreateLogStream", "logs:PutLogEvents", resource=resource)))
    name = make_function(strongroom, role, source)["FunctionName"]

    def call(where: str) -> Any:
        event = json.dumps({"group": where, "now": now()})
        return json.loads(strongroom.client("lambda").invoke(FunctionName=name, Payload=event)["Payload"].read())

    assert call(group) == "logged"
    assert [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]] == ["from within"]
    other = new_group()
    logs.create_log_group(logGroupName=other)
    assert call(other) == "AccessDeniedException"


def test_rights(strongroom: RunningServer, group: str) -> None:
    arn = f"arn:aws:logs:{strongroom.region}:{strongroom.account}:log-group:{group}"
    reader = strongroom.client(
        "logs",
        strongroom.make_user(document(allow("logs:FilterLogEvents", "logs:DescribeLogStreams", resource=f"{arn}:*"))),
    )
    assert reader.filter_log_events(logGroupName=group)["events"] == []
    assert reader.describe_log_streams(logGroupName=group)["logStreams"] == []
    for operation, parameters in (
        ("filter_log_events", {"logGroupName": new_group()}),
        ("get_log_events", {"logGroupName": group, "logStreamName": "s"}),
        ("delete_log_group", {"logGroupName": group}),
        ("describe_log_groups", {}),
        ("list_tags_for_resource", {"resourceArn": arn}),
        ("create_log_group", {"logGroupName": new_group()}),
    ):
        assert refusal_code(reader, operation, **parameters) == "AccessDeniedException", operation
    denied = strongroom.client(
        "logs", strongroom.make_user(document(allow("logs:*"), deny("logs:*", resource=f"{arn}:*")))
    )
    for named in ({"logGroupName": group}, {"logGroupIdentifier": group}, {"logGroupIdentifier": arn}):
        assert refusal_code(denied, "filter_log_events", **named) == "AccessDeniedException"


def test_text_that_no_store_can_keep(strongroom: RunningServer, logs: Any, group: str) -> None:
    invalid = "InvalidParameterException"
    assert refusal_code(logs, "create_log_stream", logGroupName=group, logStreamName="a\0b") == invalid
    assert refusal_code(logs, "get_log_events", logGroupName=group, logStreamName="a\0b") == invalid
    assert refusal_code(logs, "describe_log_streams", logGroupName=group, logStreamNamePrefix="a\0") == invalid
    assert refusal_code(logs, "describe_log_groups", nextToken="AAAA") == invalid
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    put(logs, group, "s", "a\0b")
    assert [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]] == ["a\0b"]


def test_what_is_not_offered_is_not_ignored(logs: Any) -> None:
    for parameters in (
        {"logGroupClass": "INFREQUENT_ACCESS"},
        {"kmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k"},
        {"deletionProtectionEnabled": True},
    ):
        assert refusal_code(logs, "create_log_group", logGroupName=new_group(), **parameters) == (
            "InvalidParameterException"
        )
    assert (
        "StartQuery"
        in refusal(logs, "start_query", logGroupName="g", startTime=0, endTime=1, queryString="fields @message")[1]
    )
