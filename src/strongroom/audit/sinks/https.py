"""A collector on the network that gets every record by POST, as lines of JSON."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from strongroom.audit.sinks.sink import SinkFailed

__all__ = ["HttpsSink"]

_LONGEST_ANSWER: Final = 65_536
_TOO_LARGE: Final = 413  # RFC 9110, section 15.5.14
_LONGEST_TOKEN: Final = 16_384


class HttpsSink:
    """Batches to one address. An answer of 2xx means that the collector has the whole batch.

    Args:
        url: Where to.
        token_file: File of a bearer token, read again for every connection, so that it can be renewed.
        ca_file: Certificate authorities to trust instead of the system's.
        timeout_seconds: How long the collector may take for each step of an exchange.
    """

    def __init__(self, url: str, token_file: Path | None, ca_file: Path | None, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._name = f"https://{parts.netloc}"
        self._token_file = token_file
        self._ca_file = ca_file
        self._timeout = timeout_seconds
        self._connection: http.client.HTTPSConnection | None = None
        self._headers: dict[str, str] = {}

    def send(self, lines: Sequence[bytes]) -> None:
        """Post ``lines``; see `Sink.send`."""
        try:
            status = self._post(b"".join(line + b"\n" for line in lines))
        except TimeoutError as error:
            self.close()
            raise SinkFailed(f"{self._name} did not answer for {self._timeout:g} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            told = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise SinkFailed(f"{self._name} cannot be reached: {told}") from error
        if status == _TOO_LARGE and len(lines) > 1:
            half = len(lines) // 2
            self.send(lines[:half])
            self.send(lines[half:])
            return
        if not 200 <= status < 300:
            self.close()
            raise SinkFailed(f"{self._name} answered with status {status}")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, content: bytes) -> int:
        if self._connection is None:
            context = ssl.create_default_context(cafile=self._ca_file)
            self._headers = {"Content-Type": "application/x-ndjson", **self._authorization()}
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=context
            )
        self._connection.request("POST", self._target, content, self._headers)
        answer = self._connection.getresponse()
        if len(answer.read(_LONGEST_ANSWER)) == _LONGEST_ANSWER:
            self.close()  # the rest of it is of no interest
        return answer.status

    def _authorization(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            with self._token_file.open("rb") as file:
                token = file.read(_LONGEST_TOKEN).strip().decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SinkFailed(f"the token in {self._token_file} cannot be read") from error
        if not token.isprintable() or not token:
            raise SinkFailed(f"{self._token_file} holds no token")
        return {"Authorization": f"Bearer {token}"}
