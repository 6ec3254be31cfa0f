"""MySQL and MariaDB: how to log in, and how to set passwords and clones. Needs PyMySQL.

Where this is stricter than the functions that AWS publishes:

- **TLS.** A connection that should have TLS and has none is closed before a statement goes through it.
- **Proof.** The server must have taken the login for the user of the secret, not for an anonymous one. The password
  never travels in clear outside TLS.
- **Logs.** MariaDB writes statements to its logs as they are, so it is given a hash where it takes one: for accounts of
  the plugin mysql_native_password, unless a password policy wants to see the password. MySQL hides passwords itself.
"""

from __future__ import annotations

import ssl
from contextlib import AbstractContextManager
from typing import TypeAlias

import pymysql
from pymysql.cursors import Cursor

from .contract import CredentialRejected, RotationError
from .databases import Engine
from .logins import Login, LoginFailed, Rules, open_login, tls_context
from .mysql_clones import ClonedAccount
from .mysql_statements import Statements, native_hash

__all__ = ["MariaDB", "MySQL"]

_CONNECT_TIMEOUT_SECONDS = 5
_STATEMENT_TIMEOUT_SECONDS = 20
# An empty sql_mode: how texts and names are quoted depends on it, both ways.
_SESSION = "SET SESSION sql_mode = '', sql_quote_show_create = 1"
_ACCESS_DENIED = 1045
# ER_NOT_VALID_PASSWORD and ER_CREDENTIALS_CONTRADICT_TO_HISTORY: the password breaks a policy.
_REJECTIONS = (1819, 3638)

_Connection: TypeAlias = "pymysql.Connection[Cursor]"


class _ClearPassword:
    """Stands in for the plugins by which a server asks for the password itself."""

    def __init__(self, connection: object) -> None:
        raise pymysql.OperationalError(0, "the server asked for the password in clear, which it is never given")


class _MySQLFamily(Engine[_Connection]):
    def open(self, login: Login) -> AbstractContextManager[_Connection]:
        """See `Engine`."""
        return open_login(login, _connect)

    def change_password(self, connection: _Connection, login: Login) -> None:
        """See `Engine`."""
        try:
            statements = Statements(connection)
            statements.run(statements.change_own_password(login.password))
        except pymysql.MySQLError as error:
            message = self._words(error, f"did not change the password of {login.username!r}", login)
            rejected = _code(error) in _REJECTIONS
        else:
            return
        raise CredentialRejected(message) if rejected else RotationError(message)

    def set_clone(
        self, current: _Connection, master: _Connection, source: Login, pending: Login, *, owned: bool
    ) -> None:
        """See `Engine`. The server commits each statement by itself, so the password comes last."""
        try:
            ClonedAccount(Statements(current), Statements(master), source, pending, owned=owned).bring_in_step()
        except pymysql.MySQLError as error:
            message = self._words(error, f"did not set up {pending.username!r} beside {source.username!r}", pending)
            rejected = _code(error) in _REJECTIONS
        else:
            return
        raise CredentialRejected(message) if rejected else RotationError(message)

    def _words(self, error: pymysql.MySQLError, what: str, login: Login) -> str:
        words = str(error.args[-1]) if error.args else type(error).__name__
        if login.password in words or native_hash(login.password) in words:
            words = "the server's message is withheld, because it holds the password"
        return f"{self.rules.product} on {login.address} {what}: {words} (error {_code(error)})"


class MySQL(_MySQLFamily):
    """The engines ``mysql`` and ``aurora-mysql``."""

    rules = Rules("MySQL", ("mysql", "aurora-mysql"), 3306, 32, "characters")


class MariaDB(_MySQLFamily):
    """The engine ``mariadb``."""

    rules = Rules("MariaDB", ("mariadb",), 3306, 80, "characters")


def _connect(login: Login, tls: bool) -> _Connection:
    reason, password_sent = "", False
    try:
        connection = pymysql.connect(
            host=login.host,
            port=login.port,
            user=login.username,
            # As bytes: PyMySQL would encode a text as Latin-1.
            password=login.password.encode(),
            database=login.dbname or None,
            charset="utf8mb4",
            autocommit=True,
            init_command=_SESSION,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            read_timeout=_STATEMENT_TIMEOUT_SECONDS,
            write_timeout=_STATEMENT_TIMEOUT_SECONDS,
            ssl=tls_context() if tls else None,
            ssl_disabled=not tls,
            auth_plugin_map={"mysql_clear_password": _ClearPassword, "dialog": _ClearPassword},
        )
    except (pymysql.MySQLError, OSError, ssl.SSLError, RuntimeError) as error:
        # RuntimeError: a plugin whose login would need a key of unknown origin when there is no TLS.
        reason, password_sent = _reason(error), _code(error) == _ACCESS_DENIED
    if not reason:
        reason, password_sent = _doubts(connection, login, tls), True
        if not reason:
            return connection
        connection.close()
    # Outside the handler: PyMySQL's exception must not be chained to, its frames hold the password.
    raise LoginFailed(reason, password_sent=password_sent)


def _doubts(connection: _Connection, login: Login, tls: bool) -> str:
    """Why a connection proves nothing, or the empty text."""
    try:
        with connection.cursor() as cursor:
            if tls:
                cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
                row = cursor.fetchone()
                if not row or not row[1]:
                    return "the server went on without TLS"
            cursor.execute("SELECT CURRENT_USER()")
            row = cursor.fetchone()
    except pymysql.MySQLError as error:
        return _reason(error)
    account = str(row[0]) if row else ""
    if account.rpartition("@")[0] != login.username:
        return f"the server took {login.username!r} for the account {account!r}"
    return ""


def _reason(error: Exception) -> str:
    words = error.args[-1] if isinstance(error, pymysql.MySQLError) and error.args else error
    return " ".join(str(words).split()) or type(error).__name__


def _code(error: Exception) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0
