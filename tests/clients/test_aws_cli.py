"""The AWS CLI, unmodified, does the main operations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Credentials, RunningServer

# Each call starts a process of its own, and the store makes no difference to what the CLI sees.
pytestmark = [pytest.mark.system, pytest.mark.parametrize("strongroom", ["sqlite"], indirect=True, scope="session")]

AWS = Path(sys.executable).with_name("aws")


def _run(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AWS, "--output", "json", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=dict(environment),
        check=False,
    )


def _aws(server: RunningServer, *arguments: str, who: Credentials | None = None) -> Any:
    """What the CLI printed, parsed; None when it printed nothing."""
    done = _run(server.environment(who), *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def _fails(server: RunningServer, *arguments: str, who: Credentials | None = None) -> str:
    done = _run(server.environment(who), *arguments)
    assert done.returncode != 0
    return done.stderr


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"cli-{uuid.uuid4().hex[:12]}"


def test_the_life_of_a_secret(strongroom: RunningServer, name: str, tmp_path: Path) -> None:
    made = _aws(
        strongroom,
        *("secretsmanager", "create-secret", "--name", name, "--secret-string", "first"),
        *("--description", "made by the CLI", "--tags", "Key=team,Value=blue"),
    )
    assert made["Name"] == name
    read = _aws(strongroom, "secretsmanager", "get-secret-value", "--secret-id", name)
    assert (read["SecretString"], read["ARN"], read["VersionId"]) == ("first", made["ARN"], made["VersionId"])

    (tmp_path / "value").write_bytes(b"\x00\xffsecond")
    put = _aws(
        strongroom,
        *("secretsmanager", "put-secret-value", "--secret-id", made["ARN"]),
        *("--secret-binary", f"fileb://{tmp_path}/value"),
    )
    assert put["VersionStages"] == ["AWSCURRENT"]
    previous = _aws(
        strongroom,
        *("secretsmanager", "get-secret-value", "--secret-id", name, "--version-stage", "AWSPREVIOUS"),
    )
    assert previous["SecretString"] == "first"

    _aws(
        strongroom,
        *("secretsmanager", "update-secret-version-stage", "--secret-id", name, "--version-stage", "AWSCURRENT"),
        *("--move-to-version-id", made["VersionId"], "--remove-from-version-id", put["VersionId"]),
    )
    described = _aws(strongroom, "secretsmanager", "describe-secret", "--secret-id", name)
    assert described["VersionIdsToStages"] == {
        made["VersionId"]: ["AWSCURRENT"],
        put["VersionId"]: ["AWSPREVIOUS"],
    }
    assert (described["Description"], described["Tags"]) == ("made by the CLI", [{"Key": "team", "Value": "blue"}])

    _aws(strongroom, "secretsmanager", "delete-secret", "--secret-id", name, "--recovery-window-in-days", "7")
    said = _fails(strongroom, "secretsmanager", "get-secret-value", "--secret-id", name)
    assert "(InvalidRequestException)" in said
    assert "because it was marked for deletion" in said
    _aws(strongroom, "secretsmanager", "restore-secret", "--secret-id", name)
    assert _aws(strongroom, "secretsmanager", "get-secret-value", "--secret-id", name)["SecretString"] == "first"
    _aws(strongroom, "secretsmanager", "delete-secret", "--secret-id", name, "--force-delete-without-recovery")
    assert "(ResourceNotFoundException)" in _fails(strongroom, "secretsmanager", "describe-secret", "--secret-id", name)


def test_lists_with_filters_and_pages(strongroom: RunningServer, name: str) -> None:
    client = strongroom.client("secretsmanager")
    for number in range(5):
        client.create_secret(Name=f"{name}/{number}", Description="odd" if number % 2 else "even")

    def listed(*arguments: str) -> list[str]:
        found = _aws(strongroom, "secretsmanager", "list-secrets", *arguments)
        return [secret["Name"] for secret in found["SecretList"]]

    in_folder = f"Key=name,Values={name}/"
    everything = [f"{name}/{number}" for number in range(5)]
    assert listed("--filters", in_folder) == everything
    assert listed("--filters", in_folder, "--page-size", "2") == everything  # the CLI follows NextToken by itself
    assert listed("--filters", in_folder, "--max-items", "3") == everything[:3]
    assert listed("--filters", in_folder, "Key=description,Values=odd") == everything[1::2]
    assert listed("--filters", in_folder, "Key=description,Values=!odd") == everything[::2]


def test_random_passwords(strongroom: RunningServer) -> None:
    found = _aws(
        strongroom, "secretsmanager", "get-random-password", "--password-length", "40", "--exclude-punctuation"
    )
    assert len(found["RandomPassword"]) == 40
    assert found["RandomPassword"].isalnum()


def test_kms(strongroom: RunningServer, name: str, tmp_path: Path) -> None:
    key = _aws(strongroom, "kms", "create-key", "--description", "made by the CLI")["KeyMetadata"]["KeyId"]
    _aws(strongroom, "kms", "create-alias", "--alias-name", f"alias/{name}", "--target-key-id", key)
    (tmp_path / "plain").write_bytes(b"some bytes")
    sealed = _aws(
        strongroom,
        *("kms", "encrypt", "--key-id", f"alias/{name}", "--plaintext", f"fileb://{tmp_path}/plain"),
        *("--encryption-context", "purpose=test"),
    )
    blob = f"fileb://{tmp_path}/sealed"
    assert sealed["KeyId"].endswith(f":key/{key}")
    (tmp_path / "sealed").write_bytes(b64decode(sealed["CiphertextBlob"]))
    opened = _aws(strongroom, "kms", "decrypt", "--ciphertext-blob", blob, "--encryption-context", "purpose=test")
    assert opened["Plaintext"] == "c29tZSBieXRlcw=="
    assert "(InvalidCiphertextException)" in _fails(strongroom, "kms", "decrypt", "--ciphertext-blob", blob)
    _aws(strongroom, "kms", "disable-key", "--key-id", key)
    assert "(DisabledException)" in _fails(
        strongroom, "kms", "decrypt", "--ciphertext-blob", blob, "--encryption-context", "purpose=test"
    )


def test_a_user_made_by_the_cli_may_do_what_its_policy_says(strongroom: RunningServer, name: str) -> None:
    arn = strongroom.client("secretsmanager").create_secret(Name=name, SecretString="value")["ARN"]
    user = _aws(strongroom, "iam", "create-user", "--user-name", name)["User"]
    assert user["Arn"] == f"arn:aws:iam::{strongroom.account}:user/{name}"
    allow = [
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn},
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allow})
    _aws(
        strongroom,
        *("iam", "put-user-policy", "--user-name", name, "--policy-name", "read", "--policy-document", policy),
    )
    key = _aws(strongroom, "iam", "create-access-key", "--user-name", name)["AccessKey"]
    who = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    read = _aws(strongroom, "secretsmanager", "get-secret-value", "--secret-id", name, who=who)
    assert read["SecretString"] == "value"
    said = _fails(strongroom, "secretsmanager", "describe-secret", "--secret-id", name, who=who)
    assert "(AccessDeniedException)" in said
    assert f"User: {user['Arn']} is not authorized to perform: secretsmanager:DescribeSecret" in said


def test_sts(strongroom: RunningServer, name: str) -> None:
    told = _aws(strongroom, "sts", "get-caller-identity")
    assert told["Arn"] == f"arn:aws:iam::{strongroom.account}:user/administrator"
    trust = {"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = _aws(strongroom, "iam", "create-role", "--role-name", name, "--assume-role-policy-document", document)[
        "Role"
    ]["Arn"]
    session = _aws(strongroom, "sts", "assume-role", "--role-arn", role, "--role-session-name", "cli")["Credentials"]
    who = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    told = _aws(strongroom, "sts", "get-caller-identity", who=who)
    assert told["Arn"] == f"arn:aws:sts::{strongroom.account}:assumed-role/{name}/cli"
    assert "(AccessDeniedException)" in _fails(strongroom, "secretsmanager", "list-secrets", who=who)


def test_lambda(strongroom: RunningServer) -> None:
    assert isinstance(_aws(strongroom, "lambda", "list-functions")["Functions"], list)
    said = _fails(strongroom, "lambda", "get-function", "--function-name", "no-such-function")
    assert "(ResourceNotFoundException)" in said


def test_a_wrong_key_is_told_so(strongroom: RunningServer) -> None:
    stranger = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    said = _fails(strongroom, "secretsmanager", "list-secrets", who=stranger)
    assert "(InvalidSignatureException)" in said
    assert "(SignatureDoesNotMatch)" in _fails(strongroom, "sts", "get-caller-identity", who=stranger)


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def test_the_administrators_profile_as_the_server_tells_to_use_it(strongroom: RunningServer) -> None:
    environment = _bare_environment() | {
        "AWS_ENDPOINT_URL": strongroom.endpoint,
        "AWS_SHARED_CREDENTIALS_FILE": str(strongroom.data_dir / "admin.credentials"),
        "AWS_PROFILE": "strongroom",
        "AWS_CONFIG_FILE": "/dev/null",
    }
    done = _run(environment, "sts", "get-caller-identity")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Arn"].endswith(":user/administrator")
    assert _run(environment, "secretsmanager", "list-secrets").returncode == 0


def test_an_endpoint_in_a_profile(strongroom: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        f"[profile mine]\nregion = {strongroom.region}\nendpoint_url = {strongroom.endpoint}\n"
    )
    (tmp_path / "credentials").write_text(
        (strongroom.data_dir / "admin.credentials").read_text().replace("[strongroom]", "[mine]")
    )
    environment = _bare_environment() | {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    done = _run(environment, "--profile", "mine", "secretsmanager", "list-secrets")
    assert done.returncode == 0, done.stderr
