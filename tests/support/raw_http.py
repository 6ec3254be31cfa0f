"""Requests as bytes: signed by hand, so that a test can spoil any part of one.

The signing is written from the published rules of Signature Version 4 and shares no code with the product.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from tests.support.server import Credentials, RunningServer

__all__ = ["Answer", "Header", "connect", "exchange", "json_request", "read_answer", "request_bytes", "signed"]

Header = tuple[str, str]


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> tuple[str, str]:
        """Code and text of an error of the JSON protocols."""
        document: dict[str, Any] = json.loads(self.body)
        return document["__type"], document.get("Message") or document.get("message", "")


def signed(
    server: RunningServer,
    headers: Iterable[Header],
    body: bytes,
    *,
    service: str = "secretsmanager",
    method: str = "POST",
    path: str = "/",
    credentials: Credentials | None = None,
    region: str | None = None,
    at: datetime | None = None,
) -> list[Header]:
    """Add host, date and signature to ``headers``; every header is signed.

    Args:
        server: Where the request goes.
        headers: Name and value of each header, names in lower case.
        body: What is sent.
        service: The service of the credential scope.
        method: The HTTP method.
        path: The path, without a query.
        credentials: Who signs; the administrator by default.
        region: The region of the credential scope; the server's own by default.
        at: When it is signed; now by default.
    """
    who = credentials or server.administrator
    moment = (at or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region or server.region}/{service}/aws4_request"
    sent = [("host", urlsplit(server.endpoint).netloc), *headers, ("x-amz-date", moment)]
    if who.session_token:
        sent.append(("x-amz-security-token", who.session_token))
    ordered = sorted(dict(sent).items())
    names = ";".join(name for name, _ in ordered)
    lines = "".join(f"{name}:{value}\n" for name, value in ordered)
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{who.secret_access_key}".encode()
    for part in (*scope.split("/"), to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={who.access_key_id}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    )
    return [*sent, ("authorization", authorization)]


def json_request(operation: str, *more: Header, prefix: str = "secretsmanager") -> list[Header]:
    """The headers of an operation of a JSON 1.1 service."""
    return [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", f"{prefix}.{operation}"), *more]


def request_bytes(
    headers: Iterable[Header], body: bytes = b"", *, method: str = "POST", path: str = "/", length: int | None = None
) -> bytes:
    """A request as it goes over the wire; ``length`` overrides the true length of the body, -1 leaves it out."""
    head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if length != -1:
        head.append(f"content-length: {len(body) if length is None else length}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def connect(server: RunningServer, seconds: float = 30) -> socket.socket:
    """A connection to the server; TLS, unchecked, where it speaks TLS."""
    address = urlsplit(server.endpoint)
    plain = socket.create_connection((address.hostname, address.port), timeout=seconds)
    if address.scheme != "https":
        return plain
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def read_answer(connection: socket.socket, method: str = "POST") -> Answer:
    """Read one answer from a connection.

    Raises:
        http.client.BadStatusLine: The server closed the connection without an answer.
    """
    response = HTTPResponse(connection, method=method)
    response.begin()
    with response:
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def exchange(server: RunningServer, request: bytes, method: str = "POST") -> Answer:
    """Send one request over a connection of its own and read the answer."""
    with connect(server) as connection:
        connection.sendall(request)
        return read_answer(connection, method)
