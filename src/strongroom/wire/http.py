"""HTTP messages as plain values: what the server hands in and what it sends back.

The room neither reads sockets nor knows ASGI; these two classes are all that it shares with the server.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HttpRequest", "HttpResponse"]


@dataclass(slots=True)
class HttpRequest:
    """One request, exactly as it arrived. Nothing is decoded or normalised, because a signature covers the bytes.

    Neither this nor the response is frozen, because making a frozen one takes three times as long; nobody changes them.

    Attributes:
        method: The verb in capitals.
        raw_path: The path before percent-decoding, without the query string.
        query_string: What follows ``?``, without it; empty if there is none.
        headers: Names in lower case with their values, in the order of arrival.
        body: The complete body.
        client_address: The peer's address as text.
    """

    method: str
    raw_path: bytes
    query_string: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    client_address: str

    def header(self, name: bytes) -> str | None:
        """The first value of a header.

        Args:
            name: The header's name in lower case.

        Returns:
            The value read as ISO 8859-1 (RFC 9110, section 5.5), or None if the header is absent.
        """
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None


@dataclass(slots=True)
class HttpResponse:
    """One answer. ``content-length`` is among the headers already, except where the status allows no body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
