"""Answers of JSON 1.1 that were written before and now differ in a few members: the rest is not written again."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Container, Mapping

import orjson

from strongroom.wire.error_responses import Protocol, response
from strongroom.wire.http import HttpResponse

__all__ = ["Refill"]


class Refill:
    """One answer, kept without the values of some of its members.

    Args:
        write: Writes members of the output shape as a JSON object.
        result: The answer.
        members: The members to fill in, which are neither written nor kept here.
    """

    __slots__ = ("_rest",)

    def __init__(
        self,
        write: Callable[[Mapping[str, object]], bytes],
        result: Mapping[str, object],
        members: Container[str],
    ) -> None:
        others = write({name: value for name, value in result.items() if name not in members})
        self._rest = others[1:] if others == b"{}" else b"," + others[1:]

    def fill(self, values: Mapping[str, str | bytes], request_id: str) -> HttpResponse:
        """The whole answer.

        Args:
            values: What the members hold this time, at least one of them: text, or the bytes of a blob.
            request_id: The id of the request that is answered.
        """
        filled = b",".join([b'"%b":%b' % (name.encode(), _written(value)) for name, value in values.items()])
        return response(Protocol.JSON, 200, b"".join((b"{", filled, self._rest)), request_id)


def _written(value: str | bytes) -> bytes:
    """A value as JSON. Base64 holds nothing that JSON would have to escape (RFC 4648, section 4)."""
    return b'"%b"' % b2a_base64(value, newline=False) if isinstance(value, bytes) else orjson.dumps(value)
