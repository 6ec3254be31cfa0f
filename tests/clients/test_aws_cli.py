"""The AWS CLI, unmodified, does the main operations."""

from __future__ import annotations

import json
import os
import uuid
from base64 import b64decode
from pathlib import Path

import pytest
from tests.clients.aws_cli import aws, fails, run_cli
from tests.support.server import Credentials, RunningServer

# Each call starts a process of its own, and the store makes no difference to what the CLI sees.
pytestmark = pytest.mark.system


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"cli-{uuid.uuid4().hex[:12]}"


def test_bytes_from_a_file_and_a_deletion(strongroom: RunningServer, name: str, tmp_path: Path) -> None:
    made = aws(strongroom, "secretsmanager", "create-secret", "--name", name, "--tags", "Key=team,Value=blue")
    assert set(made) == {"ARN", "Name"}  # without a value there is no version
    (tmp_path / "value").write_bytes(b"\x00\xffvalue")
    put = ("put-secret-value", "--secret-id", made["ARN"], "--secret-binary", f"fileb://{tmp_path}/value")
    assert aws(strongroom, "secretsmanager", *put)["VersionStages"] == ["AWSCURRENT"]
    read = aws(strongroom, "secretsmanager", "get-secret-value", "--secret-id", name)
    assert b64decode(read["SecretBinary"]) == b"\x00\xffvalue"
    assert strongroom.client("secretsmanager").describe_secret(SecretId=name)["Tags"] == [
        {"Key": "team", "Value": "blue"}
    ]
    strongroom.client("secretsmanager").delete_secret(SecretId=name)
    said = fails(strongroom, "secretsmanager", "get-secret-value", "--secret-id", name)
    assert "(InvalidRequestException)" in said
    assert "because it was marked for deletion" in said


def test_lists_with_filters_and_pages(strongroom: RunningServer, name: str) -> None:
    client = strongroom.client("secretsmanager")
    for number in range(5):
        client.create_secret(Name=f"{name}/{number}", Description="odd" if number % 2 else "even")

    def listed(*arguments: str) -> list[str]:
        found = aws(strongroom, "secretsmanager", "list-secrets", *arguments)
        return [secret["Name"] for secret in found["SecretList"]]

    in_folder = f"Key=name,Values={name}/"
    everything = [f"{name}/{number}" for number in range(5)]
    assert listed("--filters", in_folder) == everything
    assert listed("--filters", in_folder, "--page-size", "2") == everything  # the CLI follows NextToken by itself
    assert listed("--filters", in_folder, "--max-items", "3") == everything[:3]
    assert listed("--filters", in_folder, "Key=description,Values=odd") == everything[1::2]
    assert listed("--filters", in_folder, "Key=description,Values=!odd") == everything[::2]


def test_random_passwords(strongroom: RunningServer) -> None:
    found = aws(strongroom, "secretsmanager", "get-random-password", "--password-length", "40", "--exclude-punctuation")
    assert len(found["RandomPassword"]) == 40
    assert found["RandomPassword"].isalnum()


def test_kms(strongroom: RunningServer, name: str, tmp_path: Path) -> None:
    key = aws(strongroom, "kms", "create-key", "--description", "made by the CLI")["KeyMetadata"]["KeyId"]
    aws(strongroom, "kms", "create-alias", "--alias-name", f"alias/{name}", "--target-key-id", key)
    (tmp_path / "plain").write_bytes(b"some bytes")
    sealed = aws(
        strongroom,
        *("kms", "encrypt", "--key-id", f"alias/{name}", "--plaintext", f"fileb://{tmp_path}/plain"),
        *("--encryption-context", "purpose=test"),
    )
    blob = f"fileb://{tmp_path}/sealed"
    assert sealed["KeyId"].endswith(f":key/{key}")
    (tmp_path / "sealed").write_bytes(b64decode(sealed["CiphertextBlob"]))
    opened = aws(strongroom, "kms", "decrypt", "--ciphertext-blob", blob, "--encryption-context", "purpose=test")
    assert opened["Plaintext"] == "c29tZSBieXRlcw=="
    assert "(InvalidCiphertextException)" in fails(strongroom, "kms", "decrypt", "--ciphertext-blob", blob)
    aws(strongroom, "kms", "disable-key", "--key-id", key)
    assert "(DisabledException)" in fails(
        strongroom, "kms", "decrypt", "--ciphertext-blob", blob, "--encryption-context", "purpose=test"
    )


def test_a_user_made_by_the_cli_may_do_what_its_policy_says(strongroom: RunningServer, name: str) -> None:
    arn = strongroom.client("secretsmanager").create_secret(Name=name, SecretString="value")["ARN"]
    user = aws(strongroom, "iam", "create-user", "--user-name", name)["User"]
    assert user["Arn"] == f"arn:aws:iam::{strongroom.account}:user/{name}"
    allow = [
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn},
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allow})
    aws(
        strongroom,
        *("iam", "put-user-policy", "--user-name", name, "--policy-name", "read", "--policy-document", policy),
    )
    key = aws(strongroom, "iam", "create-access-key", "--user-name", name)["AccessKey"]
    who = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    read = aws(strongroom, "secretsmanager", "get-secret-value", "--secret-id", name, who=who)
    assert read["SecretString"] == "value"
    said = fails(strongroom, "secretsmanager", "describe-secret", "--secret-id", name, who=who)
    assert "(AccessDeniedException)" in said
    assert f"User: {user['Arn']} is not authorized to perform: secretsmanager:DescribeSecret" in said


def test_sts(strongroom: RunningServer, name: str) -> None:
    told = aws(strongroom, "sts", "get-caller-identity")
    assert told["Arn"] == f"arn:aws:iam::{strongroom.account}:user/administrator"
    trust = {"Effect": "Allow", "Principal": {"AWS": strongroom.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws(strongroom, "iam", "create-role", "--role-name", name, "--assume-role-policy-document", document)[
        "Role"
    ]["Arn"]
    session = aws(strongroom, "sts", "assume-role", "--role-arn", role, "--role-session-name", "cli")["Credentials"]
    who = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    told = aws(strongroom, "sts", "get-caller-identity", who=who)
    assert told["Arn"] == f"arn:aws:sts::{strongroom.account}:assumed-role/{name}/cli"
    assert "(AccessDeniedException)" in fails(strongroom, "secretsmanager", "list-secrets", who=who)


def test_lambda(strongroom: RunningServer) -> None:
    assert isinstance(aws(strongroom, "lambda", "list-functions")["Functions"], list)
    said = fails(strongroom, "lambda", "get-function", "--function-name", "no-such-function")
    assert "(ResourceNotFoundException)" in said


def test_a_wrong_key_is_told_so(strongroom: RunningServer) -> None:
    stranger = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    said = fails(strongroom, "secretsmanager", "list-secrets", who=stranger)
    assert "(InvalidSignatureException)" in said
    assert "(SignatureDoesNotMatch)" in fails(strongroom, "sts", "get-caller-identity", who=stranger)


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def test_the_administrators_profile_as_the_server_tells_to_use_it(strongroom: RunningServer) -> None:
    environment = _bare_environment() | {
        "AWS_ENDPOINT_URL": strongroom.endpoint,
        "AWS_SHARED_CREDENTIALS_FILE": str(strongroom.data_dir / "admin.credentials"),
        "AWS_PROFILE": "strongroom",
        "AWS_CONFIG_FILE": "/dev/null",
    }
    done = run_cli(environment, "sts", "get-caller-identity")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Arn"].endswith(":user/administrator")
    assert run_cli(environment, "secretsmanager", "list-secrets").returncode == 0


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
    done = run_cli(environment, "--profile", "mine", "secretsmanager", "list-secrets")
    assert done.returncode == 0, done.stderr
