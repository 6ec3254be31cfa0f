"""Terraform with the aws provider, unmodified: makes everything of tests/terraform, changes it and takes it away."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import textwrap
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.lambda_service import OWN_RUNTIME, archive
from tests.support.rotation import wait_until
from tests.support.server import Credentials, RunningServer

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "tests/terraform"
TERRAFORM = shutil.which("terraform")
CHANGED = {"description": "changed by Terraform", "password": "second"}


def _plugins() -> Path | None:
    """The local folder that holds the aws provider: the one that TF_PLUGIN_MIRROR names, else in the usual places."""
    named = os.environ.get("TF_PLUGIN_MIRROR")
    usual = [
        Path.home() / ".terraform.d/plugins",
        Path.home() / ".local/share/terraform/plugins",
        Path("/usr/local/share/terraform/plugins"),
        Path("/usr/share/terraform/plugins"),
        *Path("/opt").glob("*"),
    ]
    places = [Path(named)] if named else usual
    return next((place for place in places if any(place.glob("*/hashicorp/aws/*/*"))), None)


PLUGINS = _plugins()

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(TERRAFORM is None, reason="there is no terraform here"),
    pytest.mark.skipif(PLUGINS is None, reason="there is no local aws provider here; TF_PLUGIN_MIRROR can name one"),
]


@dataclass
class Workspace:
    """A folder in which Terraform works."""

    folder: Path
    environment: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> str:
        """Run one Terraform command; answer its standard output."""
        done = subprocess.run(
            [str(TERRAFORM), *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment | {f"TF_VAR_{name}": value for name, value in self.variables.items()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def apply(self) -> str:
        """Make the world as the configuration says; answer what Terraform told."""
        return self.run("apply", "-input=false", "-auto-approve")

    def assert_nothing_to_do(self) -> None:
        """Fail when a plan finds a difference; Terraform then ends with 2."""
        self.run("plan", "-input=false", "-detailed-exitcode")

    def outputs(self) -> dict[str, Any]:
        """The configuration's outputs, the sensitive ones too."""
        told = json.loads(self.run("output", "-json"))
        return {name: output["value"] for name, output in told.items()}


def _readmes_provider(endpoint: str) -> str:
    """README's configuration of the provider, with this server's endpoint."""
    found = re.search(
        r'^    provider "aws" \{\n.*?^    \}\n', (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, "README has no provider block"
    assert "http://127.0.0.1:4566" in found[0]
    return textwrap.dedent(found[0]).replace("http://127.0.0.1:4566", endpoint)


@pytest.fixture
def workspace(strongroom: RunningServer, tmp_path: Path) -> Workspace:
    """A workspace with the provider and the configuration in it."""
    for file in CONFIGURATION.glob("*.tf"):
        shutil.copy(file, tmp_path)
    (tmp_path / "provider.tf").write_text(_readmes_provider(strongroom.endpoint))
    (tmp_path / "rotate.zip").write_bytes(archive((CONFIGURATION / "rotate.py").read_text(), "rotate.py"))
    # No endpoint in the environment: the provider's block has to name it. No look-up of newer versions either.
    environment = strongroom.environment() | {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    del environment["AWS_ENDPOINT_URL"]
    made = Workspace(
        tmp_path,
        environment,
        {"name": f"tf-{uuid.uuid4().hex[:12]}", "archive": str(tmp_path / "rotate.zip"), "runtime": OWN_RUNTIME},
    )
    made.run("init", "-input=false", f"-plugin-dir={PLUGINS}")
    return made


def _read_as_the_application(server: RunningServer, outputs: dict[str, Any]) -> str:
    """The secret's value, read with the user's key and the role that Terraform made."""
    user = Credentials(outputs["access_key"], outputs["access_secret"])
    taken = server.client("sts", user).assume_role(RoleArn=outputs["role_arn"], RoleSessionName="application")
    keys = taken["Credentials"]
    role = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    value: str = server.client("secretsmanager", role).get_secret_value(SecretId=outputs["secret_arn"])["SecretString"]
    return value


@pytest.mark.timeout(600)
def test_everything_is_made_changed_and_destroyed(strongroom: RunningServer, workspace: Workspace) -> None:
    secrets, name = strongroom.client("secretsmanager"), workspace.variables["name"]
    workspace.apply()
    outputs = workspace.outputs()
    assert outputs["read_back"] == "first"
    assert json.loads(_read_as_the_application(strongroom, outputs)) == {"username": "app", "password": "first"}
    assert outputs["reads"] == {
        "alias": outputs["key_arn"],
        "function": f"arn:aws:iam::{strongroom.account}:role/{name}-rotation",
        "policy": f"{name}-read",
        "role": 7200,
        "rotation": True,
        "secret": "made by Terraform",
        "secrets": 3,
        "user": "/applications/",
        "versions": 1,
    }
    described = secrets.describe_secret(SecretId=outputs["secret_arn"])
    assert described["KmsKeyId"] == outputs["key_arn"]
    assert {tag["Key"]: tag["Value"] for tag in described["Tags"]} == {"team": "blue", "stage": "test"}

    def rotated() -> bool:
        value: str = secrets.get_secret_value(SecretId=f"{name}/rotated")["SecretString"]
        return value != "before the rotation" and "LastRotatedDate" in secrets.describe_secret(
            SecretId=f"{name}/rotated"
        )

    wait_until(rotated, "the function rotates the secret")

    workspace.variables |= CHANGED
    told = workspace.apply()
    # Nothing differs but what was changed: the description, in place, and the value, which is a new version.
    assert "Plan: 1 to add, 1 to change, 1 to destroy." in told
    assert secrets.describe_secret(SecretId=outputs["secret_arn"])["Description"] == CHANGED["description"]
    assert json.loads(_read_as_the_application(strongroom, outputs))["password"] == "second"
    workspace.assert_nothing_to_do()

    # The plan has just looked at everything.
    workspace.run("destroy", "-input=false", "-auto-approve", "-refresh=false")
    left = secrets.list_secrets(Filters=[{"Key": "name", "Values": [name]}], IncludePlannedDeletion=True)["SecretList"]
    assert [(secret["Name"], "DeletedDate" in secret) for secret in left] == [(f"{name}/recoverable", True)]
    key = strongroom.client("kms").describe_key(KeyId=outputs["key_arn"])["KeyMetadata"]
    assert key["KeyState"] == "PendingDeletion"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        strongroom.client("iam").get_user(UserName=f"{name}-application")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        strongroom.client("lambda").get_function(FunctionName=f"{name}-rotation")
