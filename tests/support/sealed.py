"""Start a server that is sealed, and watch it being opened."""

from __future__ import annotations

import contextlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import server as support
from tests.support.server import RunningServer, start_server

__all__ = ["SealedServer", "start_sealed"]

SEALED = re.compile(r"Strongroom is sealed at (\S+)")


@dataclass
class SealedServer:
    """A server that waits for its root key."""

    running: RunningServer

    @property
    def endpoint(self) -> str:
        """Where it listens, sealed and opened."""
        return self.running.endpoint

    @property
    def log(self) -> Path:
        """The file that its output goes to."""
        return self.running.log

    def get(self, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        """Fetch a page, or give ``body`` to it with POST; status and JSON."""
        try:
            with urllib.request.urlopen(urllib.request.Request(self.endpoint + path, data=body), timeout=20) as page:
                return page.status, json.load(page)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def wait_until_ready(self) -> RunningServer:
        """The same server, once it serves."""
        support.wait_until(support.READY, self.running.process, self.log, 0)
        return self.running

    def stop(self) -> int:
        """End it with SIGTERM; the exit code."""
        return self.running.stop()


@contextlib.contextmanager
def start_sealed(
    data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[SealedServer]:
    """A server whose root key does not open by itself, for the time of a block."""
    running = start_server(data_dir, *arguments, environment=environment, until=SEALED)
    try:
        yield SealedServer(running)
    finally:
        if running.process.poll() is None:
            running.stop()
