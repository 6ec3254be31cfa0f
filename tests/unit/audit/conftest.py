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


def _opened(folder: Path, world: World, *, sync_in_kernel: bool) -> Trail:
    trail = Trail(folder, world, lock_timeout_seconds=0.3, stall_timeout_seconds=2.0, sync_in_kernel=sync_in_kernel)
    trail.open()
    return trail


@pytest.fixture(params=[True, False], ids=["kernel", "thread"])
def trail(folder: Path, world: World, request: pytest.FixtureRequest) -> Iterator[Trail]:
    """A trail whose event loops have the kernel sync, and one whose thread does it all."""
    trail = _opened(folder, world, sync_in_kernel=request.param)
    yield trail
    trail.close()


@pytest.fixture
def thread_trail(folder: Path, world: World) -> Iterator[Trail]:
    trail = _opened(folder, world, sync_in_kernel=False)
    yield trail
    trail.close()


@pytest.fixture
def kernel_trail(folder: Path, world: World) -> Iterator[Trail]:
    trail = _opened(folder, world, sync_in_kernel=True)
    yield trail
    trail.close()
