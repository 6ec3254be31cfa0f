"""The PostgreSQL rotator without a database: its checks, its reading of the secret, its choice of TLS."""

from __future__ import annotations

import traceback
from types import SimpleNamespace

import boto3
import psycopg
import pytest
from tests.support.secrets_manager import ARN, RotatingSecret

from strongroom.rotators import logins, postgresql
from strongroom.rotators.contract import RotationError
from strongroom.rotators.postgresql_single_user import lambda_handler

TOKEN = "5f0c6e0e-0000-4000-8000-000000000001"
PASSWORD = "0ld-canary"
CURRENT = {
    "engine": "postgres",
    "host": "db.example.com",
    "username": "app",
    "password": PASSWORD,
    "port": "5433",
    "color": "blue",
}


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> RotatingSecret:
    secret = RotatingSecret(CURRENT)
    monkeypatch.setattr(boto3, "client", lambda name, endpoint_url: secret)
    secret.begin_rotation(TOKEN)
    return secret


def run(step: str, token: str = TOKEN) -> None:
    lambda_handler({"SecretId": ARN, "ClientRequestToken": token, "Step": step}, None)


class Server:
    """Stands in for psycopg.connect: notes what it was asked for and refuses the way it was told to.

    Each of ``refusals`` refuses one connection; ``error`` refuses every change.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *refusals: str, error: psycopg.DatabaseError | None = None
    ) -> None:
        self.asked: list[dict[str, object]] = []
        self.refusals = list(refusals)
        self.error = error
        self.pgconn = SimpleNamespace(encrypt_password=lambda *parameters: b"SCRAM-SHA-256$verifier")
        monkeypatch.setattr(psycopg, "connect", self.connect)

    def connect(self, **parameters: object) -> Server:
        self.asked.append(parameters)
        if self.refusals:
            raise psycopg.OperationalError(self.refusals.pop(0))
        return self

    def close(self) -> None:
        pass

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def execute(self, statement: object) -> Server:
        if self.error is not None and "ALTER USER" in repr(statement):
            raise self.error
        return self

    def fetchone(self) -> tuple[str]:
        return ("scram-sha-256",)

    @property
    def modes(self) -> list[object]:
        return [parameters["sslmode"] for parameters in self.asked]


# --- the checks before a step


def test_client_uses_the_endpoint_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def client(name: str, endpoint_url: str | None) -> RotatingSecret:
        asked.append((name, endpoint_url))
        return RotatingSecret(CURRENT)

    monkeypatch.setattr(boto3, "client", client)
    for endpoint in ("", "http://127.0.0.1:4566"):
        monkeypatch.setenv("SECRETS_MANAGER_ENDPOINT", endpoint)
        run("createSecret", "version-1")
    monkeypatch.delenv("SECRETS_MANAGER_ENDPOINT")
    run("createSecret", "version-1")
    assert asked == [
        ("secretsmanager", None),
        ("secretsmanager", "http://127.0.0.1:4566"),
        ("secretsmanager", None),
    ]


def test_rotation_must_be_enabled(secret: RotatingSecret) -> None:
    secret.rotation_enabled = False
    with pytest.raises(RotationError, match="not enabled for rotation"):
        run("createSecret")


def test_token_must_be_a_version(secret: RotatingSecret) -> None:
    with pytest.raises(RotationError, match="has no stage"):
        run("createSecret", "another-token")


def test_version_must_be_pending(secret: RotatingSecret) -> None:
    secret.stages[TOKEN] = ["AWSPREVIOUS"]
    with pytest.raises(RotationError, match="not set as AWSPENDING"):
        run("createSecret")


@pytest.mark.parametrize("step", ["createSecret", "setSecret", "testSecret", "finishSecret"])
def test_current_version_needs_nothing(secret: RotatingSecret, step: str) -> None:
    secret.stages = {TOKEN: ["AWSCURRENT", "AWSPENDING"]}
    run(step)
    assert secret.values.keys() == {"version-1"}


def test_unknown_step(secret: RotatingSecret) -> None:
    with pytest.raises(RotationError, match="Invalid step 'dropTable'"):
        run("dropTable")


# --- createSecret


def test_create_keeps_every_other_key(secret: RotatingSecret) -> None:
    run("createSecret")
    assert secret.read("AWSPENDING") == {**CURRENT, "password": "n3w-Passw0rd"}
    assert secret.read("AWSCURRENT") == CURRENT


def test_create_keeps_a_value_that_is_there(secret: RotatingSecret) -> None:
    run("createSecret")
    secret.passwords = ["another"]
    run("createSecret")
    assert secret.read("AWSPENDING")["password"] == "n3w-Passw0rd"


def test_password_shape_by_default(secret: RotatingSecret) -> None:
    run("createSecret")
    assert secret.password_requests == [
        {
            "ExcludeCharacters": ":/@\"'\\",
            "PasswordLength": 32,
            "ExcludeNumbers": False,
            "ExcludePunctuation": False,
            "ExcludeUppercase": False,
            "ExcludeLowercase": False,
            "RequireEachIncludedType": True,
        }
    ]


def test_password_shape_of_the_environment(secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "EXCLUDE_CHARACTERS": "",
        "PASSWORD_LENGTH": "64",
        "EXCLUDE_NUMBERS": "True",
        "EXCLUDE_PUNCTUATION": "1",
        "EXCLUDE_UPPERCASE": "yes",
        "EXCLUDE_LOWERCASE": "no",
        "REQUIRE_EACH_INCLUDED_TYPE": "false",
    }.items():
        monkeypatch.setenv(name, value)
    run("createSecret")
    assert secret.password_requests == [
        {
            "ExcludeCharacters": "",
            "PasswordLength": 64,
            "ExcludeNumbers": True,
            "ExcludePunctuation": True,
            "ExcludeUppercase": True,
            "ExcludeLowercase": False,
            "RequireEachIncludedType": False,
        }
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "mysql"}, "engine"),
        ({"engine": None}, "engine"),
        ({"host": ""}, "host"),
        ({"username": 5}, "username"),
        ({"username": "u" * 64}, "more than 63 bytes under 'username'"),
        ({"username": "ü" * 32}, "more than 63 bytes under 'username'"),
        ({"username": "a\0b"}, "character under 'username'"),
        ({"dbname": "d" * 64}, "more than 63 bytes under 'dbname'"),
        ({"password": PASSWORD + "\0"}, "character under 'password'"),
        ({"password": PASSWORD + "\ud800"}, "character under 'password'"),
        ({"password": ""}, "password"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": "54 33"}, "port"),
        ({"port": "٥٤٣٢"}, "port"),
        ({"port": True}, "port"),
        ({"ssl": "maybe"}, "ssl"),
        ({"ssl": 1}, "ssl"),
    ],
)
def test_secrets_that_cannot_be_rotated(secret: RotatingSecret, change: dict[str, object], message: str) -> None:
    secret.put("version-1", {**CURRENT, **change}, "AWSCURRENT")
    with pytest.raises(RotationError, match=message) as raised:
        run("createSecret")
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))
    assert TOKEN not in secret.values


@pytest.mark.parametrize("text", [f'{{"password": "{PASSWORD}"', f'["{PASSWORD}"]', PASSWORD])
def test_a_value_that_is_not_an_object_stays_out_of_the_error(secret: RotatingSecret, text: str) -> None:
    secret.put("version-1", text, "AWSCURRENT")
    with pytest.raises(RotationError, match="not a JSON object") as raised:
        run("createSecret")
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))
    assert raised.value.__context__ is None


# --- setSecret before a connection


@pytest.mark.parametrize("change", [{"host": "evil.example.com"}, {"username": "postgres"}, {"port": 5434}])
def test_pending_must_be_for_the_same_account(
    secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    server = Server(monkeypatch)
    secret.put(TOKEN, {**CURRENT, **change, "password": "n3w"}, "AWSPENDING")
    with pytest.raises(RotationError, match=r"AWSCURRENT is for user 'app' on db\.example\.com:5433"):
        run("setSecret")
    assert server.asked == []


def test_previous_of_another_account_is_not_tried(secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, *["refused"] * 4)
    secret.put(TOKEN, {**CURRENT, "ssl": False, "password": "n3w"}, "AWSPENDING")
    secret.put("version-0", {**CURRENT, "host": "old.example.com"}, "AWSPREVIOUS")
    with pytest.raises(RotationError, match=r"No version of .* logs in"):
        run("setSecret")
    assert {asked["host"] for asked in server.asked} == {"db.example.com"}


def test_versions_without_a_label_are_tried_last(secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation that was cancelled after its second step has left the true password in one."""
    place = {**CURRENT, "ssl": False}
    secret.put("version-0", {**place, "password": "previous"}, "AWSPREVIOUS")
    for number in range(7):
        secret.put(f"left-{number}", {**place, "password": f"left-{number}"})
    secret.put("other-user", {**place, "username": "other", "password": "other"})
    secret.put("no-login", "not JSON")
    secret.put("version-1", place, "AWSCURRENT")
    secret.put(TOKEN, {**place, "password": "n3w"}, "AWSPENDING")
    server = Server(monkeypatch, *["refused"] * 4)
    run("setSecret")
    assert [asked["password"] for asked in server.asked] == ["n3w", PASSWORD, "previous", "left-6", "left-5", "n3w"]

    server = Server(monkeypatch, *["refused"] * 20)
    with pytest.raises(RotationError, match="a version without a label: refused"):
        run("setSecret")
    assert [asked["password"] for asked in server.asked[3:]] == ["left-6", "left-5", "left-4"]  # the 5 newest of all

    secret.may_list_versions = False
    server = Server(monkeypatch, *["refused"] * 20)
    with pytest.raises(RotationError, match=r"No version of .* logs in"):
        run("setSecret")
    assert len(server.asked) == 3


# --- a password that the server does not take


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.InvalidParameterValue("password must not contain user name"),
        psycopg.errors.InvalidAuthorizationSpecification("password must contain at least 3 special characters"),
        psycopg.errors.RaiseException("a policy says no"),
    ],
)
def test_a_rejected_password_makes_way_for_another(
    secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, error: psycopg.DatabaseError
) -> None:
    Server(monkeypatch, "refused", error=error)
    secret.put(TOKEN, {**CURRENT, "ssl": False, "password": "n3w-canary"}, "AWSPENDING")
    secret.put("version-1", {**CURRENT, "ssl": False}, "AWSCURRENT")
    with pytest.raises(RotationError, match="is no longer AWSPENDING") as raised:
        run("setSecret")
    assert f"(SQLSTATE {error.sqlstate})" in str(raised.value)
    assert "n3w-canary" not in "".join(traceback.format_exception(raised.value))
    assert secret.stages == {"version-1": ["AWSCURRENT"], TOKEN: []}
    # The same version cannot be tried again; a new one can.
    with pytest.raises(RotationError, match="has no stage"):
        run("setSecret")
    run("createSecret", secret.begin_rotation("another-token-of-the-next-rotation"))


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.ReadOnlySqlTransaction("cannot execute ALTER ROLE in a read-only transaction"),
        psycopg.errors.InsufficientPrivilege("permission denied to alter role"),
        psycopg.errors.AdminShutdown("terminating connection due to administrator command"),
        psycopg.OperationalError("server closed the connection unexpectedly"),
    ],
)
def test_another_failure_keeps_the_pending_password(
    secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, error: psycopg.DatabaseError
) -> None:
    Server(monkeypatch, "refused", error=error)
    secret.put(TOKEN, {**CURRENT, "ssl": False, "password": "n3w"}, "AWSPENDING")
    secret.put("version-1", {**CURRENT, "ssl": False}, "AWSCURRENT")
    with pytest.raises(RotationError, match=r"did not change the password of 'app': \w+ \(SQLSTATE"):
        run("setSecret")
    assert secret.stages[TOKEN] == ["AWSPENDING"]


# --- TLS


@pytest.mark.parametrize("value", [True, "true", "True"])
def test_tls_when_the_secret_asks_for_it(
    secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    server = Server(monkeypatch)
    monkeypatch.setenv("PGSSLROOTCERT", "/my/ca.pem")
    secret.put("version-1", {**CURRENT, "ssl": value}, "AWSCURRENT")
    run("createSecret")
    run("setSecret")
    assert [(asked["sslmode"], asked["sslrootcert"]) for asked in server.asked] == [("verify-full", "/my/ca.pem")]
    assert server.asked[0]["port"] == 5433
    assert server.asked[0]["require_auth"] == "scram-sha-256,md5"


@pytest.mark.parametrize("value", [False, "false", "FALSE"])
def test_no_tls_when_the_secret_says_so(secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    server = Server(monkeypatch)
    secret.put("version-1", {**CURRENT, "ssl": value}, "AWSCURRENT")
    run("createSecret")
    run("setSecret")
    assert server.modes == ["disable"]


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.1", "127.0.0.1,10.0.0.1", "localhost.example.com"])
def test_no_silent_fallback_to_another_machine(
    secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    server = Server(monkeypatch, "server does not support SSL", "server does not support SSL")
    secret.put("version-1", {**CURRENT, "host": host}, "AWSCURRENT")
    run("createSecret")
    with pytest.raises(RotationError, match='only when the secret says "ssl": false'):
        run("setSecret")
    assert server.modes == ["verify-full", "verify-full"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "/run/postgresql"])
def test_loud_fallback_on_the_same_machine(
    secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    server = Server(monkeypatch, "server does not support SSL")
    secret.put("version-1", {**CURRENT, "host": host}, "AWSCURRENT")
    run("createSecret")
    run("setSecret")
    assert server.modes == ["verify-full", "disable"]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "going on without TLS: server does not support SSL" in warnings[0]


def test_certificates_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGSSLROOTCERT", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(logins, "_CERTIFICATE_FILES", ("/nowhere/cert.pem", __file__))
    assert postgresql._certificates() == __file__
    monkeypatch.setattr(logins, "_CERTIFICATE_FILES", ("/nowhere/cert.pem",))
    assert postgresql._certificates() == "system"


def test_a_login_does_not_show_its_password() -> None:
    login = logins.parse_login(CURRENT, "AWSCURRENT", postgresql.PostgreSQL.rules)
    assert PASSWORD not in repr(login)
