"""Reads a document of an identity provider: one GET, from an address that the operator admitted.

Bounded in time and size; no redirect is followed, no proxy of the environment is used, and a certificate must be
trusted. The work is done in a thread, so that no other request waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

__all__ = ["FETCH_SECONDS", "LARGEST_DOCUMENT", "Unreachable", "fetch", "read_file"]

FETCH_SECONDS: Final = 5.0
"""How long a provider may take for one document, from the first look-up of its name to the last byte."""

LARGEST_DOCUMENT: Final = 256 * 1024
"""Bytes: key sets of providers with many keys and certificates are a tenth of it."""


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
    try:
        connection = await asyncio.to_thread(_connection, url, authorities)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Unreachable(f"{url}: {error}") from None
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return await asyncio.to_thread(_get, connection, url)
    except TimeoutError:
        raise Unreachable(f"{url}: no answer in {FETCH_SECONDS:g} s") from None
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{url}: {error or type(error).__name__}") from None
    finally:
        _hang_up(connection)


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


def _connection(url: str, authorities: Path | None) -> HTTPConnection:
    address = urlsplit(url)
    host = address.hostname or ""
    if address.scheme == "http":
        return HTTPConnection(host, address.port, timeout=FETCH_SECONDS)
    context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    return HTTPSConnection(host, address.port, timeout=FETCH_SECONDS, context=context)


def _get(connection: HTTPConnection, url: str) -> bytes:
    address = urlsplit(url)
    target = f"{address.path or '/'}{'?' if address.query else ''}{address.query}"
    connection.request("GET", target, headers={"Accept": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise Unreachable(f"{url}: HTTP status {response.status}")
    document = response.read(LARGEST_DOCUMENT + 1)
    if len(document) > LARGEST_DOCUMENT:
        raise Unreachable(f"{url}: larger than {LARGEST_DOCUMENT} bytes")
    return document


def _hang_up(connection: HTTPConnection) -> None:
    """Close the connection, and with it end the thread that may still be reading from it."""
    open_socket = connection.sock
    if open_socket is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(open_socket, socket.SHUT_RDWR)
    connection.close()
