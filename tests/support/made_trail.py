"""Trails made up for tests: events of every kind, in as many files as a test wants."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import orjson

from strongroom.audit.blocks import compress
from strongroom.audit.record import Link, chain
from strongroom.audit.segments import closed_name

__all__ = ["ACCOUNTS", "START", "MadeTrail", "made_event", "random_events", "read_event"]

ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("eu-west-1", "us-east-1")
START = 1_769_860_800
"""2026-01-31T12:00:00Z in seconds since the epoch."""

Event = Mapping[str, Any]


def _uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def made_event(random: Random, seconds: int = START, **changes: Any) -> dict[str, Any]:
    """An event with Strongroom's fields in its order; ``changes`` replace some."""
    account = changes.get("recipientAccountId", ACCOUNTS[0])
    event = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::{account}:user/app",
            "accountId": account,
            "accessKeyId": "AKIAAPP",
            "userName": "app",
        },
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "ListSecrets",
        "awsRegion": REGIONS[0],
        "sourceIPAddress": "10.0.0.1",
        "userAgent": "Boto3",
        "requestParameters": None,
        "responseElements": None,
        "requestID": _uuid(random),
        "eventID": _uuid(random),
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    return event | changes


def read_event(
    random: Random, seconds: int, secret: str, version: str, *, user: str = "app", **changes: Any
) -> dict[str, Any]:
    """A read of a version of a secret."""
    arn = f"arn:aws:secretsmanager:{REGIONS[0]}:{ACCOUNTS[0]}:secret:{secret}-AbCdEf"
    return made_event(
        random,
        seconds,
        eventName="GetSecretValue",
        userIdentity={
            "type": "IAMUser",
            "arn": f"arn:aws:iam::{ACCOUNTS[0]}:user/{user}",
            "accessKeyId": f"AKIA{user.upper()}",
            "userName": user,
        },
        requestParameters={"secretId": secret},
        additionalEventData={"versionId": version},
        resources=[{"accountId": ACCOUNTS[0], "type": "AWS::SecretsManager::Secret", "ARN": arn}],
        **changes,
    )


def random_events(random: Random, count: int) -> list[dict[str, Any]]:
    """Events of two accounts and regions, some of them recorded late, several in each second."""
    events = []
    for number in range(count):
        seconds = START + number // 5 - (random.randrange(30) if random.random() < 0.1 else 0)
        kind = random.randrange(4)
        place = {"recipientAccountId": random.choice(ACCOUNTS), "awsRegion": random.choice(REGIONS)}
        if kind == 0:
            user = random.choice(("app", "web"))
            event = read_event(random, seconds, f"prod/db-{random.randrange(3)}", "v1", user=user, **place)
        elif kind == 1:
            event = made_event(random, seconds, **place)
        elif kind == 2:
            key = f"arn:aws:kms:eu-west-1:{ACCOUNTS[0]}:key/k{random.randrange(3)}"
            listed = [{"accountId": ACCOUNTS[0], "type": "AWS::KMS::Key", "ARN": key}]
            changes = {"eventSource": "kms.amazonaws.com", "eventName": "DisableKey", "readOnly": False}
            event = made_event(random, seconds, resources=listed, **changes, **place)
        else:
            identity = {"accountId": ACCOUNTS[0], "invokedBy": "secretsmanager.amazonaws.com"}
            named = {"secretId": "no/such"}
            event = made_event(
                random, seconds, userIdentity=identity, requestParameters=named, errorCode="NotFound", **place
            )
        events.append(event)
    return events


@dataclass
class MadeTrail:
    """A trail in a folder, without a note of how far it reaches.

    Attributes:
        folder: The audit folder.
        events: All of its events, in order.
    """

    folder: Path
    events: list[Event] = field(default_factory=list)
    _end: Link = field(default_factory=Link)
    _first: int = 1

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def current(self) -> Path:
        """The file that is being written to."""
        return self.folder / "trail.jsonl"

    def write(self, events: Sequence[Event]) -> None:
        """Record events."""
        lines, self._end = chain(self._end, [orjson.dumps(event) for event in events])
        with self.current.open("ab") as file:
            file.write(lines)
        self.events += events

    def switch(self, *, compressed: bool = False) -> Path:
        """Close the file that is being written to; the next events go to a new one."""
        closed = self.folder / closed_name(self._first)
        self.current.rename(closed)
        self.current.touch()
        self._first = self._end.sequence + 1
        if not compressed:
            return closed
        target = closed.with_name(closed.name + ".gz")
        with closed.open("rb") as source, target.open("wb") as written:
            compress(source, written)
        closed.unlink()
        return target
