"""The PostgreSQL rotator, step by step, against a real server."""

from __future__ import annotations

import logging
import string
import traceback
from collections.abc import Iterator
from pathlib import Path

import boto3
import psycopg
import pytest
from demo.postgresql import PostgreSQL, start_postgresql
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from tests.support.postgresql_tls import serve_tls
from tests.support.secrets_manager import ARN, RotatingSecret

from strongroom.rotators.contract import RotationError
from strongroom.rotators.postgresql_single_user import lambda_handler

pytestmark = pytest.mark.system

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
OLD = "0ld-canary-Passw0rd"
NEW = "n3w-canary-Passw0rd"
TOKEN = "5f0c6e0e-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    with start_postgresql(tmp_path_factory.mktemp("rotator") / "postgresql", log_statements=True) as running:
        yield running


@pytest.fixture
def secret(server: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> RotatingSecret:
    with server.admin() as admin:
        admin.execute("DROP ROLE IF EXISTS app")
    create_user(server, "app", OLD)
    return rotating(server, "app", OLD, NEW, monkeypatch)


def create_user(server: PostgreSQL, name: str, password: str) -> None:
    with server.admin() as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))


def rotating(
    server: PostgreSQL, user: str, password: str, new: str, monkeypatch: pytest.MonkeyPatch, **others: object
) -> RotatingSecret:
    value = {"engine": "postgres", "host": server.host, "port": server.port, "username": user, "password": password}
    secret = RotatingSecret({**value, **others}, passwords=(new,))
    monkeypatch.setattr(boto3, "client", lambda name, endpoint_url: secret)
    secret.begin_rotation(TOKEN)
    return secret


def run(*steps: str, token: str = TOKEN) -> None:
    for step in steps:
        lambda_handler({"SecretId": ARN, "ClientRequestToken": token, "Step": step}, None)


def logs_in(server: PostgreSQL, user: str, password: str) -> bool:
    try:
        server.login(user, password).close()
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error)  # noqa: PT017 - no other failure is expected
        return False
    return True


# --- the rotation


@pytest.mark.usefixtures("secret")
def test_a_rotation_from_end_to_end(server: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = rotating(server, "app", OLD, NEW, monkeypatch, port=str(server.port), ssl="false", color="blue")
    run(*STEPS)
    assert secret.stages == {"version-1": ["AWSPREVIOUS"], TOKEN: ["AWSPENDING", "AWSCURRENT"]}
    assert secret.read("AWSCURRENT") == {**secret.read("AWSPREVIOUS"), "password": NEW}
    assert secret.read("AWSCURRENT")["color"] == "blue"
    assert (logs_in(server, "app", OLD), logs_in(server, "app", NEW)) == (False, True)


def test_every_step_may_be_repeated(server: PostgreSQL, secret: RotatingSecret) -> None:
    for step in STEPS:
        run(step, step)
    run(*STEPS)
    assert secret.read("AWSCURRENT")["password"] == NEW
    assert logs_in(server, "app", NEW)


def test_several_rotations_in_a_row(server: PostgreSQL, secret: RotatingSecret) -> None:
    for number in range(3):
        secret.passwords = [f"{NEW}-{number}"]
        token = secret.begin_rotation(f"token-of-rotation-number-{number}-padded")
        run(*STEPS, token=token)
        secret.stages[token] = ["AWSCURRENT"]
    assert secret.read("AWSPREVIOUS")["password"] == f"{NEW}-1"
    assert logs_in(server, "app", f"{NEW}-2")


def test_a_crash_after_the_database_changed_loses_nothing(server: PostgreSQL, secret: RotatingSecret) -> None:
    run("createSecret")
    with server.admin() as admin:
        admin.execute(sql.SQL("ALTER ROLE app PASSWORD {}").format(sql.Literal(NEW)))
    run("setSecret", "testSecret", "finishSecret")
    assert secret.read("AWSCURRENT")["password"] == NEW
    assert logs_in(server, "app", NEW)


def test_the_previous_password_opens_the_door(server: PostgreSQL, secret: RotatingSecret) -> None:
    current = secret.read("AWSCURRENT")
    secret.put("version-0", current, "AWSPREVIOUS")
    secret.put("version-1", {**current, "password": "never-set"}, "AWSCURRENT")
    run(*STEPS)
    assert logs_in(server, "app", NEW)


# --- refusals


def test_no_password_logs_in(server: PostgreSQL, secret: RotatingSecret) -> None:
    with server.admin() as admin:
        admin.execute("ALTER ROLE app PASSWORD 'set by somebody else'")
    secret.put("version-0", secret.read("AWSCURRENT"), "AWSPREVIOUS")
    run("createSecret")
    with pytest.raises(RotationError) as raised:
        run("setSecret")
    for stage in ("AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"):
        assert f"{stage}: connection failed" in str(raised.value)
    assert_no_password("".join(traceback.format_exception(raised.value)))
    with pytest.raises(RotationError, match="does not log in"):
        run("testSecret")


def test_an_unreachable_server(server: PostgreSQL, secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = rotating(server, "app", OLD, NEW, monkeypatch, port=1)
    run("createSecret")
    with pytest.raises(RotationError, match="Connection refused"):
        run("setSecret")
    assert secret.stages[TOKEN] == ["AWSPENDING"]


def test_a_server_that_asks_for_no_password_proves_nothing(server: PostgreSQL, secret: RotatingSecret) -> None:
    with trusting(server, "app"):
        run("createSecret")
        with pytest.raises(RotationError, match="authentication"):
            run("setSecret")
        with pytest.raises(RotationError, match="authentication"):
            run("testSecret")
    assert logs_in(server, "app", OLD)


def test_a_read_only_session_keeps_the_pending_password(server: PostgreSQL, secret: RotatingSecret) -> None:
    with server.admin() as admin:
        admin.execute("ALTER ROLE app SET default_transaction_read_only = on")
    run("createSecret")
    with pytest.raises(RotationError, match="SQLSTATE 25006"):
        run("setSecret")
    assert secret.stages[TOKEN] == ["AWSPENDING"]
    assert logs_in(server, "app", OLD)


def test_a_truncated_name_would_be_another_user(server: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL cuts a name of 64 bytes to 63: the rotation must not reach the user with that name."""
    victim = "v" * 63
    create_user(server, victim, OLD)
    rotating(server, victim + "x", OLD, NEW, monkeypatch)
    with pytest.raises(RotationError, match="more than 63 bytes"):
        run("createSecret")
    assert logs_in(server, victim, OLD)


# --- secrecy


def test_no_password_in_any_log(
    server: PostgreSQL, secret: RotatingSecret, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret.passwords = ["another-canary"]  # the other tests' passwords are in the server's log by their own statements
    with caplog.at_level(logging.DEBUG):
        run(*STEPS)
    written, printed = server.log.read_text(encoding="utf-8"), capfd.readouterr()
    assert 'ALTER USER "app" WITH PASSWORD \'SCRAM-SHA-256$' in written
    assert "another-canary" not in written
    assert_no_password(caplog.text + printed.out + printed.err)
    assert logs_in(server, "app", "another-canary")


def assert_no_password(text: str) -> None:
    assert text
    assert "canary" not in text


# --- names and passwords

# What PostgreSQL keeps for itself, or what these tests use.
RESERVED = ("public", "none", "postgres", "app")


def is_free_name(name: str) -> bool:
    return len(name.encode()) <= 63 and name not in RESERVED and not name.startswith("pg_")


NAMES = st.one_of(
    st.text(alphabet="\"'\\%;$ -/aZ0\n\té", min_size=1, max_size=20),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=63),
).filter(is_free_name)
PASSWORDS = st.one_of(
    st.text(alphabet=string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=64),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
).filter(lambda password: password != OLD)


@settings(max_examples=40, deadline=None)
@given(name=NAMES, password=PASSWORDS)
@example(name='"; DROP ROLE app; --', password="'; DROP ROLE app; --")
@example(name="O'Brien \\ %s {} %(x)s", password=string.punctuation)
@example(name="é" * 31 + "x", password=string.printable)
@example(name="App", password="\\' \\\\ $$ E'")
def test_every_name_and_password_is_quoted(server: PostgreSQL, name: str, password: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch, server.admin() as admin:
        create_user(server, name, OLD)
        try:
            before = other_roles(admin, name)
            secret = rotating(server, name, OLD, password, monkeypatch)
            run(*STEPS)
            assert secret.read("AWSCURRENT")["password"] == password
            assert (logs_in(server, name, OLD), logs_in(server, name, password)) == (False, True)
            assert other_roles(admin, name) == before
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def other_roles(admin: psycopg.Connection[tuple[object, ...]], name: str) -> list[tuple[object, ...]]:
    """Every role but one, with its password's verifier."""
    return admin.execute(
        "SELECT rolname, rolpassword, rolsuper FROM pg_authid WHERE rolname <> %s ORDER BY 1", (name,)
    ).fetchall()


# --- TLS


def test_tls_with_a_verified_server(
    server: PostgreSQL, secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serve_tls(server.port, tmp_path) as front:
        secret = rotating(server, "app", OLD, NEW, monkeypatch, port=front.port, ssl=True)

        # Not verified by the machine's own certificates: no step goes on without TLS.
        monkeypatch.delenv("PGSSLROOTCERT", raising=False)
        run("createSecret")
        with pytest.raises(RotationError, match="certificate verify failed"):
            run("setSecret")
        assert logs_in(server, "app", OLD)

        monkeypatch.setenv("PGSSLROOTCERT", str(front.certificate))
        run(*STEPS)
    assert secret.read("AWSCURRENT")["password"] == NEW
    assert logs_in(server, "app", NEW)


@pytest.mark.usefixtures("secret")
def test_tls_to_a_server_of_another_name(server: PostgreSQL, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve_tls(server.port, tmp_path) as front:
        rotating(server, "app", OLD, NEW, monkeypatch, host="localhost", port=front.port, ssl=True)
        monkeypatch.setenv("PGSSLROOTCERT", str(front.certificate))
        run("createSecret")
        with pytest.raises(RotationError, match="does not match host name"):
            run("setSecret")


# --- helpers


class trusting:  # noqa: N801 - used as a context manager
    """Let one user in without a password."""

    def __init__(self, server: PostgreSQL, user: str) -> None:
        self.server = server
        self.rules = server.log.parent / "pg_hba.conf"
        self.line = f"host all {user} 127.0.0.1/32 trust\n"

    def __enter__(self) -> None:
        self.before = self.rules.read_text(encoding="utf-8")
        self.replace(self.line + self.before)

    def __exit__(self, *exception: object) -> None:
        self.replace(self.before)

    def replace(self, text: str) -> None:
        self.rules.write_text(text, encoding="utf-8")
        with self.server.admin() as admin:
            admin.execute("SELECT pg_reload_conf()")
