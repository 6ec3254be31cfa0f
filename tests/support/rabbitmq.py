"""A real RabbitMQ server from Debian's package ``rabbitmq-server``, on loopback, with its own folder and TLS beside."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pika
import pytest
from tests.support.certificates import write_certificate
from tests.support.databases_mariadb import free_port

__all__ = ["SHORTEST_PASSWORD", "RabbitMQServer", "start_rabbitmq"]

_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""What Debian's own ``rabbitmq-server`` runs as the user ``rabbitmq`` and in its folders."""
SHORTEST_PASSWORD = 3
"""In characters: the server's credential validator takes no shorter one."""
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RabbitMQServer:
    """A running server.

    Attributes:
        host: Its loopback address, which its certificate names.
        port: Its TCP port for AMQP.
        tls_port: Its TCP port for AMQP in TLS.
        management_port: The TCP port of its management API.
        management_tls_port: The TCP port of its management API in TLS.
        password: Of its user ``guest``, an administrator.
        certificate: The file of its self-signed certificate, in PEM.
        log: The file of what it says.
    """

    host: str
    port: int
    tls_port: int
    management_port: int
    management_tls_port: int
    password: str = field(repr=False)
    certificate: Path
    log: Path

    def call(self, method: str, *path: str, body: object = None) -> Any:
        """Call the management API as the administrator; what it answers."""
        connection = http.client.HTTPConnection(self.host, self.management_port, timeout=10)
        token = b64encode(f"guest:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        where = "/api/" + "/".join(quote(part, safe="") for part in path)
        try:
            connection.request(method, where, json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise RuntimeError(f"{method} {where} answered {response.status}: {text!r}")
        return json.loads(text) if text else None

    def make_user(self, name: str, password: str, *tags: str, permissions: bool = True) -> None:
        """Make a user, who may do everything in the virtual host ``/`` unless told otherwise."""
        self.call("PUT", "users", name, body={"password": password, "tags": list(tags)})
        if permissions:
            self.call("PUT", "permissions", "/", name, body={"configure": "^a", "write": ".*", "read": ".*"})

    def logs_in(self, user: str, password: str) -> bool:
        """Whether a password opens the door of AMQP."""
        who = pika.PlainCredentials(user, password)
        where = pika.ConnectionParameters(self.host, self.port, "/", who, connection_attempts=1, socket_timeout=10)
        try:
            pika.BlockingConnection(where).close()
        except pika.exceptions.ProbableAuthenticationError:
            return False
        return True


@contextmanager
def start_rabbitmq() -> Iterator[RabbitMQServer]:
    """Start a server, and end it with the block. Skips the test where there is none."""
    if not Path(_PROGRAM).is_file() or shutil.which("epmd") is None:
        pytest.skip("no rabbitmq-server here: Debian's package rabbitmq-server has it")
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        certificate, key = write_certificate(folder, name="rabbitmq")
        port, tls_port, management, management_tls, names_port, node_port = (free_port() for _ in range(6))
        password, log = secrets.token_urlsafe(18), folder / "server.log"
        server = RabbitMQServer("127.0.0.1", port, tls_port, management, management_tls, password, certificate, log)
        _configure(folder, server, key)
        with server.log.open("wb") as output:
            # Erlang's port mapper would be started as a daemon and left behind.
            names = ["epmd", "-port", str(names_port), "-address", server.host]
            processes = [subprocess.Popen(names, stdout=output, stderr=subprocess.STDOUT)]
            environment = _environment(folder, names_port=names_port, node_port=node_port)
            processes.append(
                subprocess.Popen([_PROGRAM], env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
            )
        try:
            _wait_until_ready(server, processes[1])
            yield server
        finally:
            for process in reversed(processes):
                process.kill()
                process.wait()


def _configure(folder: Path, server: RabbitMQServer, key: Path) -> None:
    (folder / "enabled_plugins").write_text("[rabbitmq_management].")
    (folder / "advanced.config").write_text("[].")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = {server.host}:{server.port}\n"
        f"listeners.ssl.1 = {server.host}:{server.tls_port}\n"
        f"ssl_options.certfile = {server.certificate}\n"
        f"ssl_options.keyfile = {key}\n"
        f"management.tcp.ip = {server.host}\nmanagement.tcp.port = {server.management_port}\n"
        f"management.ssl.ip = {server.host}\nmanagement.ssl.port = {server.management_tls_port}\n"
        f"management.ssl.certfile = {server.certificate}\nmanagement.ssl.keyfile = {key}\n"
        f"default_user = guest\ndefault_pass = {server.password}\n"
        "credential_validator.validation_backend = rabbit_credential_validator_min_password_length\n"
        f"credential_validator.min_length = {SHORTEST_PASSWORD}\n"
    )


def _environment(folder: Path, *, names_port: int, node_port: int) -> dict[str, str]:
    """The server's variables: everything in the folder, every port on loopback."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names_port),
        "RABBITMQ_ALLOW_INPUT": "true",  # the server itself, not a shell that starts it
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_NODENAME": "test@localhost",
        "RABBITMQ_DIST_PORT": str(node_port),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }


def _wait_until_ready(server: RabbitMQServer, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            server.call("GET", "whoami")
            if server.logs_in("guest", server.password):
                return
        except (OSError, pika.exceptions.AMQPConnectionError, http.client.HTTPException):
            time.sleep(0.1)
    raise RuntimeError(f"RabbitMQ did not start:\n{server.log.read_text(errors='replace')[-2000:]}")
