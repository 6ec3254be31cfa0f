"""``strongroom audit`` as an operator meets it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from strongroom.audit import Trail
from strongroom.cli.audit import app

SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf"


@pytest.fixture
def data_dir(folder: Path, trail: Trail) -> Path:
    events = (
        {"eventName": "CreateSecret", "eventTime": "2026-01-01T00:00:00Z", "requestParameters": {"name": "db"}},
        {
            "eventName": "GetSecretValue",
            "eventTime": "2026-01-02T00:00:00Z",
            "userIdentity": {"type": "IAMUser", "arn": "user/app"},
            "sourceIPAddress": "192.0.2.1",
            "resources": [{"ARN": SECRET}],
        },
        {"eventName": "GetSecretValue", "eventTime": "2026-01-03T00:00:00Z", "errorCode": "AccessDenied\x1b[2J"},
    )
    trail.append_now([orjson.dumps(event) for event in events])
    trail.close()
    return folder.parent


def run(*arguments: str, data_dir: Path) -> tuple[int, str]:
    wide = {"STRONGROOM_DATA_DIR": str(data_dir), "COLUMNS": "400", "TERM": "dumb"}
    result = CliRunner().invoke(app, list(arguments), env=wide)
    return result.exit_code, result.output


def test_verify_of_a_whole_trail(data_dir: Path) -> None:
    code, output = run("verify", data_dir=data_dir)
    assert code == 0
    assert "3 records, chain unbroken" in output


def test_the_folder_is_the_one_of_the_settings(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "strongroom").symlink_to(data_dir)
    monkeypatch.delenv("STRONGROOM_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    told = CliRunner().invoke(app, ["verify"])
    assert told.exit_code == 0, told.output


def test_verify_of_a_changed_trail(data_dir: Path) -> None:
    path = data_dir / "audit" / "trail.jsonl"
    path.write_bytes(path.read_bytes().replace(b"CreateSecret", b"DeleteSecret"))
    code, output = run("verify", "--data-dir", str(data_dir), data_dir=data_dir)
    assert code == 1
    assert "NOT WHOLE" in output
    code, output = run("verify", "--json", data_dir=data_dir)
    assert code == 1
    assert orjson.loads(output)["problem"]["sequence"] == 1
