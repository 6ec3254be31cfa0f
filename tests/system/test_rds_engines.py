"""The drivers against real servers: every legal user name and password, and names that would inject (attack 16)."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from demo.postgresql import PostgreSQL, start_postgresql
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from tests.support.databases_mariadb import MariaDBServer, start_mariadb
from tests.support.postgresql_tls import serve_tls

from strongroom.services.rds.engines import (
    ChangeRefused,
    Login,
    LoginRefused,
    PasswordRejected,
    Server,
    Unreachable,
)
from strongroom.services.rds.engines.mysql import MySQL
from strongroom.services.rds.engines.postgresql import PostgreSQL as PostgreSQLDriver

pytestmark = pytest.mark.system

MANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"])


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(prefix="engines-") as name, start_postgresql(Path(name)) as server:
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDBServer]:
    with start_mariadb() as server:
        yield server


def _postgresql(server: PostgreSQL, **changes: object) -> Server:
    given = {"engine": "postgres", "host": server.host, "port": server.port, "tls": False, **changes}
    return Server(**given)  # type: ignore[arg-type]


def _mariadb(server: MariaDBServer) -> Server:
    return Server("mariadb", server.host, server.port, tls=False)


@MANY
@given(
    name=st.text(CHARACTERS, min_size=1, max_size=15).filter(lambda text: not text.startswith("pg_")),
    password=st.text(CHARACTERS, min_size=1, max_size=41),
)
@example(name="x'; DROP ROLE postgres; --", password="'; DROP ROLE postgres; --")
@example(name='a"b', password="\\'\"%s${x}")
@example(name="n" * 63, password="p" * 41)
def test_postgresql_takes_every_name_and_password(postgresql: PostgreSQL, name: str, password: str) -> None:
    driver, server, first = PostgreSQLDriver(None), _postgresql(postgresql), secrets.token_hex(8)
    with postgresql.admin() as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(first)))
    try:
        driver.change_password(server, Login(name, first), Login(name, password))
        driver.log_in(server, Login(name, password))
        with pytest.raises(LoginRefused):
            driver.log_in(server, Login(name, first + "x"))
    finally:
        with postgresql.admin() as admin:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@MANY
@given(
    name=st.text(CHARACTERS, min_size=1, max_size=15).filter(
        lambda text: text.strip() == text and max(text) < "\U00010000"
    ),
    password=st.text(CHARACTERS, min_size=1, max_size=41),
)
@example(name="x'@'%'; DROP USER root; --", password="'; DROP USER root; --")
@example(name="a\\'b", password="\\'\"%s${x}")
def test_mariadb_takes_every_name_and_password(mariadb: MariaDBServer, name: str, password: str) -> None:
    driver, server, first = MySQL(None), _mariadb(mariadb), secrets.token_hex(8)
    with mariadb.login("root", mariadb.password) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER %s@'127.0.0.1' IDENTIFIED BY %s", (name, first))
        try:
            driver.change_password(server, Login(name, first), Login(name, password))
            driver.log_in(server, Login(name, password))
            driver.change_password(server, Login("root", mariadb.password), Login(name, first))
            driver.log_in(server, Login(name, first))
        finally:
            cursor.execute("DROP USER %s@'127.0.0.1'", (name,))


def test_another_user_changes_a_password_only_with_the_right_to(postgresql: PostgreSQL, mariadb: MariaDBServer) -> None:
    with postgresql.admin() as admin:
        admin.execute("CREATE ROLE plain LOGIN PASSWORD 'plain-1'; CREATE ROLE other LOGIN PASSWORD 'other-1'")
    driver = PostgreSQLDriver(None)
    with pytest.raises(ChangeRefused):
        driver.change_password(_postgresql(postgresql), Login("plain", "plain-1"), Login("other", "new-1"))
    driver.log_in(_postgresql(postgresql), Login("other", "other-1"))
    mariadb.execute("CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'plain-1'")
    with pytest.raises(ChangeRefused):
        MySQL(None).change_password(_mariadb(mariadb), Login("plain", "plain-1"), Login("root", "new-1"))
    with pytest.raises(ChangeRefused, match="no user"):
        MySQL(None).change_password(_mariadb(mariadb), Login("root", mariadb.password), Login("nobody", "new-1"))


def test_tls_is_verified(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with postgresql.admin() as admin:
        admin.execute("CREATE ROLE secured LOGIN PASSWORD 'secured-1'")
    driver, login = PostgreSQLDriver(None), Login("secured", "secured-1")
    with serve_tls(postgresql.port, tmp_path) as front:
        trusted = front.certificate.read_text()
        driver.log_in(_postgresql(postgresql, port=front.port, tls=True, authorities=trusted), login)
        PostgreSQLDriver(front.certificate).log_in(_postgresql(postgresql, port=front.port, tls=True), login)
        with pytest.raises(Unreachable):
            driver.log_in(_postgresql(postgresql, port=front.port, tls=True), login)
        with pytest.raises(Unreachable):
            driver.log_in(
                _postgresql(postgresql, port=front.port, tls=True, authorities=trusted, host="localhost"), login
            )
    # A server without TLS is no reason to go without.
    with pytest.raises(Unreachable):
        driver.log_in(_postgresql(postgresql, tls=True, authorities=trusted), login)


def test_a_server_that_lets_anybody_in_proves_nothing(postgresql: PostgreSQL) -> None:
    with postgresql.admin() as admin:
        admin.execute("CREATE ROLE trusted LOGIN PASSWORD 'trusted-1'")
        rules = Path(str(admin.execute("SHOW hba_file").fetchone()[0]))  # type: ignore[index]
        before = rules.read_text()
        try:
            rules.write_text("host all trusted 127.0.0.1/32 trust\n" + before)
            admin.execute("SELECT pg_reload_conf()")
            with pytest.raises((Unreachable, LoginRefused)):
                PostgreSQLDriver(None).log_in(_postgresql(postgresql), Login("trusted", "anything"))
        finally:
            rules.write_text(before)
            admin.execute("SELECT pg_reload_conf()")


def test_a_rejected_password_is_told_apart(mariadb: MariaDBServer) -> None:
    mariadb.execute("CREATE USER strict@'127.0.0.1' IDENTIFIED BY 'strict-1'", "INSTALL SONAME 'simple_password_check'")
    try:
        with pytest.raises(PasswordRejected) as caught:
            MySQL(None).change_password(_mariadb(mariadb), Login("strict", "strict-1"), Login("strict", "canary"))
    finally:
        mariadb.execute("UNINSTALL SONAME 'simple_password_check'")
    assert "canary" not in str(caught.value)
    MySQL(None).log_in(_mariadb(mariadb), Login("strict", "strict-1"))


def test_no_exception_holds_a_password(postgresql: PostgreSQL) -> None:
    with pytest.raises(LoginRefused) as caught:
        PostgreSQLDriver(None).log_in(_postgresql(postgresql), Login("nobody", "canary-password"))
    assert caught.value.__cause__ is None
    assert not isinstance(caught.value.__context__, psycopg.Error)
    assert "canary" not in str(caught.value)
