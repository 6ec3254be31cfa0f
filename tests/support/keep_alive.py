"""One connection that is kept open: signed requests in quick succession, and what came back as boto3 would show it.

A test that makes tens of thousands of requests spends most of its time in its own client. This one does what boto3 does
on the wire and no more: sign, send, read.
"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from tests.support.raw_http import Answer, connect, json_request, read_answer, request_bytes, signed
from tests.support.server import Credentials, RunningServer

__all__ = ["KeepAlive", "Refused"]

Document = dict[str, Any]

_BYTES = "SecretBinary"
"""The member that travels as Base64."""


class Refused(Exception):
    """An operation answered with an error.

    Args:
        operation: The operation.
        status: HTTP status.
        code: The error's code.
        message: The error's text.
    """

    def __init__(self, operation: str, status: int, code: str, message: str) -> None:
        super().__init__(operation, status, code, message)
        self.status = status
        self.code = code
        self.message = message


class KeepAlive:
    """A client of the JSON services over one connection, which is opened anew when the server closed it.

    Args:
        server: Where to connect.
        credentials: Who signs; the administrator by default.
        seconds: How long an answer may take.
        region: The region to sign for; the server's own by default.
    """

    def __init__(
        self,
        server: RunningServer,
        credentials: Credentials | None = None,
        *,
        seconds: float = 30,
        region: str | None = None,
    ) -> None:
        self._server = server
        self._credentials = credentials
        self._seconds = seconds
        self._region = region
        self._socket: socket.socket | None = None

    def __enter__(self) -> KeepAlive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def exchange(self, request: bytes, method: str = "POST") -> Answer:
        """Send the bytes of one request and read the answer.

        Raises:
            TimeoutError: There was no answer in time.
            http.client.HTTPException: The server closed a fresh connection without an answer.
        """
        kept = self._socket is not None
        try:
            return self._exchange(request, method)
        except (HTTPException, ConnectionError):
            self.close()
            if not kept:
                raise
            return self._exchange(request, method)  # the server had closed the connection since the last answer

    def _exchange(self, request: bytes, method: str) -> Answer:
        if self._socket is None:
            self._socket = connect(self._server, self._seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        answer = read_answer(self._socket, method)
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Document:
        """Call an operation of Secrets Manager with parameters as boto3 takes them.

        Args:
            operation: The name of the operation, such as ``GetSecretValue``.
            parameters: Its parameters; nothing is checked or filled in.

        Returns:
            The answer's members; dates as numbers.

        Raises:
            Refused: The operation answered with an error.
        """
        body = json.dumps(dict(parameters), default=_base64).encode()
        headers = signed(
            self._server, json_request(operation), body, credentials=self._credentials, region=self._region
        )
        answer = self.exchange(request_bytes(headers, body))
        if answer.status != 200:
            raise Refused(operation, answer.status, *answer.error)
        document: Document = json.loads(answer.body)
        return _with_bytes(document)


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _with_bytes(document: Document) -> Document:
    """An answer whose values are bytes where boto3 gives bytes."""
    for holder in (document, *document.get("SecretValues", ())):
        if _BYTES in holder:
            holder[_BYTES] = base64.b64decode(holder[_BYTES])
    return document
