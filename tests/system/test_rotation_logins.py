"""No failed login: an application logs in without pause while its credential is rotated.

`benchmarks/rotation.py` does the same for longer.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.rotation import Rig, rotation_rig
from tests.support.rotation_logins import log_in_through_rotations

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("rotation-faults")]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rotation_rig(tmp_path_factory.mktemp("logins")) as made:
        yield made


def test_alternating_users_never_fail_and_never_retry(rig: Rig) -> None:
    found = log_in_through_rotations(rig, alternating=True, rotations=10, pause=1.0)
    assert (found.failed, found.retries) == (0, 0)
    assert found.passwords > 5


def test_a_single_user_never_fails_twice(rig: Rig) -> None:
    found = log_in_through_rotations(rig, alternating=False, rotations=4, pause=3.0)
    assert found.failed == 0
    assert found.passwords == 5
