"""Scalars written as plain text: in a form of the Query protocol, a path, a query string or a header.

The lexical forms are those of XML Schema, which AWS names in its errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from botocore.model import Shape

from strongroom.wire import timestamps
from strongroom.wire.json_codec import decode_base64, encode_base64
from strongroom.wire.refusals import malformed_input

__all__ = ["TextDecoder", "TextEncoder", "text_decoder", "text_encoder"]

TextDecoder = Callable[[str], object]
TextEncoder = Callable[[object], str]

_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def text_decoder(shape: Shape) -> TextDecoder:
    """A function from text to a scalar of this shape.

    It answers blobs as bytes and timestamps as aware datetimes, and raises AwsError (MalformedInput) on text not
    of the type.
    """
    return _DECODERS[shape.type_name]


def text_encoder(shape: Shape, *, timestamp_format: str) -> TextEncoder:
    """A function from a scalar of this shape to text.

    Args:
        shape: A scalar shape.
        timestamp_format: The form for timestamps unless the model says otherwise: ``iso8601`` or ``rfc822``.
    """
    if shape.type_name == "timestamp":
        chosen = str(shape.serialization.get("timestampFormat", timestamp_format)).lower()
        return _TIMESTAMP_ENCODERS[chosen]
    if shape.type_name == "blob":
        return _encode_blob
    return _encode_boolean if shape.type_name == "boolean" else str


def _decode_string(text: str) -> str:
    return text


def _decode_boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise malformed_input("boolean must follow xsd1.1 definition")
    return value


def _decode_integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise malformed_input("integer must follow xsd1.1 definition")
    return int(text)


def _decode_double(text: str) -> float:
    if _DECIMAL.fullmatch(text) is None:
        raise malformed_input("double must follow xsd1.1 definition")
    return float(text)


def _decode_blob(text: str) -> bytes:
    value = decode_base64(text)
    if value is None:
        raise malformed_input("base64Binary must follow xsd1.1 definition")
    return value


def _decode_timestamp(text: str) -> datetime:
    value = timestamps.parse_text(text)
    if value is None:
        raise malformed_input("timestamp must follow ISO8601")
    return value


def _encode_boolean(value: object) -> str:
    return "true" if value else "false"


def _encode_blob(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError("a blob member of a result must be bytes")
    return encode_base64(value)


def _timestamp_encoder(format_moment: Callable[[datetime], str]) -> TextEncoder:
    def encode(value: object) -> str:
        if not isinstance(value, datetime):
            raise TypeError("a timestamp member of a result must be a datetime")
        return format_moment(value)

    return encode


_DECODERS: Mapping[str, TextDecoder] = {
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

_TIMESTAMP_ENCODERS: Mapping[str, TextEncoder] = {
    "iso8601": _timestamp_encoder(timestamps.format_iso8601),
    "rfc822": _timestamp_encoder(timestamps.format_http_date),
    "unixtimestamp": _timestamp_encoder(lambda moment: str(timestamps.epoch_seconds(moment))),
}
