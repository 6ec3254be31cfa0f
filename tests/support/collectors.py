"""What audit sinks send to: syslog daemons, a collector behind HTTPS, and a reader of a pipe. Each can fail."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.certificates import write_certificate

__all__ = ["HttpsCollector", "PipeReader", "SyslogDaemon", "TcpSyslogDaemon", "sequences"]

_SECONDS = 10
_SEQUENCE = re.compile(rb'\{"sequence":([0-9]+),')


def sequences(content: bytes) -> list[int]:
    """The records in what a collector got, by sequence, each once, in the order of their first arrival."""
    return list(dict.fromkeys(int(found) for found in _SEQUENCE.findall(content)))


class SyslogDaemon:
    """Takes datagrams on a Unix socket.

    Args:
        path: The socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.messages: list[bytes] = []
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, as a daemon that was started again."""
        self.path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.settimeout(0.05)
        self._thread = threading.Thread(target=self._read, args=(self._socket,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Be gone."""
        listening, self._socket = self._socket, None
        if self._thread is not None:
            self._thread.join()
        if listening is not None:
            listening.close()
        self.path.unlink(missing_ok=True)

    def received(self) -> bytes:
        """Every message, one a line."""
        return b"\n".join(self.messages)

    def _read(self, listening: socket.socket) -> None:
        while self._socket is listening:
            with contextlib.suppress(TimeoutError):
                self.messages.append(listening.recv(1 << 20))


class TcpSyslogDaemon:
    """Takes connections on a loopback port, and keeps what comes over each.

    Args:
        port: The port; a free one by default.
    """

    def __init__(self, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self.content = b""
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Be gone, connections included."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join()

    def wait_for(self, count: int) -> None:
        """Return when this many bytes have come."""
        until = time.monotonic() + _SECONDS
        while len(self.content) < count:
            assert time.monotonic() < until, "nothing came"
            time.sleep(0.01)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := connection.recv(65_536):
                self.content += piece


class HttpsCollector:
    """Takes batches by POST behind TLS.

    Args:
        folder: Where its certificate goes.
        token: The bearer token that it asks for.

    Attributes:
        mode: ``ok``; a status to answer with; or ``hang``.
        largest: Bytes of the largest batch that it takes.
    """

    def __init__(self, folder: Path, token: str) -> None:
        self.certificate, key = write_certificate(folder, name="collector")
        self.mode = "ok"
        self.largest = 1 << 20
        self.content = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                while collector.mode == "hang":
                    time.sleep(0.02)
                status = 200 if collector.mode == "ok" else int(collector.mode)
                if self.headers["Authorization"] != f"Bearer {token}":
                    status = 401
                if len(body) > collector.largest:
                    status = 413
                if status == 200:
                    collector.content += body
                with contextlib.suppress(OSError):  # whoever asked may have hung up
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}/audit"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Be gone."""
        self.mode = "ok"
        self._server.shutdown()
        self._server.server_close()


class PipeReader:
    """Reads a named pipe, unless it is told to pause.

    Args:
        path: The pipe, which is made here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = b""
        os.mkfifo(path)
        self._reading = threading.Event()
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._stopped = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def asleep(self) -> Iterator[None]:
        """Read nothing for the time of a block, with the pipe full from the start."""
        self._reading.clear()
        time.sleep(0.1)
        writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4095 + b"\n")
        os.close(writer)
        try:
            yield
        finally:
            self._reading.set()

    def start(self) -> None:
        """Begin to read."""
        self._reading.set()

    def stop(self) -> None:
        """Stop reading and close the pipe."""
        self._stopped = True
        self._reading.set()
        self._thread.join()
        os.close(self._descriptor)

    def _read(self) -> None:
        while not self._stopped:
            self._reading.wait()
            with contextlib.suppress(BlockingIOError):
                piece = os.read(self._descriptor, 65_536)
                self.content += piece
            time.sleep(0.005)
