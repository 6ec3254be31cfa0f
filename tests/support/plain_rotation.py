"""Rotation without a database: a function that only puts a new value and moves the label, and fails where it is told.

For tests of what is told about rotations; those of passwords use `tests.support.rotation`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from tests.support.lambda_service import make_function, make_role
from tests.support.rotation import wait_until
from tests.support.server import RunningServer

__all__ = ["PlainSecret", "plain_function"]

SOURCE = """
import os
import boto3

def handler(event, context):
    print("step " + event["Step"])
    if os.environ.get("FAIL") == event["Step"]:
        raise RuntimeError("told to fail")
    client = boto3.client("secretsmanager")
    which = {"SecretId": event["SecretId"]}
    token = event["ClientRequestToken"]
    if event["Step"] == "createSecret":
        client.put_secret_value(
            **which, ClientRequestToken=token, SecretString="value of " + token, VersionStages=["AWSPENDING"]
        )
    if event["Step"] == "finishSecret":
        stages = client.describe_secret(**which)["VersionIdsToStages"]
        current = next(version for version, labels in stages.items() if "AWSCURRENT" in labels)
        if current != token:
            client.update_secret_version_stage(
                **which, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
            )
"""
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}]}


def plain_function(server: RunningServer, *, fail: str = "") -> str:
    """A new function, allowed for Secrets Manager, that fails in the step ``fail``; answers its ARN."""
    role = make_role(server, policy=POLICY)
    made = make_function(server, role, SOURCE, Environment={"Variables": {"FAIL": fail}})
    server.client("lambda").add_permission(
        FunctionName=made["FunctionName"],
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return str(made["FunctionArn"])


@dataclass
class PlainSecret:
    """A secret of its own for one test.

    Attributes:
        function_arn: The function that rotates it.
    """

    server: RunningServer
    function_arn: str
    arn: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        self.name = f"plain/{uuid.uuid4().hex[:12]}"
        self.arn = self.secrets.create_secret(Name=self.name, SecretString="first")["ARN"]

    @property
    def secrets(self) -> Any:
        """A Secrets Manager client of the administrator."""
        return self.server.client("secretsmanager")

    def rotate(self, **parameters: Any) -> str:
        """RotateSecret with this secret's function; answers the token."""
        given = {"RotationLambdaARN": self.function_arn, **parameters}
        return str(self.secrets.rotate_secret(SecretId=self.arn, **given)["VersionId"])

    def labels(self) -> dict[str, str]:
        """The version under each label."""
        versions = self.secrets.describe_secret(SecretId=self.arn).get("VersionIdsToStages", {})
        return {label: version for version, labels in versions.items() for label in labels}

    def wait_until_complete(self, token: str) -> None:
        """Wait until the rotation of ``token`` has come to its good end."""
        wait_until(
            lambda: self.labels().get("AWSCURRENT") == token and "AWSPENDING" not in self.labels(),
            f"the rotation of {self.name} is complete",
        )

    def set_failure(self, step: str) -> None:
        """Change the step in which the function fails; none with ``""``."""
        self.server.client("lambda").update_function_configuration(
            FunctionName=self.function_arn, Environment={"Variables": {"FAIL": step}}
        )
