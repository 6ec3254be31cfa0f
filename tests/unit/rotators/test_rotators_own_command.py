"""The rotator that runs the operator's own command."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

import pytest
from tests.support.databases import TOKEN, rotating, run
from tests.support.secrets_manager import ARN, RotatingSecret

from strongroom.rotators.contract import RotationError
from strongroom.rotators.own_command import lambda_handler

CURRENT = {"token": "0ld-canary", "color": "blue"}


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> RotatingSecret:
    return rotating(monkeypatch, CURRENT)


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> Path:
    """Make a Python program the command. What it gets and finds is written to the file that this answers."""
    notes = folder / "notes"
    script = folder / "command.py"
    script.write_text(
        "import json, os, sys\n"
        "given = json.load(sys.stdin)\n"
        f"with open({str(notes)!r}, 'a') as notes:\n"
        "    notes.write(json.dumps([given, sys.argv, dict(os.environ)]) + '\\n')\n" + program
    )
    monkeypatch.setenv("COMMAND", json.dumps([sys.executable, str(script), "with one argument"]))
    return notes


def test_the_command_does_every_step(secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = "if given['step'] == 'createSecret': print(json.dumps({**given['current'], 'token': 'n3w-canary'}))\n"
    notes = use(monkeypatch, tmp_path, program)
    run(lambda_handler)
    assert secret.read("AWSCURRENT") == {"token": "n3w-canary", "color": "blue"}
    calls = [json.loads(line) for line in notes.read_text().splitlines()]
    new = {"token": "n3w-canary", "color": "blue"}
    assert [call[0] for call in calls] == [
        {"step": step, "secret": ARN, "version": TOKEN, "current": current, "pending": pending, "previous": previous}
        for step, current, pending, previous in (
            ("createSecret", CURRENT, None, None),
            ("setSecret", CURRENT, new, None),
            ("testSecret", CURRENT, new, None),
            ("finishSecret", new, new, CURRENT),
        )
    ]
    for _, arguments, environment in calls:
        assert arguments[1:] == ["with one argument"]
        assert "canary" not in str(environment)


def test_a_password_where_the_command_makes_none(
    secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path, "")
    run(lambda_handler)
    assert secret.read("AWSCURRENT") == {**CURRENT, "password": "n3w-canary-Passw0rd"}


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print('0ld-canary', file=sys.stderr); sys.exit(4)", "for createSecret of .* ended with 4"),
        ("print('0ld-canary')", "something that is not JSON"),
        ("print('[\"0ld-canary\"]')", "not a JSON object"),
        ("print(json.dumps({'a': 'x' * 65536}))", "at most 65,536 bytes"),
        ("import time; time.sleep(60)", "did not end within 0.5 s"),
    ],
)
def test_a_command_that_fails(
    secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, message: str
) -> None:
    use(monkeypatch, tmp_path, program)
    if "sleep" in program:
        monkeypatch.setenv("COMMAND_TIMEOUT", "0.5")
    with pytest.raises(RotationError, match=message) as raised:
        run(lambda_handler, "createSecret")
    assert "canary" not in "".join(traceback.format_exception(raised.value))
    assert TOKEN not in secret.values


def test_rejected_values_are_given_up(secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, tmp_path, "sys.exit(3 if given['step'] == 'setSecret' else 0)")
    run(lambda_handler, "createSecret")
    with pytest.raises(RotationError, match="is no longer AWSPENDING"):
        run(lambda_handler, "setSecret")
    assert secret.stages[TOKEN] == []


@pytest.mark.parametrize("command", ["", "/bin/true", "[]", '["", "x"]', '["rotate"]', '["/nowhere/rotate"]', "[5]"])
def test_a_command_that_cannot_be_run(secret: RotatingSecret, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COMMAND", command)
    with pytest.raises(RotationError, match=r"COMMAND|cannot be started"):
        run(lambda_handler, "createSecret")
