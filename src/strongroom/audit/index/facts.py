"""What the index knows of one event: when and where it was, by what it can be looked up, and which secret it gave out.

The attributes are those of CloudTrail's LookupEvents (AWS CloudTrail API Reference, "LookupAttribute"), which mean here
what they mean there, and two more for the operator on the host.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = [
    "FAILED",
    "NAMED",
    "Attribute",
    "Facts",
    "Reading",
    "Resource",
    "facts_of",
    "own_name",
    "resources_of",
    "seconds_of",
    "username",
]

LONGEST_VALUE: Final = 2000
"""Characters of the longest value that LookupEvents takes; nothing longer can be looked up."""

FAILED: Final = "failed"
"""The one value of `Attribute.OUTCOME`."""

_TYPE_OF_SECRETS: Final = "AWS::SecretsManager::Secret"
_SUFFIX_LENGTH: Final = 7  # a secret's ARN ends in "-" and six characters that are not part of its name
_NAMED_IN_REQUEST: Final = {
    "secretId": _TYPE_OF_SECRETS,
    "keyId": "AWS::KMS::Key",
    "userName": "AWS::IAM::User",
    "roleName": "AWS::IAM::Role",
    "groupName": "AWS::IAM::Group",
    "policyArn": "AWS::IAM::Policy",
    "functionName": "AWS::Lambda::Function",
    "dBInstanceIdentifier": "AWS::RDS::DBInstance",
    "dBClusterIdentifier": "AWS::RDS::DBCluster",
}
"""Request parameters that name a resource, for events of calls that never came to one: it did not exist, say."""

_TIME_LAYOUT: Final = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")

Event = Mapping[str, object]


class Attribute(IntEnum):
    """By what events are looked up. The numbers stand in the index."""

    EVERYTHING = 0
    EVENT_ID = 1
    EVENT_NAME = 2
    EVENT_SOURCE = 3
    READ_ONLY = 4
    USERNAME = 5
    ACCESS_KEY_ID = 6
    RESOURCE_TYPE = 7
    RESOURCE_NAME = 8
    PRINCIPAL = 9
    """ARN of the caller or of its role, and what those are called; or the service that called."""
    OUTCOME = 10
    """`FAILED`, for events that carry an error."""


NAMED: Final = frozenset({Attribute.RESOURCE_NAME, Attribute.PRINCIPAL})
"""Attributes whose values are ARNs, and go by `own_name` too."""


class Resource(NamedTuple):
    """What an event worked on.

    Attributes:
        type: Its CloudFormation type.
        name: Its ARN, or the name or id by which the request named it.
    """

    type: str
    name: str


class Reading(NamedTuple):
    """A secret value that was given out.

    Attributes:
        secret: ARN of the secret.
        version: Id of the version whose value it was.
        principal: ARN of who read it.
        address: Where from.
        access_key: The access key that signed.
        agent: What the client called itself.
        asked_for_current: Whether the request asked for AWSCURRENT, by name or by naming nothing.
    """

    secret: str
    version: str
    principal: str
    address: str
    access_key: str
    agent: str
    asked_for_current: bool


class Facts(NamedTuple):
    """What the index knows of an event.

    Attributes:
        seconds: When it was, in seconds since the epoch.
        account: The account it belongs to, 12 digits.
        region: Its region.
        event_id: Its ``eventID``.
        terms: Everything it can be looked up by, besides its id.
        reading: The value it gave out, if it did.
    """

    seconds: int
    account: str
    region: str
    event_id: str
    terms: list[tuple[Attribute, str]]
    reading: Reading | None


def facts_of(event: Event) -> Facts:
    """What the index knows of ``event``, a CloudTrail record."""
    identity = _mapping(event.get("userIdentity"))
    name = _text(event.get("eventName"))
    terms = [
        (Attribute.EVENT_NAME, name),
        (Attribute.EVENT_SOURCE, _text(event.get("eventSource"))),
        (Attribute.READ_ONLY, "true" if event.get("readOnly") is True else "false"),
        (Attribute.USERNAME, username(identity) or ""),
        (Attribute.ACCESS_KEY_ID, _text(identity.get("accessKeyId"))),
    ]
    terms += [(Attribute.PRINCIPAL, principal) for principal in _principals(identity)]
    if "errorCode" in event:
        terms.append((Attribute.OUTCOME, FAILED))
    resources = list(resources_of(event))
    terms += [(Attribute.RESOURCE_TYPE, kind) for kind in {found.type for found in resources}]
    terms += [(Attribute.RESOURCE_NAME, called) for called in {found.name for found in resources}]
    return Facts(
        seconds_of(_text(event.get("eventTime"))),
        _text(event.get("recipientAccountId")),
        _text(event.get("awsRegion")),
        _text(event.get("eventID")),
        [term for term in terms if 0 < len(term[1]) <= LONGEST_VALUE],
        _reading(event, identity, resources) if name == "GetSecretValue" else None,
    )


def resources_of(event: Event) -> Iterator[Resource]:
    """What an event worked on: the resources it lists or, when it lists none, those that its request names."""
    listed = event.get("resources")
    if isinstance(listed, list) and listed:
        for entry in listed:
            resource = _mapping(entry)
            yield Resource(_text(resource.get("type")), _text(resource.get("ARN")))
        return
    request = _mapping(event.get("requestParameters"))
    for parameter, kind in _NAMED_IN_REQUEST.items():
        named = request.get(parameter)
        if isinstance(named, str) and named:
            yield Resource(kind, named)
    named = request.get("name")
    if event.get("eventSource") == "secretsmanager.amazonaws.com" and isinstance(named, str) and named:
        yield Resource(_TYPE_OF_SECRETS, named)  # of a secret that was not created


@lru_cache(maxsize=4096)
def own_name(arn: str) -> str | None:
    """The name or id that a resource has besides its ARN; None for what is no ARN."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return None
    service, resource = parts[2], parts[5]
    if service == "iam":
        return resource.rpartition("/")[2]
    name = resource.partition(":")[2] or resource.partition("/")[2] or resource
    return name[:-_SUFFIX_LENGTH] if resource.startswith("secret:") else name


def username(identity: Mapping[str, object]) -> str | None:
    """What LookupEvents calls the user name: of a user its name, of a session that of the session, else the service."""
    given = identity.get("userName") or identity.get("invokedBy")
    match identity.get("type"):
        case "AssumedRole":
            return _text(identity.get("principalId")).partition(":")[2] or None
        case "Root":
            return "root"
        case _:
            return given if isinstance(given, str) else None


@lru_cache(maxsize=1024)
def seconds_of(moment: str) -> int:
    """Seconds since the epoch of an ``eventTime``; 0 for what is none."""
    match = _TIME_LAYOUT.fullmatch(moment)
    return 0 if match is None else timegm(tuple(map(int, match.groups())))


def _principals(identity: Mapping[str, object]) -> set[str]:
    issuer = _mapping(_mapping(identity.get("sessionContext")).get("sessionIssuer"))
    return {_text(identity.get("arn")), _text(issuer.get("arn")), _text(identity.get("invokedBy"))}


def _reading(event: Event, identity: Mapping[str, object], resources: list[Resource]) -> Reading | None:
    version = _mapping(event.get("additionalEventData")).get("versionId")
    secret = next((found.name for found in resources if found.type == _TYPE_OF_SECRETS), None)
    if not isinstance(version, str) or secret is None or "errorCode" in event:
        return None
    request = _mapping(event.get("requestParameters"))
    return Reading(
        secret,
        version,
        _text(identity.get("arn") or identity.get("principalId")),
        _text(event.get("sourceIPAddress")),
        _text(identity.get("accessKeyId")),
        _text(event.get("userAgent")),
        request.get("versionId") is None and request.get("versionStage") in {None, "AWSCURRENT"},
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
