"""A TCP proxy between a client and a database that cuts the connection before or after a statement of one's choice.

It reads the protocol as far as it takes to count. A login is a statement. With PostgreSQL (its documentation, "Message
Formats") so is each simple query and each extended query up to its Sync, with MariaDB and MySQL ("Client/Server
Protocol") each command but the one that says goodbye. Cut *before*, the server never sees the statement; cut *after*,
it has done it and the client never hears so. Connections must not be encrypted.
"""

from __future__ import annotations

import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Cut", "FaultProxy", "Protocol", "fault_proxy"]

Protocol: TypeAlias = Literal["postgresql", "mariadb", "mysql"]
_STATEMENTS = (b"Q", b"S")
_READY = b"Z"
_COMMAND_QUIT = 1
_OK, _REFUSED = 0x00, 0xFF
_LOCALHOST = "127.0.0.1"


@dataclass(frozen=True)
class Cut:
    """Where to cut: at which statement, counted over all connections from 1, and on which side of it."""

    statement: int
    moment: Literal["before", "after"]


@dataclass
class FaultProxy:
    """A running proxy.

    Attributes:
        port: Where it listens on the loopback address.
        statements: How many statements it has seen.
        cut: The cut that is to come; None once it was made.
    """

    target: tuple[str, int]
    protocol: Protocol
    port: int
    statements: int = 0
    cut: Cut | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrives(self) -> Literal["before", "after"] | None:
        """Count a statement; answer whether, and where, the connection is to be cut at it. A cut is made once."""
        with self._lock:
            self.statements += 1
            if self.cut is None or self.cut.statement != self.statements:
                return None
            moment, self.cut = self.cut.moment, None
            return moment

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            _KINDS[self.protocol](self, client).run()


class _Connection(ABC):
    """One connection: a thread for what the client sends, one for what the server answers."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = socket.create_connection(proxy.target)
        self._swallows = False  # what the server answers does not reach the client any more
        self._cuts_when_ready = False

    def run(self) -> None:
        """Serve it to its end."""
        with self._server:
            answers = threading.Thread(target=self._answers, daemon=True)
            answers.start()
            with suppress(OSError, EOFError):
                self._requests()
            self._end()
            answers.join()

    @abstractmethod
    def _request(self) -> tuple[bytes, Literal["login", "statement", ""]]:
        """The client's next message, and whether it makes a statement."""

    @abstractmethod
    def _answer(self) -> tuple[bytes, bool]:
        """The server's next message, and whether the login or the statement before it is done."""

    def _requests(self) -> None:
        while True:
            message, statement = self._request()
            moment = self._proxy.arrives() if statement else None
            if moment == "before":
                raise EOFError
            if moment == "after":
                self._swallows = statement == "statement"  # a login takes several messages of both sides
                self._cuts_when_ready = True
            self._server.sendall(message)

    def _answers(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                message, ready = self._answer()
                if ready and self._cuts_when_ready:
                    break
                if not self._swallows:
                    self._client.sendall(message)
        self._end()

    def _end(self) -> None:
        for side in (self._client, self._server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


class _PostgreSQL(_Connection):
    _began = False

    def _request(self) -> tuple[bytes, Literal["login", "statement", ""]]:
        if not self._began:
            self._began = True
            return _sized(self._client, b""), "login"
        kind = _exactly(self._client, 1)
        return _sized(self._client, kind), "statement" if kind in _STATEMENTS else ""

    def _answer(self) -> tuple[bytes, bool]:
        kind = _exactly(self._server, 1)
        return _sized(self._server, kind), kind == _READY


class _MariaDB(_Connection):
    _began = False
    _entered = False

    def _request(self) -> tuple[bytes, Literal["login", "statement", ""]]:
        packet = _packet(self._client)
        if not self._began:
            self._began = True
            return packet, "login"
        is_command = packet[3] == 0  # the first of a sequence; a login goes on with the numbers of the greeting's
        return packet, "statement" if is_command and packet[4] != _COMMAND_QUIT else ""

    def _answer(self) -> tuple[bytes, bool]:
        packet = _packet(self._server)
        if self._entered:
            return packet, True
        self._entered = packet[4] in (_OK, _REFUSED)
        return packet, self._entered


_KINDS: dict[Protocol, type[_Connection]] = {"postgresql": _PostgreSQL, "mariadb": _MariaDB, "mysql": _MariaDB}


def _exactly(source: socket.socket, size: int) -> bytes:
    """So many bytes; EOFError when the other side is gone."""
    found = b""
    while len(found) < size:
        piece = source.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


def _sized(source: socket.socket, kind: bytes) -> bytes:
    """A message from its length on, with its kind before it."""
    length = _exactly(source, 4)
    return kind + length + _exactly(source, struct.unpack("!I", length)[0] - 4)


def _packet(source: socket.socket) -> bytes:
    """A packet of MariaDB: three bytes of length, a number in the sequence, and so many bytes."""
    header = _exactly(source, 4)
    return header + _exactly(source, int.from_bytes(header[:3], "little"))


@contextmanager
def fault_proxy(host: str, port: int, protocol: Protocol = "postgresql") -> Iterator[FaultProxy]:
    """A proxy before a server, for the time of a block."""
    with socket.create_server((_LOCALHOST, 0)) as listener:
        proxy = FaultProxy((host, port), protocol, listener.getsockname()[1])
        serving = threading.Thread(target=proxy.serve, args=(listener,), daemon=True)
        serving.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    serving.join(5)
