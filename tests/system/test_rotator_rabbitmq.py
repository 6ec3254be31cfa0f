"""The rotator of RabbitMQ users, against a real server."""

from __future__ import annotations

import string
import traceback
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.databases import STEPS, TOKEN, complete, rotating, run
from tests.support.rabbitmq import SHORTEST_PASSWORD, RabbitMQServer, start_rabbitmq
from tests.support.secrets_manager import RotatingSecret

from strongroom.rotators.contract import RotationError
from strongroom.rotators.rabbitmq_user import lambda_handler

pytestmark = pytest.mark.system

MASTER = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:master-AbCdEf"
OLD = "0ld-canary-Passw0rd"
NEW = "n3w-canary-Passw0rd"


@pytest.fixture(scope="module")
def server() -> Iterator[RabbitMQServer]:
    with start_rabbitmq() as running:
        yield running


@pytest.fixture
def user(server: RabbitMQServer) -> str:
    """A user of one test, without a tag."""
    name = f"app-{uuid.uuid4().hex[:8]}"
    server.make_user(name, OLD)
    return name


def secret_of(
    server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch, *passwords: str, **others: object
) -> RotatingSecret:
    place = {"engine": "rabbitmq", "host": server.host, "port": server.port, "ssl": False}
    value = {**place, "managementPort": server.management_port, "username": user, "password": OLD, "masterarn": MASTER}
    secret = rotating(monkeypatch, {**value, **others}, *(passwords or (NEW,)))
    secret.masters[MASTER] = {**place, "username": "guest", "password": server.password}
    return secret


def failing(step: str) -> str:
    """What a step says as it fails, without any password in it."""
    with pytest.raises(RotationError) as raised:
        run(lambda_handler, step)
    told = "".join(traceback.format_exception(raised.value))
    assert "canary" not in told
    return told


def test_an_administrator_changes_a_user_who_keeps_everything_else(
    server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.make_user(user, OLD, "monitoring", "of our own")
    server.call("PUT", "user-limits", user, "max-connections", body={"value": 9})
    secret = secret_of(server, user, monkeypatch, color="blue")
    before = server.call("GET", "users", user), server.call("GET", "users", user, "permissions")
    for step in STEPS:
        run(lambda_handler, step, step)
    assert (server.logs_in(user, OLD), server.logs_in(user, NEW)) == (False, True)
    after = server.call("GET", "users", user), server.call("GET", "users", user, "permissions")
    assert after == ({**before[0], "password_hash": after[0]["password_hash"]}, before[1])
    assert secret.read("AWSCURRENT") == {**secret.read("AWSPREVIOUS"), "password": NEW}


def test_an_administrator_changes_itself(server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_of(server, user, monkeypatch, masterarn=None)
    run(lambda_handler, "createSecret")
    assert "401 Not management user" in failing("setSecret")
    server.make_user(user, OLD, "administrator")
    run(lambda_handler)
    assert server.call("GET", "users", user)["tags"] == ["administrator"]
    assert (server.logs_in(user, OLD), server.logs_in(user, NEW)) == (False, True)


def test_who_cannot_log_in_gets_nothing_changed(
    server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_of(server, user, monkeypatch, password="wr0ng-canary")
    run(lambda_handler, "createSecret")
    assert "No version of" in failing("setSecret")
    assert not server.logs_in(user, NEW)


def test_an_interrupted_rotation_left_the_previous_password(
    server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secret_of(server, user, monkeypatch, password="n0t-canary-Passw0rd")
    secret.put("version-0", {**secret.read("AWSCURRENT"), "password": OLD}, "AWSPREVIOUS")
    run(lambda_handler)
    assert server.logs_in(user, NEW)
    server.make_user(user, "l0st-canary")  # as a cancelled rotation leaves it
    secret.put("lost", {**secret.read("AWSCURRENT"), "password": "l0st-canary"})
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(lambda_handler, secret, 2)
    assert (server.logs_in(user, "l0st-canary"), server.logs_in(user, NEW)) == (False, True)


def test_the_servers_own_rule_for_passwords(server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that will never be taken is given up, and the next rotation makes another."""
    secret = secret_of(server, user, monkeypatch, "x" * (SHORTEST_PASSWORD - 1))
    run(lambda_handler, "createSecret")
    assert "no longer AWSPENDING" in failing("setSecret")
    assert secret.stages[TOKEN] == []
    assert server.logs_in(user, OLD)


def test_a_user_of_the_management_api_alone(server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may open no virtual host must be let in by the API; who may do neither has a login that proves nothing."""
    server.call("DELETE", "permissions", "/", user)
    secret_of(server, user, monkeypatch)
    run(lambda_handler, "createSecret")
    assert "Not management user" in failing("setSecret")
    server.make_user(user, OLD, "monitoring", permissions=False)
    run(lambda_handler)
    assert server.call("GET", "users", user)["tags"] == ["monitoring"]


@pytest.mark.parametrize("mode", ["true", None])
def test_tls_is_verified(server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch, mode: str | None) -> None:
    """Also where TLS is only tried: a server with TLS and no trusted certificate is no reason to go on without."""
    monkeypatch.setattr("strongroom.rotators.logins._is_this_machine", lambda host: False)
    ports = {"port": server.tls_port, "managementPort": server.management_tls_port}
    secret = secret_of(server, user, monkeypatch, ssl=mode, **ports)
    secret.masters[MASTER] = {**secret.masters[MASTER], "port": server.tls_port, "ssl": mode}
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    run(lambda_handler, "createSecret")
    assert "certificate verify failed" in failing("setSecret")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    run(lambda_handler)
    assert (server.logs_in(user, OLD), server.logs_in(user, NEW)) == (False, True)


def test_what_is_not_rabbitmq_is_told_no_password(
    server: RabbitMQServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_of(server, user, monkeypatch, managementPort=server.port)
    run(lambda_handler, "createSecret")
    assert "did not change the password" in failing("setSecret")
    assert server.logs_in(user, OLD)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"username": ".."}, "cannot name"),
        ({"username": "a:b", "masterarn": None}, "colon"),
        ({"username": "guest"}, "master user 'guest' of its own rotation"),
        ({"username": "x" * 256}, "more than 255 bytes"),
        ({"virtualHost": ""}, "'virtualHost'"),
        ({"managementPort": "http"}, "'managementPort'"),
        ({"engine": "redis"}, "rabbitmq under 'engine'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_rotated(
    server: RabbitMQServer, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], words: str
) -> None:
    secret_of(server, "nobody", monkeypatch, **{"password": server.password, **changed})
    with pytest.raises(RotationError, match=words):
        run(lambda_handler)


@settings(max_examples=50, deadline=None)
@given(
    name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60),
    password=st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=SHORTEST_PASSWORD, max_size=40
    ),
)
@example(name="a'b\"c\\d/e%2f?f#g:h&i", password=string.printable)
@example(name="...", password=":" * 255)
def test_every_name_and_password_is_taken_as_it_is(server: RabbitMQServer, name: str, password: str) -> None:
    if name in {"guest", ".", ".."} or password == OLD:
        return
    server.make_user(name, OLD)
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            secret_of(server, name, monkeypatch, password)
            run(lambda_handler)
        assert (server.logs_in(name, OLD), server.logs_in(name, password)) == (False, True)
    finally:
        server.call("DELETE", "users", name)
