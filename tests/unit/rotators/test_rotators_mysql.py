"""Reading grants as MySQL and MariaDB show them, the statements for each, and the login, without a server."""

from __future__ import annotations

import string
from typing import Any

import pymysql
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymysql.converters import escape_string
from tests.support.databases import rotating, run

from strongroom.rotators import mysql_single_user
from strongroom.rotators.contract import RotationError
from strongroom.rotators.mysql_grants import ROLE, Rights, read_account, read_rights, tokens
from strongroom.rotators.mysql_statements import Statements, native_hash

LIMITS = ("MAX_QUERIES_PER_HOUR", "MAX_USER_CONNECTIONS")
CURRENT = {"engine": "mysql", "host": "db.example.com", "username": "app", "password": "0ld-canary", "ssl": True}


# --- SHOW GRANTS


def test_grants_as_mysql_shows_them() -> None:
    rights = read_rights(
        [
            "GRANT SELECT, CREATE TEMPORARY TABLES ON *.* TO `app`@`%` WITH GRANT OPTION",
            "GRANT BACKUP_ADMIN,ROLE_ADMIN ON *.* TO `app`@`%`",
            "GRANT SELECT (`b`, `a`), INSERT ON `my``db`.`t` TO `app`@`%`",
            "GRANT `reader`@`%`,`writer`@`%` TO `app`@`%` WITH ADMIN OPTION",
            "GRANT PROXY ON ``@`` TO `app`@`%` WITH GRANT OPTION",
            "GRANT USAGE ON `empty`.* TO `app`@`%`",
        ],
        default_roles="`reader`@`%`",
    )
    assert rights == Rights(
        {
            ("*.*", True): frozenset({"SELECT", "CREATE TEMPORARY TABLES"}),
            ("*.*", False): frozenset({"BACKUP_ADMIN", "ROLE_ADMIN"}),
            ("`my``db`.`t`", False): frozenset({"SELECT (`a`, `b`)", "INSERT"}),
            (f"{ROLE}`reader`@`%`", True): frozenset({"ROLE"}),
            (f"{ROLE}`writer`@`%`", True): frozenset({"ROLE"}),
            ("``@``", True): frozenset({"PROXY"}),
        },
        "`reader`@`%`",
    )


def test_a_partial_revoke_cannot_be_copied() -> None:
    with pytest.raises(RotationError, match="partial revoke"):
        read_rights(["GRANT SELECT ON *.* TO `app`@`%`", "REVOKE SELECT ON `mysql`.* FROM `app`@`%`"])


def test_rights_within_others() -> None:
    one = read_rights(["GRANT SELECT ON `shop`.* TO `a`@`%`"])
    more = read_rights(["GRANT SELECT, INSERT ON `shop`.* TO `a`@`%`", "GRANT PROCESS ON *.* TO `a`@`%`"])
    everything = read_rights(["GRANT ALL PRIVILEGES ON `shop`.* TO `a`@`%`"])
    assert one.within(more)
    assert one.within(everything)
    assert not more.within(one)
    assert not everything.within(more)
    assert not read_rights(["GRANT SELECT ON `shop`.* TO `a`@`%` WITH GRANT OPTION"]).within(more)


@given(
    user=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=32),
    database=st.text(alphabet="`'\"\\ ()TOWITHGRANTON.,@", min_size=1, max_size=20),
)
@example(user="a` TO `b", database="d` ON `e")
@example(user="x WITH GRANT OPTION", database="TO")
def test_names_are_never_taken_for_words(user: str, database: str) -> None:
    account = "`{}`@`%`".format(user.replace("`", "``"))
    place = "`{}`.*".format(database.replace("`", "``"))
    rights = read_rights([f"GRANT SELECT, UPDATE ON {place} TO {account}"])
    assert rights.privileges == {(place, False): frozenset({"SELECT", "UPDATE"})}


@given(st.text(alphabet=string.ascii_letters + "'\\ ", max_size=20))
def test_texts_are_single_tokens(text: str) -> None:
    quoted = f"'{escape_string(text)}'"
    assert tokens(f"IDENTIFIED BY PASSWORD {quoted} REQUIRE SSL") == [
        "IDENTIFIED", "BY", "PASSWORD", quoted, "REQUIRE", "SSL",
    ]  # fmt: skip


# --- SHOW CREATE USER


def test_an_account_as_mysql_shows_it() -> None:
    account = read_account(
        "CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x2441 DEFAULT ROLE `r`@`%`,`s`@`%` "
        "REQUIRE SSL WITH MAX_USER_CONNECTIONS 9 PASSWORD EXPIRE INTERVAL 30 DAY ACCOUNT LOCK "
        "PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT "
        "FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1 COMMENT 'WITH a DEFAULT ROLE'",
        LIMITS,
    )
    assert account.plugins == ("caching_sha2_password",)
    assert account.default_roles == "`r`@`%`,`s`@`%`"
    assert account.locked
    assert account.options == (
        "REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 0 MAX_USER_CONNECTIONS 9 PASSWORD EXPIRE INTERVAL 30 DAY "
        "PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT "
        "FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1"
    )


def test_an_account_as_mariadb_shows_it() -> None:
    plain = read_account("CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '*CD02'", LIMITS)
    assert plain.plugins == ("mysql_native_password",)
    assert plain.options == "REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 0 MAX_USER_CONNECTIONS 0"
    several = read_account("CREATE USER `app`@`%` IDENTIFIED VIA ed25519 USING 'fh OR x' OR unix_socket", LIMITS)
    assert several.plugins == ("ed25519", "unix_socket")


# --- the statements


class Connection:
    """Stands in for a connection and its cursor: answers queries by their beginning and notes statements."""

    def __init__(self, version: str, **answers: list[Any]) -> None:
        self.answers: dict[str, list[tuple[object, ...]]] = {"SELECT VERSION": [(version,)], **answers}
        self.ran: list[str] = []
        self._rows: list[tuple[object, ...]] = []

    def cursor(self) -> Connection:
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def execute(self, statement: str) -> None:
        self.ran.append(statement)
        found = [rows for beginning, rows in self.answers.items() if statement.startswith(beginning)]
        self._rows = found[0] if found else []

    def fetchall(self) -> list[tuple[object, ...]]:
        return self._rows

    def escape(self, value: str) -> str:
        return f"'{escape_string(value)}'"


def test_the_statements_of_mysql() -> None:
    connection: Any = Connection("8.4.3")
    statements = Statements(connection)
    assert connection.ran[-1] == "SET SESSION print_identified_with_as_hex = 1"
    assert statements.change_own_password("it's") == "ALTER USER USER() IDENTIFIED BY 'it\\'s'"
    assert statements.identified("caching_sha2_password", "x") == "IDENTIFIED WITH caching_sha2_password BY 'x'"
    assert statements.default_roles("'a'@'%'", "") == "SET DEFAULT ROLE NONE TO 'a'@'%'"
    account = read_account("CREATE USER `a`@`%` IDENTIFIED WITH 'auth_pam' AS ''", LIMITS)
    with pytest.raises(RotationError, match="auth_pam has no password"):
        statements.plugin(account)


def test_mariadb_is_given_hashes_unless_a_policy_wants_to_see_passwords() -> None:
    native = {"SHOW GRANTS": [("GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*0'",)]}
    for policies, expected in ((0, f"SET PASSWORD = '{native_hash('x')}'"), (1, "SET PASSWORD = PASSWORD('x')")):
        connection: Any = Connection("10.11.19-MariaDB", **native, **{"SELECT COUNT": [(policies,)]})
        assert Statements(connection).change_own_password("x") == expected


def test_the_hash_is_the_server_s() -> None:
    # As MariaDB's documentation of PASSWORD() has it.
    assert native_hash("notagoodpwd") == "*3A70EE9FC6594F88CE9E959CD51C5A1C002DC937"


# --- the login


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "mariadb"}, "engine"),
        ({"username": "u" * 33}, "more than 32 characters under 'username'"),
        ({"port": "x"}, "port"),
        ({"dbname": 5}, "dbname"),
    ],
)
def test_secrets_that_cannot_be_rotated(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
) -> None:
    rotating(monkeypatch, {**CURRENT, **change})
    with pytest.raises(RotationError, match=message):
        run(mysql_single_user.lambda_handler, "createSecret")


@pytest.mark.parametrize(("host", "tried"), [("db.example.com", [True]), ("127.0.0.1", [True, False])])
def test_without_tls_only_on_this_machine(monkeypatch: pytest.MonkeyPatch, host: str, tried: list[bool]) -> None:
    asked: list[bool] = []

    def connect(**parameters: object) -> object:
        asked.append(not parameters["ssl_disabled"])
        raise pymysql.OperationalError(2026, "SSL is required but the server doesn't support it")

    monkeypatch.setattr(pymysql, "connect", connect)
    rotating(monkeypatch, {key: value for key, value in CURRENT.items() if key != "ssl"} | {"host": host})
    run(mysql_single_user.lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="SSL is required"):
        run(mysql_single_user.lambda_handler, "testSecret")
    assert asked == tried


def test_a_server_that_asks_for_the_password_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(**parameters: Any) -> object:
        parameters["auth_plugin_map"]["mysql_clear_password"](object())
        raise AssertionError

    monkeypatch.setattr(pymysql, "connect", connect)
    rotating(monkeypatch, CURRENT)
    run(mysql_single_user.lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="never given"):
        run(mysql_single_user.lambda_handler, "testSecret")
