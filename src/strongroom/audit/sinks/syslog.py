"""A syslog daemon that gets every record, by RFC 5424.

Each record is one message of facility 13 (log audit) and severity 6 (informational), its text the line of the trail.
Over a Unix datagram socket and UDP (RFC 5426) one message is one datagram; over TCP (RFC 6587, section 3.4.1) and TLS
(RFC 5425) messages are counted in octets. Syslog acknowledges nothing: what a daemon took and lost is lost. What can be
done is done: after any failure the batch before is sent again too, for nobody knows what became of it.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from strongroom.audit.record import parse
from strongroom.audit.sinks.sink import SinkFailed

__all__ = ["SyslogSink", "message"]

_PRIORITY: Final = 13 * 8 + 6
_TIME: Final = re.compile(rb'"eventTime":"([0-9TZ:.-]{20,32})"')
_UNSAFE_IN_HOST: Final = re.compile(r"[^\x21-\x7e]")
_LONGEST_HOST: Final = 255


def message(line: bytes, host: str) -> bytes:
    """One record as a message.

    Args:
        line: The line of the trail, without its newline.
        host: Name of this host; what does not belong into a HOSTNAME is left out.
    """
    name = _UNSAFE_IN_HOST.sub("", host)[:_LONGEST_HOST] or "-"
    found = _TIME.search(line)
    time_stamp = b"-" if found is None else found[1]
    return b"<%d>1 %b %b strongroom - audit - %b" % (_PRIORITY, time_stamp, name.encode(), line)


class SyslogSink:
    """Messages to one daemon.

    Args:
        address: See `SyslogPlan`.
        ca_file: Certificate authorities for TLS.
        timeout_seconds: How long it may take for a batch.
    """

    def __init__(self, address: str, ca_file: Path | None, timeout_seconds: float) -> None:
        self._address = urlsplit(address)
        self._text = address
        self._ca_file = ca_file
        self._timeout = timeout_seconds
        self._host = socket.gethostname()
        self._socket: socket.socket | None = None
        self._last: Sequence[bytes] = ()
        self._unsure: Sequence[bytes] = ()  # of the batch before, when something failed since

    def send(self, lines: Sequence[bytes]) -> None:
        """Send ``lines``; see `Sink.send`."""
        deadline = time.monotonic() + self._timeout
        try:
            if self._address.scheme in {"unix", "udp"}:
                self._send_datagrams(lines, deadline)
            else:
                self._send_counted(lines, deadline)
            self._last, self._unsure = lines, ()
        except TimeoutError as error:
            self._give_up()
            raise SinkFailed(f"{self._text} took nothing for {self._timeout:g} seconds") from error
        except OSError as error:
            self._give_up()
            raise SinkFailed(f"{self._text} cannot be reached: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _give_up(self) -> None:
        self.close()
        self._unsure = self._last

    def _send_datagrams(self, lines: Sequence[bytes], deadline: float) -> None:
        connected = self._connected(deadline)
        for line in (*self._unsure, *lines):
            connected.settimeout(_left(deadline))
            try:
                connected.send(message(line, self._host))
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise
                connected.send(message(_shortened(line), self._host))

        refused = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if refused:  # nobody listens there, says the other host
            raise OSError(refused, os.strerror(refused))

    def _send_counted(self, lines: Sequence[bytes], deadline: float) -> None:
        if self._socket is not None and _is_closed(self._socket):
            self._give_up()
        connected = self._connected(deadline)
        messages = [message(line, self._host) for line in (*self._unsure, *lines)]
        connected.settimeout(_left(deadline))
        connected.sendall(b"".join(b"%d %b" % (len(each), each) for each in messages))

    def _connected(self, deadline: float) -> socket.socket:
        if self._socket is None:
            self._socket = self._connect(deadline)
        return self._socket

    def _connect(self, deadline: float) -> socket.socket:
        address = self._address
        if address.scheme == "unix":
            return _connect_datagram(socket.AF_UNIX, address.path, deadline)
        host, port = address.hostname or "", address.port or 0
        if address.scheme == "udp":
            family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            return _connect_datagram(family, target, deadline)
        connected = socket.create_connection((host, port), _left(deadline))
        if address.scheme == "tcp":
            return connected
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
            return context.wrap_socket(connected, server_hostname=host)
        except OSError:
            connected.close()
            raise


def _connect_datagram(family: int, target: object, deadline: float) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    made.settimeout(_left(deadline))
    try:
        made.connect(target)  # type: ignore[arg-type]  # a path or an address, as getaddrinfo gave it
    except OSError:
        made.close()
        raise
    return made


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _is_closed(connected: socket.socket) -> bool:
    """Whether the other side ended the connection: syslog daemons say nothing, so anything to read means its end."""
    connected.setblocking(False)
    try:
        connected.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return True


def _shortened(line: bytes) -> bytes:
    """A record that fits no datagram, told by its place in the trail alone."""
    sequence, previous, event = parse(line) or (0, "", b"")
    return b'{"sequence":%d,"previous":"%b","omitted":%d}' % (sequence, previous.encode(), len(event))
