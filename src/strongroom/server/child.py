"""What a child process and the supervisor say to each other.

A child is a fork of the supervisor: it begins with everything imported, and with the root key in memory it inherited,
so the key never passes through arguments, environment or files. Over a control channel the child says ``ready`` when
it serves; the channel's end tells either side that the other is gone, so a killed supervisor leaves no orphans.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvloop

from strongroom.audit.sinks import SinkGate
from strongroom.errors import OperatorError
from strongroom.keyring import RootKey
from strongroom.server.log import configure_log
from strongroom.server.settings import Settings
from strongroom.services.throttling import ThrottleMemory

__all__ = ["READY", "SINK_SOCKET", "Briefing", "Serve", "run_child"]

SINK_SOCKET: Final = "sinks.sock"
"""Where the background worker tells of the sinks, in the private folder."""

READY: Final = b"ready\n"
_FAILED_START: Final = 3


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a child needs to know.

    Args:
        settings: The settings.
        root_key: The installation's root key.
        endpoint: The URL at which this installation is reached from this host.
        run_dir: A private folder for sockets and unpacked code, removed when the server ends.
        name: What to call the process.
        listener: The listening socket, which all request workers share.
        throttles: The buckets of request rates, which all request workers share.
    """

    settings: Settings
    root_key: RootKey = field(repr=False)
    endpoint: str
    run_dir: Path
    name: str
    listener: socket.socket
    throttles: ThrottleMemory = field(repr=False)

    @property
    def function_socket(self) -> Path:
        """Where the background worker takes invocations."""
        return self.run_dir / "functions.sock"

    @property
    def sink_gate(self) -> SinkGate:
        """The way to the background worker, which looks after the audit trail and feeds its sinks."""
        return SinkGate(self.run_dir / SINK_SOCKET, self.settings.audit_sink_seconds)


Serve = Callable[[Briefing, asyncio.Event, Callable[[], None]], Awaitable[None]]
"""Serves until the event is set; calls the function it is given once it is ready."""


def run_child(serve: Serve, briefing: Briefing, control: socket.socket) -> int:
    """Run one child process to its end; answer its exit code.

    Args:
        serve: What the process does.
        briefing: What it needs to know.
        control: Its end of the control channel.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the supervisor's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    configure_log(briefing.settings.log_format, briefing.name)
    name_process(briefing.name)
    try:
        uvloop.run(_attend(serve, briefing, control))
    except OperatorError as error:
        sys.stderr.write(error.diagnostics() + "\n")
        return _FAILED_START
    return 0


async def _attend(serve: Serve, briefing: Briefing, control: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    control.setblocking(False)
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_reader(control, stopping.set)  # the supervisor says nothing, so readable means closed

    def ready() -> None:
        gc.collect()
        gc.freeze()  # what start-up made lives as long as the process: no collection need look at it again
        control.send(READY)

    try:
        await serve(briefing, stopping, ready)
    finally:
        loop.remove_reader(control)


def name_process(name: str) -> None:
    """Give this process a name of its own in ``ps`` and ``top``, which show 15 characters."""
    short = name.replace("background", "bg").replace("worker-", "w")
    Path(f"/proc/{os.getpid()}/comm").write_text(f"strongroom {short}"[:15])
