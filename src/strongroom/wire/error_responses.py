"""Errors as each protocol writes them.

An `AwsError` carries one code; what reaches the client depends on the protocol and on the service's model:

- JSON 1.1: ``__type`` and a message whose member name (``Message`` or ``message``) is the one of the service's shapes.
- Query: ``<ErrorResponse>`` with the ``code`` of the shape, its status, and ``Sender`` or ``Receiver``.
- REST-JSON: the ``x-amzn-ErrorType`` header, ``Type``, the message, and the status of the shape.

Errors that every service shares, such as a wrong signature, are in no model. Rooms above raise them under their JSON
name; `_QUERY_NAMES` and `_REST_STATUSES` hold what the other two protocols make of them (IAM and Lambda API
references, "Common errors").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from botocore.model import ServiceModel, StructureShape

from strongroom.errors import AwsError
from strongroom.wire.http import HttpResponse
from strongroom.wire.json_codec import JsonCodec
from strongroom.wire.xml_codec import XmlCodec, escape

__all__ = ["CONTENT_TYPES", "ErrorCatalogue", "Protocol", "error_response", "response"]


class Protocol(StrEnum):
    """The AWS protocols spoken here, by the names of the service models."""

    JSON = "json"
    QUERY = "query"
    REST_JSON = "rest-json"


CONTENT_TYPES: Mapping[Protocol, bytes] = {
    Protocol.JSON: b"application/x-amz-json-1.1",
    Protocol.QUERY: b"text/xml",
    Protocol.REST_JSON: b"application/json",
}

_QUERY_NAMES: Mapping[str, tuple[str, int]] = {
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 403),
    "InternalServiceError": ("InternalFailure", 500),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "RequestEntityTooLargeException": ("RequestEntityTooLarge", 413),
    "SerializationException": ("MalformedInput", 400),
    "ServiceUnavailableException": ("ServiceUnavailable", 503),
    "ThrottlingException": ("Throttling", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "ValidationException": ("ValidationError", 400),
}

_REST_STATUSES: Mapping[str, int] = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "IncompleteSignatureException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
}

_DEFAULT_NAMESPACE = "http://webservices.amazon.com/AWSFault/2005-15-09"


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """What a model says about one error. ``name`` is its shape, ``code`` what a Query client sees."""

    name: str
    code: str
    status: int | None
    message_member: str | None


class ErrorCatalogue:
    """The error shapes of one service, found by shape name or by code."""

    __slots__ = ("_json", "_model", "_shapes", "_xml", "message_member", "namespace")

    def __init__(self, model: ServiceModel, shapes: Mapping[str, Mapping[str, Any]], json: JsonCodec) -> None:
        """Index the errors.

        Args:
            model: The service's model.
            shapes: The raw shapes of that model; indexing them does not build a shape object for each.
            json: The service's JSON codec, for further members of errors.
        """
        self._model = model
        self._json = json
        self._xml = XmlCodec()
        self._shapes: dict[str, ErrorShape] = {}
        self.namespace: str = model.metadata.get("xmlNamespace") or _DEFAULT_NAMESPACE
        spellings: Counter[str] = Counter()
        for name, shape in shapes.items():
            if not shape.get("exception"):
                continue
            traits = shape.get("error", {})
            member = next((member for member in shape["members"] if member.lower() == "message"), None)
            if member is not None:
                spellings[member] += 1
            known = ErrorShape(name, traits.get("code", name), traits.get("httpStatusCode"), member)
            self._shapes.setdefault(known.code, known)
            self._shapes[name] = known
        self.message_member = max(spellings, key=spellings.__getitem__, default="message")

    def find(self, code: str) -> ErrorShape | None:
        """The error shape with this name or Query code."""
        return self._shapes.get(code)

    def json_members(self, error: AwsError) -> dict[str, object]:
        """The further members of an error as JSON values; those that its shape does not have are left out."""
        shape = self._structure(error)
        if shape is None:
            return {}
        members = {name: value for name, value in error.members.items() if name in shape.members}
        encoded: dict[str, object] = self._json.encoder(shape)(members)
        return encoded

    def xml_members(self, error: AwsError) -> str:
        """The further members of an error as XML elements; those that its shape does not have are left out."""
        shape = self._structure(error)
        if shape is None:
            return ""
        out: list[str] = []
        members = {name: value for name, value in error.members.items() if name in shape.members}
        self._xml.content_writer(shape)(out, members)
        return "".join(out)

    def _structure(self, error: AwsError) -> StructureShape | None:
        known = self.find(error.code) if error.members else None
        shape = None if known is None else self._model.shape_for(known.name)
        return shape if isinstance(shape, StructureShape) else None


def response(
    protocol: Protocol, status: int, body: bytes, request_id: str, headers: list[tuple[bytes, bytes]] | None = None
) -> HttpResponse:
    """An answer with the headers that every AWS answer has.

    Args:
        protocol: The protocol, which decides the content type.
        status: HTTP status.
        body: The body.
        request_id: The request's id, which clients show in their errors.
        headers: Further headers.
    """
    complete = [(b"x-amzn-requestid", request_id.encode("ascii"))]
    if status != 204:
        complete.append((b"content-type", CONTENT_TYPES[protocol]))
        complete.append((b"content-length", b"%d" % len(body)))
    if headers:
        complete.extend(headers)
    return HttpResponse(status, complete, body)


def error_response(
    protocol: Protocol, error: AwsError, request_id: str, catalogue: ErrorCatalogue | None = None
) -> HttpResponse:
    """Write an error in a protocol.

    Args:
        protocol: The protocol that the caller speaks.
        error: The error.
        request_id: The request's id.
        catalogue: The errors of the service that was called, or None if no service was found.
    """
    if protocol is Protocol.QUERY:
        return _query_error(error, request_id, catalogue)
    if protocol is Protocol.REST_JSON:
        return _rest_error(error, request_id, catalogue)
    known = _shape(error, catalogue)
    document: dict[str, object] = {"__type": error.code, _message_member(known, catalogue): error.message}
    if catalogue is not None:
        document |= catalogue.json_members(error)
    return response(protocol, error.status, orjson.dumps(document), request_id)


def _shape(error: AwsError, catalogue: ErrorCatalogue | None) -> ErrorShape | None:
    return None if catalogue is None or error.is_common else catalogue.find(error.code)


def _message_member(known: ErrorShape | None, catalogue: ErrorCatalogue | None) -> str:
    if known is not None and known.message_member is not None:
        return known.message_member
    return catalogue.message_member if catalogue is not None else "message"


def _query_error(error: AwsError, request_id: str, catalogue: ErrorCatalogue | None) -> HttpResponse:
    known = _shape(error, catalogue)
    if known is not None:
        code, status = known.code, known.status or error.status
    else:
        code, status = _QUERY_NAMES.get(error.code, (error.code, error.status))
        # A room that chose a server error's status knows better than the table.
        status = max(status, error.status) if error.status >= 500 else status
    members = catalogue.xml_members(error) if catalogue else ""
    namespace = catalogue.namespace if catalogue else _DEFAULT_NAMESPACE
    fault = "Receiver" if status >= 500 else "Sender"
    text = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{fault}</Type><Code>{escape(code)}</Code>'
        f"<Message>{escape(error.message)}</Message>{members}</Error>"
        f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
    )
    return response(Protocol.QUERY, status, text.encode(), request_id)


def _rest_error(error: AwsError, request_id: str, catalogue: ErrorCatalogue | None) -> HttpResponse:
    known = _shape(error, catalogue)
    status = error.status
    if known is not None and known.status is not None:
        status = known.status
    elif error.status < 500:
        status = _REST_STATUSES.get(error.code, error.status)
    document: dict[str, object] = {
        "Type": "Service" if status >= 500 else "User",
        _message_member(known, catalogue): error.message,
    }
    if catalogue is not None:
        document |= catalogue.json_members(error)
    headers = [(b"x-amzn-errortype", error.code.encode("ascii"))]
    return response(Protocol.REST_JSON, status, orjson.dumps(document), request_id, headers)
