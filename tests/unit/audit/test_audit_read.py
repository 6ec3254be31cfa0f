"""Looking events up."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from strongroom.audit import EventFilter, Trail, read_records

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf"
ROLE = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::111122223333:assumed-role/rotate/s",
    "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/rotate", "userName": "rotate"}},
}
USER = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/app", "userName": "app", "accessKeyId": "AKIDX"}
EVENTS = [
    {
        "eventName": "CreateSecret",
        "eventTime": "2026-01-01T00:00:00Z",
        "userIdentity": USER,
        "requestParameters": {"name": "prod/db"},
        "responseElements": {"arn": ARN},
    },
    {
        "eventName": "GetSecretValue",
        "eventTime": "2026-01-02T00:00:00Z",
        "userIdentity": USER,
        "requestParameters": {"secretId": "prod/db"},
        "resources": [{"ARN": ARN}],
    },
    {
        "eventName": "RotationStarted",
        "eventTime": "2026-01-03T00:00:00Z",
        "userIdentity": {"invokedBy": "secretsmanager.amazonaws.com"},
        "requestParameters": None,
        "additionalEventData": {"SecretId": ARN},
    },
    {
        "eventName": "GetSecretValue",
        "eventTime": "2026-01-04T00:00:00Z",
        "userIdentity": ROLE,
        "requestParameters": {"secretId": "other"},
    },
]


@pytest.fixture
def written(folder: Path, trail: Trail) -> Path:
    trail.append_now([orjson.dumps(event) for event in EVENTS])
    return folder


@pytest.mark.parametrize(
    ("wanted", "sequences"),
    [
        (EventFilter(), [1, 2, 3, 4]),
        (EventFilter(event_name="GetSecretValue"), [2, 4]),
        (EventFilter(event_name="Get"), []),
        (EventFilter(principal="app"), [1, 2]),
        (EventFilter(principal="AKIDX"), [1, 2]),
        (EventFilter(principal="arn:aws:iam::111122223333:role/rotate"), [4]),
        (EventFilter(principal="secretsmanager.amazonaws.com"), [3]),
        (EventFilter(resource=ARN), [1, 2, 3]),
        (EventFilter(resource="prod/db"), [1, 2, 3]),
        (EventFilter(resource="other"), [4]),
        (EventFilter(resource="prod"), []),
        (EventFilter(since="2026-01-02", until="2026-01-03T12:00:00Z"), [2, 3]),
        (EventFilter(event_name="GetSecretValue", resource="prod/db"), [2]),
    ],
)
def test_filters(written: Path, wanted: EventFilter, sequences: list[int]) -> None:
    assert [record.sequence for record in read_records(written, wanted)] == sequences


def test_what_is_no_record_is_passed_over(written: Path) -> None:
    path = written / "trail.jsonl"
    path.write_bytes(b"nonsense\n" + path.read_bytes() + b'{"sequence":5,"previous')
    assert len(list(read_records(written))) == len(EVENTS)
