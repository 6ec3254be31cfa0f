"""Where a server listens: the socket, the certificate, and ``server.json``, which tells commands of it."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from pathlib import Path
from typing import Final

import orjson

from strongroom.errors import OperatorError
from strongroom.server.folder import write_private
from strongroom.server.settings import Settings

__all__ = ["endpoint_of", "listen", "require_certificate", "write_running"]

_BACKLOG: Final = 2048
_BIND_SECONDS: Final = 5.0


def require_certificate(settings: Settings) -> None:
    """Try the certificate and its key, where a mistake in them can still be explained.

    Raises:
        OperatorError: TLS is wanted and cannot be served.
    """
    if settings.tls_cert is None:
        return
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_passphrase)
    except OSError as error:  # ssl.SSLError is one
        raise OperatorError(
            f"TLS cannot be served with the certificate {settings.tls_cert} and the key {settings.tls_key}.",
            why=error.strerror or type(error).__name__,
            fix="give PEM files that belong together and are readable, the key without a passphrase",
        ) from None


def _no_passphrase() -> bytes:
    """Refuses a key that asks for a passphrase, instead of asking the terminal for it."""
    return b""


def listen(settings: Settings) -> socket.socket:
    """Bind the address; wait a moment for the processes of a server that was just killed to let go of it.

    Raises:
        OperatorError: The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    until = time.monotonic() + _BIND_SECONDS
    while True:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            listener.close()
            if time.monotonic() < until and error.errno == errno.EADDRINUSE:
                time.sleep(0.1)
                continue
            raise OperatorError(
                f"Cannot listen on {settings.host} port {settings.port}.",
                why=os.strerror(error.errno or 0),
                fix="stop what uses the port, or choose another with --port",
            ) from None
        listener.listen(_BACKLOG)
        return listener


def endpoint_of(settings: Settings, listener: socket.socket) -> str:
    """The URL at which a listener is reached from this host."""
    host, port = listener.getsockname()[:2]
    return f"{'https' if settings.tls_cert else 'http'}://{_reachable(host)}:{port}"


def write_running(path: Path, settings: Settings, listener: socket.socket) -> None:
    """Write ``server.json``, by which commands find the server of a data folder."""
    host, port = listener.getsockname()[:2]
    document = {"pid": os.getpid(), "host": host, "port": port, "endpoint": endpoint_of(settings, listener)}
    write_private(path, orjson.dumps(document))


def _reachable(host: str) -> str:
    """The address by which this host reaches a listener: a wildcard address is reached over loopback."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not bound to
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{host}]" if ":" in host else host
