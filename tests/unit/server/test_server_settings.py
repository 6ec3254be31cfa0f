"""Settings: where they come from, which of two wins, and what is said about a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongroom.errors import OperatorError
from strongroom.server.settings import load_settings


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings from outside, and none left behind."""
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STRONGROOM_CONFIG", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


def _why(overrides: dict[str, object], config: Path | None = None) -> str:
    with pytest.raises(OperatorError) as refused:
        load_settings(overrides, config=config)
    assert refused.value.fix
    return f"{refused.value.what} {refused.value.why}"


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('region = "eu-north-1"\naccount = "111122223333"\nworkers = 3\nmore_regions = ["eu-west-3"]')
    monkeypatch.setenv("STRONGROOM_REGION", "eu-west-1")
    monkeypatch.setenv("STRONGROOM_WORKERS", "2")
    found = load_settings({"workers": 1, "host": None}, config=config)
    assert (found.account, found.region, found.workers) == ("111122223333", "eu-west-1", 1)
    assert found.regions == {"eu-west-1", "eu-west-3"}
    assert (found.host, found.port, found.log_format) == ("127.0.0.1", 4566, "text")


def test_a_settings_file_in_the_data_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strongroom.toml").write_text("workers = 7")
    assert load_settings({"data_dir": tmp_path}).workers == 7
    monkeypatch.setenv("STRONGROOM_CONFIG", "")
    monkeypatch.setenv("STRONGROOM_DATA_DIR", str(tmp_path))
    assert load_settings({}).workers == 7


def test_where_data_is_kept_when_nobody_says(tmp_path: Path) -> None:
    assert load_settings({}).data_dir == tmp_path / "share" / "strongroom"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "vault.example.com", ""])
def test_an_address_that_others_can_reach_needs_tls_or_a_word(host: str) -> None:
    assert "can be reached from other machines and TLS is off" in _why({"host": host})
    assert load_settings({"host": host, "insecure_listen": True}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_loopback_address_needs_nothing(host: str) -> None:
    assert load_settings({"host": host}).host == host


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = [", "cannot be read"),
        ("prot = 1", "prot: "),
        ("port = 65536", "port: "),
        ("workers = 0", "workers: "),
        ('account = "12"', "account: an account id has 12 digits"),
        ('region = "Frankfurt"', "region: a region looks like eu-central-1"),
        ('log_format = "xml"', "log_format: "),
        ('tls_key = "key.pem"', "tls_cert and tls_key go together"),
        ('oidc_issuers = ["example.com"]', "oidc_issuers.0: example.com: it is no URL of the form https://"),
        ('oidc_issuers = ["http://example.com"]', "oidc_issuers.0: http://example.com: it must begin with https://"),
        (
            'oidc_issuers = [{issuer = "https://example.com", jwks_uri = "http://example.com/keys"}]',
            "oidc_issuers.0: http://example.com/keys: it must begin with https://",
        ),
        (
            'oidc_issuers = [{issuer = "https://example.com", jwks_file = "/x", ca_file = "/y"}]',
            "with a jwks_file nothing is fetched",
        ),
        (
            'oidc_issuers = ["https://a.example.com", "https://a.example.com"]',
            "oidc_issuers: one issuer is named twice",
        ),
        ('admin_access_key_id = "AKIA"', "admin_access_key_id and admin_secret_access_key_file go together"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(text)
    assert words in _why({}, config)


def test_a_list_in_the_environment_that_is_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_MORE_REGIONS", "eu-west-1")
    assert "more_regions" in _why({})


def test_a_settings_file_that_is_missing(tmp_path: Path) -> None:
    assert "does not exist" in _why({}, tmp_path / "missing.toml")


def test_issuers_of_web_identities(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(
        'oidc_issuers = ["https://a.example.com", {issuer = "https://b.example.com/", jwks_file = "/etc/keys.json"}]'
    )
    first, second = load_settings({}, config=config).oidc_issuers
    assert (first.issuer, first.jwks_file) == ("https://a.example.com", None)
    assert (second.issuer, second.jwks_file) == ("https://b.example.com/", Path("/etc/keys.json"))
