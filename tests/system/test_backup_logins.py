"""``strongroom backup report --try-logins``: which secrets of a restored state still log in."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from demo.postgresql import PostgreSQL, start_postgresql
from tests.support.commands import run_strongroom
from tests.support.operator import operator_client
from tests.support.policies import refusal
from tests.support.rds import Master, make_master
from tests.support.server import RunningServer, running_server

pytestmark = pytest.mark.system

CANARY = "canary-of-a-password"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(prefix="strongroom-logins-") as name, start_postgresql(Path(name)) as server:
        yield server


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """An installation of this module alone, whose root key lies in its folder."""
    with running_server(tmp_path_factory.mktemp("old") / "data") as server:
        yield server


def value(master: Master, **changes: object) -> str:
    """What an application's secret holds."""
    database = master.database
    place = {"engine": "postgres", "host": database.host, "port": database.port}
    return json.dumps({**place, "username": master.username, "password": master.password, **changes})


def keep(server: RunningServer, text: str) -> str:
    """A new secret; its ARN."""
    made = server.client("secretsmanager").create_secret(Name=f"logins/{uuid.uuid4()}", SecretString=text)
    return str(made["ARN"])


def tried(server: RunningServer, *secrets: str) -> list[dict[str, Any]]:
    """What the operator's API says of some secrets."""
    found: list[dict[str, Any]] = operator_client(server).try_logins(SecretIds=list(secrets))["Logins"]
    return found


def run(*arguments: str | Path) -> str:
    """Run ``strongroom backup``, which must end well; what it prints."""
    done = run_strongroom("backup", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def closed_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_restored_state_is_tried_before_rotations_are_released(
    old: RunningServer, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    """One secret still logs in, one was changed since the backup, one is a master password changed since."""
    stays, changed, managed = (make_master(old, postgresql) for _ in range(3))
    managed_secret = managed.managed()
    names = {keep(old, value(stays)): "logs-in", keep(old, value(changed)): "refused", managed_secret: "refused"}
    names[keep(old, "no JSON")] = "unknown"
    made = json.loads(run("create", tmp_path / "backups", "--data-dir", old.data_dir, "--json"))
    for master in (changed, managed):
        master.set_behind_its_back("after the backup")
    new = tmp_path / "new"
    run("restore", tmp_path / "backups" / made["name"], "--data-dir", new, "--root-key-file", old.data_dir / "root.key")

    told = run_strongroom("status", "--data-dir", new).stdout
    assert "rotations are held: see `strongroom backup report`, then `strongroom backup release`" in told
    assert "No server is running" in run_strongroom("backup", "report", "--try-logins", "--data-dir", new).stderr
    with running_server(new) as restored:
        health = json.loads(run_strongroom("status", "--data-dir", new, "--json").stdout)
        assert (health["problems"], len(health["warnings"])) == ([], 1)
        done = run_strongroom("backup", "report", "--try-logins", "--data-dir", new, "--json")
        assert done.returncode == 1, done.stderr
        report = json.loads(done.stdout)
        assert report["held"] is True
        outcomes = {login["arn"]: login["outcome"] for login in report["logins"]}
        assert outcomes.items() >= names.items()
        (refused,) = (login for login in report["logins"] if login.get("username") == changed.username)
        assert refused["address"] == f"{postgresql.host}:{postgresql.port}"
        assert managed_secret in {each["arn"] for each in report["secrets"]}

        assert refused["reason"] == (f"PostgreSQL on {refused['address']} does not let {changed.username!r} in.")
        secrets = restored.client("secretsmanager")
        for master, secret in ((changed, refused["arn"]), (managed, managed_secret)):
            if secret == managed_secret:
                repair = operator_client(restored).repair_database
                repair(Identifier=master.name, Password="after the backup")
            else:
                secrets.put_secret_value(SecretId=secret, SecretString=value(master, password="after the backup"))
        done = run_strongroom("backup", "report", "--try-logins", "--data-dir", new)
        assert done.returncode == 0, done.stdout
        assert "logs in: 3; holds no login that could be tried: 1." in done.stdout
        run("release", "--data-dir", new)
        assert json.loads(run_strongroom("status", "--data-dir", new, "--json").stdout)["warnings"] == []
    trail = (new / "audit" / "trail.jsonl").read_text()
    for master in (stays, changed, managed):
        assert master.password not in json.dumps(report) + done.stdout + trail + restored.log.read_text()


def test_what_a_value_must_say(old: RunningServer, postgresql: PostgreSQL) -> None:
    """Everything else is unknown, whatever it is, and nothing fails."""
    master = make_master(old, postgresql)
    secrets = old.client("secretsmanager")
    binary = secrets.create_secret(Name=f"logins/{uuid.uuid4()}", SecretBinary=b"\xff\0")["ARN"]
    without: list[tuple[str, object]] = [
        ("engine", "oracle"),
        ("engine", ["postgres"]),
        ("host", "/var/run/postgresql"),
        ("host", "one.example,two.example"),
        ("host", None),
        ("port", 0),
        ("port", "5432; x"),
        ("port", 10**30),
        ("ssl", "perhaps"),
        ("username", ""),
        ("username", "a\0b"),
        ("password", None),
        ("password", 7),
    ]
    arns = [binary, *(keep(old, value(master, **{key: change})) for key, change in without), "no/such"]
    assert {login["Outcome"] for login in tried(old, *arns)} == {"unknown"}
    (login,) = tried(old, keep(old, value(master, port=str(postgresql.port), dbname="postgres", ssl="False")))
    assert login.keys() == {"SecretId", "Outcome", "Address", "Username"}


def test_a_server_that_is_away_or_silent_is_unreachable(old: RunningServer, postgresql: PostgreSQL) -> None:
    master = make_master(old, postgresql)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        away = keep(old, value(master, port=closed_port()))
        hangs = [keep(old, value(master, engine=engine, port=port, ssl=False)) for engine in ("postgres", "mysql")]
        demands_tls = keep(old, value(master, host="localhost", ssl=True))
        found = tried(old, away, *hangs, demands_tls)
    assert [login["Outcome"] for login in found] == ["unreachable"] * 4
    assert all(master.password not in login["Reason"] for login in found)


def test_a_registered_server_is_reached_as_it_is_registered(old: RunningServer, postgresql: PostgreSQL) -> None:
    """Its registration says that it has no TLS; the secret that there is."""
    application = make_master(old, postgresql)
    arn = keep(old, value(application, host="localhost", ssl=True))
    assert tried(old, arn)[0]["Outcome"] == "unreachable"
    registered = make_master(old, postgresql)
    registered.register(Tags=registered.tags(strongroom__endpoint=f"localhost:{postgresql.port}"))
    assert tried(old, arn)[0]["Outcome"] == "logs-in"


def test_who_may_try_and_who_may_read(old: RunningServer, postgresql: PostgreSQL) -> None:
    master = make_master(old, postgresql)
    arn, other = keep(old, value(master)), keep(old, value(master))

    def user(*statements: tuple[str, str]) -> Any:
        allowed = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]
        return operator_client(old, old.make_user({"Version": "2012-10-17", "Statement": allowed}))

    reader = user(("secretsmanager:GetSecretValue", "*"), ("kms:Decrypt", "*"))
    assert "perform: strongroom:TryLogins" in refusal(reader, "try_logins", SecretIds=[arn])[1]
    trier = user(("strongroom:TryLogins", "*"), ("secretsmanager:GetSecretValue", arn), ("kms:Decrypt", "*"))
    mine, others = trier.try_logins(SecretIds=[arn, other])["Logins"]
    assert mine["Outcome"] != "unknown"
    assert others["Outcome"] == "unknown"
    assert "AccessDenied" in others["Reason"]


@contextmanager
def asking_for_clear_passwords() -> Iterator[tuple[int, list[bytes]]]:
    """A server of MySQL's protocol that asks for the password itself; its port, and what it was sent.

    "Connection Phase" of the MySQL client/server protocol: an initial handshake, then an authentication switch.
    """
    sent: list[bytes] = []
    plugin = b"mysql_native_password\0"
    capabilities = (0x0008_0000 | 0x0000_8000 | 0x0000_0200 | 0x0000_0001).to_bytes(4, "little")
    greeting = (
        *(b"\x0a5.7.0\0", bytes(4), b"12345678\0", capabilities[:2], b"\x21\x02\0", capabilities[2:]),
        *(b"\x15", bytes(10), b"123456789012\0", plugin),
    )

    def packet(number: int, content: bytes) -> bytes:
        return len(content).to_bytes(3, "little") + bytes([number]) + content

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            connection.sendall(packet(0, b"".join(greeting)))
            sent.append(connection.recv(4096))
            connection.sendall(packet(2, b"\xfemysql_clear_password\0"))
            while content := connection.recv(4096):
                sent.append(content)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], sent
        thread.join(20)


def test_a_password_is_never_given_to_a_server_that_asks_for_it(old: RunningServer, postgresql: PostgreSQL) -> None:
    master = make_master(old, postgresql)
    with asking_for_clear_passwords() as (port, sent):
        secret = value(master, engine="mysql", port=port, ssl=False, password=CANARY)
        assert tried(old, keep(old, secret))[0]["Outcome"] == "unreachable"
    assert master.username.encode() in b"".join(sent)
    assert CANARY.encode() not in b"".join(sent)
