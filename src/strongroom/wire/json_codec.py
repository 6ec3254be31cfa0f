"""JSON values to parameters and results to JSON values, compiled per shape (AWS JSON 1.1 and REST-JSON).

Decoding checks types only, and its texts are the ones AWS answers with a SerializationException; constraints are
checked afterwards (`strongroom.wire.validate`), as AWS does. Members that the model does not have are ignored and
``null`` counts as absent. Both directions are closures, built once per shape and shared by all operations of a service.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from strongroom.errors import AwsError
from strongroom.wire import timestamps
from strongroom.wire.refusals import serialization_error

__all__ = ["Decoder", "Encoder", "JsonCodec", "decode_base64", "encode_base64", "load_json"]

Decoder = Callable[[Any], Any]
Encoder = Callable[[Any], Any]

MAX_DEPTH = 64
"""How deep objects and arrays may nest. AWS's inputs need fewer than ten levels."""

SMALL_BODY = 1 << 20
"""Up to this size in bytes a body cannot hold enough elements to be a burden."""

MAX_ELEMENTS = 100_000
"""The most elements in a larger body; such bodies are code archives: few elements, one long string."""

_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_ARTICLES = {"Integer": "an", "String": "a"}


def load_json(body: bytes) -> object:
    """Parse a JSON document within bounds of depth and size. Of two equal keys in an object the last one counts.

    Args:
        body: The document in UTF-8.

    Raises:
        AwsError: SerializationException if it is not JSON, nests deeper than `MAX_DEPTH`, or has too many elements.
    """
    if len(body) > SMALL_BODY and body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_ELEMENTS:
        raise serialization_error("The request body has too many elements")
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _MALFORMED
    # Raised here and not in the handler: the decoder's own exception holds the document and must not be chained.
    if document is _MALFORMED:
        raise serialization_error("The request body is not valid JSON")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _depth_exceeds(body, MAX_DEPTH):
        raise serialization_error(f"The request body nests deeper than {MAX_DEPTH} levels")
    return document


_MALFORMED = object()


def _depth_exceeds(body: bytes, limit: int) -> bool:
    """Whether the brackets outside strings nest deeper than ``limit``. The body is valid JSON."""
    depth = 0
    for match in _BRACKETS.finditer(body):
        token = match[0]
        if token in (b"{", b"["):
            depth += 1
            if depth > limit:
                return True
        elif token in (b"}", b"]"):
            depth -= 1
    return False


def decode_base64(text: str) -> bytes | None:
    """The bytes of a base64 text with padding (RFC 4648, section 4), or None if it is not one."""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        return None


def encode_base64(value: bytes) -> str:
    """The base64 text of bytes (RFC 4648, section 4)."""
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _mismatch(value: object, expected: str) -> AwsError:
    """AWS's text for a JSON value of the wrong type. It names types, never the value."""
    if value.__class__ is list:
        return serialization_error("Start of list found where not expected")
    if value.__class__ is dict:
        return serialization_error("Start of structure or map found where not expected.")
    if expected in _CONTAINER_TEXTS:
        return serialization_error(_CONTAINER_TEXTS[expected])
    token = {bool: f"{value}".upper(), int: "NUMBER", float: "DECIMAL"}.get(value.__class__, "STRING")
    return serialization_error(f"{token}_VALUE can not be converted to {_ARTICLES.get(expected, 'a')} {expected}")


_CONTAINER_TEXTS = {"list": "Expected list or null", "map": "Expected map or null", "structure": "Expected null"}


def _decode_string(value: object) -> str:
    if value.__class__ is not str:
        raise _mismatch(value, "String")
    return value


def _decode_boolean(value: object) -> bool:
    if value.__class__ is not bool:
        raise _mismatch(value, "Boolean")
    return value


def _decode_integer(value: object) -> int:
    if value.__class__ is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise _mismatch(value, "Integer")


def _decode_double(value: object) -> float:
    if value.__class__ is not float and value.__class__ is not int:
        raise _mismatch(value, "Double")
    return float(cast("float", value))


def _decode_blob(value: object) -> bytes:
    if value.__class__ is not str:
        raise _mismatch(value, "Blob")
    decoded = decode_base64(value)
    if decoded is None:
        raise serialization_error("The value of a Blob is not valid Base64")
    return decoded


def _decode_timestamp(value: object) -> datetime:
    if value.__class__ is int or value.__class__ is float:
        moment = timestamps.from_epoch_seconds(cast("float", value))
    elif isinstance(value, str):
        moment = timestamps.parse_text(value)
    else:
        raise _mismatch(value, "Timestamp")
    if moment is None:
        raise serialization_error("The value of a Timestamp is not an instant")
    return moment


_SCALAR_DECODERS: Mapping[str, Decoder] = {
    "string": _decode_string,
    "character": _decode_string,
    "boolean": _decode_boolean,
    "integer": _decode_integer,
    "long": _decode_integer,
    "float": _decode_double,
    "double": _decode_double,
    "blob": _decode_blob,
    "timestamp": _decode_timestamp,
}


class JsonCodec:
    """The decoders and encoders of one service's shapes. Each shape is compiled once."""

    __slots__ = ("_decoders", "_encoders")

    def __init__(self) -> None:
        self._decoders: dict[str, Decoder] = {}
        self._encoders: dict[str, Encoder] = {}

    def decoder(self, shape: Shape) -> Decoder:
        """A closure from a parsed JSON value to a parameter.

        The closure answers blobs as bytes and timestamps as aware datetimes, and raises AwsError
        (SerializationException) on a value of the wrong type.
        """
        if isinstance(shape, StructureShape):
            return self._structure_decoder(shape)
        if isinstance(shape, ListShape):
            return self._list_decoder(shape)
        if isinstance(shape, MapShape):
            return self._map_decoder(shape)
        return _SCALAR_DECODERS[shape.type_name]

    def members_decoder(self, members: Mapping[str, Shape]) -> Decoder:
        """As `decoder`, for a JSON object holding just these members of a structure."""
        decoders: dict[str, tuple[str, Decoder]] = {}
        self._fill_decoders(decoders, members)
        return _structure_reader(decoders)

    def _structure_decoder(self, shape: StructureShape) -> Decoder:
        if (known := self._decoders.get(shape.name)) is not None:
            return known
        decoders: dict[str, tuple[str, Decoder]] = {}
        # Known before its members are compiled, since they may contain the shape itself.
        decode = self._decoders[shape.name] = _structure_reader(decoders)
        self._fill_decoders(decoders, shape.members)
        return decode

    def _fill_decoders(self, decoders: dict[str, tuple[str, Decoder]], members: Mapping[str, Shape]) -> None:
        for name, member in members.items():
            decoders[member.serialization.get("name", name)] = (name, self.decoder(member))

    def _list_decoder(self, shape: ListShape) -> Decoder:
        element = self.decoder(shape.member)

        def decode(value: object) -> list[object]:
            if not isinstance(value, list):
                raise _mismatch(value, "list")
            return [None if item is None else element(item) for item in value]

        return decode

    def _map_decoder(self, shape: MapShape) -> Decoder:
        element = self.decoder(shape.value)

        def decode(value: object) -> dict[str, object]:
            if not isinstance(value, dict):
                raise _mismatch(value, "map")
            return {key: None if item is None else element(item) for key, item in value.items()}

        return decode

    def encoder(self, shape: Shape) -> Encoder:
        """A closure from a result to a value that orjson writes as AWS does.

        Members that are None are left out. The closure raises KeyError, naming the member, if a structure holds one
        that the model does not have.
        """
        if isinstance(shape, StructureShape):
            return self._structure_encoder(shape)
        if isinstance(shape, ListShape):
            return _list_encoder(self.encoder(shape.member))
        if isinstance(shape, MapShape):
            return _map_encoder(self.encoder(shape.value))
        if shape.type_name == "blob":
            return encode_base64
        if shape.type_name == "timestamp":
            iso8601 = shape.serialization.get("timestampFormat") == "iso8601"
            return timestamps.format_iso8601 if iso8601 else timestamps.epoch_seconds
        return _identity

    def members_encoder(self, members: Mapping[str, Shape]) -> Encoder:
        """As `encoder`, for a JSON object holding just these members of a structure."""
        encoders: dict[str, tuple[str, Encoder | None]] = {}
        self._fill_encoders(encoders, members)
        return _structure_writer(encoders)

    def _structure_encoder(self, shape: StructureShape) -> Encoder:
        if (known := self._encoders.get(shape.name)) is not None:
            return known
        encoders: dict[str, tuple[str, Encoder | None]] = {}
        encode = self._encoders[shape.name] = _structure_writer(encoders)
        self._fill_encoders(encoders, shape.members)
        return encode

    def _fill_encoders(self, encoders: dict[str, tuple[str, Encoder | None]], members: Mapping[str, Shape]) -> None:
        for name, member in members.items():
            encode = self.encoder(member)
            encoders[name] = (member.serialization.get("name", name), None if encode is _identity else encode)


def _structure_reader(decoders: Mapping[str, tuple[str, Decoder]]) -> Decoder:
    def decode(value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise _mismatch(value, "structure")
        parameters: dict[str, object] = {}
        for key, item in value.items():
            member = decoders.get(key)
            if member is not None and item is not None:
                parameters[member[0]] = member[1](item)
        return parameters

    return decode


def _structure_writer(encoders: Mapping[str, tuple[str, Encoder | None]]) -> Encoder:
    def encode(value: Mapping[str, object]) -> dict[str, object]:
        document: dict[str, object] = {}
        for name, item in value.items():
            if item is not None:
                key, encode_item = encoders[name]
                document[key] = item if encode_item is None else encode_item(item)
        return document

    return encode


def _identity(value: object) -> object:
    return value


def _list_encoder(element: Encoder) -> Encoder:
    if element is _identity:
        return _identity
    return lambda value: [element(item) for item in value]


def _map_encoder(element: Encoder) -> Encoder:
    if element is _identity:
        return _identity
    return lambda value: {key: element(item) for key, item in value.items()}
