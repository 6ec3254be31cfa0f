"""What a child process and the supervisor say to each other.

A child is started with two descriptors: the root key's pipe, and one end of a control channel. On the channel the
supervisor writes one line of JSON, the briefing; the child answers ``ready`` when it serves. The channel's end tells
either side that the other is gone, so a killed supervisor leaves no orphans.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from strongroom.errors import OperatorError
from strongroom.keyring import RootKey, receive_root_key
from strongroom.server.log import configure_log
from strongroom.server.settings import Settings

__all__ = ["READY", "Briefing", "run_child"]

READY: Final = b"ready\n"
FAILED_START: Final = 3


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a child needs to know.

    Args:
        settings: The settings, as JSON.
        endpoint: The URL at which this installation is reached from this host.
        run_dir: A private folder for sockets and unpacked code, removed when the server ends.
        name: What to call the process in the log.
        listener: The descriptor of the listening socket, for request workers.
    """

    settings: str
    endpoint: str
    run_dir: str
    name: str
    listener: int = -1

    def to_line(self) -> bytes:
        """The briefing as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    def read_settings(self) -> Settings:
        """The settings, without consulting environment or files again."""
        return Settings.model_validate_json(self.settings)

    @property
    def function_socket(self) -> Path:
        """Where the background worker takes invocations."""
        return Path(self.run_dir) / "functions.sock"


Serve = Callable[[Briefing, RootKey, asyncio.Event, Callable[[], None]], Awaitable[None]]


def run_child(serve: Serve, arguments: list[str]) -> None:
    """Run one child process to its end.

    Args:
        serve: Serves until its event is set; calls the function it is given once it is ready.
        arguments: The descriptors of the control channel and of the root key's pipe.
    """
    control = socket.socket(fileno=int(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the supervisor's to handle
    briefing = Briefing(**json.loads(_read_line(control)))
    root_key = receive_root_key(int(arguments[1]))
    configure_log(briefing.read_settings().log_format, briefing.name)
    try:
        import uvloop  # noqa: PLC0415 - not needed to report a bad start

        uvloop.run(_attend(serve, briefing, root_key, control))
    except OperatorError as error:
        sys.stderr.write(error.diagnostics() + "\n")
        sys.exit(FAILED_START)


async def _attend(serve: Serve, briefing: Briefing, root_key: RootKey, control: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    control.setblocking(False)
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_reader(control, stopping.set)  # it says nothing more, so readable means closed
    try:
        await serve(briefing, root_key, stopping, lambda: _say_ready(control))
    finally:
        loop.remove_reader(control)


def _say_ready(control: socket.socket) -> None:
    control.send(READY)


def _read_line(control: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = control.recv(65536)
        if not piece:
            raise SystemExit(FAILED_START)
        line += piece
    return line
