"""A server under the settings that an operator gives it, and what ``status``, ``version`` and the health pages say."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, SSLError
from tests.support.certificates import write_certificate
from tests.support.commands import run_strongroom, wait_for, workers_of
from tests.support.server import RunningServer, running_server, start_server

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with settings from the command line, the environment and a file, and a log in JSON."""
    folder = tmp_path_factory.mktemp("settings")
    config = folder / "settings.toml"
    config.write_text(
        'host = "192.0.2.1"\nport = 1\nregion = "eu-north-1"\naccount = "111122223333"\nworkers = 3\n'
        'more_regions = ["eu-west-3"]\nlog_format = "text"\n'
    )
    running = start_server(
        folder / "data",
        "--host",
        "127.0.0.1",
        workers=1,
        environment={
            "STRONGROOM_CONFIG": str(config),
            "STRONGROOM_REGION": "eu-west-1",
            "STRONGROOM_WORKERS": "2",
            "STRONGROOM_LOG_FORMAT": "json",
        },
    )
    yield running
    assert running.stop() == 0


def _page(url: str, context: ssl.SSLContext | None = None) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10, context=context) as page:
            return page.status, json.load(page)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(server: RunningServer) -> None:
    assert (server.account, server.region) == ("111122223333", "eu-west-1")
    assert len(workers_of(server.process.pid)) == 1
    assert server.client("sts").get_caller_identity()["Account"] == "111122223333"
    made = server.client("secretsmanager", region="eu-west-3").create_secret(Name="further", SecretString="x")
    assert made["ARN"].startswith("arn:aws:secretsmanager:eu-west-3:111122223333:secret:further-")
    with pytest.raises(ClientError, match="Credential should be scoped to a valid region"):
        server.client("secretsmanager", region="eu-north-1").list_secrets()


def test_events_of_global_services_are_looked_up_where_those_are_signed_for(server: RunningServer) -> None:
    server.client("iam", region="us-east-1").list_users()
    newest = server.client("cloudtrail", region="us-east-1").lookup_events(MaxResults=1)["Events"][0]
    assert newest["EventName"] == "ListUsers"


def test_health_pages(server: RunningServer) -> None:
    assert _page(f"{server.endpoint}/health/live") == (200, {"status": "live"})
    assert _page(f"{server.endpoint}/health/ready") == (200, {"status": "ready", "problems": []})
    assert _page(f"{server.endpoint}/health/other") == (404, {"status": "no such page"})


def test_status_of_a_running_server(server: RunningServer) -> None:
    told = run_strongroom("status", "--data-dir", server.data_dir, "--json")
    assert told.returncode == 0
    assert json.loads(told.stdout) == {
        "data_dir": str(server.data_dir),
        "account": "111122223333",
        "region": "eu-west-1",
        "running": True,
        "endpoint": server.endpoint,
        "pid": server.process.pid,
        "problems": [],
        "warnings": [],
    }
    told = run_strongroom("status", environment={"STRONGROOM_DATA_DIR": str(server.data_dir)})
    assert told.returncode == 0
    assert told.stdout.split() == [
        *("data", "folder", str(server.data_dir), "account", "111122223333", "region", "eu-west-1"),
        *("endpoint", server.endpoint, "state", "ready"),
    ]


def test_status_of_no_installation(tmp_path: Path) -> None:
    told = run_strongroom("status", "--data-dir", tmp_path / "nothing")
    assert told.returncode == 1
    assert "There is no installation in" in told.stderr
    assert "fix: start one with `strongroom serve`" in told.stderr
    assert not (tmp_path / "nothing").exists()


def test_each_line_of_a_json_log_is_json(server: RunningServer) -> None:
    (worker,) = workers_of(server.process.pid)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: "ended with exit code" in server.log.read_text())
    wait_for(lambda: workers_of(server.process.pid) not in ([], [worker]))
    _, _, logged = server.log.read_text().partition("aws secretsmanager list-secrets\n")
    lines = [json.loads(line) for line in logged.splitlines()]
    (found,) = [line for line in lines if line["level"] == "error"]
    assert set(found) == {"time", "level", "process", "message"}
    assert found["process"] == "supervisor"
    assert found["message"].startswith("worker-1 ended with exit code -9; starting it again")


def test_ready_says_that_the_audit_trail_is_gone(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        server.client("secretsmanager").create_secret(Name="before", SecretString="x")
        for path in (server.data_dir / "audit").iterdir():
            path.unlink()
        status, page = _page(f"{server.endpoint}/health/ready")
        assert (status, page["status"]) == (503, "not ready")
        (problem,) = page["problems"]
        assert "audit trail" in problem
        assert _page(f"{server.endpoint}/health/live")[0] == 200

        # No record, no answer.
        with pytest.raises(ClientError) as refused:
            server.client("secretsmanager").get_secret_value(SecretId="before")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        told = run_strongroom("status", "--data-dir", server.data_dir)
        assert told.returncode == 1
        assert "state        not ready" in told.stdout
        assert f"- {problem}" in told.stdout


def test_tls(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    arguments = ("--tls-cert", str(certificate), "--tls-key", str(key))
    with running_server(tmp_path / "data", "--host", "0.0.0.0", *arguments) as server:
        assert server.endpoint.startswith("https://127.0.0.1:")

        def client(verify: str | None) -> Any:
            return boto3.session.Session().client(
                "sts",
                endpoint_url=server.endpoint,
                region_name=server.region,
                aws_access_key_id=server.administrator.access_key_id,
                aws_secret_access_key=server.administrator.secret_access_key,
                verify=verify,
            )

        assert client(str(certificate)).get_caller_identity()["Account"] == server.account
        with pytest.raises(SSLError):
            client(None).get_caller_identity()
        context = ssl.create_default_context(cafile=str(certificate))
        assert _page(f"{server.endpoint}/health/ready", context)[0] == 200
        told = run_strongroom("status", "--data-dir", server.data_dir, "--json")
        assert (told.returncode, json.loads(told.stdout)["endpoint"]) == (0, server.endpoint)


def test_a_wider_address_without_tls_when_it_is_asked_for_by_name(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", "--host", "0.0.0.0", "--insecure-listen") as server:
        assert server.endpoint.startswith("http://127.0.0.1:")
        assert server.client("sts").get_caller_identity()["Account"] == server.account


def test_a_passphrase_from_a_file_and_from_a_descriptor(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple\n")
    passphrase.chmod(0o600)
    data = tmp_path / "data"
    source = ("--passphrase-source", f"file:{passphrase}")
    with running_server(data, "--seal", "passphrase", *source) as server:
        server.client("secretsmanager").create_secret(Name="sealed", SecretString="value")
    assert not (data / "root.key").exists()
    with running_server(data, *source) as server:
        assert server.client("secretsmanager").get_secret_value(SecretId="sealed")["SecretString"] == "value"

    def from_descriptor(text: bytes) -> subprocess.CompletedProcess[str]:
        reading, writing = os.pipe()
        os.write(writing, text)
        os.close(writing)
        try:
            arguments = ("serve", "--data-dir", data, "--port", "0", "--passphrase-source", f"fd:{reading}")
            return run_strongroom(*arguments, "--host", "192.0.2.1", "--insecure-listen", pass_fds=[reading])
        finally:
            os.close(reading)

    refused = from_descriptor(b"wrong horse battery staple\n")
    assert refused.returncode == 1
    assert "passphrase" in refused.stderr
    assert "horse" not in refused.stderr
    # The right one opens the seal: what then fails is an address that this machine does not have.
    assert "Cannot listen on 192.0.2.1" in from_descriptor(b"correct horse battery staple\n").stderr


def test_the_command_and_the_module_are_the_same() -> None:
    as_module = run_strongroom("version", "--json")
    command = shutil.which("strongroom", path=str(Path(sys.executable).parent))
    assert command is not None
    as_command = subprocess.run([command, "version", "--json"], capture_output=True, text=True, timeout=60, check=True)
    assert as_command.stdout == as_module.stdout
    found = json.loads(as_module.stdout)
    assert set(found) == {"strongroom", "service model (botocore)", "python", "sqlite"}
    assert f"strongroom {found['strongroom']}" in run_strongroom("version").stdout
