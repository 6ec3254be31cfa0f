"""The whole server is killed in the middle of a rotation, at every step: the rotation finishes after the next start."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator

import pytest
from tests.support.gated_rotation import GATES
from tests.support.rotation import Rig, rotation_rig
from tests.support.rotation_recovery import kill_and_restart, one_password_logs_in, recover

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("rotation-crash")]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rotation_rig(tmp_path_factory.mktemp("crash")) as made:
        yield made


@pytest.fixture(scope="module")
def gated(rig: Rig) -> str:
    return rig.gated_function()


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
