"""A real MariaDB server from Debian's package ``mariadb-server``, on loopback, with its own data folder and TLS."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pymysql
import pytest
from pymysql.cursors import Cursor
from tests.support.certificates import write_certificate

__all__ = ["STOP_SECONDS", "Connection", "MariaDBServer", "free_port", "start_mariadb", "wait_until_ready"]

_INSTALL_OPTIONS = ("--skip-test-db", "--auth-root-authentication-method=normal")
_REFUSALS = (1045, 4151)
"""A wrong password, and an account that is locked, as a clone is until it has its password."""
START_SECONDS = 30.0
STOP_SECONDS = 20.0
Connection: TypeAlias = "pymysql.Connection[Cursor]"


@dataclass(frozen=True, slots=True)
class MariaDBServer:
    """A running server.

    Attributes:
        host: Its loopback address, which its certificate names.
        port: Its TCP port.
        password: Of its user ``root``.
        certificate: The file of its self-signed certificate, in PEM.
        log: The file of its general log, with every statement.
    """

    host: str
    port: int
    password: str = field(repr=False)
    certificate: Path
    log: Path

    def login(self, user: str, password: str, database: str | None = None) -> Connection:
        """A new connection; pymysql.OperationalError when refused."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=user,
            password=password.encode(),
            database=database,
            charset="utf8mb4",
            autocommit=True,
            ssl_disabled=True,
        )

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as root; the last one's rows."""
        with self.login("root", self.password) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def logs_in(self, user: str, password: str) -> bool:
        """Whether a password opens the door."""
        try:
            self.login(user, password).close()
        except pymysql.OperationalError as error:
            assert error.args[0] in _REFUSALS  # noqa: PT017 - no other failure is expected
            return False
        return True


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def start_mariadb() -> Iterator[MariaDBServer]:
    """Create a server with a data folder of its own, and end it with the block. Skips the test where there is none."""
    program = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("no mariadbd here: Debian's package mariadb-server has it")
    with tempfile.TemporaryDirectory(prefix="mariadb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        data, log, scratch = folder / "data", folder / "data" / "general.log", folder / "scratch"
        scratch.mkdir()
        scratch.chmod(0o777)
        # Servers that begin at the same moment in one folder take each other's temporary tables away.
        environment = {**os.environ, "TMPDIR": str(scratch)}
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql", *_INSTALL_OPTIONS],
            check=True,
            capture_output=True,
            env=environment,
        )
        certificate, key = write_certificate(folder, name="mariadb")
        key.chmod(0o644)
        password, port = secrets.token_urlsafe(18), free_port()
        start = folder / "start.sql"
        start.write_text(
            f"ALTER USER root@localhost IDENTIFIED BY '{password}';\n"
            f"CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
            "REPLACE INTO mysql.proxies_priv (Host, User, With_grant) VALUES ('127.0.0.1', 'root', 1);\n"
            "DELETE FROM mysql.global_priv WHERE User = '';\n"
            "FLUSH PRIVILEGES;\n"
        )
        command = [program, "--no-defaults", "--user=mysql", f"--datadir={data}", f"--port={port}"]
        command += ["--bind-address=127.0.0.1", f"--socket={data}/socket", f"--pid-file={data}/pid"]
        command += [f"--init-file={start}", f"--ssl-cert={certificate}", f"--ssl-key={key}", f"--ssl-ca={certificate}"]
        command += ["--general-log", f"--general-log-file={log}", "--innodb-flush-log-at-trx-commit=0"]
        command += ["--innodb-buffer-pool-size=16M", "--skip-name-resolve"]
        with (folder / "server.log").open("wb") as output:
            server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        running = MariaDBServer("127.0.0.1", port, password, certificate, log)
        try:
            wait_until_ready(running, server, folder / "server.log")
            yield running
        finally:
            server.kill()
            server.wait(STOP_SECONDS)


def wait_until_ready(running: MariaDBServer, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server takes logins; RuntimeError when it does not come to that."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            running.execute("SELECT 1")
        except pymysql.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")
