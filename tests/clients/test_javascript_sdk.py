"""The AWS SDK for JavaScript v3, unmodified, does the main operations."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Credentials, RunningServer

FOLDER = Path(__file__).parent.parent / "javascript"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(NODE is None, reason="there is no Node.js here: install nodejs and npm, then run `make test`"),
]


def _run(server: RunningServer, program: str, who: Credentials | None = None) -> subprocess.CompletedProcess[str]:
    assert (FOLDER / "node_modules").is_dir(), "run scripts/setup-clients first"
    return subprocess.run(
        [str(NODE), program],
        cwd=FOLDER,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env=server.environment(who),
        check=False,
    )


@pytest.fixture(scope="module")
def pages_and_errors(strongroom: RunningServer) -> dict[str, Any]:
    """What the second program found."""
    done = _run(strongroom, "pages_and_errors.mjs")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_main_operations(strongroom: RunningServer) -> None:
    done = _run(strongroom, "main_operations.mjs")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    name = found["name"]
    assert found["arn"].startswith(f"arn:aws:secretsmanager:{strongroom.region}:{strongroom.account}:secret:{name}-")
    assert (found["first"], found["second"]) == ("first", [0, 255, 7])
    assert found["createdIsADate"] is True
    assert found["stages"] == [["AWSPREVIOUS"], ["AWSCURRENT"]]
    assert found["tags"] == [{"Key": "from", "Value": "javascript"}]
    assert found["listed"] == [[f"{name}/1", f"{name}/2"], [f"{name}/3"]]
    assert found["afterDeletion"] == {
        "name": "ResourceNotFoundException",
        "class": "ResourceNotFoundException",
        "message": "Secrets Manager can't find the specified secret.",
        "status": 400,
    }
    assert found["opened"] == "some bytes"
    assert found["wrongContext"]["name"] == "InvalidCiphertextException"
    assert found["identity"] == {
        "account": strongroom.account,
        "arn": f"arn:aws:iam::{strongroom.account}:user/administrator",
    }
    assert found["stranger"]["name"] == "InvalidSignatureException"


def test_a_caller_who_may_nothing_gets_nothing(strongroom: RunningServer) -> None:
    user = strongroom.make_user()
    done = _run(strongroom, "main_operations.mjs", user)
    assert done.returncode != 0
    assert "AccessDeniedException" in done.stderr
    assert f"User: {user.arn} is not authorized to perform: secretsmanager:CreateSecret" in done.stderr


def test_paginators_and_batches(pages_and_errors: dict[str, Any]) -> None:
    name = pages_and_errors["name"]
    one, two, three = (f"{name}/{number}" for number in (1, 2, 3))
    assert pages_and_errors["pages"] == {
        "secrets": [[one, two], [three]],
        "values": [[[one, "1"], [two, "2"]], [[three, "3"]]],
        "versions": [2, 2],
        "allVersions": True,
        "batch": [[two, "2"]],
        "batchErrors": [[f"{name}/none", "ResourceNotFoundException"]],
    }


def test_errors_arrive_as_their_classes(pages_and_errors: dict[str, Any]) -> None:
    errors = pages_and_errors["errors"]
    assert errors.pop("validation")["name"] == "ValidationException"  # the service's model has no such error
    assert {case: error["class"] for case, error in errors.items()} == {
        "exists": "ResourceExistsException",
        "parameter": "InvalidParameterException",
        "nextToken": "InvalidNextTokenException",
        "malformedPolicy": "MalformedPolicyDocumentException",
        "publicPolicy": "PublicPolicyException",
        "decryption": "DecryptionFailure",
        "encryption": "EncryptionFailure",
        "request": "InvalidRequestException",
        "missing": "ResourceNotFoundException",
    }
    assert all((error["name"], error["status"]) == (error["class"], 400) for error in errors.values())
