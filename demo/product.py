"""Start Strongroom the way its user does, and reach it with boto3."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

START_SECONDS = 60
STOP_SECONDS = 40


@dataclass(frozen=True)
class AccessKey:
    """An access key of a user."""

    access_key_id: str
    secret_access_key: str


@dataclass
class Product:
    """A running Strongroom.

    Attributes:
        endpoint: Where it listens.
        data_dir: Its data folder.
        administrator: The key of its administrator.
        process: Its supervisor.
    """

    endpoint: str
    data_dir: Path
    region: str
    account: str
    administrator: AccessKey
    process: subprocess.Popen[bytes]
    log: Path

    def client(self, service: str, key: AccessKey | None = None) -> Any:
        """A boto3 client, as the administrator or with another key."""
        who = key or self.administrator
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
            config=Config(retries={"max_attempts": 2, "mode": "standard"}),
        )

    def make_user(self, name: str, *statements: Mapping[str, Any]) -> AccessKey:
        """A user that may do what the statements say, and nothing else."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="demo", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return AccessKey(key["AccessKeyId"], key["SecretAccessKey"])

    def environment(self, key: AccessKey) -> dict[str, str]:
        """The environment of a process that uses Strongroom through any AWS tool."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return clean | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def audit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``strongroom audit``, the operator's command, on the data folder."""
        command = [_command(), "audit", *arguments, "--data-dir", str(self.data_dir)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@contextlib.contextmanager
def running_product(folder: Path, *options: str, workers: int = 2) -> Iterator[Product]:
    """Strongroom on a new data folder and a free loopback port, stopped at the end.

    Args:
        folder: Where its data folder and log go.
        options: Further options of ``strongroom serve``.
        workers: How many request workers to run.
    """
    data_dir, log = folder / "strongroom", folder / "strongroom.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STRONGROOM_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_command(), "serve", "--port", "0", "--data-dir", str(data_dir), "--workers", str(workers), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=clean | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    try:
        endpoint = _wait(process, log)
        installation = json.loads((data_dir / "installation.json").read_text())
        profile = configparser.ConfigParser()
        profile.read(data_dir / "admin.credentials")
        key = profile["strongroom"]
        yield Product(
            endpoint=endpoint,
            data_dir=data_dir,
            region=installation["region"],
            account=installation["account"],
            administrator=AccessKey(key["aws_access_key_id"], key["aws_secret_access_key"]),
            process=process,
            log=log,
        )
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(STOP_SECONDS)


def _command() -> str:
    return str(Path(sys.executable).with_name("strongroom"))


def _wait(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        text = log.read_text()
        if found := re.search(r"ready at (\S+)", text):
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"Strongroom did not start:\n{log.read_text()}")
