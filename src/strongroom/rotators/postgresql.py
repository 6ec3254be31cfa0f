"""PostgreSQL: how to log in, and how to set passwords and clones. Needs psycopg 3 with libpq 16 or newer.

Where this is stricter than the functions that AWS publishes:

- **Proof.** Only SCRAM-SHA-256 and MD5 logins count. The password never travels in clear, and a server that lets
  anybody in cannot make an unchanged password look changed.
- **Logs.** A new password goes to the server as a verifier (hashed on this side), so it is in no statement log.

``PGSSLROOTCERT`` names the file of trusted certificates, if it is not the machine's own.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import TypeAlias

import psycopg
from psycopg import sql

from .contract import CredentialRejected, RotationError
from .databases import Engine
from .logins import Login, LoginFailed, Rules, certificates, open_login
from .postgresql_clones import ClonedRole

__all__ = ["PostgreSQL"]

_CONNECT_TIMEOUT_SECONDS = 5

# How servers and their password policies say that they do not take a password: data exceptions (the contributed
# passwordcheck), authorization errors (credcheck), RAISE in a policy written in SQL (pg_tle). Other errors, such as a
# missing privilege or a read-only replica, say nothing about the password.
_REJECTED_SQLSTATE_CLASSES = ("22", "28")
_RAISED_SQLSTATE = "P0001"

_Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]


class PostgreSQL(Engine[_Connection]):
    """The engines ``postgres`` and ``aurora-postgresql``."""

    # PostgreSQL cuts longer names off without an error (NAMEDATALEN), which would name another user.
    rules = Rules("PostgreSQL", ("postgres", "aurora-postgresql"), 5432, 63, dbname="postgres")

    def open(self, login: Login) -> AbstractContextManager[_Connection]:
        """See `Engine`."""
        return open_login(login, _connect)

    def change_password(self, connection: _Connection, login: Login) -> None:
        """See `Engine`."""
        try:
            _set_password(connection, login)
        except psycopg.DatabaseError as error:
            message = _words(error, f"did not change the password of {login.username!r}", login)
            rejected = _is_rejection(error.sqlstate or "")
        else:
            return
        raise CredentialRejected(message) if rejected else RotationError(message)

    def set_clone(
        self, current: _Connection, master: _Connection, source: Login, pending: Login, *, owned: bool
    ) -> None:
        """See `Engine`. All of it is one transaction; the clone's membership tells whose it is."""
        del current, owned
        try:
            with master.transaction():
                ClonedRole(master, source.username, pending.username).bring_in_step()
                self.change_password(master, pending)
        except psycopg.DatabaseError as error:
            message = _words(error, f"did not set up {pending.username!r} beside {source.username!r}", pending)
        else:
            return
        raise RotationError(message)


def _connect(login: Login, tls: bool) -> _Connection:
    try:
        connection = psycopg.connect(
            host=login.host,
            port=login.port,
            dbname=login.dbname,
            user=login.username,
            password=login.password,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            client_encoding="UTF8",
            application_name="secret-rotation",
            gssencmode="disable",
            require_auth="scram-sha-256,md5",
            sslmode="verify-full" if tls else "disable",
            sslrootcert=_certificates() if tls else "",
        )
    except psycopg.OperationalError as error:
        failure = LoginFailed(
            " ".join(str(error).split()),
            password_sent=error.pgconn is not None and bool(error.pgconn.used_password),
        )
    else:
        return _checked(connection)
    # Outside the handler: psycopg's exception holds the connection's parameters, and must not be chained to.
    raise failure


def _checked(connection: _Connection) -> _Connection:
    """The connection, after a statement went through it."""
    reason = ""
    try:
        connection.execute("SELECT 1")
    except psycopg.DatabaseError as error:
        connection.close()
        reason = " ".join(str(error).split())
    if reason:
        raise LoginFailed(reason, password_sent=True)
    return connection


def _set_password(connection: _Connection, login: Login) -> None:
    """Set the password, hashed on this side as the server's ``password_encryption`` says."""
    # Left to ask by itself, libpq would do so with Python's global lock held.
    row = connection.execute("SELECT current_setting('password_encryption')").fetchone()
    algorithm = str(row[0]).encode() if row else None
    verifier = connection.pgconn.encrypt_password(login.password.encode(), login.username.encode(), algorithm).decode()
    connection.execute(
        sql.SQL("ALTER USER {} WITH PASSWORD {}").format(sql.Identifier(login.username), sql.Literal(verifier))
    )


def _words(error: psycopg.DatabaseError, what: str, login: Login) -> str:
    """Words for an error: without the quotation of the statement that the exception's own text adds."""
    words = error.diag.message_primary or type(error).__name__
    if login.password in words:
        words = "the server's message is withheld, because it holds the password"
    return f"PostgreSQL on {login.address} {what}: {words} (SQLSTATE {error.sqlstate or 'unknown'})"


def _is_rejection(sqlstate: str) -> bool:
    return sqlstate[:2] in _REJECTED_SQLSTATE_CLASSES or sqlstate == _RAISED_SQLSTATE


def _certificates() -> str:
    """The file of trusted certificates, as libpq's ``sslrootcert`` takes it."""
    return os.environ.get("PGSSLROOTCERT") or certificates() or "system"
