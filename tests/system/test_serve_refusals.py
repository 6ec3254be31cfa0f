"""When ``strongroom serve`` refuses to start: it says what is wrong and what to do, and leaves everything as it was."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.support.certificates import write_certificate
from tests.support.commands import contents, run_strongroom
from tests.support.server import RunningServer, start_server

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    """An installation whose server was stopped. Tests work on copies of its folder."""
    server = start_server(tmp_path_factory.mktemp("refusals") / "data", "--region", "eu-central-1")
    assert server.stop() == 0
    return server


@pytest.fixture
def data(stopped: RunningServer, tmp_path: Path) -> Path:
    """A copy of that installation's folder, for one test to damage."""
    return Path(shutil.copytree(stopped.data_dir, tmp_path / "data"))


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which something else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def _refused(
    data: Path, *arguments: str | Path, environment: Mapping[str, str] | None = None, changes: bool = False
) -> str:
    """What the server said when it refused to start. Checks what every refusal has in common."""
    before = contents(data) if data.exists() else None
    ended = run_strongroom("serve", "--data-dir", data, "--port", "0", *arguments, environment=environment)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.startswith("strongroom: ")
    assert "Traceback" not in ended.stderr
    assert "\n  fix: " in ended.stderr
    if not changes:
        assert (contents(data) if data.exists() else None) == before
    return " ".join(ended.stderr.split())


def test_a_folder_that_holds_other_things(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("meow")
    said = _refused(tmp_path / "photos")
    assert "holds other things and no Strongroom installation" in said
    assert "fix: choose an empty folder with --data-dir" in said


def test_a_path_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot be used. why: File exists fix: choose another with --data-dir" in _refused(tmp_path / "file")


def _damage(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        (data / name).write_bytes(content)

    return damage


def _remove(name: str) -> Callable[[Path], None]:
    return lambda data: (data / name).unlink()


def _lose_the_rows(data: Path) -> None:
    with sqlite3.connect(data / "store.sqlite") as connection:
        connection.execute("DELETE FROM installation")
    connection.close()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_damage("installation.json", b"{"), "installation.json is damaged"),
        (_damage("installation.json", b"[]"), "installation.json is damaged"),
        (_damage("installation.json", b'{"id": 1}'), "installation.json is damaged"),
        (_remove("installation.json"), "holds other things and no Strongroom installation"),
        (_remove("seal.json"), "seal.json could not be read"),
        (_damage("seal.json", b"{}"), "The format of seal.json is not one"),
        (_remove("root.key"), "root.key could not be read"),
        (_damage("root.key", b"00"), "root.key is damaged"),
        (_damage("root.key", b"ab" * 32 + b"\n"), "root.key does not hold the root key of this data folder"),
        (lambda data: (data / "root.key").chmod(0o640), "root.key is open to other users of this machine"),
        (_remove("store.sqlite"), "store.sqlite is gone"),
    ],
)
def test_a_damaged_installation(data: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(data)
    assert words in _refused(data)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_damage("store.sqlite", b"no database at all" * 300), "The store"),
        (_lose_the_rows, "The store and the data folder do not belong together"),
    ],
)
def test_a_store_that_is_not_its_own(data: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(data)
    kept = contents(data)
    assert words in _refused(data, changes=True)  # looking into a database makes SQLite's side files
    assert {name: found for name, found in contents(data).items() if name in kept and "store" not in name} == {
        name: found for name, found in kept.items() if "store" not in name
    }


def test_the_store_of_another_installation(data: Path, tmp_path: Path) -> None:
    other = start_server(tmp_path / "other")
    assert other.stop() == 0
    shutil.copy(other.data_dir / "store.sqlite", data / "store.sqlite")
    said = _refused(data, changes=True)
    assert "do not belong together. why: it is of another installation" in said
    shutil.copy(other.data_dir / "installation.json", data / "installation.json")
    assert "why: it has another root key" in _refused(data, "--region", "us-east-1", changes=True)


def test_another_account_or_region_than_the_folders(data: Path) -> None:
    said = _refused(data, "--account", "111122223333")
    assert "belongs to account 000000000000, not 111122223333. fix: start without --account" in said
    said = _refused(data, environment={"STRONGROOM_REGION": "eu-west-1"})
    assert "belongs to region eu-central-1, not eu-west-1. fix: start without --region" in said


def test_another_seal_than_the_folders(data: Path) -> None:
    assert "has the seal file, not passphrase" in _refused(data, "--seal", "passphrase")


def test_a_folder_that_another_server_uses(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    try:
        said = _refused(server.data_dir, changes=True)
        assert "Another Strongroom server is using" in said
        assert "fix: stop it first" in said
        assert server.client("sts").get_caller_identity()["Account"] == server.account
    finally:
        assert server.stop() == 0


def test_a_port_in_use(data: Path, taken_port: int) -> None:
    said = _refused(data, "--port", str(taken_port), changes=True)
    assert f"Cannot listen on 127.0.0.1 port {taken_port}. why: Address already in use" in said
    assert "choose another with --port" in said


def test_an_address_that_others_can_reach_without_tls(tmp_path: Path) -> None:
    said = _refused(tmp_path / "data", "--host", "0.0.0.0")
    assert "can be reached from other machines and TLS is off" in said
    assert "insecure_listen" in said


def test_a_certificate_without_its_key(tmp_path: Path) -> None:
    assert "tls_cert and tls_key go together" in _refused(tmp_path / "data", "--tls-cert", "/nowhere/cert.pem")


def test_certificates_that_cannot_be_served(data: Path, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    _, other_key = write_certificate(tmp_path, name="other")
    for given, given_key in ((tmp_path / "missing", key), (certificate, other_key)):
        said = _refused(data, "--tls-cert", given, "--tls-key", given_key, changes=True)
        assert f"TLS cannot be served with the certificate {given}" in said
    _, locked = write_certificate(tmp_path, name="locked", passphrase=b"for a person")
    assert "TLS cannot be served" in _refused(data, "--tls-cert", certificate, "--tls-key", locked, changes=True)


def test_settings_that_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "strongroom.toml").write_text("prot = 1")
    said = _refused(tmp_path / "data", "--config", tmp_path / "strongroom.toml")
    assert "The settings are wrong. why: prot: " in said


def test_an_option_that_does_not_exist(tmp_path: Path) -> None:
    ended = run_strongroom("serve", "--data-dir", tmp_path / "data", "--wrokers", "2")
    assert ended.returncode == 2
    assert "No such option" in ended.stderr
    assert not (tmp_path / "data").exists()
