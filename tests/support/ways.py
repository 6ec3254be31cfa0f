"""A way to a TCP server that a test can close and open again, as when a network or a host goes away."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

__all__ = ["Way", "way_to"]

_BLOCK_BYTES = 65536


@dataclass
class Way:
    """A way to a server.

    Attributes:
        target: Host and port of the server.
        port: Where it begins, on the loopback address.
    """

    target: tuple[str, int]
    port: int
    _is_open: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sockets: set[socket.socket] = field(default_factory=set)

    def close(self) -> None:
        """Cut every connection, and let none through from now on."""
        with self._lock:
            self._is_open = False
            for end in self._sockets:
                _shut(end)

    def open(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._is_open = True

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client:
            try:
                server = socket.create_connection(self.target)
            except OSError:
                return
            with server:
                if self._begin(client, server):
                    there = threading.Thread(target=_pass, args=(client, server), daemon=True)
                    there.start()
                    _pass(server, client)
                    there.join()
                with self._lock:
                    self._sockets -= {client, server}

    def _begin(self, client: socket.socket, server: socket.socket) -> bool:
        with self._lock:
            if self._is_open:
                self._sockets |= {client, server}
            return self._is_open


def _pass(source: socket.socket, target: socket.socket) -> None:
    """Pass on what one side says until one of them ends."""
    with suppress(OSError):
        while block := source.recv(_BLOCK_BYTES):
            target.sendall(block)
    for end in (source, target):
        _shut(end)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def way_to(host: str, port: int) -> Iterator[Way]:
    """A way to a server, for the time of a block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        way = Way((host, port), listener.getsockname()[1])
        serving = threading.Thread(target=way.serve, args=(listener,), daemon=True)
        serving.start()
        try:
            yield way
        finally:
            way.close()
            listener.shutdown(socket.SHUT_RDWR)
    serving.join(5)
