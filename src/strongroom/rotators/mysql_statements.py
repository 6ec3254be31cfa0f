"""The statements about accounts that MySQL and MariaDB understand, each in its own way."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import pymysql
from pymysql.cursors import Cursor

from .contract import RotationError
from .mysql_grants import Account, Rights, read_account, read_rights

__all__ = ["Statements", "native_hash"]

_NATIVE = "mysql_native_password"
_WITH_PASSWORDS = {
    True: (_NATIVE, "ed25519", "parsec"),
    False: (_NATIVE, "caching_sha2_password", "sha256_password"),
}
"""The plugins whose passwords SQL sets, on MariaDB and elsewhere."""
_LIMITS = ("MAX_QUERIES_PER_HOUR", "MAX_UPDATES_PER_HOUR", "MAX_CONNECTIONS_PER_HOUR", "MAX_USER_CONNECTIONS")

_Connection: TypeAlias = "pymysql.Connection[Cursor]"


class Statements:
    """Statements on one connection, whose session has an empty ``sql_mode``.

    Attributes:
        mariadb: Whether the server is MariaDB.
    """

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        version = self.column("SELECT VERSION()")[0]
        self.mariadb = "MariaDB" in version
        if not self.mariadb and not version.startswith("5."):
            self.run("SET SESSION print_identified_with_as_hex = 1")

    def run(self, statement: str) -> None:
        """Run a statement as it is."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def column(self, query: str) -> list[str]:
        """The first column of a query's answer."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return [str(row[0]) for row in cursor.fetchall()]

    def text(self, value: str) -> str:
        """A text in quotes."""
        return str(self._connection.escape(value))

    def account(self, user: str, host: str) -> str:
        """An account's name in quotes."""
        return f"{self.text(user)}@{self.text(host)}"

    def own_host(self) -> str:
        """The host part of the account that is logged in."""
        return self.column("SELECT CURRENT_USER()")[0].rpartition("@")[2]

    def exists(self, user: str, host: str) -> bool:
        """Whether there is an account; needs the right to read ``mysql.user``."""
        query = f"SELECT 1 FROM mysql.user WHERE User = {self.text(user)} AND Host = {self.text(host)}"  # noqa: S608 - both are quoted
        return bool(self.column(query))

    def read_account(self, account: str) -> Account:
        """How an account logs in."""
        limits = (*_LIMITS, "MAX_STATEMENT_TIME") if self.mariadb else _LIMITS
        return read_account(self.column(f"SHOW CREATE USER {account}")[0], limits)

    def read_rights(self, account: str, default_roles: str) -> Rights:
        """What an account may do."""
        return read_rights(self.column(f"SHOW GRANTS FOR {account}"), default_roles)

    def plugin(self, account: Account) -> str:
        """The plugin by which an account has a password; `RotationError` when it has none."""
        found = [plugin for plugin in account.plugins if plugin in _WITH_PASSWORDS[self.mariadb]]
        if not found:
            raise RotationError(f"An account that logs in by {' or '.join(account.plugins)} has no password to rotate")
        return found[0]

    def change_own_password(self, password: str) -> str:
        """Change the password of the account that is logged in, which needs no privilege."""
        if not self.mariadb:
            return f"ALTER USER USER() IDENTIFIED BY {self.text(password)}"
        own = [line for line in self.column("SHOW GRANTS") if " IDENTIFIED BY PASSWORD " in line]
        if own and self._takes_hashes():
            return f"SET PASSWORD = {self.text(native_hash(password))}"
        return f"SET PASSWORD = PASSWORD({self.text(password)})"

    def identified(self, plugin: str, password: str) -> str:
        """The clause that gives an account a plugin and a password."""
        if not self.mariadb:
            return f"IDENTIFIED WITH {plugin} BY {self.text(password)}"
        if plugin == _NATIVE and self._takes_hashes():
            return f"IDENTIFIED VIA {plugin} USING {self.text(native_hash(password))}"
        return f"IDENTIFIED VIA {plugin} USING PASSWORD({self.text(password)})"

    def default_roles(self, account: str, roles: str) -> str:
        """Set the roles that are active after a login; none when ``roles`` is empty."""
        word = "FOR" if self.mariadb else "TO"
        return f"SET DEFAULT ROLE {roles or 'NONE'} {word} {account}"

    def _takes_hashes(self) -> bool:
        """Whether no policy wants to see the passwords."""
        query = (
            "SELECT COUNT(*) FROM information_schema.PLUGINS"
            " WHERE PLUGIN_TYPE = 'PASSWORD VALIDATION' AND PLUGIN_STATUS = 'ACTIVE'"
        )
        return self.column(query) == ["0"]


def native_hash(password: str) -> str:
    """A password as the plugin mysql_native_password stores it: SHA-1 twice, in hexadecimal digits after a star."""
    inner = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()
