"""A server with several regions, and what tests of replication look at in it."""

from __future__ import annotations

import json
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.postgresql import start_postgresql
from tests.support.server import Credentials, RunningServer, start_server

from strongroom.audit import EventFilter, read_records

__all__ = [
    "ELSEWHERE",
    "ENGINES",
    "HERE",
    "THERE",
    "Regions",
    "eventually",
    "regions_of",
    "statement",
    "unique",
]

ENGINES = os.environ.get("STRONGROOM_TEST_ENGINES", "sqlite,postgresql").split(",")
HERE, THERE, ELSEWHERE = "us-east-1", "eu-west-1", "eu-west-2"
WAIT_SECONDS = 30.0


def unique(prefix: str = "replication") -> str:
    """A name of the test's own."""
    return f"{prefix}/{uuid.uuid4().hex}"


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as a condition holds."""
    until = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < until, f"it did not come to this: {what}"
        time.sleep(0.05)


def statement(*actions: str, effect: str = "Allow", resource: str = "*", **more: Any) -> dict[str, Any]:
    """A policy statement."""
    return {"Effect": effect, "Action": list(actions), "Resource": resource, **more}


@dataclass
class Regions:
    """A running server with the regions of this module.

    Attributes:
        environment: What it was started with, and is to be started with again.
    """

    server: RunningServer
    environment: Mapping[str, str]

    def secrets(self, region: str = HERE, credentials: Credentials | None = None) -> Any:
        """Secrets Manager in a region."""
        return self.server.client("secretsmanager", credentials, region=region)

    def kms(self, region: str = HERE, credentials: Credentials | None = None) -> Any:
        """KMS in a region."""
        return self.server.client("kms", credentials, region=region)

    def user(self, *statements: dict[str, Any]) -> Credentials:
        """A user with these rights."""
        return self.server.make_user({"Version": "2012-10-17", "Statement": list(statements)})

    def key(self, region: str = HERE, *, policy: list[dict[str, Any]] | None = None) -> str:
        """The ARN of a new key, which the account manages; with further statements in its policy."""
        document = {
            "Version": "2012-10-17",
            "Statement": [
                statement("kms:*", Principal={"AWS": f"arn:aws:iam::{self.server.account}:root"}),
                *(policy or []),
            ],
        }
        made = self.kms(region).create_key(Policy=json.dumps(document))
        return str(made["KeyMetadata"]["Arn"])

    def replicated(self, *regions: str, value: str = "v1", **parameters: Any) -> str:
        """The name of a new secret whose replicas are in step."""
        name = unique()
        wanted = [{"Region": region} for region in regions or (THERE,)]
        self.secrets().create_secret(Name=name, SecretString=value, AddReplicaRegions=wanted, **parameters)
        self.wait(name)
        return name

    def status(self, name: str, region: str = THERE) -> dict[str, Any]:
        """What DescribeSecret of a primary says of the replica in a region."""
        described = self.secrets().describe_secret(SecretId=name)
        found: list[dict[str, Any]] = [
            each for each in described.get("ReplicationStatus", []) if each["Region"] == region
        ]
        return found[0] if found else {}

    def wait(self, name: str, status: str = "InSync") -> None:
        """Wait until every replica of a secret has a status."""

        def settled() -> bool:
            found = self.secrets().describe_secret(SecretId=name)["ReplicationStatus"]
            return all(each["Status"] == status for each in found)

        eventually(settled, f"all replicas of {name} are {status}")

    def value(self, name: str, region: str = THERE, **parameters: str) -> str:
        """The value of a secret in a region."""
        return str(self.secrets(region).get_secret_value(SecretId=name, **parameters)["SecretString"])

    def events(self, arn: str) -> list[dict[str, Any]]:
        """What the trail says of a secret, oldest first."""
        records = read_records(self.server.data_dir / "audit", EventFilter(resource=arn))
        return [dict(record.event) for record in records]


@contextmanager
def regions_of(engine: str, folder: Path) -> Iterator[Regions]:
    """A server with several regions on one of the two engines, for the time of a block."""
    environment = {"STRONGROOM_MORE_REGIONS": json.dumps([THERE, ELSEWHERE])}
    if engine == "sqlite":
        with _stopped(Regions(start_server(folder / "data", environment=environment), environment)) as regions:
            yield regions
        return
    with tempfile.TemporaryDirectory(prefix="strongroom-test-") as name, start_postgresql(Path(name)) as database:
        address = database.create_database("strongroom")
        server = start_server(folder / "data", "--store", address, environment=environment)
        with _stopped(Regions(server, environment)) as regions:
            yield regions


@contextmanager
def _stopped(regions: Regions) -> Iterator[Regions]:
    try:
        yield regions
    finally:
        if regions.server.process.poll() is None:
            regions.server.stop()
