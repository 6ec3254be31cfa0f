"""No failed login: applications log in without pause while their credentials are rotated, under every strategy.

`benchmarks/rotation.py` does the same for longer, and for more kinds of servers.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.rotation import Rig, rotation_rig
from tests.support.rotation_engines import ALTERNATING, ENGINES, SINGLE
from tests.support.rotation_logins import log_in_through_rotations

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("rotation-faults")]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rotation_rig(tmp_path_factory.mktemp("logins")) as made:
        yield made


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_alternating_users_never_fail_and_a_single_user_never_fails_twice(rig: Rig, kind: str) -> None:
    with ENGINES[kind](rig) as engine:
        found = log_in_through_rotations(engine, {ALTERNATING: 10, SINGLE: 4}, pause=3.0)
    assert (found[ALTERNATING].failed, found[ALTERNATING].retries) == (0, 0)
    assert found[ALTERNATING].passwords > 5
    assert found[SINGLE].failed == 0
    assert found[SINGLE].passwords == 5
