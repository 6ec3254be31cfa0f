"""REST-JSON: where each member of an input or output lives, and how it gets there.

A member sits in the path, the query string, a header, the status, or the JSON body; one member may be the whole body,
as bytes or as a JSON structure (Smithy, "HTTP bindings").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from strongroom.errors import AwsError, OperatorError
from strongroom.wire.http import HttpRequest
from strongroom.wire.json_codec import Decoder, Encoder, JsonCodec, load_json
from strongroom.wire.query_codec import percent_decode
from strongroom.wire.refusals import duplicate_parameter, malformed_query_string, serialization_error
from strongroom.wire.text_codec import TextDecoder, TextEncoder, text_decoder, text_encoder

__all__ = ["RestAnswer", "RestInput", "RestOutput", "parse_query_string"]

MAX_QUERY_FIELDS = 1000

RestAnswer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body."""

_HEADER_CONTROLS = dict.fromkeys((*range(0x20), 0x7F), " ")


def parse_query_string(query_string: bytes) -> dict[str, list[str]]:
    """Read a query string. A plus sign is itself here (RFC 3986), as AWS's signature has it.

    Raises:
        AwsError: MalformedQueryString if it is not UTF-8 or has more than `MAX_QUERY_FIELDS` fields.
    """
    if query_string.count(b"&") >= MAX_QUERY_FIELDS:
        raise malformed_query_string()
    query: dict[str, list[str]] = {}
    for field in query_string.split(b"&"):
        if field:
            name, _, value = field.partition(b"=")
            query.setdefault(percent_decode(name), []).append(percent_decode(value))
    return query


class RestInput:
    """Reads the input of one operation from a request."""

    __slots__ = ("_body", "_headers", "_labels", "_payload", "_query")

    def __init__(self, shape: StructureShape, codec: JsonCodec) -> None:
        self._labels: dict[str, tuple[str, TextDecoder]] = {}
        self._query: dict[str, tuple[str, TextDecoder, bool]] = {}
        self._headers: list[tuple[bytes, str, TextDecoder]] = []
        body: dict[str, Shape] = {}
        payload = shape.serialization.get("payload")
        for name, member in shape.members.items():
            location = member.serialization.get("location")
            wire_name: str = member.serialization.get("name", name)
            if location == "uri":
                self._labels[wire_name] = (name, text_decoder(_scalar(member)))
            elif location == "querystring":
                many = isinstance(member, ListShape)
                element = member.member if isinstance(member, ListShape) else member
                self._query[wire_name] = (name, text_decoder(_scalar(element)), many)
            elif location == "header":
                self._headers.append((wire_name.lower().encode(), name, text_decoder(_scalar(member))))
            elif location is None and name != payload:
                body[name] = member
            elif location is not None:
                raise _unsupported(shape, f"a member in {location}")
        self._payload = None if payload is None else _payload_reader(payload, shape.members[payload], codec)
        self._body: Decoder | None = codec.members_decoder(body) if body else None

    def read(
        self, request: HttpRequest, labels: Mapping[str, str], query: Mapping[str, list[str]]
    ) -> dict[str, object]:
        """Gather the parameters that are present.

        Args:
            request: The request.
            labels: The values of the path's labels, decoded.
            query: The query string, decoded.

        Raises:
            AwsError: SerializationException if a value is not of its type or the body is not what the operation takes;
                InvalidQueryParameter if a parameter with one value is given twice.
        """
        parameters: dict[str, object] = {}
        try:
            self._read_texts(request, labels, query, parameters)
        except AwsError as error:
            raise (serialization_error(error.message) if error.code == "MalformedInput" else error) from None
        if self._payload is not None:
            self._payload(request.body, parameters)
        elif self._body is not None and request.body:
            parameters.update(self._body(load_json(request.body)))
        return parameters

    def _read_texts(
        self,
        request: HttpRequest,
        labels: Mapping[str, str],
        query: Mapping[str, list[str]],
        parameters: dict[str, object],
    ) -> None:
        for label, (name, decode) in self._labels.items():
            parameters[name] = decode(labels[label])
        for key, values in query.items():
            if (member := self._query.get(key)) is None:
                continue
            name, decode, many = member
            if not many and len(values) > 1:
                raise duplicate_parameter()
            parameters[name] = [decode(value) for value in values] if many else decode(values[0])
        for header, name, decode in self._headers:
            text = request.header(header)
            if text is not None:
                parameters[name] = decode(text)


def _payload_reader(name: str, shape: Shape, codec: JsonCodec) -> Callable[[bytes, dict[str, object]], None]:
    """A function that stores the member which is the whole body. An empty body is an absent member."""
    if isinstance(shape, StructureShape):
        decode = codec.decoder(shape)

        def read_structure(body: bytes, parameters: dict[str, object]) -> None:
            if body:
                parameters[name] = decode(load_json(body))

        return read_structure
    if shape.type_name != "blob":
        raise _unsupported(shape, f"a {shape.type_name} as the whole body")

    def read_blob(body: bytes, parameters: dict[str, object]) -> None:
        if body:
            parameters[name] = body

    return read_blob


class RestOutput:
    """Writes the output of one operation into an answer."""

    __slots__ = ("_encode_body", "_headers", "_payload", "_status", "_status_member")

    def __init__(self, shape: StructureShape | None, status: int, codec: JsonCodec) -> None:
        self._status = status
        self._status_member: str | None = None
        self._headers: dict[str, tuple[bytes, TextEncoder]] = {}
        self._payload: tuple[str, Encoder | None] | None = None
        self._encode_body: Encoder | None = None
        if shape is None:
            return
        payload = shape.serialization.get("payload")
        body: dict[str, Shape] = {}
        for name, member in shape.members.items():
            location = member.serialization.get("location")
            if location == "statusCode":
                self._status_member = name
            elif location == "header":
                header = str(member.serialization.get("name", name)).lower().encode()
                self._headers[name] = (header, text_encoder(_scalar(member), timestamp_format="rfc822"))
            elif location is not None or member.serialization.get("eventstream"):
                raise _unsupported(shape, "an event stream or header map")
            elif name != payload:
                body[name] = member
        if payload is not None:
            member = shape.members[payload]
            self._payload = (payload, codec.encoder(member) if isinstance(member, StructureShape) else None)
        else:
            self._encode_body = codec.members_encoder(body)

    def write(self, result: Mapping[str, object]) -> RestAnswer:
        """Distribute a result over status, headers and body.

        Args:
            result: The members of the output shape; those that are None are left out.

        Raises:
            KeyError: The result has a member that the model does not have.
        """
        status = self._status
        headers: list[tuple[bytes, bytes]] = []
        body: dict[str, object] = {}
        content: bytes | None = None
        for name, value in result.items():
            if value is None:
                continue
            if name == self._status_member:
                status = cast("int", value)
            elif name in self._headers:
                header, encode = self._headers[name]
                # A header cannot hold control characters; a line break would start another header.
                headers.append((header, encode(value).translate(_HEADER_CONTROLS).encode()))
            elif self._payload is not None and name == self._payload[0]:
                encode_payload = self._payload[1]
                content = cast("bytes", value) if encode_payload is None else orjson.dumps(encode_payload(value))
            else:
                body[name] = value
        if content is None:
            content = self._body(status, body)
        return status, headers, content

    def _body(self, status: int, body: dict[str, object]) -> bytes:
        if self._encode_body is not None:
            document = self._encode_body(body)
            return orjson.dumps(document) if document or status != 204 else b""
        if body:
            raise KeyError(next(iter(body)))
        return b""


def _scalar(shape: Shape) -> Shape:
    if isinstance(shape, StructureShape | ListShape | MapShape):
        raise _unsupported(shape, "a compound value outside the body")
    return shape


def _unsupported(shape: Shape, what: str) -> OperatorError:
    return OperatorError(
        f"The service model's shape {shape.name} uses {what}, which this version cannot carry.",
        why="The installed botocore describes an operation newer than this version.",
        fix="Install the botocore version that the requirements lock.",
    )
