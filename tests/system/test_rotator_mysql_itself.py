"""The rotators for MySQL against MySQL itself, where there is one: `tests.support.databases_mysql` says how.

What they do alike on MariaDB is tested there, in `test_rotator_mysql`; here is what the two servers do differently.
"""

from __future__ import annotations

import logging
import string
import traceback
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pymysql.converters import escape_string
from tests.support.databases import STEPS, TOKEN, complete, rotating, run
from tests.support.databases_mariadb import MariaDBServer
from tests.support.databases_mysql import start_mysql
from tests.support.secrets_manager import RotatingSecret

from strongroom.rotators.contract import RotationError
from strongroom.rotators.mysql_alternating_users import lambda_handler as alternating
from strongroom.rotators.mysql_single_user import lambda_handler as single
from strongroom.services.rds.engines import Login, LoginRefused, Server
from strongroom.services.rds.engines.mysql import MySQL

pytestmark = pytest.mark.system

MASTER = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:master-AbCdEf"
OLD = "0ld-canary-Passw0rd"
NEW = "n3w-canary-Passw0rd"


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDBServer]:
    with start_mysql() as running:
        running.execute("CREATE DATABASE shop", "CREATE TABLE shop.stock (item INT, price INT)")
        yield running


@pytest.fixture
def user(server: MariaDBServer) -> str:
    """A user of one test."""
    name = f"app_{uuid.uuid4().hex[:8]}"
    server.execute(f"CREATE USER {name}@'%' IDENTIFIED BY '{OLD}'")
    return name


def secret_of(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch, *passwords: str, **others: object
) -> RotatingSecret:
    place = {"engine": "mysql", "host": server.host, "port": server.port, "ssl": False}
    value = {**place, "username": user, "password": OLD, "masterarn": MASTER, **others}
    secret = rotating(monkeypatch, value, *(passwords or (NEW,)))
    secret.masters[MASTER] = {**place, "username": "root", "password": server.password, "ssl": value["ssl"]}
    return secret


def account(server: MariaDBServer, user: str) -> list[str]:
    """How a user logs in and what it may do, without its name and its password."""
    lines = [str(row[0]) for row in server.execute(f"SHOW GRANTS FOR {user}@'%'")]
    created = str(server.execute(f"SHOW CREATE USER {user}@'%'")[0][0])
    secret = created.partition(" AS ")[2].partition(" REQUIRE ")[0]
    shown = [line.replace(secret or "-", "").replace(f"'{user}'", "'user'") for line in (created, *lines)]
    return sorted(line.replace("price, item", "item, price") for line in shown)


def test_a_user_changes_its_own_password(server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, user, monkeypatch)
    for step in STEPS:
        run(single, step, step)
    assert secret.stages == {"version-1": ["AWSPREVIOUS"], TOKEN: ["AWSPENDING", "AWSCURRENT"]}
    assert (server.logs_in(user, OLD), server.logs_in(user, NEW)) == (False, True)


def test_the_clone_is_kept_in_step(server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, clone = f"{user}@'%'", f"{user}_clone"
    server.execute(
        f"GRANT ALL ON shop.* TO {name}",
        f"GRANT SELECT (item), INSERT (item, price), UPDATE ON shop.stock TO {name} WITH GRANT OPTION",
        f"GRANT PROCESS ON *.* TO {name}",
        f"GRANT PROXY ON ''@'' TO {name}",
        f"ALTER USER {name} REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 5000 PASSWORD EXPIRE INTERVAL 90 DAY",
        f"CREATE PROCEDURE shop.tidy_{user}() SELECT 1",
        f"GRANT EXECUTE ON PROCEDURE shop.tidy_{user} TO {name}",
    )
    secret = secret_of(server, user, monkeypatch, "first", "second")
    run(alternating)
    assert (server.logs_in(user, OLD), server.logs_in(clone, "first")) == (True, True)
    assert account(server, clone) == account(server, user)
    assert len(account(server, clone)) == 6
    server.execute(
        f"REVOKE ALL ON shop.* FROM {clone}@'%'",
        f"GRANT DELETE ON shop.* TO {clone}@'%'",
        f"REVOKE INSERT (price), UPDATE ON shop.stock FROM {clone}@'%'",
        f"REVOKE GRANT OPTION ON shop.stock FROM {clone}@'%'",
        f"REVOKE PROXY ON ''@'' FROM {clone}@'%'",
        f"ALTER USER {clone}@'%' WITH MAX_QUERIES_PER_HOUR 0 PASSWORD EXPIRE NEVER",
    )
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(alternating, secret, 2)
    assert account(server, user) == account(server, clone)
    assert (server.logs_in(user, OLD), server.logs_in(user, "second")) == (False, True)


def test_tls_and_an_account_with_another_plugin(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin sha256_password sends the password itself, inside TLS."""
    server.execute(f"ALTER USER {user}@'%' IDENTIFIED WITH sha256_password BY '{OLD}'")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    secret = secret_of(server, user, monkeypatch, "first", "second", ssl=True)
    run(single)
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(alternating, secret, 2)
    assert "sha256_password" in account(server, f"{user}_clone")[0]
    assert secret.read("AWSCURRENT")["username"] == f"{user}_clone"
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(RotationError, match="certificate verify failed") as raised:
        complete(single, secret, 3)
    assert "canary" not in "".join(traceback.format_exception(raised.value))


def test_no_password_in_any_log(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = secret_of(server, user, monkeypatch, "another-canary", "third-canary")
    with caplog.at_level(logging.DEBUG):
        run(single)
        secret.stages[TOKEN] = ["AWSCURRENT"]
        complete(alternating, secret, 2)
    written = server.log.read_text(encoding="utf-8", errors="replace")
    assert "ALTER USER" in written
    assert "another-canary" not in written
    assert "third-canary" not in written
    assert "canary" not in caplog.text


def test_the_service_for_databases_changes_passwords_too(server: MariaDBServer, user: str) -> None:
    driver, place = MySQL(None), Server("mysql", server.host, server.port, tls=False)
    driver.change_password(place, Login(user, OLD), Login(user, "its own"))
    driver.log_in(place, Login(user, "its own"))
    driver.change_password(place, Login("root", server.password), Login(user, NEW))
    driver.log_in(place, Login(user, NEW))
    with pytest.raises(LoginRefused):
        driver.log_in(place, Login(user, OLD))


@settings(max_examples=15, deadline=None)
@given(
    name=st.text(alphabet="\"'`\\%_;$ -/@aZ0\n\té", min_size=1, max_size=26).filter(
        lambda name: name == name.strip() and name != "root" and not name.endswith("_clone")
    ),
    password=st.text(alphabet=string.printable + "éß€", min_size=1, max_size=40),
)
@example(name="'; DROP TABLE stock; --", password="'; DROP TABLE shop.stock; -- ")
@example(name="O'Brien \\ %s {}", password=string.punctuation)
def test_every_name_and_password_is_quoted(server: MariaDBServer, name: str, password: str) -> None:
    quoted = escape_string(name)
    server.execute(f"CREATE USER '{quoted}'@'%' IDENTIFIED BY '{OLD}'", f"GRANT SELECT ON shop.* TO '{quoted}'@'%'")
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            secret_of(server, name, monkeypatch, password)
            run(alternating)
            assert server.logs_in(f"{name}_clone", password)
            secret_of(server, name, monkeypatch, password)
            run(single)
        assert server.logs_in(name, password)
        assert server.execute("SELECT COUNT(*) FROM shop.stock") == [(0,)]
    finally:
        server.execute(f"DROP USER IF EXISTS '{quoted}'@'%', '{quoted}_clone'@'%'")
