"""The PostgreSQL rotator for alternating users, against a real server."""

from __future__ import annotations

import string
import traceback
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from demo.postgresql import PostgreSQL, start_postgresql
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from tests.support.databases import TOKEN, complete, rotating, run
from tests.support.secrets_manager import RotatingSecret

from strongroom.rotators.contract import RotationError
from strongroom.rotators.postgresql_alternating_users import lambda_handler

pytestmark = pytest.mark.system

MASTER = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:master-AbCdEf"
OLD = "0ld-canary-Passw0rd"
NEW = "n3w-canary-Passw0rd"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    with start_postgresql(tmp_path_factory.mktemp("rotator") / "postgresql") as running:
        with running.admin() as admin:
            admin.execute("CREATE DATABASE shop")
            admin.execute("CREATE TABLE stock (item text)")
        yield running


@pytest.fixture
def user(server: PostgreSQL) -> str:
    """A user of one test."""
    name = f"app_{uuid.uuid4().hex[:8]}"
    create_role(server, name)
    return name


def create_role(server: PostgreSQL, name: str, password: str = OLD) -> None:
    execute(server, "CREATE ROLE {} LOGIN PASSWORD {}", sql.Identifier(name), sql.Literal(password))


def execute(server: PostgreSQL, statement: str, *parts: sql.Composable) -> None:
    with server.admin() as admin:
        admin.execute(sql.SQL(statement).format(*parts))


def secret_of(
    server: PostgreSQL,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
    *passwords: str,
    password: str = OLD,
    **others: object,
) -> RotatingSecret:
    value = {"engine": "postgres", "host": server.host, "port": server.port, "username": user, "password": password}
    secret = rotating(monkeypatch, {**value, "masterarn": MASTER, "ssl": False, **others}, *(passwords or (NEW,)))
    dsn = conninfo_to_dict(server.superuser_dsn)
    secret.masters[MASTER] = {**value, "username": dsn["user"], "password": dsn["password"], "ssl": False}
    return secret


def logs_in(server: PostgreSQL, user: str, password: str) -> bool:
    try:
        server.login(user, password).close()
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error)  # noqa: PT017 - no other failure is expected
        return False
    return True


def value_of(server: PostgreSQL, user: str, password: str, query: str) -> object:
    with server.login(user, password) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


# --- the rotation


def test_two_users_take_turns(server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(server, "GRANT SELECT, INSERT ON stock TO {}", sql.Identifier(user))
    secret = secret_of(server, user, monkeypatch, "first", "second", "third", color="blue")
    run(lambda_handler)
    clone = f"{user}_clone"
    assert secret.read("AWSCURRENT") == {**secret.read("AWSPREVIOUS"), "username": clone, "password": "first"}
    # The credential that applications may still hold works until the next rotation.
    assert logs_in(server, user, OLD)
    assert value_of(server, clone, "first", "SELECT count(*) FROM public.stock") == 0

    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(lambda_handler, secret, 2)
    assert secret.read("AWSCURRENT")["username"] == user
    assert (logs_in(server, clone, "first"), logs_in(server, user, OLD)) == (True, False)
    complete(lambda_handler, secret, 3)
    assert secret.read("AWSCURRENT")["username"] == clone
    assert (logs_in(server, clone, "first"), logs_in(server, clone, "third")) == (False, True)
    assert logs_in(server, user, "second")


def test_the_clone_is_kept_in_step(server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, group = sql.Identifier(user), sql.Identifier(f"{user}_readers")
    execute(server, "CREATE ROLE {} ROLE {}", group, name)
    execute(server, "GRANT SELECT ON stock TO {}", group)
    execute(server, "ALTER ROLE {} CREATEDB CONNECTION LIMIT 7 VALID UNTIL '2099-01-01'", name)
    execute(server, "ALTER ROLE {} SET search_path TO '$user', {}, ''", name, sql.Literal('odd, "schema'))
    execute(server, "ALTER ROLE {} IN DATABASE postgres SET statement_timeout TO '12345ms'", name)
    execute(server, "ALTER ROLE {} SET app.mode TO 'it''s a test'", name)
    secret = secret_of(server, user, monkeypatch, "first", "second")
    run(lambda_handler)

    clone = f"{user}_clone"
    assert attributes(server, clone) == attributes(server, user)
    for query in ("SHOW search_path", "SHOW statement_timeout", "SHOW app.mode", "SELECT current_user", "SHOW role"):
        found = value_of(server, user, OLD, query)
        assert value_of(server, clone, "first", query) == (user if query == "SHOW role" else found), query
    assert value_of(server, clone, "first", "SELECT count(*) FROM public.stock") == 0

    # What one makes, the other uses; a grant counts for both at once, and so does a revocation.
    with server.login(clone, "first") as connection:
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE mine ()"))
        assert connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'mine'").fetchone() == (user,)
    execute(server, "REVOKE {} FROM {}", group, name)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        value_of(server, clone, "first", "SELECT count(*) FROM public.stock")

    execute(server, "ALTER ROLE {} NOCREATEDB CONNECTION LIMIT -1", name)
    execute(server, "ALTER ROLE {} RESET app.mode", name)
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(lambda_handler, secret, 2)
    assert attributes(server, clone) == attributes(server, user)
    assert "app.mode" not in str(attributes(server, clone))


def attributes(server: PostgreSQL, role: str) -> tuple[object, ...] | None:
    query = (
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil,"
        " array_remove(rolconfig, 'role=' || %s) FROM pg_roles WHERE rolname = %s"
    )
    with server.admin() as admin:
        return admin.execute(query, (role.removesuffix("_clone"), role)).fetchone()


def test_every_step_may_be_repeated(server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, user, monkeypatch)
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        run(lambda_handler, step, step)
    assert logs_in(server, str(secret.read("AWSCURRENT")["username"]), NEW)


def test_a_managed_master_secret_says_by_its_tags_where_the_server_is(
    server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Rds:
        def describe_db_instances(self, *, DBInstanceIdentifier: str) -> object:
            assert DBInstanceIdentifier == "arn:aws:rds:eu-central-1:123456789012:db:shop"
            place = {"Address": server.host, "Port": server.port}
            return {"DBInstances": [{"Engine": "postgres", "Endpoint": place}]}

    secret = secret_of(server, user, monkeypatch)
    full = secret.masters[MASTER]
    tagged = rotating(monkeypatch, secret.read("AWSCURRENT"), NEW, rds=Rds())
    tagged.masters[MASTER] = {key: full[key] for key in ("username", "password")}
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="neither a host nor the tag"):
        run(lambda_handler, "setSecret")
    tagged.tags[MASTER] = {"aws:rds:primaryDBInstanceArn": "arn:aws:rds:eu-central-1:123456789012:db:shop"}
    run(lambda_handler)
    assert logs_in(server, f"{user}_clone", NEW)


# --- refusals


def test_who_cannot_log_in_gets_nobody_cloned(server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise whoever may write the secret, without a password of the database, could have a copy of any user."""
    secret_of(server, user, monkeypatch, password="wr0ng-canary")
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match=r"No version of .* logs in") as raised:
        run(lambda_handler, "setSecret")
    assert not role_exists(server, f"{user}_clone")
    assert "canary" not in "".join(traceback.format_exception(raised.value))


def test_a_role_that_only_has_the_clone_s_name_is_left_alone(
    server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_role(server, f"{user}_clone", "somebody else's")
    secret_of(server, user, monkeypatch)
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="is no clone of"):
        run(lambda_handler, "setSecret")
    assert logs_in(server, f"{user}_clone", "somebody else's")

    # And the other way: a user whose name ends like a clone's does not get the password of the other changed.
    secret_of(server, f"{user}_clone", monkeypatch, password="somebody else's")
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="is no clone of"):
        run(lambda_handler, "setSecret")
    assert logs_in(server, user, OLD)


def test_the_master_is_not_rotated_by_itself(server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, user, monkeypatch)
    secret.masters[MASTER] = secret.read("AWSCURRENT")
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="would rotate the master user"):
        run(lambda_handler, "setSecret")
    assert logs_in(server, user, OLD)


def test_a_master_of_another_server(server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, user, monkeypatch)
    secret.masters[MASTER] = {**secret.masters[MASTER], "host": "elsewhere.example.com"}
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match=r"is for elsewhere\.example\.com"):
        run(lambda_handler, "setSecret")


def test_a_master_without_the_right_changes_nothing(
    server: PostgreSQL, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_role(server, f"{user}_weak", "weak-canary")
    secret = secret_of(server, user, monkeypatch)
    secret.masters[MASTER] = {**secret.masters[MASTER], "username": f"{user}_weak", "password": "weak-canary"}
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match=r"permission denied .*SQLSTATE 42501") as raised:
        run(lambda_handler, "setSecret")
    assert "canary" not in "".join(traceback.format_exception(raised.value))
    assert secret.stages[TOKEN] == ["AWSPENDING"]
    assert not role_exists(server, f"{user}_clone")


def test_the_clone_s_name_must_fit(server: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_of(server, "u" * 58, monkeypatch)
    with pytest.raises(RotationError, match="would have more than 63 bytes"):
        run(lambda_handler, "createSecret")


def role_exists(server: PostgreSQL, name: str) -> bool:
    with server.admin() as admin:
        return admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is not None


# --- names and passwords

NAMES = st.one_of(
    st.text(alphabet="\"'\\%;$ -/aZ0\n\té.", min_size=1, max_size=20),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=57),
).filter(lambda name: len(name.encode()) <= 57 and name not in {"public", "none", "postgres"} and name[:3] != "pg_")
PASSWORDS = st.one_of(
    st.text(alphabet=string.ascii_letters + string.digits + string.punctuation, min_size=1, max_size=64),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
)


@settings(max_examples=15, deadline=None)
@given(name=NAMES, password=PASSWORDS)
@example(name='"; DROP TABLE stock; --', password="'; DROP TABLE stock; --")
@example(name="O'Brien \\ %s {} %(x)s", password=string.punctuation)
@example(name="a.b, c=d", password=string.printable)
def test_every_name_and_password_is_quoted(server: PostgreSQL, name: str, password: str) -> None:
    if name.endswith("_clone"):
        return
    create_role(server, name)
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            secret_of(server, name, monkeypatch, password)
            run(lambda_handler)
        assert logs_in(server, f"{name}_clone", password)
        assert value_of(server, f"{name}_clone", password, "SELECT current_user") == name
    finally:
        execute(server, "DROP ROLE IF EXISTS {}, {}", sql.Identifier(f"{name}_clone"), sql.Identifier(name))
