"""The AWS SDK for JavaScript v3, unmodified, does the main operations."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.server import Credentials, RunningServer

FOLDER = Path(__file__).parent.parent / "javascript"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(NODE is None, reason="there is no Node.js here: install nodejs and npm, then run `make test`"),
]


def _main_operations(server: RunningServer, who: Credentials | None = None) -> subprocess.CompletedProcess[str]:
    assert (FOLDER / "node_modules").is_dir(), "run scripts/setup-clients first"
    return subprocess.run(
        [str(NODE), "main_operations.mjs"],
        cwd=FOLDER,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env=server.environment(who),
        check=False,
    )


def test_the_main_operations(strongroom: RunningServer) -> None:
    done = _main_operations(strongroom)
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
    done = _main_operations(strongroom, user)
    assert done.returncode != 0
    assert "AccessDeniedException" in done.stderr
    assert f"User: {user.arn} is not authorized to perform: secretsmanager:CreateSecret" in done.stderr
