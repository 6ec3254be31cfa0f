"""Registered databases: a master user of its own for each test, and what is asked of it in few words."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from demo.postgresql import PostgreSQL
from psycopg import sql
from tests.support.rotation import wait_until
from tests.support.server import Credentials, RunningServer

from strongroom.audit import EventFilter, read_records

__all__ = ["Master", "make_master", "tag_list"]


def tag_list(**tags: str) -> list[dict[str, str]]:
    """Tags in the model's shape; ``__`` in a name stands for a colon, ``_`` for a hyphen."""
    return [{"Key": key.replace("__", ":").replace("_", "-"), "Value": value} for key, value in tags.items()]


@dataclass
class Master:
    """A PostgreSQL role that is to be the master user of a registered database.

    Attributes:
        name: The identifier of instance or cluster.
        username: The role.
        password: Its first password.
    """

    strongroom: RunningServer
    database: PostgreSQL
    name: str
    username: str
    password: str = field(repr=False)

    def tags(self, **more: str) -> list[dict[str, str]]:
        """The tags that describe the server."""
        address = f"{self.database.host}:{self.database.port}"
        return tag_list(**{"strongroom__endpoint": address, "strongroom__tls": "off", **more})

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """Parameters of CreateDBInstance; a change to None leaves one out."""
        given = {
            "DBInstanceIdentifier": self.name,
            "DBInstanceClass": "db.t3.micro",
            "Engine": "postgres",
            "MasterUsername": self.username,
            "MasterUserPassword": self.password,
            "Tags": self.tags(),
            **changes,
        }
        return {name: value for name, value in given.items() if value is not None}

    def client(self, service: str = "rds", credentials: Credentials | None = None) -> Any:
        """A client of the server; as the administrator by default."""
        return self.strongroom.client(service, credentials)

    def register(self, **changes: Any) -> dict[str, Any]:
        """CreateDBInstance."""
        answer: dict[str, Any] = self.client().create_db_instance(**self.parameters(**changes))["DBInstance"]
        return answer

    def modify(self, **parameters: Any) -> dict[str, Any]:
        """ModifyDBInstance."""
        answer = self.client().modify_db_instance(DBInstanceIdentifier=self.name, **parameters)
        shown: dict[str, Any] = answer["DBInstance"]
        return shown

    def describe(self) -> dict[str, Any]:
        """DescribeDBInstances for this one."""
        answer = self.client().describe_db_instances(DBInstanceIdentifier=self.name)
        shown: dict[str, Any] = answer["DBInstances"][0]
        return shown

    def secret(self) -> dict[str, str]:
        """MasterUserSecret."""
        shown: dict[str, str] = self.describe()["MasterUserSecret"]
        return shown

    def managed(self) -> str:
        """Register with a managed password; wait for its first rotation; the ARN of its secret."""
        self.register()
        self.modify(ManageMasterUserPassword=True)
        self.wait_for_status("active")
        return self.secret()["SecretArn"]

    def wait_for_status(self, status: str) -> None:
        """Wait until MasterUserSecret has a status."""
        wait_until(lambda: self.secret()["SecretStatus"] == status, f"the secret of {self.name} is {status}")

    def credential(self, stage: str = "AWSCURRENT") -> dict[str, str]:
        """The credential under a staging label of the managed secret."""
        answer = self.client("secretsmanager").get_secret_value(SecretId=self.secret()["SecretArn"], VersionStage=stage)
        found: dict[str, str] = json.loads(answer["SecretString"])
        return found

    def takes(self, password: str) -> bool:
        """Whether the database takes a password."""
        try:
            self.database.login(self.username, password).close()
        except psycopg.OperationalError as error:
            assert "password authentication failed" in str(error)  # noqa: PT017 - no other failure is expected
            return False
        return True

    def set_behind_its_back(self, password: str) -> None:
        """Change the password in the database, past the service."""
        with self.database.admin() as admin:
            change = sql.SQL("ALTER ROLE {} PASSWORD {}")
            admin.execute(change.format(sql.Identifier(self.username), sql.Literal(password)))

    def events(self, name: str, resource: str) -> list[Mapping[str, Any]]:
        """The trail's events of a name that a resource has a part in, oldest first."""
        records = read_records(self.strongroom.data_dir / "audit", EventFilter(resource=resource))
        return [record.event for record in records if record.event["eventName"] == name]


def make_master(strongroom: RunningServer, database: PostgreSQL, username: str | None = None) -> Master:
    """Make a role that may make other roles, as RDS's master user may."""
    unique = uuid.uuid4().hex[:12]
    user, password = username or f"master_{unique}", secrets.token_urlsafe(18)
    with database.admin() as admin:
        create = sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}")
        admin.execute(create.format(sql.Identifier(user), sql.Literal(password)))
    return Master(strongroom, database, f"db-{unique}", user, password)
