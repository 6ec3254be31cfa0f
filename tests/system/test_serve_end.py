"""How a server ends: asked to, by SIGTERM, and killed, whole or in part."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's own name
from tests.support.commands import processes_of_session, run_strongroom, wait_for, workers_of
from tests.support.raw_http import connect, json_request, read_answer, request_bytes, signed
from tests.support.server import RunningServer, running_server, start_server
from tests.support.versions import version_ids

pytestmark = pytest.mark.system


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server with two request workers, for one test to end."""
    running = start_server(tmp_path / "data", workers=2)
    try:
        yield running
    finally:
        if processes_of_session(running.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait(10)


def _refuses_connections(server: RunningServer) -> bool:
    address = urlsplit(server.endpoint)
    try:
        socket.create_connection((address.hostname, address.port), timeout=5).close()
    except OSError:
        return True
    return False


def _begin_put(server: RunningServer, token: str) -> tuple[socket.socket, bytes]:
    """Send all of a PutSecretValue but the end of its body; answer the connection and what is left to send.

    The server says "100 Continue" when it has taken the request up and waits for its body.
    """
    body = json.dumps({"SecretId": "slow", "SecretString": token, "ClientRequestToken": token}).encode()
    headers = signed(server, json_request("PutSecretValue"), body)
    connection = connect(server)
    connection.sendall(request_bytes([*headers, ("expect", "100-continue")], length=len(body)))
    assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
    connection.sendall(body[:10])
    return connection, body[10:]


def test_sigterm_finishes_what_is_in_flight(server: RunningServer) -> None:
    server.client("secretsmanager").create_secret(Name="slow", SecretString="first")
    tokens = [f"token-of-a-request-that-is-slow-{number}" for number in range(8)]
    begun = [_begin_put(server, token) for token in tokens]

    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: _refuses_connections(server))
    for connection, rest in begun:
        connection.sendall(rest)
    answers = [read_answer(connection) for connection, _ in begun]
    for connection, _ in begun:
        connection.close()

    assert [(answer.status, json.loads(answer.body)["VersionId"]) for answer in answers] == [(200, t) for t in tokens]
    assert server.process.wait(40) == 0
    assert processes_of_session(server.process.pid) == []
    assert not (server.data_dir / "server.json").exists()
    with running_server(server.data_dir) as again:
        assert set(tokens) <= set(version_ids(again.client("secretsmanager"), "slow"))


def test_sigterm_under_load_answers_nobody_with_an_error_and_loses_nothing(server: RunningServer) -> None:
    client = server.client("secretsmanager")
    acknowledged: list[str] = []
    errors: list[str] = []
    started = threading.Barrier(5)

    def put(number: int) -> None:
        client.create_secret(Name=f"busy-{number}")
        started.wait(30)
        while True:
            try:
                acknowledged.append(client.put_secret_value(SecretId=f"busy-{number}", SecretString="x")["VersionId"])
            except ClientError as error:
                errors.append(str(error))
                return
            except (ConnectionError, HTTPClientError):
                return

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    started.wait(30)
    wait_for(lambda: len(acknowledged) > 40)
    assert server.stop() == 0
    for thread in threads:
        thread.join(30)
    assert errors == []
    with running_server(server.data_dir) as again:
        client = again.client("secretsmanager")
        found = {version for number in range(4) for version in version_ids(client, f"busy-{number}")}
    assert set(acknowledged) <= found


def test_ctrl_c_ends_it_like_sigterm(server: RunningServer) -> None:
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(40) == 0
    assert processes_of_session(server.process.pid) == []


def test_when_the_supervisor_is_killed_its_processes_end_and_the_next_start_works(server: RunningServer) -> None:
    server.client("secretsmanager").create_secret(Name="kept", SecretString="value")
    assert len(processes_of_session(server.process.pid)) >= 4
    server.process.kill()
    server.process.wait(10)
    wait_for(lambda: processes_of_session(server.process.pid) == [], seconds=10)

    ended = run_strongroom("status", "--data-dir", server.data_dir)
    assert ended.returncode == 1
    assert "not running: start it with `strongroom serve`" in ended.stdout
    with running_server(server.data_dir) as again:
        assert again.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "value"


def test_when_everything_is_killed_the_next_start_takes_the_same_port(server: RunningServer) -> None:
    port = urlsplit(server.endpoint).port
    server.kill()
    again = start_server(server.data_dir, "--port", str(port))
    try:
        assert again.endpoint == server.endpoint
        assert again.client("sts").get_caller_identity()["Account"] == server.account
    finally:
        assert again.stop() == 0


def test_a_killed_worker_is_replaced_and_requests_keep_being_answered(server: RunningServer) -> None:
    server.client("secretsmanager").create_secret(Name="kept", SecretString="value")
    first = set(workers_of(server.process.pid))
    assert len(first) == 2
    for victim in first:
        os.kill(victim, signal.SIGKILL)
        # A new connection each time: one that the victim held is gone, as with any server.
        for _ in range(20):
            body = b'{"SecretId":"kept"}'
            request = request_bytes(signed(server, json_request("GetSecretValue"), body), body)
            with connect(server) as connection:
                connection.sendall(request)
                assert read_answer(connection).status == 200
        wait_for(lambda victim=victim: len(set(workers_of(server.process.pid)) - {victim}) == 2)  # type: ignore[misc]
    assert not first & set(workers_of(server.process.pid))
    assert "ended with exit code -9; starting it again" in server.log.read_text()


def test_a_killed_background_worker_is_replaced(server: RunningServer) -> None:
    children = {
        int(pid) for pid in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    }
    (background,) = children - set(workers_of(server.process.pid))
    os.kill(background, signal.SIGKILL)
    wait_for(lambda: server.log.read_text().count("background ended with exit code -9") == 1)
    wait_for(lambda: len(processes_of_session(server.process.pid)) >= 4)
    assert server.stop() == 0
