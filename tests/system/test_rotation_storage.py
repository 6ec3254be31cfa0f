"""The storage fails in the middle of a rotation: a disk that is full, and a store that is gone.

It fails at the worst moment: the password in the database has changed, and no label has moved yet. Nothing can be
answered then, for nothing can be recorded; once the storage is back, the rotation ends by itself.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from demo.postgresql import start_postgresql
from tests.support.rotation import Rig, rotation_rig, wait_until
from tests.support.rotation_recovery import recover
from tests.support.ways import way_to

pytestmark = pytest.mark.system

DISK_MEGABYTES = 96
LOOKS = 3


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system that is quickly filled."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=700", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system of a limited size can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free; answers the file that takes them."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def readiness(rig: Rig) -> tuple[int, str]:
    """What the health page says."""
    try:
        with urllib.request.urlopen(f"{rig.server.endpoint}/health/ready", timeout=20) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def refused_for_now(rig: Rig, arn: str) -> str:
    """A read is refused by the server's fault; the code of the error."""
    with pytest.raises(ClientError) as caught:
        rig.secrets.get_secret_value(SecretId=arn)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    return str(caught.value.response["Error"]["Code"])


def test_a_full_disk_between_the_database_and_the_label(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, rotation_rig(disk) as rig:
        secret, token = rig.make_secret(rig.gated_function()), str(uuid.uuid4())
        before = secret.labels()["AWSCURRENT"]
        with rig.closed_gate(token, "setSecret", "after") as gate:
            secret.rotate(ClientRequestToken=token)
            gate.wait_until_reached()
            promised = secret.credential(version=token)
            filler = fill(disk)
        wait_until(lambda: readiness(rig)[0] == 503, "the server says that it cannot serve")
        assert "No space left" in readiness(rig)[1]
        for _ in range(LOOKS):
            assert refused_for_now(rig, secret.arn) == "InternalServiceError"
            time.sleep(0.2)
        os.truncate(filler, 0)
        wait_until(lambda: readiness(rig)[0] == 200, "the server serves again by itself")
        recover(secret, token)
        assert secret.labels() == {"AWSCURRENT": token, "AWSPREVIOUS": before}
        assert secret.credential() == promised


def test_the_store_is_gone_between_the_database_and_the_label(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="store-") as place,
        start_postgresql(Path(place) / "postgresql") as store,
        way_to(store.host, store.port) as way,
    ):
        address = store.create_database("strongroom").replace(f":{store.port}/", f":{way.port}/")
        with rotation_rig(tmp_path, "--store", address) as rig:
            secret, token = rig.make_secret(rig.gated_function()), str(uuid.uuid4())
            before = secret.labels()["AWSCURRENT"]
            with rig.closed_gate(token, "setSecret", "after") as gate:
                secret.rotate(ClientRequestToken=token)
                gate.wait_until_reached()
                promised = secret.credential(version=token)
                way.close()
            wait_until(lambda: readiness(rig)[0] == 503, "the server says that it cannot serve")
            assert refused_for_now(rig, secret.arn) == "InternalServiceError"
            way.open()
            wait_until(lambda: readiness(rig)[0] == 200, "the server serves again by itself")
            recover(secret, token)
            assert secret.labels() == {"AWSCURRENT": token, "AWSPREVIOUS": before}
            assert secret.credential() == promised
