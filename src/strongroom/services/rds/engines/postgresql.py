"""PostgreSQL through psycopg.

Only SCRAM-SHA-256 and MD5 logins count (libpq, ``require_auth``): the password never travels in clear, and a server
that lets anybody in cannot make a wrong password look right.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, TypeAlias

import psycopg
from psycopg import sql

from strongroom.services.rds.engines.base import (
    CONNECT_SECONDS,
    ChangeRefused,
    DatabaseError,
    Login,
    LoginRefused,
    PasswordRejected,
    Server,
    Unreachable,
)

__all__ = ["PostgreSQL"]

_Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

_BUSY: Final = ("too many", "slots are reserved", "starting up", "shutting down", "recovery mode")
"""What a server says after a login that was right, or that it did not look at. All else after a password is a no."""

_REJECTED_CLASSES: Final = ("22", "28")
_RAISED: Final = "P0001"
"""How password policies speak: data exceptions (passwordcheck), authorization errors (credcheck), RAISE (pg_tle)."""


class PostgreSQL:
    """Implements `Driver`.

    Args:
        ca_bundle: A PEM file of certificates to trust for servers that name none; the machine's own by default.
    """

    def __init__(self, ca_bundle: Path | None) -> None:
        self._ca_bundle = ca_bundle

    def log_in(self, server: Server, login: Login) -> None:
        """See `Driver`."""
        with self._connected(server, login) as connection:
            _ask(server, connection)

    def change_password(self, server: Server, by: Login, target: Login) -> None:
        """See `Driver`. The password goes as a verifier, hashed here, so that it is in no statement log."""
        with self._connected(server, by) as connection:
            failure = _alter(server, connection, target)
        if failure is not None:
            raise failure

    @contextmanager
    def _connected(self, server: Server, login: Login) -> Iterator[_Connection]:
        if not server.tls:
            connection = _connect(server, login, sslmode="disable", sslrootcert="")
        elif server.authorities is None:
            trusted = "system" if self._ca_bundle is None else str(self._ca_bundle)
            connection = _connect(server, login, sslmode="verify-full", sslrootcert=trusted)
        else:
            with NamedTemporaryFile("w", encoding="ascii", suffix=".pem") as trusted_file:  # libpq reads files only
                trusted_file.write(server.authorities)
                trusted_file.flush()
                connection = _connect(server, login, sslmode="verify-full", sslrootcert=trusted_file.name)
        try:
            yield connection
        finally:
            connection.close()


def _connect(server: Server, login: Login, *, sslmode: str, sslrootcert: str) -> _Connection:
    refused = False
    try:
        return psycopg.connect(
            host=server.host,
            port=server.port,
            dbname=server.database_name or "postgres",
            user=login.username,
            password=login.password,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            client_encoding="UTF8",
            application_name="strongroom",
            gssencmode="disable",
            require_auth="scram-sha-256,md5",
            sslmode=sslmode,
            sslrootcert=sslrootcert,
        )
    except psycopg.OperationalError as error:
        words = str(error)
        sent = error.pgconn is not None and error.pgconn.used_password
        refused = bool(sent) and not any(text in words for text in _BUSY)
    except UnicodeEncodeError:
        refused = True
    # Outside the handler: psycopg's exception holds the connection's parameters, and must not be chained to.
    if refused:
        raise LoginRefused(f"PostgreSQL on {server.address} does not let {login.username!r} in.")
    raise Unreachable(f"PostgreSQL on {server.address} cannot be reached.")


def _ask(server: Server, connection: _Connection) -> None:
    try:
        connection.execute("SELECT 1")
    except psycopg.DatabaseError:
        raise Unreachable(f"PostgreSQL on {server.address} broke off.") from None


def _alter(server: Server, connection: _Connection, target: Login) -> DatabaseError | None:
    try:
        # Left to ask by itself, libpq would do so with Python's global lock held.
        row = connection.execute("SELECT current_setting('password_encryption')").fetchone()
        algorithm = str(row[0]).encode() if row else None
        verifier = connection.pgconn.encrypt_password(target.password.encode(), target.username.encode(), algorithm)
        connection.execute(
            sql.SQL("ALTER USER {} WITH PASSWORD {}").format(
                sql.Identifier(target.username), sql.Literal(verifier.decode())
            )
        )
    except psycopg.OperationalError:
        return Unreachable(f"PostgreSQL on {server.address} broke off.")
    except psycopg.DatabaseError as error:
        state = error.sqlstate or ""
        if state[:2] in _REJECTED_CLASSES or state == _RAISED:
            return PasswordRejected(f"PostgreSQL on {server.address} rejects the new password ({state}).")
        return ChangeRefused(f"PostgreSQL on {server.address} does not change the password ({state}).")
    return None
