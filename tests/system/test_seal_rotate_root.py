"""``strongroom seal rotate-root``: a new root key follows the old one, and a kill at any step loses neither."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from demo.postgresql import start_postgresql
from sqlalchemy import select
from tests.support.commands import run_strongroom
from tests.support.crashes import steps_of, until_step
from tests.support.server import RunningServer, running_server, start_server

from strongroom.keyring import Keyring, RootKey, WrappedMaterial
from strongroom.keyring.seals import Means, SealDocument, SealFiles, open_root_key
from strongroom.server.folder import DataFolder
from strongroom.server.settings import Settings, load_settings
from strongroom.server.setup import open_installation, with_store
from strongroom.server.succession import rotate_root
from strongroom.services.kms.names import sealing_name
from strongroom.store import Statement
from strongroom.store.schema import kms_keys, kms_materials
from strongroom.world import World

pytestmark = pytest.mark.system

Step = Callable[[str], None]
MATERIALS = Statement(
    select(kms_materials.c.key_arn, kms_keys.c.key_id, kms_materials.c.material_id, kms_materials.c.wrapped).join(
        kms_keys, kms_keys.c.arn == kms_materials.c.key_arn
    )
)


def furnish(server: RunningServer) -> None:
    """What the root key wraps: materials of three kinds of keys, and by the system seed an access key."""
    kms = server.client("kms")
    kms.create_key(MultiRegion=True)
    kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    server.client("secretsmanager").create_secret(Name="kept", SecretString="as it was")


def require_kept(server: RunningServer) -> None:
    """Every layer still opens: the caller's access key, the KMS key, the value."""
    found = server.client("secretsmanager").get_secret_value(SecretId="kept")
    assert found["SecretString"] == "as it was"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    server = start_server(tmp_path_factory.mktemp("rotate-root") / "data")
    furnish(server)
    assert server.stop() == 0
    return server


def settings_of(folder: Path) -> Settings:
    return load_settings({"data_dir": folder})


def rotate(folder: Path, step: Step) -> None:
    """What the command does, told of each step."""
    world, files = World.real(), SealFiles(folder, step)
    means = Means(files, world.entropy)
    document = SealDocument.load(files)
    data = DataFolder(folder)
    rotate_root(settings_of(folder), data, world, document, open_root_key(document, means), means)


def opened(folder: Path) -> RootKey:
    """Start as the server does; every material opens then. Answers the root key."""
    found = open_installation(settings_of(folder), World.real())
    found.folder.leave()
    keyring = Keyring(found.root_key, World.real())
    with_store(
        settings_of(folder),
        found.folder,
        World.real(),
        lambda store: [
            keyring.wrap_again(sealing_name(arn, key_id), WrappedMaterial(material, bytes(wrapped)), found.root_key)
            for arn, key_id, material, wrapped in store.read_now(lambda transaction: transaction.all(MATERIALS))
        ],
    )
    return found.root_key


def test_killed_before_any_step_the_old_root_key_or_the_new_one_is_in_force(
    stopped: RunningServer, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(stopped.data_dir, whole)
    old = opened(whole).fingerprint
    steps = steps_of(lambda step: rotate(whole, step))
    committed = steps.index("commit the store")
    new = opened(whole).fingerprint
    assert new != old
    for number, name in enumerate(steps):
        copy = tmp_path / str(number)
        shutil.copytree(stopped.data_dir, copy)
        until_step(number, lambda step, copy=copy: rotate(copy, step))  # type: ignore[misc]
        root_key = opened(copy)
        assert (root_key.fingerprint == old) == (number <= committed), name
        keys = {path.name for path in copy.iterdir() if path.name.endswith(".key")}
        if number <= committed:
            assert "root.key" in keys, name
        else:
            assert keys == {f"root-{root_key.fingerprint[:16]}.key"}, name
        assert not (copy / "seal.next.json").exists()
    assert len(steps) == 8
    with running_server(tmp_path / str(committed + 1)) as server:
        require_kept(server)


def test_the_command_and_what_it_refuses(stopped: RunningServer, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(stopped.data_dir, data)
    asked = run_strongroom("seal", "rotate-root", "--data-dir", data)
    assert asked.returncode == 1
    assert "backups made before, needs the old seals" in asked.stderr
    assert "Nothing was changed" in asked.stderr
    done = run_strongroom("seal", "rotate-root", "--data-dir", data, "--yes")
    assert done.returncode == 0, done.stderr
    assert "3 key materials were wrapped again" in done.stdout
    with running_server(data) as server:
        require_kept(server)
        refused = run_strongroom("seal", "rotate-root", "--data-dir", data, "--yes")
        assert refused.returncode == 1
        assert "Another Strongroom server is using" in refused.stderr
    assert "RootKeyRotated" in (data / "audit" / "trail.jsonl").read_text()
    again = run_strongroom("seal", "rotate-root", "--data-dir", data, "--yes")
    assert again.returncode == 0, again.stderr
    assert run_strongroom("seal", "verify", "--data-dir", data).stdout.split() == ["file", "opens"]


@pytest.fixture
def database() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="strongroom-test-") as name, start_postgresql(Path(name)) as server:
        yield server.create_database("strongroom")


def test_on_postgresql(database: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data, "--store", database) as server:
        furnish(server)
    done = run_strongroom(
        "seal", "rotate-root", "--data-dir", data, "--yes", environment={"STRONGROOM_STORE": database}
    )
    assert done.returncode == 0, done.stderr
    assert "3 key materials were wrapped again" in done.stdout
    with running_server(data, "--store", database) as server:
        require_kept(server)
