"""Backups that the server makes by itself, over days: when, how many are kept, and what is never touched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bucket import ACCESS_KEY, s3_double

from strongroom.backup.format import read_header
from strongroom.backup.place_names import place_of
from strongroom.backup.reading import verify_backup
from strongroom.errors import OperatorError
from strongroom.server.backups import ScheduledBackups
from strongroom.server.composition import House
from strongroom.server.settings import load_settings
from strongroom.server.setup import open_installation
from strongroom.world import SystemClock, SystemEntropy, World

pytestmark = pytest.mark.system

HOUR_MS = 3_600_000


class MovedClock(SystemClock):
    """The time, moved as a test says."""

    def __init__(self) -> None:
        self.later_ms = 0

    def milliseconds(self) -> int:
        return super().milliseconds() + self.later_ms


class Installation:
    """An installation in this process that keeps two backups, one every six hours.

    Args:
        folder: Its data folder.
        settings: Further settings.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        given = {"data_dir": folder / "data", "backup_hours": 6, "backup_keep": 2, **settings}
        self.settings = load_settings(given)
        self.clock = MovedClock()
        self.world = World(self.clock, SystemEntropy())
        self.root_key = open_installation(self.settings, self.world).root_key
        nobody: Any = object()  # runs no functions
        self.house = House.open(self.settings, self.root_key, self.world, nobody)

    def turn(self, hours: float = 0) -> list[str]:
        """What is kept after some hours have passed and the server has done what is due."""
        self.clock.later_ms += int(hours * HOUR_MS)
        asyncio.run(ScheduledBackups(self.settings, self.root_key, self.house.store, self.world).turn())
        return [kept.name for kept in self.place.kept()]

    @property
    def place(self) -> Any:
        """Where backups are kept."""
        return place_of(str(self.settings.backup_to), self.settings.backup_endpoint_url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The place of the backups, with things of others in it."""
    place = tmp_path / "backups"
    place.mkdir()
    for name in FOREIGN:
        (place / name).write_text("of somebody else")
    (place / "strongroom-subfolder").mkdir()
    return place


FOREIGN = (
    "notes.txt",
    "strongroom.backup",
    "strongroom-76543210-20200101T000000000Z-abcdef01.backup",  # of another installation
    "strongroom-76543210-20200101T000000000Z-abcdef01.backup.copy",
    "strongroom-zzzzzzzz-20200101T000000000Z-abcdef01.backup",
)


@pytest.fixture
def ours(tmp_path: Path, folder: Path) -> Iterator[Installation]:
    made = Installation(tmp_path, backup_to=str(folder))
    yield made
    made.house.close()


def test_when_backups_are_made_and_which_are_kept(ours: Installation, folder: Path) -> None:
    other = FOREIGN[2]
    first = ours.turn()
    assert len(first) == 2
    assert ours.turn(5.9) == first
    second = ours.turn(0.2)
    assert len(second) == 3
    third = ours.turn(6)
    assert set(third) == {*second, *third} - {name for name in first if name != other}
    assert len(third) == 3
    assert len(ours.turn(1000)) == 3, "however long it was away, one is made"
    assert {path.name for path in folder.iterdir()} >= {*FOREIGN, "strongroom-subfolder"}
    for name in ours.turn():
        if name != other:
            with ours.place.reading(name) as source:
                _, encoded = read_header(source)
                assert verify_backup(source, encoded, ours.root_key, lambda _table, _rows: None) > 0


def test_nothing_is_removed_before_a_new_one_is_there(ours: Installation, folder: Path) -> None:
    kept = [ours.turn(), ours.turn(6)][-1]
    folder.chmod(0o500)
    (ours.settings.data_dir / "audit" / "trail.head").rename(folder.parent / "trail.head")
    (ours.settings.data_dir / "audit" / "trail.head").mkdir()
    with pytest.raises(OperatorError):
        ours.turn(6)
    assert [backup.name for backup in ours.place.kept()] == kept
    (ours.settings.data_dir / "audit" / "trail.head").rmdir()
    (folder.parent / "trail.head").rename(ours.settings.data_dir / "audit" / "trail.head")
    folder.chmod(0o700)
    assert len(ours.turn()) == len(kept)


def test_a_bucket_is_kept_like_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACCESS_KEY_ID", ACCESS_KEY), ("SECRET_ACCESS_KEY", "key"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with s3_double() as s3:
        s3.objects |= {f"of/{name}": b"of somebody else" for name in FOREIGN}
        ours = Installation(tmp_path, backup_to="s3://vault/of", backup_endpoint_url=s3.endpoint)
        try:
            for _ in range(4):
                kept = ours.turn(6)
        finally:
            ours.house.close()
        assert len(kept) == 3
        assert {f"of/{name}" for name in (*FOREIGN, *kept)} == s3.objects.keys()
        assert s3.uploads == {}
