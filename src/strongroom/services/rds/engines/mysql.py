"""MySQL and MariaDB through PyMySQL."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

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

__all__ = ["MySQL"]

_Connection: TypeAlias = "Connection[Cursor]"

_REFUSED: Final = (1044, 1045, 1698, 3118)
"""Access denied, for this database or at all, or only to the server's own system user; the account is locked."""

_REJECTED: Final = (1819, 3638, 4165)
"""The password policy of MySQL or MariaDB, and their rules on using an old password again."""

_LOST: Final = (2003, 2006, 2013)


class _ClearPassword:
    """Stands in for the plugins by which a server asks for the password itself: it is never given that."""

    def __init__(self, connection: object) -> None:
        raise pymysql.OperationalError(0, "the server asked for the password in clear")


class MySQL:
    """Implements `Driver`.

    Args:
        ca_bundle: A PEM file of certificates to trust for servers that name none; the machine's own by default.
    """

    def __init__(self, ca_bundle: Path | None) -> None:
        self._ca_bundle = ca_bundle

    def log_in(self, server: Server, login: Login) -> None:
        """See `Driver`."""
        with self._connected(server, login) as connection:
            _run(server, connection, "SELECT 1")

    def change_password(self, server: Server, by: Login, target: Login) -> None:
        """See `Driver`. A user changes its own account; for another one, all accounts of that name are changed."""
        with self._connected(server, by) as connection:
            if by.username == target.username:
                _run(server, connection, _own_statement(server, connection), (target.password,))
                return
            rows = _run(server, connection, "SELECT host FROM mysql.user WHERE user = %s", (target.username,))
            if not rows:
                raise ChangeRefused(f"MySQL on {server.address} has no user {target.username!r}.")
            for (host,) in rows:
                account = (target.username, str(host), target.password)
                _run(server, connection, "ALTER USER %s@%s IDENTIFIED BY %s", account)

    @contextmanager
    def _connected(self, server: Server, login: Login) -> Iterator[_Connection]:
        connection = _connect(server, login, self._context(server) if server.tls else None)
        try:
            yield connection
        finally:
            connection.close()

    def _context(self, server: Server) -> ssl.SSLContext:
        if server.authorities is not None:
            return ssl.create_default_context(cadata=server.authorities)
        return ssl.create_default_context(cafile=None if self._ca_bundle is None else str(self._ca_bundle))


def _own_statement(server: Server, connection: _Connection) -> str:
    """How users change their own password, which takes no privilege: MariaDB and MySQL have no common way."""
    version = str(_run(server, connection, "SELECT VERSION()")[0][0])
    if "mariadb" in version.lower():
        return "SET PASSWORD = PASSWORD(%s)"
    return "ALTER USER CURRENT_USER() IDENTIFIED BY %s"


def _connect(server: Server, login: Login, context: ssl.SSLContext | None) -> _Connection:
    refused = False
    try:
        return pymysql.connect(
            host=server.host,
            port=server.port,
            user=login.username,
            password=login.password.encode(),  # of a text the driver would make Latin-1
            database=server.database_name,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=CONNECT_SECONDS,
            write_timeout=CONNECT_SECONDS,
            ssl=context,
            ssl_disabled=context is None,
            auth_plugin_map={"mysql_clear_password": _ClearPassword, "dialog": _ClearPassword},
        )
    except pymysql.MySQLError as error:
        refused = _number_of(error) in _REFUSED
    except (OSError, UnicodeEncodeError):
        refused = False
    # Outside the handler: the frames of the driver's exception hold the password.
    if refused:
        raise LoginRefused(f"MySQL on {server.address} does not let {login.username!r} in.")
    raise Unreachable(f"MySQL on {server.address} cannot be reached.")


def _run(
    server: Server, connection: _Connection, statement: str, values: tuple[str, ...] = ()
) -> list[tuple[object, ...]]:
    """Run a statement; the driver quotes the values by the server's rules."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())
    except pymysql.MySQLError as error:
        failure = _failure(server, _number_of(error))
    raise failure


def _failure(server: Server, number: int) -> DatabaseError:
    if number in _REJECTED:
        return PasswordRejected(f"MySQL on {server.address} rejects the new password ({number}).")
    if number in _LOST:
        return Unreachable(f"MySQL on {server.address} broke off.")
    return ChangeRefused(f"MySQL on {server.address} does not do this ({number}).")


def _number_of(error: pymysql.MySQLError) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0
