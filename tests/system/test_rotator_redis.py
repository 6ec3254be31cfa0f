"""The rotator of Redis users, against a real server."""

from __future__ import annotations

import string
import traceback
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.databases import STEPS, TOKEN, complete, rotating, run
from tests.support.databases_redis import RedisServer, start_redis
from tests.support.secrets_manager import RotatingSecret

from strongroom.rotators.contract import RotationError
from strongroom.rotators.redis_user import lambda_handler

pytestmark = pytest.mark.system

MASTER = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:master-AbCdEf"
OLD = "0ld-canary-Passw0rd"
NEW = "n3w-canary-Passw0rd"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with start_redis() as running:
        yield running


@pytest.fixture
def user(server: RedisServer) -> str:
    """A user of one test, who may only read."""
    name = f"app-{uuid.uuid4().hex[:8]}"
    server.execute("ACL", "SETUSER", name, "on", f">{OLD}", "~*", "+@read")
    return name


def secret_of(
    server: RedisServer, user: str, monkeypatch: pytest.MonkeyPatch, *passwords: str, **others: object
) -> RotatingSecret:
    value = {"engine": "redis", "host": server.host, "port": server.port, "username": user, "password": OLD}
    secret = rotating(monkeypatch, {**value, "masterarn": MASTER, "ssl": False, **others}, *(passwords or (NEW,)))
    secret.masters[MASTER] = {**value, "username": "default", "password": server.password, "ssl": False}
    return secret


def test_both_passwords_work_until_the_end(server: RedisServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, user, monkeypatch, color="blue")
    for step in STEPS:
        run(lambda_handler, step, step)
        assert server.logs_in(user, OLD) == (step != "finishSecret")
    assert secret.read("AWSCURRENT") == {**secret.read("AWSPREVIOUS"), "password": NEW}
    assert server.logs_in(user, NEW)
    server.restart()
    assert (server.logs_in(user, OLD), server.logs_in(user, NEW)) == (False, True)


def test_the_old_password_may_stay_until_the_next_rotation(
    server: RedisServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEP_PREVIOUS", "true")
    secret = secret_of(server, user, monkeypatch, "first", "second")
    run(lambda_handler)
    assert server.logs_in(user, OLD)
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(lambda_handler, secret, 2)
    assert [server.logs_in(user, password) for password in (OLD, "first", "second")] == [False, True, True]


def test_a_user_who_may_changes_itself(server: RedisServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_of(server, user, monkeypatch, masterarn=None)
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="no permissions") as raised:
        run(lambda_handler, "setSecret")
    assert "canary" not in "".join(traceback.format_exception(raised.value))
    server.execute("ACL", "SETUSER", user, "+acl|setuser", "+acl|save")
    run(lambda_handler)
    assert (server.logs_in(user, OLD), server.logs_in(user, NEW)) == (False, True)


def test_who_cannot_log_in_gets_nothing_changed(
    server: RedisServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_of(server, user, monkeypatch, password="wr0ng-canary")
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match=r"No login of .* works") as raised:
        run(lambda_handler, "setSecret")
    assert "canary" not in "".join(traceback.format_exception(raised.value))
    assert not server.logs_in(user, NEW)


def test_the_master_is_not_rotated_by_itself(server: RedisServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, user, monkeypatch)
    secret.masters[MASTER] = {**secret.masters[MASTER], "username": user, "password": OLD}
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match=r"the master user .* of its own rotation"):
        run(lambda_handler, "setSecret")
    assert not server.logs_in(user, NEW)


def test_a_user_without_a_password_gets_one(server: RedisServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.execute("ACL", "SETUSER", user, "nopass")
    secret_of(server, user, monkeypatch)
    run(lambda_handler)
    assert (server.logs_in(user, "anything"), server.logs_in(user, NEW)) == (False, True)


def test_tls_with_a_verified_server(server: RedisServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, user, monkeypatch, port=server.tls_port, ssl=True)
    secret.masters[MASTER] = {**secret.masters[MASTER], "port": server.tls_port, "ssl": True}
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="certificate verify failed"):
        run(lambda_handler, "setSecret")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    run(lambda_handler)
    assert (server.logs_in(user, OLD), server.logs_in(user, NEW)) == (False, True)


@settings(max_examples=15, deadline=None)
@given(
    name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=40),
    password=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
)
@example(name="a'b\"c\\d>e#f", password=string.printable)
@example(name="reset", password="nopass")
def test_every_name_and_password_is_taken_as_it_is(server: RedisServer, name: str, password: str) -> None:
    if name == "default" or password == OLD:
        return
    server.execute("ACL", "SETUSER", name, "reset", "on", f">{OLD}", "~*", "+@read")
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            secret_of(server, name, monkeypatch, password)
            run(lambda_handler)
        assert (server.logs_in(name, OLD), server.logs_in(name, password)) == (False, True)
    finally:
        server.execute("ACL", "DELUSER", name)
