"""How an invocation and its answer travel between two processes of one host.

A frame is a header of JSON and a payload of bytes, each after its length (4 bytes, big-endian, both first). The
header never holds what a function was given or answered.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from typing import Final

import orjson

from strongroom.errors import AwsError
from strongroom.services.awslambda.runtime import PAYLOAD_LIMIT
from strongroom.services.clients import InvocationRequest, InvocationResult

__all__ = [
    "MalformedFrame",
    "encode_error",
    "encode_request",
    "encode_result",
    "parse_request",
    "parse_result",
    "read_frame",
]

Frame = tuple[Mapping[str, object], bytes]

_LENGTHS: Final = struct.Struct(">II")
_LARGEST_HEADER: Final = 64 * 1024
_LARGEST_PAYLOAD: Final = PAYLOAD_LIMIT + 64 * 1024  # an answer and the end of its log


class MalformedFrame(ValueError):
    """What came is no frame: the other side is not ours."""


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """The next frame; None when the other side has closed the connection between two frames.

    Raises:
        MalformedFrame: It is too large, or its header is no JSON object.
        IncompleteReadError: The connection ended within a frame.
    """
    try:
        lengths = await reader.readexactly(_LENGTHS.size)
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise
    header_length, payload_length = _LENGTHS.unpack(lengths)
    if header_length > _LARGEST_HEADER or payload_length > _LARGEST_PAYLOAD:
        raise MalformedFrame("a frame is too large")
    text = await reader.readexactly(header_length)
    payload = await reader.readexactly(payload_length)
    try:
        header: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise MalformedFrame("a frame's header is not JSON") from None
    if not isinstance(header, dict):
        raise MalformedFrame("a frame's header is no object")
    return header, payload


def _encode(header: Mapping[str, object], payload: bytes = b"") -> bytes:
    text = orjson.dumps(header)
    return b"".join((_LENGTHS.pack(len(text), len(payload)), text, payload))


def encode_request(request: InvocationRequest) -> bytes:
    """The frame of an invocation: its payload, followed by the client's context."""
    context = (request.client_context or "").encode()
    header = {
        "account": request.account,
        "region": request.region,
        "function_arn": request.function_arn,
        "request_id": request.request_id,
        "log_tail": request.log_tail,
        "version": request.version,
        "qualifier": request.qualifier,
        "context_bytes": len(context),
    }
    return _encode(header, request.payload + context)


def parse_request(frame: Frame) -> InvocationRequest:
    """The invocation that a frame holds.

    Raises:
        MalformedFrame: It holds none.
    """
    header, payload = frame
    match header:
        case {
            "account": str(account),
            "region": str(region),
            "function_arn": str(function_arn),
            "request_id": str(request_id),
            "log_tail": bool(log_tail),
            "version": str(version),
            "qualifier": (str() | None) as qualifier,
            "context_bytes": int(context_bytes),
        } if 0 <= context_bytes <= len(payload):
            end = len(payload) - context_bytes
            context = payload[end:].decode() if context_bytes else None
            return InvocationRequest(
                account,
                region,
                function_arn,
                request_id,
                payload[:end],
                log_tail=log_tail,
                version=version,
                qualifier=qualifier,
                client_context=context,
            )
    raise MalformedFrame("a frame holds no invocation")


def encode_result(result: InvocationResult) -> bytes:
    """The frame of an answer: its payload, followed by the end of its log."""
    header = {
        "function_error": result.function_error,
        "executed_version": result.executed_version,
        "log_bytes": len(result.log_tail),
    }
    return _encode(header, result.payload + result.log_tail)


def encode_error(error: AwsError) -> bytes:
    """The frame of an invocation that Lambda refuses."""
    return _encode(
        {"code": error.code, "message": error.message, "status": error.status, "members": dict(error.members)}
    )


def parse_result(frame: Frame) -> InvocationResult:
    """The answer that a frame holds.

    Raises:
        AwsError: The frame holds that error.
        MalformedFrame: It holds neither.
    """
    header, payload = frame
    match header:
        case {
            "function_error": (str() | None) as function_error,
            "executed_version": str(version),
            "log_bytes": int(log_bytes),
        } if 0 <= log_bytes <= len(payload):
            end = len(payload) - log_bytes
            return InvocationResult(payload[:end], function_error, payload[end:], version)
        case {"code": str(code), "message": str(message), "status": int(status), "members": dict(members)}:
            raise AwsError(code, message, status=status, members=members)
    raise MalformedFrame("a frame holds no answer")
