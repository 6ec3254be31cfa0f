"""What the index knows of one event: when and where it was, by what it can be looked up, and which secret it gave out.

The attributes are those of CloudTrail's LookupEvents (AWS CloudTrail API Reference, "LookupAttribute"), which mean here
what they mean there, and two more for the operator on the host.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

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

Event = Mapping[str, Any]
"""A CloudTrail record, or one of its structures."""


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
    """What the index knows of ``event``, a CloudTrail record.

    Raises:
        AttributeError, TypeError: It is none.
    """
    identity = event.get("userIdentity") or {}
    name = event.get("eventName") or ""
    resources = resources_of(event)
    terms: list[tuple[Attribute, str | None]] = [
        (Attribute.EVENT_NAME, name),
        (Attribute.EVENT_SOURCE, event.get("eventSource")),
        (Attribute.READ_ONLY, "true" if event.get("readOnly") else "false"),
        (Attribute.USERNAME, username(identity)),
        (Attribute.ACCESS_KEY_ID, identity.get("accessKeyId")),
        (Attribute.PRINCIPAL, identity.get("arn")),
        (Attribute.PRINCIPAL, identity.get("invokedBy")),
    ]
    if "sessionContext" in identity:
        issuer = identity["sessionContext"].get("sessionIssuer") or {}
        terms.append((Attribute.PRINCIPAL, issuer.get("arn")))
    if "errorCode" in event:
        terms.append((Attribute.OUTCOME, FAILED))
    for resource in resources:
        terms.append((Attribute.RESOURCE_TYPE, resource.type))
        terms.append((Attribute.RESOURCE_NAME, resource.name))
    if len(resources) > 1:
        terms = list(dict.fromkeys(terms))
    return Facts(
        seconds_of(event.get("eventTime") or ""),
        event.get("recipientAccountId") or "",
        event.get("awsRegion") or "",
        event.get("eventID") or "",
        [
            (attribute, value)
            for attribute, value in terms
            if isinstance(value, str) and 0 < len(value) <= LONGEST_VALUE
        ],
        _reading(event, identity, resources) if name == "GetSecretValue" else None,
    )


def resources_of(event: Event) -> list[Resource]:
    """What an event worked on: the resources it lists or, when it lists none, those that its request names."""
    listed = event.get("resources")
    if listed:
        return [Resource(entry.get("type") or "", entry.get("ARN") or "") for entry in listed]
    request = event.get("requestParameters")
    if not request:
        return []
    named = [(kind, request.get(parameter)) for parameter, kind in _NAMED_IN_REQUEST.items() if parameter in request]
    if event.get("eventSource") == "secretsmanager.amazonaws.com" and "name" in request:
        named.append((_TYPE_OF_SECRETS, request["name"]))  # of a secret that was not created
    return [Resource(kind, name) for kind, name in named if isinstance(name, str)]


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


def username(identity: Event) -> str | None:
    """What LookupEvents calls the user name: of a user its name, of a session that of the session, else the service.

    Args:
        identity: The ``userIdentity`` of an event.
    """
    match identity.get("type"):
        case "AssumedRole":
            return str(identity.get("principalId")).partition(":")[2] or None
        case "Root":
            return "root"
        case _:
            return identity.get("userName") or identity.get("invokedBy")


@lru_cache(maxsize=1024)
def seconds_of(moment: str) -> int:
    """Seconds since the epoch of an ``eventTime``; 0 for what is none."""
    match = _TIME_LAYOUT.fullmatch(moment)
    return 0 if match is None else timegm(tuple(map(int, match.groups())))


def _reading(event: Event, identity: Event, resources: Sequence[Resource]) -> Reading | None:
    version = (event.get("additionalEventData") or {}).get("versionId")
    secret = next((found.name for found in resources if found.type == _TYPE_OF_SECRETS), None)
    if not isinstance(version, str) or secret is None or "errorCode" in event:
        return None
    request = event.get("requestParameters") or {}
    return Reading(
        secret,
        version,
        identity.get("arn") or identity.get("principalId") or "",
        event.get("sourceIPAddress") or "",
        identity.get("accessKeyId") or "",
        event.get("userAgent") or "",
        "versionId" not in request and request.get("versionStage") in {None, "AWSCURRENT"},
    )
