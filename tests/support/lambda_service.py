"""Making functions through the Lambda API: archives, execution roles, and names that nobody else uses."""

from __future__ import annotations

import io
import json
import sys
import uuid
import zipfile
from collections.abc import Mapping
from typing import Any

from tests.support.server import RunningServer

__all__ = ["ECHO", "OWN_RUNTIME", "archive", "make_function", "make_role", "new_name"]

OWN_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"

ECHO = """
def handler(event, context):
    return event
"""


def archive(source: str = ECHO, file: str = "mod.py") -> bytes:
    """A zip archive of one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr(file, source)
    return buffer.getvalue()


def new_name() -> str:
    """A name that no other test uses."""
    return f"f-{uuid.uuid4().hex[:12]}"


def make_role(
    server: RunningServer, *, service: str = "lambda.amazonaws.com", policy: Mapping[str, Any] | None = None
) -> str:
    """A role that ``service`` may assume; answers its ARN."""
    iam = server.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    name = f"role-{uuid.uuid4().hex[:12]}"
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if policy is not None:
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(policy))
    return arn


def make_function(server: RunningServer, role: str, source: str = ECHO, **changes: Any) -> dict[str, Any]:
    """A Python function; answers its configuration."""
    parameters: dict[str, Any] = {
        "FunctionName": new_name(),
        "Role": role,
        "Runtime": OWN_RUNTIME,
        "Handler": "mod.handler",
        "Timeout": 20,
        "Code": {"ZipFile": archive(source)},
    }
    made: dict[str, Any] = server.client("lambda").create_function(**parameters | changes)
    return made
