"""The AWS SDKs for Go, Java and Rust, unmodified, do the main operations.

Three programs, one a language (tests/go, tests/java, tests/rust), do the same and print the same JSON document.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from tests.support.server import Credentials, RunningServer

# The store makes no difference to what an SDK sees.
pytestmark = pytest.mark.system

BUILT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "strongroom-tests"
JAVA = BUILT / "java"

#: For each language: the tool it is built with, and the command that ``scripts/setup-clients`` makes.
PROGRAMS = {
    "go": ("go", [str(BUILT / "go/main_operations")]),
    # The quick compiler alone: the program ends before the thorough one pays.
    "java": ("mvn", ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{JAVA}/classes:{JAVA}/lib/*", "MainOperations"]),
    "rust": ("cargo", [str(BUILT / "rust/target/debug/strongroom-rust-tests")]),
}
LANGUAGES = [
    pytest.param(
        language,
        marks=pytest.mark.skipif(shutil.which(tool) is None, reason=f"there is no {tool} here to build it with"),
    )
    for language, (tool, _) in PROGRAMS.items()
]


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"sdk-{uuid.uuid4().hex[:12]}"


def _run(
    server: RunningServer, language: str, name: str, who: Credentials | None = None
) -> subprocess.CompletedProcess[str]:
    assert (BUILT / language / ".stamp").exists(), "run scripts/setup-clients first"
    return subprocess.run(
        [*PROGRAMS[language][1], name],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env=server.environment(who),
        check=False,
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_main_operations(strongroom: RunningServer, language: str, name: str) -> None:
    done = _run(strongroom, language, name)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["stranger"].pop("message")
    assert found["stranger"] == {"typed": False, "code": "InvalidSignatureException", "status": 400}

    versions = found["versions"]
    arn = versions.pop("arn")
    assert arn.startswith(f"arn:aws:secretsmanager:{strongroom.region}:{strongroom.account}:secret:{name}-")
    assert abs(versions.pop("created") - time.time()) < 120
    assert versions == {
        "first": "first",
        "second": [0, 255, 7],
        "tags": [["from", "an SDK"]],
        "stages": [["AWSPREVIOUS"], ["AWSCURRENT"]],
        "previousIsTheSecond": True,
        "versions": 2,
    }
    assert found["many"] == {
        "pages": [[f"{name}/1", f"{name}/2"], [f"{name}/3"]],
        "values": [[f"{name}/1", "1"]],
        "errors": [[f"{name}/none", "ResourceNotFoundException"]],
    }
    errors = found["errors"]
    assert errors.pop("restored") == "first"
    assert abs(errors.pop("deletionDate") - time.time() - 7 * 86400) < 120
    assert {case: (told["typed"], told["code"], told["status"]) for case, told in errors.items()} == {
        "exists": (True, "ResourceExistsException", 400),
        "parameter": (True, "InvalidParameterException", 400),
        "request": (True, "InvalidRequestException", 400),
        "missing": (True, "ResourceNotFoundException", 400),
    }
    assert errors["missing"]["message"] == "Secrets Manager can't find the specified secret."


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_caller_who_may_nothing_gets_nothing(strongroom: RunningServer, language: str, name: str) -> None:
    user = strongroom.make_user()
    done = _run(strongroom, language, name, user)
    assert done.returncode != 0
    assert f"User: {user.arn} is not authorized to perform: secretsmanager:CreateSecret" in done.stderr
