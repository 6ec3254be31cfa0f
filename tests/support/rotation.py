"""Real rotation: a server, a PostgreSQL, a KMS key, an execution role, functions, and secrets that they rotate.

`Rig` is what is expensive to make and shared by a module's tests; `RotatedSecret` is one secret with a database role of
its own, made for one test.
"""

from __future__ import annotations

import io
import json
import secrets
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from demo.function import HANDLER as SHIPPED_HANDLER
from demo.function import pack
from demo.postgresql import PostgreSQL, start_postgresql
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.support import gated_rotation
from tests.support.lambda_service import OWN_RUNTIME, make_role
from tests.support.server import RunningServer, start_server

from strongroom.audit import EventFilter, read_records

__all__ = ["Gate", "Rig", "RotatedSecret", "rotation_rig", "wait_until"]

ALTERNATING_HANDLER = "rotators.postgresql_alternating_users.lambda_handler"
WAIT_SECONDS = 60.0
_READER = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait for ``condition``, and fail with ``what`` when it does not come."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} s in vain: {what}"
        time.sleep(0.05)


@dataclass
class Gate:
    """A closed gate of `gated_rotation`, at which the function waits."""

    connection: psycopg.Connection[tuple[object, ...]]
    token: str
    step: str
    moment: str

    @property
    def _lock(self) -> tuple[str, int]:
        return self.token, gated_rotation.GATES.index((self.step, self.moment))

    def close(self) -> None:
        """Keep the function from passing."""
        self.connection.execute(f"SELECT pg_advisory_lock({gated_rotation.LOCK})", self._lock)

    def open(self) -> None:
        """Let the function pass."""
        self.connection.execute(f"SELECT pg_advisory_unlock({gated_rotation.LOCK})", self._lock)

    def wait_until_reached(self) -> None:
        """Wait until the function stands before the gate."""
        place = (self.token, self.step, self.moment)
        query = "SELECT 1 FROM reached WHERE (token, step, moment) = (%s, %s, %s)"
        wait_until(
            lambda: self.connection.execute(query, place).fetchone() is not None,
            f"the function reaches {self.moment} {self.step}",
        )


@dataclass
class Rig:
    """What rotations need.

    Attributes:
        server: The server; another one after `restart`.
        database: Where the passwords are.
        key_arn: The KMS key of the secrets.
        role_arn: The execution role of the functions.
        options: Command-line options of the server.
    """

    server: RunningServer
    database: PostgreSQL
    options: tuple[str, ...]
    key_arn: str
    role_arn: str
    gate_password: str

    @property
    def secrets(self) -> Any:
        """A Secrets Manager client of the administrator."""
        return self.server.client("secretsmanager")

    def restart(self) -> None:
        """Start the server again on the same data folder; the one before must have ended."""
        self.server = start_server(self.server.data_dir, *self.options)

    def shipped_function(self) -> str:
        """A new function with the shipped code, allowed for Secrets Manager; answers its ARN."""
        return self.make_function(pack(), SHIPPED_HANDLER)

    def alternating_function(self) -> str:
        """As `shipped_function`, for two users that take turns."""
        return self.make_function(pack(), ALTERNATING_HANDLER)

    def gated_function(self, **environment: str) -> str:
        """A new function of `gated_rotation`, allowed for Secrets Manager; answers its ARN."""
        archive = io.BytesIO(pack())
        with zipfile.ZipFile(archive, "a") as packed:
            packed.write(Path(str(gated_rotation.__file__)), "gated_rotation.py")
        return self.make_function(archive.getvalue(), gated_rotation.HANDLER, self._gated_environment(environment))

    def make_function(self, archive: bytes, handler: str, environment: Mapping[str, str] | None = None) -> str:
        """A new function, allowed for Secrets Manager; answers its ARN."""
        functions = self.server.client("lambda")
        made = functions.create_function(
            FunctionName=f"rotate-{uuid.uuid4().hex[:12]}",
            Runtime=OWN_RUNTIME,
            Handler=handler,
            Role=self.role_arn,
            Timeout=60,
            MemorySize=256,
            Code={"ZipFile": archive},
            Environment={"Variables": dict(environment or {})},
        )
        functions.add_permission(
            FunctionName=made["FunctionName"],
            StatementId="rotation",
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
            SourceAccount=self.server.account,
        )
        return str(made["FunctionArn"])

    def set_environment(self, function_arn: str, **environment: str) -> None:
        """Change what a gated function is told to do."""
        self.server.client("lambda").update_function_configuration(
            FunctionName=function_arn, Environment={"Variables": self._gated_environment(environment)}
        )

    def make_secret(self, function_arn: str, *, port: int | None = None, alternating: bool = False) -> RotatedSecret:
        """A new secret whose password logs a new database role in. Rotation is not set up yet.

        Args:
            function_arn: The function that is to rotate it.
            port: Another way to the database, such as a proxy's port.
            alternating: Whether it names a master user, for two users that take turns.
        """
        user, password = f"app_{uuid.uuid4().hex[:12]}", secrets.token_urlsafe(18)
        self.make_user(user, password)
        place = {
            "engine": "postgres",
            "host": self.database.host,
            "port": port or self.database.port,
            "dbname": "postgres",
            "ssl": False,
        }
        login = conninfo_to_dict(self.database.superuser_dsn)
        master = {**place, "username": login["user"], "password": login["password"]}
        value = {**place, "username": user, "password": password}
        arn, name = self.store(value, master if alternating else None)
        return RotatedSecret(self, arn, name, user, function_arn)

    def make_user(self, user: str, password: str) -> None:
        """A new role of the database that may log in."""
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(user), sql.Literal(password))
        with self.database.admin() as admin:
            admin.execute(create)

    def store(self, value: Mapping[str, object], master: Mapping[str, object] | None) -> tuple[str, str]:
        """Put a credential into a new secret, and its master's into another one; answers the ARN and the name."""
        name, found = f"rotation/{value['username']}", dict(value)
        if master is not None:
            made = self.secrets.create_secret(
                Name=f"{name}-master", KmsKeyId=self.key_arn, SecretString=json.dumps(master)
            )
            found["masterarn"] = made["ARN"]
        made = self.secrets.create_secret(Name=name, KmsKeyId=self.key_arn, SecretString=json.dumps(found))
        return made["ARN"], name

    @contextmanager
    def closed_gate(self, token: str, step: str, moment: str) -> Iterator[Gate]:
        """A gate that is closed for the rotation of ``token`` until it is opened, or the block ends."""
        with self.database.admin() as connection:
            gate = Gate(connection, token, step, moment)
            gate.close()
            yield gate

    def _gated_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        gates = make_conninfo(
            host=self.database.host,
            port=self.database.port,
            user="gate",
            password=self.gate_password,
            dbname="postgres",
        )
        return {"GATE_DATABASE": gates, **environment}


@dataclass
class RotatedSecret:
    """A secret that holds the password of a database role.

    Attributes:
        user: The database role.
        function_arn: The function that rotates it.
    """

    rig: Rig
    arn: str
    name: str
    user: str
    function_arn: str

    def rotate(self, **parameters: Any) -> str:
        """RotateSecret with this secret's function; answers the token."""
        given = {"RotationLambdaARN": self.function_arn, **parameters}
        return str(self.rig.secrets.rotate_secret(SecretId=self.arn, **given)["VersionId"])

    def describe(self) -> dict[str, Any]:
        """DescribeSecret."""
        answer: dict[str, Any] = self.rig.secrets.describe_secret(SecretId=self.arn)
        return answer

    def labels(self) -> dict[str, str]:
        """The version under each label."""
        versions = self.describe().get("VersionIdsToStages", {})
        return {label: version for version, labels in versions.items() for label in labels}

    def is_complete(self, token: str) -> bool:
        """Whether the rotation of ``token`` has come to its good end."""
        labels = self.labels()
        return labels.get("AWSCURRENT") == token and "AWSPENDING" not in labels

    def wait_until_complete(self, token: str) -> None:
        """Wait until the rotation of ``token`` has come to its good end."""
        wait_until(lambda: self.is_complete(token), f"the rotation of {self.name} is complete")

    def credential(self, stage: str = "AWSCURRENT", version: str | None = None) -> dict[str, Any]:
        """The credential under a label, or of a version."""
        which = {"VersionStage": stage} if version is None else {"VersionId": version}
        answer = self.rig.secrets.get_secret_value(SecretId=self.arn, **which)
        found: dict[str, Any] = json.loads(answer["SecretString"])
        return found

    def logs_in(self, stage: str = "AWSCURRENT") -> bool:
        """Whether the database takes the password under a label."""
        found = self.credential(stage)
        return self.takes(found["password"], found["username"])

    def takes(self, password: str, user: str | None = None) -> bool:
        """Whether the database takes a password; of the secret's first user unless another is named."""
        try:
            self.rig.database.login(user or self.user, password).close()
        except psycopg.OperationalError as error:
            assert "password authentication failed" in str(error)  # noqa: PT017 - no other failure is expected
            return False
        return True

    def events(self, *names: str) -> list[dict[str, Any]]:
        """The trail's events about this secret with one of these names, oldest first; without names, all."""
        records = read_records(self.rig.server.data_dir / "audit", EventFilter(resource=self.arn))
        return [dict(record.event) for record in records if not names or record.event["eventName"] in names]

    def wait_for_events(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until the trail has so many events of a name."""
        wait_until(lambda: len(self.events(name)) >= count, f"{count} {name} of {self.name}")
        return self.events(name)


@contextmanager
def rotation_rig(folder: Path, *options: str) -> Iterator[Rig]:
    """Everything that rotations need, for the time of a block.

    Args:
        folder: Where the server keeps its data.
        options: Further options of ``strongroom serve``.
    """
    # Not in pytest's folder, which every run of pytest closes to the unprivileged user that PostgreSQL runs as.
    with TemporaryDirectory(prefix="rotation-") as place, start_postgresql(Path(place) / "postgresql") as database:
        gate_password = secrets.token_urlsafe(18)
        with database.admin() as admin:
            admin.execute(sql.SQL("CREATE ROLE gate LOGIN PASSWORD {}").format(sql.Literal(gate_password)))
            admin.execute(gated_rotation.TABLE)
            admin.execute("GRANT INSERT ON reached TO gate")
        server = start_server(folder / "data", *options)
        key_arn = server.client("kms").create_key()["KeyMetadata"]["Arn"]
        rig = Rig(server, database, options, key_arn, _execution_role(server, key_arn), gate_password)
        try:
            yield rig
        finally:
            if rig.server.process.poll() is None:
                rig.server.stop()


def _execution_role(server: RunningServer, key_arn: str) -> str:
    secret = f"arn:aws:secretsmanager:{server.region}:{server.account}:secret:rotation/*"
    statements = (
        (_READER, secret),
        (("secretsmanager:GetRandomPassword",), "*"),
        (("kms:Decrypt", "kms:GenerateDataKey"), key_arn),
    )
    allowed = [{"Effect": "Allow", "Action": list(actions), "Resource": resource} for actions, resource in statements]
    return make_role(server, policy={"Version": "2012-10-17", "Statement": allowed})
