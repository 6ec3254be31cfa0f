"""A real OpenSSH server from Debian's package ``openssh-server``, on loopback, for the user who runs the tests.

Its list of keys is a file of its own: nothing in the user's home is read or written.
"""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.support.databases_mariadb import free_port

__all__ = ["SSHServer", "key_pair", "start_sshd"]

_PROGRAM = "/usr/sbin/sshd"
_PRIVILEGE_SEPARATION = Path("/run/sshd")
"""The folder that sshd wants to be there when root starts it; Debian makes it at boot."""
START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SSHServer:
    """A running server.

    Attributes:
        host: Its loopback address.
        port: Its TCP port.
        user: Who may log in.
        host_key: Its public key, as a line.
        authorized_keys: The file of keys that it lets in.
        log: The file of what it says.
    """

    host: str
    port: int
    user: str
    host_key: str
    authorized_keys: Path
    log: Path


def key_pair() -> tuple[str, str]:
    """An Ed25519 key pair: the private key in OpenSSH format, and the public key as a line."""
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@contextmanager
def start_sshd() -> Iterator[SSHServer]:
    """Start a server, and end it with the block. Skips the test where there is none."""
    if not Path(_PROGRAM).is_file():
        pytest.skip("no sshd here: Debian's package openssh-server has it")
    if os.getuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sshd-") as name:
        folder = Path(name)
        private, public = key_pair()
        key = folder / "host_key"
        key.touch(mode=0o600)
        key.write_text(private)
        keys, log, port = folder / "authorized_keys", folder / "log", free_port()
        keys.touch(mode=0o600)
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {key}\nAuthorizedKeysFile {keys}\nPidFile none\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            "MaxStartups 100\nSubsystem sftp internal-sftp\n"
        )
        with log.open("wb") as output:
            process = subprocess.Popen(
                [_PROGRAM, "-D", "-e", "-f", str(folder / "config")], stdout=output, stderr=subprocess.STDOUT
            )
        server = SSHServer("127.0.0.1", port, getpass.getuser(), public, keys, log)
        try:
            _wait_until_ready(server, process)
            yield server
        finally:
            process.kill()
            process.wait()


def _wait_until_ready(server: SSHServer, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection((server.host, server.port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"sshd did not start:\n{server.log.read_text(errors='replace')[-2000:]}")
