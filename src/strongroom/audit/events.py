"""Builds CloudTrail records as bytes, one JSON object per event.

Source: AWS CloudTrail User Guide, "CloudTrail record contents", event version 1.11. Fields come in the order in which
CloudTrail writes them. ``requestParameters`` and ``responseElements`` must come out of `strongroom.audit.parameters`:
this module records what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import orjson

from strongroom.audit.text import one_line
from strongroom.world import from_milliseconds

__all__ = ["LARGEST_EVENT", "RepeatedEvent", "api_event", "resource", "service_event"]

EVENT_VERSION = "1.11"
LARGEST_EVENT = 256 * 1024
"""Bytes: CloudTrail's limit for one event."""

Fields = Mapping[str, object]

_IDS = b'"requestID":"%b","eventID":"%b"'


@lru_cache(maxsize=8)
def _event_time(seconds: int) -> str:
    return from_milliseconds(seconds * 1000).strftime("%Y-%m-%dT%H:%M:%SZ")


def resource(arn: str, account_id: str, kind: str) -> dict[str, str]:
    """One element of ``resources``.

    Args:
        arn: ARN of the resource that the call worked on.
        account_id: Account that owns it, 12 digits.
        kind: Its CloudFormation type, such as ``AWS::SecretsManager::Secret`` or ``AWS::KMS::Key``.
    """
    return {"accountId": account_id, "type": kind, "ARN": arn}


def api_event(
    *,
    user_identity: Fields | orjson.Fragment,
    time: int,
    source: str,
    name: str,
    region: str,
    source_ip: str,
    user_agent: str,
    request_parameters: Fields | None,
    response_elements: Fields | None,
    request_id: str,
    event_id: str,
    read_only: bool,
    recipient_account: str,
    resources: Sequence[Mapping[str, str]] = (),
    error_code: str | None = None,
    error_message: str | None = None,
    additional_data: Fields | None = None,
    event_type: str = "AwsApiCall",
) -> bytes:
    """The record of one API call.

    Args:
        user_identity: From `strongroom.audit.user_identity`, kept per principal; may come already serialised.
        time: When the request was completed, in milliseconds since the epoch; recorded to the second.
        source: The service, such as ``secretsmanager.amazonaws.com``.
        name: The operation.
        region: Region of the call.
        source_ip: Address of the client, or the calling service's name.
        user_agent: As the client sent it; bounded and made one line here.
        request_parameters: Allowed parameters, or None.
        response_elements: Allowed parts of the answer to a changing operation, or None.
        request_id: The id that the caller sees.
        event_id: A unique id of this event.
        read_only: Whether the operation changes nothing.
        recipient_account: Account that the event is delivered to, 12 digits.
        resources: From `resource`.
        error_code: The error that the caller got, if any.
        error_message: Its message.
        additional_data: Further facts that belong to no parameter.
        event_type: ``AwsApiCall``, or ``AwsServiceEvent`` for `service_event`.

    Returns:
        The record without a newline. When it would be larger than CloudTrail allows, parameters and response are
        replaced by a note that they were omitted.
    """
    event: dict[str, object] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": user_identity,
        "eventTime": _event_time(time // 1000),
        "eventSource": source,
        "eventName": one_line(name),
        "awsRegion": region,
        "sourceIPAddress": source_ip,
        "userAgent": one_line(user_agent),
    }
    if error_code is not None:
        event["errorCode"] = error_code
        if error_message is not None:
            event["errorMessage"] = one_line(error_message)
    event["requestParameters"] = request_parameters
    event["responseElements"] = response_elements
    if additional_data is not None:
        event["additionalEventData"] = additional_data
    event["requestID"] = request_id
    event["eventID"] = event_id
    event["readOnly"] = read_only
    if resources:
        event["resources"] = resources
    event["eventType"] = event_type
    event["managementEvent"] = True
    event["recipientAccountId"] = recipient_account
    event["eventCategory"] = "Management"
    return _serialise(event)


class RepeatedEvent:
    """An event that happens again within the second of its first time: all that differs are its ids.

    Args:
        event: The record of the first time, from `api_event`.
        request_id: Its ``requestID``.
        event_id: Its ``eventID``.
    """

    __slots__ = ("_after", "_before")

    def __init__(self, event: bytes, request_id: str, event_id: str) -> None:
        # Both ids are random, so this stands in the record once, where `api_event` wrote it.
        self._before, _, self._after = event.partition(_IDS % (request_id.encode(), event_id.encode()))

    def again(self, request_id: str, event_id: str) -> bytes:
        """The record of this time."""
        ids = _IDS % (request_id.encode(), event_id.encode())
        return b"".join((self._before, ids, self._after))


def service_event(
    *,
    user_identity: Fields | orjson.Fragment,
    time: int,
    source: str,
    name: str,
    region: str,
    additional_data: Fields,
    request_id: str,
    event_id: str,
    recipient_account: str,
    resources: Sequence[Mapping[str, str]] = (),
    error_code: str | None = None,
    error_message: str | None = None,
) -> bytes:
    """The record of something that a service did by itself, such as RotationStarted (``eventType`` AwsServiceEvent).

    Args:
        user_identity: From `strongroom.audit.user_identity.aws_service`, with the account.
        time: When it happened, in milliseconds since the epoch; recorded to the second.
        source: The service, which also stands as source address and user agent.
        name: What happened.
        region: Region of the resource.
        additional_data: What it happened to, such as ``{"SecretId": arn}``.
        request_id: What the event belongs to, such as ``Rotation-<arn>-<token>``.
        event_id: A unique id of this event.
        recipient_account: Account that the event is delivered to, 12 digits.
        resources: From `resource`.
        error_code: What went wrong, if anything.
        error_message: In words.
    """
    return api_event(
        user_identity=user_identity,
        time=time,
        source=source,
        name=name,
        region=region,
        source_ip=source,
        user_agent=source,
        request_parameters=None,
        response_elements=None,
        request_id=request_id,
        event_id=event_id,
        read_only=False,
        recipient_account=recipient_account,
        resources=resources,
        error_code=error_code,
        error_message=error_message,
        additional_data=additional_data,
        event_type="AwsServiceEvent",
    )


def _serialise(event: dict[str, object]) -> bytes:
    record = orjson.dumps(event, default=_plain)
    if len(record) <= LARGEST_EVENT:
        return record
    omitted = {"omitted": True, "originalSize": len(record), "reason": "the event exceeds the maximum size"}
    for field in ("requestParameters", "responseElements", "additionalEventData", "resources"):
        if event.get(field):
            event[field] = [] if field == "resources" else omitted
    return orjson.dumps(event, default=_plain)


def _plain(value: object) -> dict[str, object]:
    """Orjson takes dicts only; other mappings are as good."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} does not belong in an audit event")
