"""The rotators for MySQL and MariaDB, against a real MariaDB, which speaks for both: Debian has no MySQL."""

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
from tests.support.databases_mariadb import MariaDBServer, start_mariadb
from tests.support.secrets_manager import RotatingSecret

from strongroom.rotators import (
    mariadb_alternating_users,
    mariadb_single_user,
    mysql_alternating_users,
    mysql_single_user,
)
from strongroom.rotators.contract import RotationError

pytestmark = pytest.mark.system

MASTER = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:master-AbCdEf"
OLD = "0ld-canary-Passw0rd"
NEW = "n3w-canary-Passw0rd"
single = mariadb_single_user.lambda_handler
alternating = mariadb_alternating_users.lambda_handler


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDBServer]:
    with start_mariadb() as running:
        running.execute(
            "CREATE DATABASE shop",
            "CREATE TABLE shop.stock (item INT, price INT)",
            "CREATE ROLE reader",
            "GRANT SELECT ON shop.* TO reader",
            "INSTALL SONAME 'auth_ed25519'",
        )
        yield running


@pytest.fixture
def user(server: MariaDBServer) -> str:
    """A user of one test."""
    name = f"app_{uuid.uuid4().hex[:8]}"
    server.execute(f"CREATE USER {name}@'%' IDENTIFIED BY '{OLD}'")
    return name


def secret_of(
    server: MariaDBServer,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
    *passwords: str,
    **others: object,
) -> RotatingSecret:
    value = {"engine": "mariadb", "host": server.host, "port": server.port, "username": user, "password": OLD}
    secret = rotating(monkeypatch, {**value, "masterarn": MASTER, "ssl": False, **others}, *(passwords or (NEW,)))
    secret.masters[MASTER] = {
        **value,
        "engine": others.get("engine", "mariadb"),
        "username": "root",
        "password": server.password,
        "ssl": False,
    }
    return secret


def rights(server: MariaDBServer, user: str) -> list[str]:
    """What a user may do, without its name and its password, and whatever the order of columns."""
    lines = [str(row[0]) for row in server.execute(f"SHOW GRANTS FOR {user}@'%'")]
    hidden = [line.partition(" IDENTIFIED BY PASSWORD ") for line in lines]
    shown = [(head + tail[43:]).replace(f"`{user}`", "`user`") for head, _, tail in hidden]
    return sorted(line.replace("`price`, `item`", "`item`, `price`") for line in shown)


# --- one user


@pytest.mark.parametrize("handler", [single, mysql_single_user.lambda_handler])
def test_a_user_changes_its_own_password(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch, handler: object
) -> None:
    engine = "mariadb" if handler is single else "aurora-mysql"
    secret = secret_of(server, user, monkeypatch, engine=engine, port=str(server.port), color="blue")
    for step in STEPS:
        run(handler, step, step)  # type: ignore[arg-type] # one of the two handlers above
    assert secret.stages == {"version-1": ["AWSPREVIOUS"], TOKEN: ["AWSPENDING", "AWSCURRENT"]}
    assert secret.read("AWSCURRENT") == {**secret.read("AWSPREVIOUS"), "password": NEW}
    assert (server.logs_in(user, OLD), server.logs_in(user, NEW)) == (False, True)


def test_the_previous_password_opens_the_door(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secret_of(server, user, monkeypatch)
    current = secret.read("AWSCURRENT")
    secret.put("version-0", current, "AWSPREVIOUS")
    secret.put("version-1", {**current, "password": "never-set"}, "AWSCURRENT")
    run(single)
    assert server.logs_in(user, NEW)


def test_an_account_with_another_plugin(server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.execute(f"ALTER USER {user}@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{OLD}')")
    secret = secret_of(server, user, monkeypatch, "first", "second")
    run(single)
    assert (server.logs_in(user, OLD), server.logs_in(user, "first")) == (False, True)
    assert "ed25519" in rights(server, user)[0]

    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(alternating, secret, 2)
    assert server.logs_in(f"{user}_clone", "second")
    assert "ed25519" in rights(server, f"{user}_clone")[0]


def test_no_password_logs_in(server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.execute(f"ALTER USER {user}@'%' IDENTIFIED BY 'set by somebody else'")
    secret_of(server, user, monkeypatch)
    run(single, "createSecret")
    with pytest.raises(RotationError, match=r"AWSPENDING: Access denied .*AWSCURRENT: Access denied") as raised:
        run(single, "setSecret")
    assert "canary" not in "".join(traceback.format_exception(raised.value))
    with pytest.raises(RotationError, match="does not log in"):
        run(single, "testSecret")


def test_an_anonymous_user_proves_nothing(server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.execute(f"CREATE USER ''@'127.0.0.1' IDENTIFIED BY '{NEW}'")
    try:
        secret_of(server, user, monkeypatch)
        run(single, "createSecret")
        with pytest.raises(RotationError, match="for the account '@127"):
            run(single, "testSecret")
    finally:
        server.execute("DROP USER ''@'127.0.0.1'")


def test_a_password_that_breaks_the_policy_makes_way_for_another(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.execute("INSTALL SONAME 'simple_password_check'")
    try:
        for handler in (single, alternating):
            secret = secret_of(server, user, monkeypatch, "canary")
            run(handler, "createSecret")
            with pytest.raises(RotationError, match=r"error 1819.* is no longer AWSPENDING") as raised:
                run(handler, "setSecret")
            assert "canary" not in "".join(traceback.format_exception(raised.value))
            assert secret.stages == {"version-1": ["AWSCURRENT"], TOKEN: []}
        secret_of(server, user, monkeypatch, "G00d-enough!")
        run(alternating)
        run_again = secret_of(server, user, monkeypatch, "G00d-enough!")
        run(single)
        assert server.logs_in(user, str(run_again.read("AWSCURRENT")["password"]))
    finally:
        server.execute("UNINSTALL SONAME 'simple_password_check'")


def test_no_password_in_any_log(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = secret_of(server, user, monkeypatch, "another-canary", "third-canary")
    with caplog.at_level(logging.DEBUG):
        run(single)
        secret.stages[TOKEN] = ["AWSCURRENT"]
        complete(alternating, secret, 2)
    written = server.log.read_text(encoding="utf-8", errors="replace")
    assert "SET PASSWORD = '*" in written
    assert "another-canary" not in written
    assert "third-canary" not in written
    assert caplog.text
    assert "canary" not in caplog.text


# --- two users


def test_two_users_take_turns(server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.execute(f"GRANT SELECT ON shop.* TO {user}@'%'")
    secret = secret_of(server, user, monkeypatch, "first", "second", "third", engine="mysql")
    run(mysql_alternating_users.lambda_handler)
    clone = f"{user}_clone"
    assert secret.read("AWSCURRENT") == {**secret.read("AWSPREVIOUS"), "username": clone, "password": "first"}
    assert (server.logs_in(user, OLD), server.logs_in(clone, "first")) == (True, True)
    assert rights(server, clone) == rights(server, user)
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(mysql_alternating_users.lambda_handler, secret, 2)
    assert secret.read("AWSCURRENT")["username"] == user
    assert (server.logs_in(clone, "first"), server.logs_in(user, OLD), server.logs_in(user, "second")) == (
        True,
        False,
        True,
    )


def test_the_clone_is_kept_in_step(server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, clone = f"{user}@'%'", f"{user}_clone"
    server.execute(
        f"GRANT reader TO {name} WITH ADMIN OPTION",
        f"SET DEFAULT ROLE reader FOR {name}",
        f"GRANT ALL ON shop.* TO {name}",
        f"GRANT SELECT (item), INSERT (item, price), UPDATE ON shop.stock TO {name} WITH GRANT OPTION",
        f"GRANT PROCESS ON *.* TO {name}",
        f"GRANT PROXY ON ''@'%' TO {name}",
        f"ALTER USER {name} REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 5000 MAX_STATEMENT_TIME 7 "
        "PASSWORD EXPIRE INTERVAL 90 DAY",
        "CREATE OR REPLACE PROCEDURE shop.tidy() SELECT 1",
        f"GRANT EXECUTE ON PROCEDURE shop.tidy TO {name}",
    )
    secret = secret_of(server, user, monkeypatch)
    run(alternating)
    assert rights(server, clone) == rights(server, user)
    assert len(rights(server, clone)) == 7
    assert options(server, clone) == options(server, user)
    assert "EXPIRE INTERVAL 90 DAY" in options(server, clone)

    # Less than before, here and there. The clone is the account in use now, so it is the measure.
    server.execute(
        f"REVOKE reader FROM {clone}@'%'",
        f"REVOKE ALL ON shop.* FROM {clone}@'%'",
        f"GRANT DELETE ON shop.* TO {clone}@'%'",
        f"REVOKE INSERT (price), UPDATE ON shop.stock FROM {clone}@'%'",
        f"REVOKE GRANT OPTION ON shop.stock FROM {clone}@'%'",
        f"REVOKE PROXY ON ''@'%' FROM {clone}@'%'",
        f"SET DEFAULT ROLE NONE FOR {clone}@'%'",
        f"ALTER USER {clone}@'%' WITH MAX_QUERIES_PER_HOUR 0 MAX_STATEMENT_TIME 0 PASSWORD EXPIRE NEVER",
    )
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(alternating, secret, 2)
    assert rights(server, user) == rights(server, clone)
    assert options(server, user) == options(server, clone)
    assert "MAX_" not in options(server, user)


def options(server: MariaDBServer, user: str) -> str:
    text = str(server.execute(f"SHOW CREATE USER {user}@'%'")[0][0])
    return text.partition("IDENTIFIED BY PASSWORD ")[2][43:]


def test_who_cannot_log_in_gets_nobody_cloned(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_of(server, user, monkeypatch, password="wr0ng-canary")
    run(alternating, "createSecret")
    with pytest.raises(RotationError, match=r"No version of .* logs in"):
        run(alternating, "setSecret")
    assert server.execute(f"SELECT COUNT(*) FROM mysql.user WHERE User = '{user}_clone'") == [(0,)]


def test_an_account_that_may_more_is_not_taken_for_the_clone(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.execute(
        f"CREATE USER {user}_clone@'%' IDENTIFIED BY 'somebody else'", f"GRANT DELETE ON shop.* TO {user}_clone@'%'"
    )
    secret_of(server, user, monkeypatch)
    run(alternating, "createSecret")
    with pytest.raises(RotationError, match="may belong to somebody else"):
        run(alternating, "setSecret")
    assert server.logs_in(f"{user}_clone", "somebody else")
    # One that may do nothing beyond the user in use gives nothing away.
    server.execute(f"GRANT ALL ON shop.* TO {user}@'%'")
    run(alternating, "setSecret", "testSecret")
    assert rights(server, f"{user}_clone") == rights(server, user)


def test_an_interrupted_rotation_leaves_the_clone_locked(
    server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.execute(f"GRANT SELECT ON shop.* TO {user}@'%'")
    server.execute(
        f"CREATE USER {user}_weak@'%' IDENTIFIED BY '{OLD}'",
        f"GRANT CREATE USER ON *.* TO {user}_weak@'%'",
        f"GRANT SELECT ON mysql.* TO {user}_weak@'%'",
    )
    secret = secret_of(server, user, monkeypatch)
    root = secret.masters[MASTER]
    secret.masters[MASTER] = {**root, "username": f"{user}_weak", "password": OLD}
    run(alternating, "createSecret")
    with pytest.raises(RotationError, match="Access denied"):
        run(alternating, "setSecret")
    with pytest.raises(RotationError, match="locked"):
        run(alternating, "testSecret")
    secret.masters[MASTER] = root
    run(alternating)
    assert rights(server, f"{user}_clone") == rights(server, user)


# --- TLS


def test_tls_with_a_verified_server(server: MariaDBServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.execute(f"ALTER USER {user}@'%' REQUIRE SSL")
    secret = secret_of(server, user, monkeypatch, ssl=True)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    run(single, "createSecret")
    with pytest.raises(RotationError, match="certificate verify failed"):
        run(single, "setSecret")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    run(single)
    assert secret.stages[TOKEN] == ["AWSPENDING", "AWSCURRENT"]


# --- names and passwords

NAMES = st.one_of(
    st.text(alphabet="\"'`\\%_;$ -/@aZ0\n\té", min_size=1, max_size=20),
    st.text(
        st.characters(exclude_characters="\0", max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1, max_size=74
    ),
).filter(lambda name: name == name.strip() and name != "root" and not name.endswith("_clone"))
PASSWORDS = st.one_of(
    st.text(alphabet=string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=64),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
)


@settings(max_examples=15, deadline=None)
@given(name=NAMES, password=PASSWORDS)
@example(name="'; DROP TABLE shop.stock; -- ".strip(), password="'; DROP TABLE shop.stock; -- ")
@example(name="a` TO `b", password="\\' OR ''='")
@example(name="O'Brien \\ %s {} %(x)s", password=string.punctuation)
@example(name="x@%", password=string.printable)
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
