"""The arithmetic of Signature Version 4: canonical request, string to sign, signing key, signature.

Source: AWS IAM User Guide, "Create a signed AWS API request", and the SigV4 test suite. Nothing here decides: a
request goes in and the bytes that its signer must have seen come out. `strongroom.identity.sigv4` draws conclusions.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import quote_from_bytes, unquote_to_bytes

__all__ = [
    "ALGORITHM",
    "TERMINATOR",
    "SignedHttpRequest",
    "canonical_headers",
    "canonical_query",
    "canonical_request",
    "canonical_uri",
    "derive_signing_key",
    "joined_headers",
    "string_to_sign",
]

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"


class SignedHttpRequest(Protocol):
    """What a signature covers. ``strongroom.wire.http.HttpRequest`` is one."""

    @property
    def method(self) -> str:
        """The HTTP method, in capitals."""
        ...

    @property
    def raw_path(self) -> bytes:
        """The path as it came over the wire, still percent-encoded."""
        ...

    @property
    def query_string(self) -> bytes:
        """What followed the question mark, as it came over the wire."""
        ...

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Names in lower case, and values, in the order of arrival."""
        ...

    @property
    def body(self) -> bytes:
        """The whole body."""
        ...


def canonical_uri(raw_path: bytes) -> str:
    """The path without dot segments and doubled slashes, percent-encoded once more.

    ``raw_path`` is already encoded once by the client, so its percent signs become ``%25`` (every service but S3).
    """
    if raw_path in {b"/", b""}:
        return "/"
    kept: list[bytes] = []
    for segment in raw_path.split(b"/"):
        if segment == b"..":
            if kept:
                kept.pop()
        elif segment not in {b"", b"."}:
            kept.append(segment)
    if not kept:
        return "/"
    last = "/" if raw_path.endswith(b"/") else ""
    return "/" + quote_from_bytes(b"/".join(kept), safe="/-._~") + last


def canonical_query(query_string: bytes) -> str:
    """Names and values, each decoded and encoded again, sorted by name and then value."""
    if not query_string:
        return ""
    pairs = []
    for pair in query_string.split(b"&"):
        name, _, value = pair.partition(b"=")
        pairs.append((_encoded_again(name), _encoded_again(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded_again(part: bytes) -> str:
    return quote_from_bytes(unquote_to_bytes(part), safe="-._~")


def joined_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header name -> value, with the values of a repeated header joined by commas in the order of arrival."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        lean = value.strip()
        joined[name] = joined[name] + b"," + lean if name in joined else lean
    return joined


def canonical_headers(names: Iterable[bytes], values: Mapping[bytes, bytes]) -> bytes:
    """The lines ``name:value`` of the signed headers, each with its newline.

    A value is written without blanks around it, and with runs of blanks inside made one.

    Args:
        names: The signed headers, in the order in which they were signed.
        values: Header name -> value, as sent.
    """
    return b"".join([b"%b:%b\n" % (name, b" ".join(values[name].split())) for name in names])


def canonical_request(request: SignedHttpRequest, header_lines: bytes, signed_headers: bytes, body_hash: str) -> bytes:
    """The canonical request.

    Args:
        request: The request.
        header_lines: From `canonical_headers`.
        signed_headers: Names with semicolons between them, in the order of ``header_lines``.
        body_hash: SHA-256 of the body, 64 hex digits.
    """
    path, query = request.raw_path, request.query_string
    return b"%b\n%b\n%b\n%b\n%b\n%b" % (
        request.method.encode(),
        b"/" if path == b"/" else canonical_uri(path).encode(),
        canonical_query(query).encode() if query else b"",
        header_lines,
        signed_headers,
        body_hash.encode(),
    )


def string_to_sign(timestamp: str, date: str, region: str, service: str, canonical: bytes) -> bytes:
    """The string to sign for a canonical request."""
    digest = hashlib.sha256(canonical).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{date}/{region}/{service}/{TERMINATOR}\n{digest}".encode()


def derive_signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """The signing key: HMAC-SHA-256 over date, region, service and terminator, each keyed with the one before."""
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
