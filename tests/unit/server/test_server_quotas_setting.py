"""The setting ``quotas``: off, adjusted, or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.errors import OperatorError
from strongroom.server.settings import Settings, load_settings


def load(monkeypatch: pytest.MonkeyPatch, quotas: str) -> Settings:
    """The settings, with ``STRONGROOM_QUOTAS`` in the environment."""
    monkeypatch.setenv("STRONGROOM_QUOTAS", quotas)
    return load_settings({})


def test_quotas_are_awss_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = load(monkeypatch, "{}").secretsmanager_quotas
    assert (usual.rates["get_secret_value"], usual.secrets) == (10_000, 500_000)
    changes = '{"secretsmanager": {"get_secret_value": 20000.5, "create_secret": 0, "secrets": 7}}'
    changed = load(monkeypatch, changes).secretsmanager_quotas
    assert (changed.rates["get_secret_value"], changed.rates["delete_secret"], changed.secrets) == (20_000.5, 50, 7)
    assert "create_secret" not in changed.rates
    off = load(monkeypatch, "none").secretsmanager_quotas
    assert (dict(off.rates), off.secrets) == ({}, None)


def test_quotas_come_from_the_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STRONGROOM_CONFIG", "")
    config = tmp_path / "strongroom.toml"
    config.write_text("[quotas.secretsmanager]\nlist_secrets = 5\n")
    assert load_settings({}, config=config).secretsmanager_quotas.rates["list_secrets"] == 5
    config.write_text('quotas = "none"\n')
    assert load_settings({}, config=config).secretsmanager_quotas.secrets is None


@pytest.mark.parametrize(
    ("quotas", "words"),
    [
        ('{"secretsmanager": {"nothing": 1}}', "has no quota nothing; it has batch_get_secret_value"),
        ('{"secretsmanager": {"secrets": -1}}', "must not be negative"),
        ('{"secretsmanager": {"list_secrets": NaN}}', "must be a number"),
        ('{"elsewhere": {}}', "there are no quotas of elsewhere"),
        ("many", "quotas"),
    ],
)
def test_quotas_that_cannot_be_are_pointed_out(monkeypatch: pytest.MonkeyPatch, quotas: str, words: str) -> None:
    with pytest.raises(OperatorError) as refused:
        load(monkeypatch, quotas)
    assert words in refused.value.why
