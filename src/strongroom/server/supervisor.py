"""The supervisor: opens the installation, then keeps its processes running.

It owns the listening socket and the root key, starts N request workers and one background worker, replaces one that
dies, and on SIGTERM lets the request workers finish what is in flight before the background worker goes.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import selectors
import shutil
import signal
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Final

from strongroom.errors import OperatorError
from strongroom.server import background, worker
from strongroom.server.child import READY, Briefing, Serve, run_child
from strongroom.server.listening import endpoint_of, listen, require_certificate, write_running
from strongroom.server.log import describe_failure
from strongroom.server.settings import Settings
from strongroom.server.setup import Opened
from strongroom.services.throttling import ThrottleMemory

__all__ = ["Supervisor"]

_LOG: Final = logging.getLogger("strongroom.supervisor")
_GRACE_SECONDS: Final = 35.0
_LONGEST_PAUSE: Final = 5.0


@dataclass(slots=True)
class _Child:
    name: str
    serve: Serve
    pid: int | None = None
    control: socket.socket | None = None
    ready: bool = False
    was_ready: bool = False
    failures: int = 0
    start_at: float = 0.0


class Supervisor:
    """Runs one installation on this host.

    Args:
        settings: The settings.
        opened: The installation, opened.
        announce: Told the endpoint when everything is ready for the first time.
        listener: The socket of a server that listened before it was unsealed; a new one is made otherwise.
    """

    def __init__(
        self,
        settings: Settings,
        opened: Opened,
        announce: Callable[[str], None],
        listener: socket.socket | None = None,
    ) -> None:
        self._settings = settings
        self._opened = opened
        self._announce = announce
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._throttles = ThrottleMemory()
        self._children = [
            _Child("background", background.serve),
            *(_Child(f"worker-{number + 1}", worker.serve) for number in range(settings.workers)),
        ]

    def run(self) -> int:
        """Serve until a signal says to stop; answer the exit code.

        Raises:
            OperatorError: The address cannot be used, or a process cannot start.
        """
        require_certificate(self._settings)
        listener = self._listener or listen(self._settings)
        endpoint = endpoint_of(self._settings, listener)
        run_dir = _make_run_dir(self._opened.folder.path)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            self._watch(listener, endpoint, run_dir)
        finally:
            listener.close()
            self._end_all()
            self._opened.folder.running.unlink(missing_ok=True)
            shutil.rmtree(run_dir, ignore_errors=True)
        return 0

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _watch(self, listener: socket.socket, endpoint: str, run_dir: Path) -> None:
        announced = False
        while not self._stopping:
            now = time.monotonic()
            for child in self._children:
                if child.pid is None and child.start_at <= now:
                    self._start(child, listener, endpoint, run_dir)
            for key, _ in self._selector.select(timeout=0.2):
                self._hear(key.data)
            if not announced and all(child.ready for child in self._children):
                announced = True
                write_running(self._opened.folder.running, self._settings, listener)
                self._announce(endpoint)

    def _start(self, child: _Child, listener: socket.socket, endpoint: str, run_dir: Path) -> None:
        ours, theirs = socket.socketpair()
        briefing = Briefing(
            self._settings, self._opened.root_key, endpoint, run_dir, child.name, listener, self._throttles
        )
        gc.collect()
        gc.freeze()  # keeps the collector from touching, and so copying, what parent and child share
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._leave_to_parent()
            os._exit(_guarded(child.serve, briefing, theirs))
        theirs.close()
        child.pid, child.control, child.ready = pid, ours, False
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _leave_to_parent(self) -> None:
        """In a child: let go of what only the supervisor uses, so that each channel has two ends again."""
        self._selector.close()
        for other in self._children:
            if other.control is not None:
                other.control.close()
        self._opened.folder.leave()

    def _hear(self, child: _Child) -> None:
        control, pid = child.control, child.pid
        if control is None or pid is None:
            return
        try:
            said = control.recv(64)
        except OSError:
            said = b""
        if said == READY:
            child.ready = child.was_ready = True
            child.failures = 0
            return
        self._selector.unregister(control)
        control.close()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        child.pid = child.control = None
        child.ready = False
        if self._stopping:
            return
        if not child.was_ready:
            raise OperatorError(
                f"The process {child.name} could not start.",
                why=f"exit code {code}",
                fix="see its message above",
            )
        child.failures += 1
        pause = min(0.1 * 2**child.failures, _LONGEST_PAUSE)
        child.start_at = time.monotonic() + pause
        _LOG.error("%s ended with exit code %s; starting it again in %.1f s", child.name, code, pause)

    def _end_all(self) -> None:
        """Request workers first, so that what they are doing can still call functions; then the background worker."""
        first, *workers = self._children
        for group in (workers, [first]):
            pids = {child.pid for child in group if child.pid is not None}
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + _GRACE_SECONDS
            while pids and time.monotonic() < until:
                pids = {pid for pid in pids if os.waitpid(pid, os.WNOHANG) == (0, 0)}
                time.sleep(0.01)
            for pid in pids:
                _LOG.error("a process did not end in time and is killed")
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _make_run_dir(data_dir: Path) -> Path:
    """The private folder of a running server, empty. One that a killed server left behind is removed first.

    Raises:
        OperatorError: Somebody else made a folder of that name.
    """
    path = Path(tempfile.gettempdir()) / f"strongroom-{sha256(os.fsencode(data_dir)).hexdigest()[:16]}"
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise OperatorError(f"{path} is in the way.", why="it belongs to somebody else", fix=f"remove {path}")
        shutil.rmtree(path)
    path.mkdir(mode=0o700)
    return path


def _guarded(serve: Serve, briefing: Briefing, control: socket.socket) -> int:
    """Run a child; nothing it raises may reach the supervisor's code, which it is a copy of."""
    code = 1
    try:
        code = run_child(serve, briefing, control)
    except BaseException as error:  # noqa: BLE001 - the boundary of a process: what leaves here would run on as its parent
        _LOG.critical("%s ended by a failure", briefing.name, extra={"detail": describe_failure(error)})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return code
