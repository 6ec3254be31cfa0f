"""The rotator of SSH key pairs, against a real server."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.support.databases import STEPS, TOKEN, complete, rotating, run
from tests.support.secrets_manager import ARN, RotatingSecret
from tests.support.sshd import SSHServer, key_pair, start_sshd

from strongroom.rotators import ssh
from strongroom.rotators.contract import RotationError
from strongroom.rotators.ssh_key_pair import lambda_handler

pytestmark = pytest.mark.system

OTHERS = "# people\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5qyIIk3g0cS+S2gSwQ3LxZbVYyaZ9nEiCn3pVZLnXk joe\n"
OPTIONS = 'from="127.0.0.1,10.0.0.0/8",no-pty,environment="GREETING=say \\"hello\\""'


@pytest.fixture
def server() -> Iterator[SSHServer]:
    with start_sshd() as running:
        yield running


def secret_of(server: SSHServer, monkeypatch: pytest.MonkeyPatch, **others: object) -> RotatingSecret:
    """A secret with a key that the server lets in, among others, with some options."""
    private, public = key_pair()
    server.authorized_keys.write_text(f"{OTHERS}{OPTIONS} {public} first key\n")
    value = {
        "engine": "ssh",
        "host": server.host,
        "port": server.port,
        "username": server.user,
        "privateKey": private,
        "hostKey": server.host_key,
        "authorizedKeysFile": str(server.authorized_keys),
    }
    return rotating(monkeypatch, {**value, **others})


def logs_in(server: SSHServer, secret: RotatingSecret, stage: str) -> bool:
    """Whether the key under a label opens the door; by paramiko's own classes."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    values = secret.read(stage)
    account = ssh.parse_account(values, stage)
    try:
        client.connect(
            server.host,
            server.port,
            server.user,
            pkey=ssh.parse_key_pair({"privateKey": values["privateKey"]}, stage).private,
            allow_agent=False,
            look_for_keys=False,
        )
    except paramiko.AuthenticationException:
        return False
    finally:
        client.close()
    return account.username == server.user


def failing(step: str) -> str:
    """What a step says as it fails, without a key in it."""
    with pytest.raises(RotationError) as raised:
        run(lambda_handler, step)
    told = "".join(traceback.format_exception(raised.value))
    assert "PRIVATE KEY" not in told
    return told


def test_both_keys_work_until_the_end(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, monkeypatch, color="blue")
    server.authorized_keys.chmod(0o640)
    run(lambda_handler, "createSecret", "createSecret", "setSecret", "setSecret", "testSecret", "testSecret")
    assert logs_in(server, secret, "AWSCURRENT")
    assert logs_in(server, secret, "AWSPENDING")
    run(lambda_handler, "finishSecret", "finishSecret")
    assert (logs_in(server, secret, "AWSPREVIOUS"), logs_in(server, secret, "AWSCURRENT")) == (False, True)
    made = secret.read("AWSCURRENT")
    assert made.keys() == {*secret.read("AWSPREVIOUS"), "publicKey"}
    assert server.authorized_keys.read_text() == f"{OTHERS}{OPTIONS} {made['publicKey']} rotated:{ARN}\n"
    assert server.authorized_keys.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in server.authorized_keys.parent.glob("authorized_keys*")] == ["authorized_keys"]


def test_keys_of_rotations_that_came_to_nothing_go_with_the_next(
    server: SSHServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secret_of(server, monkeypatch)
    run(lambda_handler, "createSecret", "setSecret")
    secret.stages[TOKEN] = []  # cancelled
    complete(lambda_handler, secret, 2)
    assert server.authorized_keys.read_text() == (
        f"{OTHERS}{OPTIONS} {secret.read('AWSCURRENT')['publicKey']} rotated:{ARN}\n"
    )


def test_the_old_key_may_stay_until_the_next_rotation(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP_PREVIOUS", "true")
    secret = secret_of(server, monkeypatch)
    run(lambda_handler)
    secret.stages[TOKEN] = ["AWSCURRENT"]
    complete(lambda_handler, secret, 2)
    assert logs_in(server, secret, "AWSPREVIOUS")
    assert logs_in(server, secret, "AWSCURRENT")
    assert "first key" not in server.authorized_keys.read_text()


def test_another_server_is_not_talked_to(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_of(server, monkeypatch, hostKey=key_pair()[1])
    before = server.authorized_keys.read_text()
    run(lambda_handler, "createSecret")
    assert "does not match" in failing("setSecret")
    assert server.authorized_keys.read_text() == before


def test_a_key_that_is_not_let_in_changes_nothing(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_of(server, monkeypatch)
    server.authorized_keys.write_text(OTHERS)
    run(lambda_handler, "createSecret")
    assert "No version of" in failing("setSecret")
    assert server.authorized_keys.read_text() == OTHERS


def test_an_interrupted_rotation_left_the_previous_key(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(server, monkeypatch)
    right = secret.read("AWSCURRENT")
    secret.put("version-0", right, "AWSPREVIOUS")
    secret.put("version-1", {**right, "privateKey": key_pair()[0]}, "AWSCURRENT")
    run(lambda_handler)
    assert logs_in(server, secret, "AWSCURRENT")


def test_another_file_than_the_one_that_lets_the_key_in(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the old key's options, the new one could do more than it."""
    other = server.authorized_keys.with_name("other")
    other.write_text(OTHERS)
    secret_of(server, monkeypatch, authorizedKeysFile=str(other))
    run(lambda_handler, "createSecret")
    assert "name the file that has it under 'authorizedKeysFile'" in failing("setSecret")
    assert other.read_text() == OTHERS


def test_a_file_that_cannot_be_replaced(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_of(server, monkeypatch, authorizedKeysFile="/nowhere/keys")
    run(lambda_handler, "createSecret")
    assert "/nowhere/keys" in failing("setSecret")


def test_the_lock_of_a_rotation_that_died_is_taken_over(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "_LOCK_SECONDS", 0.5)
    secret = secret_of(server, monkeypatch)
    server.authorized_keys.with_name("authorized_keys.rotation").write_text("half")
    run(lambda_handler)
    assert logs_in(server, secret, "AWSCURRENT")


def test_a_link_to_the_file_stays_a_link(server: SSHServer, monkeypatch: pytest.MonkeyPatch) -> None:
    link = server.authorized_keys.with_name("link")
    link.symlink_to(server.authorized_keys)
    secret = secret_of(server, monkeypatch, authorizedKeysFile=str(link))
    run(lambda_handler)
    assert link.is_symlink()
    assert logs_in(server, secret, "AWSCURRENT")


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_the_first_key_may_be_of_another_kind(server: SSHServer, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    secret = secret_of(
        server,
        monkeypatch,
        privateKey=key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
    )
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    server.authorized_keys.write_text(f"restrict {public}")
    run(lambda_handler)
    made = secret.read("AWSCURRENT")["publicKey"]
    assert server.authorized_keys.read_text() == f"restrict {made} rotated:{ARN}\n"


def _locked() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"canary")).decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"hostKey": None}, "'hostKey'"),
        ({"hostKey": "# nothing"}, "no public key of the server"),
        ({"hostKey": "ssh-ed25519 AAAA"}, "cannot be read"),
        ({"hostKey": "ssh-new AAAA"}, "cannot be read"),
        ({"privateKey": "canary"}, "no key under 'privateKey'"),
        ({"privateKey": _locked()}, "without a passphrase"),
        ({"publicKey": key_pair()[1]}, "not the one of its 'privateKey'"),
        ({"username": ""}, "'username'"),
        ({"port": "http"}, "'port'"),
        ({"engine": "telnet"}, "ssh under 'engine'"),
    ],
    ids=range(10),
)
def test_what_cannot_be_rotated(monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], words: str) -> None:
    private, public = key_pair()
    value = {"engine": "ssh", "host": "localhost", "username": "app", "privateKey": private, "hostKey": public}
    rotating(monkeypatch, {**value, **changed})
    with pytest.raises(RotationError, match=words) as raised:
        run(lambda_handler, STEPS[0])
    told = "".join(traceback.format_exception(raised.value))
    assert "canary" not in told
    assert "PRIVATE KEY" not in told
