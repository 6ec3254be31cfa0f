"""The table of what is compatible: complete, true and fresh, and the script says so when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts import compatibility
from scripts.compatibility import Entry, Service, is_test


def service(folder: Path, text: str) -> Service:
    """Secrets Manager with other entries."""
    path = folder / "secretsmanager.toml"
    path.write_text('title = "Secrets Manager"\n' + text)
    return Service(path)


def test_the_page_is_complete_and_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert (compatibility.main(["--check"]), capsys.readouterr().err) == (0, "")


def test_everything_in_the_model_needs_an_entry(tmp_path: Path) -> None:
    problems = list(service(tmp_path, "").problems())
    assert "secretsmanager.toml: RotateSecret: parameter RotationRules.Duration: has no entry" in problems
    assert "secretsmanager.toml: CreateSecret: member of the answer ARN: has no entry" in problems
    assert "secretsmanager.toml: GetSecretValue: error DecryptionFailure: has no entry" in problems
    assert len(problems) > 300


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[RestoreSecret.parameters]\nSecretId = "api/test_x.py::test_y"', "there is no test api/test_x.py::test_y"),
        ("[RestoreSecret.parameters]\nSecretId = {}", "has neither a test nor a reason"),
        ('[RestoreSecret.parameters]\nSecretId = { because = "x" }', "an entry is the id of a test, or a table"),
        ('[RestoreSecret.parameters]\nOther = "x"', "parameter Other: is not in the model"),
        ('[RestoreSecrets.parameters]\nSecretId = "x"', "RestoreSecrets: is not an operation of the model"),
        ('[defaults.errors]\nOther = "x"', "defaults: error Other: is not in the model"),
    ],
)
def test_an_entry_that_is_not_true_is_found(tmp_path: Path, text: str, problem: str) -> None:
    assert any(problem in found for found in service(tmp_path, text).problems())


def test_defaults_stand_in_where_an_operation_says_nothing(tmp_path: Path) -> None:
    text = '[defaults.parameters]\nSecretId = "a"\n[RestoreSecret.parameters]\nSecretId = { note = "b" }\n'
    found = service(tmp_path, text)
    restore, rotate = (found.model.operation_model(name) for name in ("RestoreSecret", "RotateSecret"))
    assert found.find(restore, "parameters", "SecretId") == Entry(note="b")
    assert found.find(rotate, "parameters", "SecretId") == Entry("a")
    assert found.find(rotate, "parameters", "RotationRules") is None


def test_tests_are_found_without_running_them() -> None:
    assert is_test("unit/test_compatibility.py::test_tests_are_found_without_running_them")
    assert not is_test("unit/test_compatibility.py::service")
    assert not is_test("unit/test_compatibility.py")


def test_a_stale_page_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(compatibility, "PAGE", page)
    assert compatibility.main(["--check"]) == 1
    assert compatibility.main([]) == 0
    assert compatibility.main(["--check"]) == 0
    page.write_text(page.read_text() + "and more")
    assert compatibility.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err
