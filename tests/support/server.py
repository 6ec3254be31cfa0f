"""Start the product as its user does, and talk to it with plain boto3."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

__all__ = ["READY", "Credentials", "RunningServer", "start_server", "wait_until"]

READY = re.compile(r"Strongroom is ready at (\S+)")
START_SECONDS = 60
_SESSION = boto3.session.Session()
"""Shared, for a session of its own reads the service's model again: 70 ms a client, against 2."""
_MAKING = threading.Lock()


@dataclass(frozen=True)
class Credentials:
    """An access key, as a client uses it."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    user_name: str = ""
    arn: str = ""


@dataclass
class RunningServer:
    """A server process and what a test needs to use it.

    Attributes:
        endpoint: Where it listens.
        data_dir: Its data folder.
        log: The file its standard output and error go to.
    """

    process: subprocess.Popen[bytes]
    endpoint: str
    data_dir: Path
    log: Path
    region: str
    account: str
    administrator: Credentials
    _clients: dict[tuple[str, str, str | None], Any] = field(default_factory=dict)

    def client(self, service: str, credentials: Credentials | None = None, *, region: str | None = None) -> Any:
        """A boto3 client; as the administrator unless other credentials are given. It never retries."""
        who = credentials or self.administrator
        key = (service, f"{who.access_key_id} {who.secret_access_key} {who.session_token}", region)
        if key not in self._clients:
            with _MAKING:
                self._clients[key] = _SESSION.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=self.endpoint,
                    region_name=region or self.region,
                    aws_access_key_id=who.access_key_id,
                    aws_secret_access_key=who.secret_access_key,
                    aws_session_token=who.session_token,
                    config=Config(
                        retries={"total_max_attempts": 1, "mode": "standard"},
                        max_pool_connections=32,
                    ),
                )
        return self._clients[key]

    def make_user(
        self,
        policy: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        creator: Credentials | None = None,
    ) -> Credentials:
        """Create an IAM user with an access key and, if given, one inline policy; in the creator's account."""
        iam = self.client("iam", creator)
        user_name = name or f"user-{uuid.uuid4().hex[:12]}"
        arn = iam.create_user(UserName=user_name)["User"]["Arn"]
        if policy is not None:
            iam.put_user_policy(UserName=user_name, PolicyName="inline", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=user_name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"], user_name=user_name, arn=arn)

    def environment(self, credentials: Credentials | None = None) -> dict[str, str]:
        """An environment in which AWS tools talk to this server."""
        who = credentials or self.administrator
        found = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        found |= {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": who.access_key_id,
            "AWS_SECRET_ACCESS_KEY": who.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if who.session_token:
            found["AWS_SESSION_TOKEN"] = who.session_token
        return found

    def stop(self, seconds: float = 40) -> int:
        """End it as an operator does, with SIGTERM; answer the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End all of its processes at once, with no chance to clean up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


def start_server(
    data_dir: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    workers: int = 1,
    until: re.Pattern[str] = READY,
) -> RunningServer:
    """Start ``strongroom serve`` on a free loopback port and wait until it is ready.

    Args:
        data_dir: The data folder, made at first start.
        arguments: Further command-line arguments.
        environment: Variables to add. Quotas are off unless ``STRONGROOM_QUOTAS`` is among them.
        workers: How many request workers to run.
        until: What it says once it is where it should be; its first group is the endpoint.
    """
    log = data_dir.with_name(data_dir.name + ".log")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STRONGROOM_"))}
    command = [sys.executable, "-m", "strongroom", "serve", "--port", "0", "--data-dir", str(data_dir)]
    with log.open("ab") as output:
        offset = output.tell()
        process = subprocess.Popen(
            [*command, "--workers", str(workers), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**clean, "PYTHONUNBUFFERED": "1", "STRONGROOM_QUOTAS": "none", **(environment or {})},
            start_new_session=True,
        )
    endpoint = wait_until(until, process, log, offset)
    installation = json.loads((data_dir / "installation.json").read_text())
    return RunningServer(
        process=process,
        endpoint=endpoint,
        data_dir=data_dir,
        log=log,
        region=installation["region"],
        account=installation["account"],
        administrator=_administrator(data_dir),
    )


def wait_until(said: re.Pattern[str], process: subprocess.Popen[bytes], log: Path, offset: int) -> str:
    """Wait until a server has said something in its log after ``offset``; the first group of it.

    Raises:
        RuntimeError: It ended, or did not say it in time.
    """
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        text = log.read_bytes()[offset:].decode()
        if found := said.search(text):
            return found[1]
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{text}")
        time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"the server was not ready in {START_SECONDS} s:\n{log.read_bytes()[offset:].decode()}")


def _administrator(data_dir: Path) -> Credentials:
    found = configparser.ConfigParser()
    found.read(data_dir / "admin.credentials")
    profile = found["strongroom"]
    return Credentials(profile["aws_access_key_id"], profile["aws_secret_access_key"])


@contextlib.contextmanager
def running_server(
    data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None, workers: int = 1
) -> Iterator[RunningServer]:
    """A server for the time of a block."""
    server = start_server(data_dir, *arguments, environment=environment, workers=workers)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
