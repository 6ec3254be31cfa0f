"""The whole server is killed in the middle of a rotation, at every step: the rotation finishes after the next start."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from tests.support.gated_rotation import GATES
from tests.support.processes import alive, family
from tests.support.rotation import Rig, RotatedSecret, rotation_rig, wait_until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("rotation-crash")]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rotation_rig(tmp_path_factory.mktemp("crash")) as made:
        yield made


@pytest.fixture(scope="module")
def gated(rig: Rig) -> str:
    return rig.gated_function()


def kill_and_restart(rig: Rig) -> None:
    """Kill every process of the server at once, see that its functions die with it, and start it again."""
    processes = family(rig.server.process.pid)
    rig.server.kill()
    wait_until(lambda: not alive(processes), "every process of the server and of its functions is gone", 10)
    rig.restart()


def one_password_logs_in(secret: RotatedSecret) -> bool:
    """Whether the database takes the password of AWSCURRENT or, in the middle of a rotation, of AWSPENDING."""
    stages = [stage for stage in ("AWSPENDING", "AWSCURRENT") if stage in secret.labels()]
    for stage in stages:
        try:
            if secret.logs_in(stage):
                return True
        except ClientError as error:  # no value yet, or the label moved on between the two calls
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"  # noqa: PT017
    return False


def recover(secret: RotatedSecret, token: str) -> None:
    """Follow a rotation to its end after a restart: at no time is there no password that logs in."""
    looks = 0
    while not secret.is_complete(token):
        # A look may fall between the change in the database and the change of a label, so a second one decides.
        assert one_password_logs_in(secret) or one_password_logs_in(secret) or secret.is_complete(token)
        looks += 1
        assert looks < 500, "the rotation does not come to its end"
        time.sleep(0.05)
    for _ in range(3):
        assert secret.logs_in()


@pytest.mark.parametrize(("step", "moment"), GATES)
def test_killed_at_a_step(rig: Rig, gated: str, step: str, moment: str) -> None:
    secret, token = rig.make_secret(gated), str(uuid.uuid4())
    before, old = secret.labels()["AWSCURRENT"], secret.credential()
    with rig.closed_gate(token, step, moment) as gate:
        assert secret.rotate(ClientRequestToken=token) == token
        gate.wait_until_reached()
        promised = None if (step, moment) == GATES[0] else secret.credential(version=token)
        acknowledged = rig.secrets.create_secret(Name=f"acknowledged/{token}", SecretString=token)
        kill_and_restart(rig)
        assert one_password_logs_in(secret)
    recover(secret, token)
    assert secret.labels() == {"AWSCURRENT": token, "AWSPREVIOUS": before}
    assert secret.credential("AWSPREVIOUS") == old
    if promised is not None:
        assert secret.credential() == promised
    found = rig.secrets.get_secret_value(SecretId=acknowledged["ARN"])
    assert (found["SecretString"], found["VersionId"]) == (token, acknowledged["VersionId"])
    assert [event["eventName"] for event in secret.events() if event["eventType"] == "AwsServiceEvent"] == [
        "RotationStarted",
        "RotationSucceeded",
    ]


@pytest.mark.parametrize("run", range(3))
def test_killed_at_any_instant(rig: Rig, run: int) -> None:
    secret = rig.make_secret(rig.shipped_function())
    warm = secret.rotate()
    secret.wait_until_complete(warm)
    delay = (run + random.random()) * 0.15  # a rotation whose function is warm takes some tenths of a second
    token = str(uuid.uuid4())
    assert secret.rotate(ClientRequestToken=token) == token
    time.sleep(delay)
    kill_and_restart(rig)
    recover(secret, token)
    assert secret.labels() == {"AWSCURRENT": token, "AWSPREVIOUS": warm}, f"killed after {delay:.3f} s"


def test_killed_twice_in_one_rotation(rig: Rig, gated: str) -> None:
    secret, token = rig.make_secret(gated), str(uuid.uuid4())
    with rig.closed_gate(token, "finishSecret", "before") as second:
        with rig.closed_gate(token, "setSecret", "after") as first:
            secret.rotate(ClientRequestToken=token)
            first.wait_until_reached()
            kill_and_restart(rig)
        second.wait_until_reached()
        kill_and_restart(rig)
    recover(secret, token)
