"""Reads a document of an identity provider: one GET, from an address that the operator admitted.

Bounded in time and size; no redirect is followed, no proxy of the environment is used, and a certificate must be
trusted. The conversation runs on the event loop and holds nothing that another request needs.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from socket import socket

__all__ = ["FETCH_SECONDS", "LARGEST_DOCUMENT", "Unreachable", "fetch", "read_file"]

FETCH_SECONDS: Final = 5.0
"""How long a provider may take for one document, from the first look-up of its name to the last byte."""

LARGEST_DOCUMENT: Final = 256 * 1024
"""Bytes, headers included: key sets of providers with many keys and certificates are a tenth of it."""

_ADDRESS: Final = re.compile(r"https?://[!-~]+")
"""Printable ASCII without blanks: nothing that could end the line of a request."""

_PORTS: Final = {"http": 80, "https": 443}


class Unreachable(Exception):
    """The document could not be read.

    Args:
        reason: Why, in words for the operator.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def fetch(url: str, authorities: Path | None) -> bytes:
    """The document at ``url``.

    Args:
        url: An ``https://`` address, or an ``http://`` one of this host.
        authorities: A PEM file of the authorities to trust, instead of the public ones.

    Raises:
        Unreachable: It cannot be had: no answer in time, another status than 200, too large, or not trusted.
    """
    if not _ADDRESS.fullmatch(url):
        raise Unreachable(f"{url!r} is no address")
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return _document(url, await _exchange(url, authorities))
    except TimeoutError:
        raise Unreachable(f"{url}: no answer in {FETCH_SECONDS:g} s") from None
    except (OSError, ValueError, HTTPException) as error:  # ssl.SSLError is an OSError
        raise Unreachable(f"{url}: {error or type(error).__name__}") from None


async def _exchange(url: str, authorities: Path | None) -> bytes:
    """Send the request and read until the other side has finished; the answer as it came."""
    address = urlsplit(url)
    context = await asyncio.to_thread(_context, authorities) if address.scheme == "https" else None
    port = address.port or _PORTS[address.scheme]
    reader, writer = await asyncio.open_connection(address.hostname, port, ssl=context)
    try:
        target = f"{address.path or '/'}{'?' if address.query else ''}{address.query}"
        headers = f"Host: {address.netloc}\r\nAccept: application/json\r\nConnection: close\r\n"
        writer.write(f"GET {target} HTTP/1.1\r\n{headers}\r\n".encode("ascii"))
        answer = bytearray()
        while part := await reader.read(LARGEST_DOCUMENT):
            answer += part
            if len(answer) > LARGEST_DOCUMENT:
                raise Unreachable(f"{url}: larger than {LARGEST_DOCUMENT} bytes")
        return bytes(answer)
    finally:
        writer.transport.abort()


def _context(authorities: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if authorities is None else str(authorities))


class _Received:
    """An answer that has arrived, in the one respect in which the standard library's parser takes it for a socket."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, _: str) -> BytesIO:
        return BytesIO(self._answer)


def _document(url: str, answer: bytes) -> bytes:
    """The body of an answer.

    Raises:
        Unreachable: Its status is not 200.
        HTTPException: It is none, or incomplete.
    """
    with HTTPResponse(cast("socket", _Received(answer))) as response:
        response.begin()
        if response.status != 200:
            raise Unreachable(f"{url}: HTTP status {response.status}")
        return response.read()


async def read_file(path: Path) -> bytes:
    """The document in a file of the host.

    Raises:
        Unreachable: It cannot be read, or is too large.
    """
    try:
        document = await asyncio.to_thread(_read, path)
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}") from None
    if len(document) > LARGEST_DOCUMENT:
        raise Unreachable(f"{path}: larger than {LARGEST_DOCUMENT} bytes")
    return document


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_DOCUMENT + 1)
