"""What the tests of the trail share: a folder, a clock that a test owns, and small events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.audit import Trail
from strongroom.world import SystemEntropy, World


class StillClock:
    """A clock that stands at 2026-01-31T12:00:00Z."""

    def milliseconds(self) -> int:
        return 1_769_860_800_000


@pytest.fixture
def world() -> World:
    return World(StillClock(), SystemEntropy())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def trail(folder: Path, world: World) -> Iterator[Trail]:
    trail = Trail(folder, world, lock_timeout_seconds=0.3, stall_timeout_seconds=2.0)
    trail.open()
    yield trail
    trail.close()
