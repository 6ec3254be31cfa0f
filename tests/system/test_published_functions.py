"""Rotation functions of the shape that AWS publishes, with its drivers, run from their zip as they are."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import published_rotation
from tests.support.rotation import Rig, rotation_rig
from tests.support.rotation_engines import ALTERNATING, ENGINES, SINGLE

pytestmark = pytest.mark.system

DRIVERS = Path.home() / f".cache/strongroom-tests/published-{sys.version_info.major}.{sys.version_info.minor}"
"""Where ``scripts/setup-servers`` puts PyGreSQL and PyMySQL."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    if not (DRIVERS / "pgdb").is_dir():
        pytest.skip("PyGreSQL could not be built here")
    with rotation_rig(tmp_path_factory.mktemp("published")) as made:
        yield made


@pytest.fixture(scope="module")
def function(rig: Rig) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.write(str(published_rotation.__file__), "published_rotation.py")
        for file in DRIVERS.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                packed.write(file, str(file.relative_to(DRIVERS)))
    environment = {"SECRETS_MANAGER_ENDPOINT": rig.server.endpoint, "EXCLUDE_CHARACTERS": "/@\"'\\:;"}
    return rig.make_function(archive.getvalue(), published_rotation.HANDLER, environment)


@pytest.mark.parametrize("strategy", [SINGLE, ALTERNATING])
@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_it_rotates_again_and_again(rig: Rig, function: str, server: str, strategy: str) -> None:
    with ENGINES[server](rig) as engine:
        secret = engine.make_secret(strategy, function)
        passwords = [secret.credential()]
        for _ in range(3):
            secret.wait_until_complete(secret.rotate())
            passwords.append(secret.credential())
            assert secret.logs_in()
        assert len({str(password) for password in passwords}) == len(passwords)
        assert secret.logs_in("AWSPREVIOUS") is (strategy == ALTERNATING)
