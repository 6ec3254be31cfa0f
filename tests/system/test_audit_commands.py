"""``strongroom audit``: checkpoints from a running server, and what they show on a copy."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.commands import run_strongroom, wait_for
from tests.support.operator import operator_client
from tests.support.policies import refusal_code
from tests.support.server import RunningServer, running_server

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with two workers whose trail files are as small as they may be."""
    with running_server(
        tmp_path_factory.mktemp("trail") / "data",
        environment={"STRONGROOM_AUDIT_FILE_MEGABYTES": "1"},
        workers=2,
    ) as started:
        yield started


def told(server: RunningServer, *arguments: str | Path) -> str:
    done = run_strongroom("audit", *arguments, "--data-dir", server.data_dir)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def fill(server: RunningServer, files: int) -> None:
    """Record large events until the trail has been switched so often."""
    secrets = server.client("secretsmanager")
    audit = server.data_dir / "audit"
    tags = [{"Key": f"k{number}", "Value": "v" * 256} for number in range(50)]
    while len(list(audit.glob("trail-*.jsonl.gz"))) < files:
        for _ in range(10):
            with pytest.raises(secrets.exceptions.ResourceNotFoundException):
                secrets.tag_resource(SecretId="none", Tags=tags)


def test_a_trail_over_several_files_is_verified_from_a_copy(server: RunningServer, tmp_path: Path) -> None:
    fill(server, 2)
    told(server, "checkpoint")
    pinned = json.loads(told(server, "checkpoint", "--json"))
    export = tmp_path / "elsewhere"
    text = told(server, "export", export)
    assert "the key that signed them" in text
    assert told(server, "export", "-").encode() == (export / "checkpoints.jsonl").read_bytes()
    signed = [json.loads(line) for line in (export / "checkpoints.jsonl").read_text().splitlines()]
    assert pinned in signed
    pinned = signed[-1]  # the server may have signed once more by itself

    copy = tmp_path / "copy"
    shutil.copytree(server.data_dir / "audit", copy)
    kept: list[str | Path] = [export / "checkpoints.jsonl", export / "checkpoints.pub"]
    options = ["--checkpoints", kept[0], "--public-key", kept[1]]
    done = run_strongroom("audit", "verify", *options, "--json", copy)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["ok"], report["problem"], report["files"] >= 3) == (True, None, True)
    assert report["signed_through"] == pinned["sequence"]
    assert "signed checkpoints agree" in told(server, "verify")

    trail = (copy / "trail.jsonl").read_bytes()
    cut = trail[: trail[:-1].rfind(b"\n", 0, trail.index(b'"sequence":%d,' % pinned["sequence"])) + 1]
    (copy / "trail.jsonl").write_bytes(cut)
    (copy / "trail.head").unlink()
    done = run_strongroom("audit", "verify", *options, copy)
    assert done.returncode == 1
    assert f"but record {pinned['sequence']} was signed at" in done.stdout
    oldest = min(copy.glob("trail-*.jsonl.gz"))
    done = run_strongroom("audit", "verify", *options, "--json", oldest)
    assert json.loads(done.stdout)["first"] == 1


def test_a_checkpoint_is_checked_with_openssl(server: RunningServer, tmp_path: Path) -> None:
    told(server, "checkpoint")
    told(server, "export", tmp_path)
    line = (tmp_path / "checkpoints.jsonl").read_bytes().splitlines()[-1]
    signed, _, rest = line.partition(b',"signature":"')
    (tmp_path / "message").write_bytes(signed + b"}")
    decoded = subprocess.run(["base64", "-d"], input=rest[:-2], capture_output=True, check=True)
    (tmp_path / "signature").write_bytes(decoded.stdout)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "checkpoints.pub", "-rawin", "-in", "message"]
    done = subprocess.run(
        [*command, "-sigfile", "signature"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_server_makes_checkpoints_by_itself(server: RunningServer) -> None:
    wait_for((server.data_dir / "audit" / "checkpoints.jsonl").exists)


def test_who_may_make_a_checkpoint(server: RunningServer) -> None:
    nobody = server.make_user()
    assert refusal_code(operator_client(server, nobody), "create_audit_checkpoint") == "AccessDeniedException"
    allowed = server.make_user(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "strongroom:CreateAuditCheckpoint", "Resource": "*"}],
        }
    )
    made = operator_client(server, allowed).create_audit_checkpoint()
    assert json.loads(made["Checkpoint"])["sequence"] == made["Sequence"]


def test_what_cannot_be_read_is_said(server: RunningServer, tmp_path: Path) -> None:
    done = run_strongroom("audit", "export", tmp_path, "--data-dir", tmp_path)
    assert (done.returncode, "make the first one" in done.stderr) == (1, True)
    (tmp_path / "key").write_text("nonsense")
    done = run_strongroom("audit", "verify", "--public-key", tmp_path / "key", "--data-dir", server.data_dir)
    assert (done.returncode, "holds no Ed25519 public key" in done.stderr) == (1, True)
    done = run_strongroom("audit", "verify", tmp_path / "nothing")
    assert done.returncode == 1


def test_the_root_key_changes_and_old_checkpoints_stay_good(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as started:
        started.make_user()
        told(started, "checkpoint")
        told(started, "export", tmp_path / "before")
    done = run_strongroom("seal", "rotate-root", "--yes", "--data-dir", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    with running_server(tmp_path / "data") as started:
        told(started, "checkpoint")
        text = told(started, "verify", "--public-key", tmp_path / "before" / "checkpoints.pub")
        assert "signed checkpoints agree" in text
