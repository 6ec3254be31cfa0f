"""A real Redis server from Debian's package ``redis-server``, on loopback, with its own folder and TLS beside."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.support.certificates import write_certificate
from tests.support.databases_mariadb import free_port

__all__ = ["RedisServer", "start_redis"]

START_SECONDS = 20.0


@dataclass
class RedisServer:
    """A running server.

    Attributes:
        host: Its loopback address, which its certificate names.
        port: Its TCP port.
        tls_port: Its TCP port for TLS.
        password: Of its user ``default``, who may do everything.
        certificate: The file of its self-signed certificate, in PEM.
        folder: Where its files are.
        process: The server.
    """

    host: str
    port: int
    tls_port: int
    password: str = field(repr=False)
    certificate: Path
    folder: Path
    process: subprocess.Popen[bytes]

    def execute(self, *command: str) -> object:
        """Run a command as ``default``."""
        client: Any = redis.Redis(self.host, self.port, password=self.password)
        with client:
            return client.execute_command(*command)

    def logs_in(self, user: str, password: str) -> bool:
        """Whether a password opens the door."""
        connect: Callable[..., Any] = redis.Connection  # it tries once, where a client tries again and again
        connection = connect(host=self.host, port=self.port, username=user, password=password, protocol=2)
        try:
            connection.connect()
        except redis.AuthenticationError:
            return False
        finally:
            connection.disconnect()
        return True

    def restart(self) -> None:
        """End it at once and start it again on the same folder."""
        self.process.kill()
        self.process.wait()
        self.process = _start(self.folder)
        _wait_until_ready(self)


@contextmanager
def start_redis() -> Iterator[RedisServer]:
    """Start a server, and end it with the block. Skips the test where there is none."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server here: Debian's package redis-server has it")
    with tempfile.TemporaryDirectory(prefix="redis-") as name:
        folder = Path(name)
        certificate, key = write_certificate(folder, name="redis")
        port, tls_port, password = free_port(), free_port(), secrets.token_urlsafe(18)
        (folder / "users.acl").write_text(f"user default on >{password} ~* &* +@all\n")
        (folder / "redis.conf").write_text(
            f"bind 127.0.0.1\nport {port}\ntls-port {tls_port}\ntls-auth-clients no\ndir {folder}\n"
            f"tls-cert-file {certificate}\ntls-key-file {key}\ntls-ca-cert-file {certificate}\n"
            f"aclfile {folder}/users.acl\nsave ''\n"
        )
        server = RedisServer("127.0.0.1", port, tls_port, password, certificate, folder, _start(folder))
        try:
            _wait_until_ready(server)
            yield server
        finally:
            server.process.kill()
            server.process.wait()


def _start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["redis-server", str(folder / "redis.conf")], stdout=subprocess.DEVNULL)


def _wait_until_ready(server: RedisServer) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.process.poll() is None:
        try:
            server.execute("PING")
        except redis.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("Redis did not start")
