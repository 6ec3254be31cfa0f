"""Checkpoints in time, files of a day, and what is old goes: the trail's upkeep over some days."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.audit import Checkpoints, Trail, read_records, verify
from strongroom.audit.checkpoints import last_checkpoint
from strongroom.audit.segments import segments
from strongroom.errors import OperatorError
from strongroom.keyring import SigningKey, is_signed, public_key_to_pem
from strongroom.server.folder import DataFolder, Installation
from strongroom.server.settings import Settings
from strongroom.server.trail_upkeep import TrailUpkeep
from strongroom.world import SystemEntropy, World

KEY = SigningKey(bytes(range(32)))


class MovingClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 28, 12, tzinfo=UTC)

    def milliseconds(self) -> int:
        return int(self.now.timestamp() * 1000)


class Kept:
    """A trail, its upkeep and its time."""

    def __init__(self, data_dir: Path, **settings: int) -> None:
        self.clock = MovingClock()
        world = World(self.clock, SystemEntropy())
        data = DataFolder(data_dir)
        data.create()
        data.write_installation(Installation("id", "111122223333", "eu-west-1", ready=True))
        self.folder = data.audit
        self.trail = Trail(self.folder, world)
        self.trail.open()
        checkpoints = Checkpoints(self.folder, KEY, public_key_to_pem(KEY.public_key), self.clock)
        self.upkeep = TrailUpkeep(
            Settings(data_dir=data_dir, **settings),  # type: ignore[arg-type]
            self.trail,
            checkpoints,
            world,
        )

    def record(self, name: str) -> None:
        self.trail.append_now([f'{{"eventName":"{name}","eventTime":"{self.clock.now:%Y-%m-%dT%H:%M:%SZ}"}}'.encode()])

    def turn(self, keep_from: int = 2**63, **later: int) -> None:
        self.clock.now += timedelta(**later)
        asyncio.run(self.upkeep.turn(keep_from))

    def pinned(self) -> int:
        last = last_checkpoint(self.folder)
        return 0 if last is None else last.sequence


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def kept(data_dir: Path) -> Iterator[Kept]:
    kept = Kept(data_dir, audit_keep_days=2, audit_checkpoint_minutes=10)
    yield kept
    kept.upkeep.stop()
    kept.trail.close()


def test_checkpoints_come_in_their_time_and_only_when_there_is_something_new(kept: Kept) -> None:
    kept.turn()
    assert kept.pinned() == 0
    kept.record("One")
    kept.turn()
    assert kept.pinned() == 1
    kept.record("Two")
    kept.turn(minutes=9)
    assert kept.pinned() == 1
    kept.turn(minutes=1)
    assert kept.pinned() == 2
    lines = (kept.folder / "checkpoints.jsonl").read_bytes().count(b"\n")
    kept.turn(hours=1)
    assert (kept.folder / "checkpoints.jsonl").read_bytes().count(b"\n") == lines


def test_files_are_closed_daily_compressed_pinned_and_deleted_when_old(kept: Kept) -> None:
    for day in range(4):
        kept.record(f"Day{day}")
        kept.turn(keep_from=2, days=1, seconds=1)
    assert [file.compressed for file in segments(kept.folder)] == [True] * 3 + [False]
    assert [file.first_sequence for file in segments(kept.folder)] == [2, 3, 4, 0]
    told = next(record for record in read_records(kept.folder) if record.event["eventName"] == "DeleteTrailFiles")
    assert told.event["additionalEventData"] == {
        "files": ["trail-00000000000000000001.jsonl.gz"],
        "firstSequence": 1,
        "lastSequence": 1,
    }
    assert told.event["userIdentity"] == {"accountId": "111122223333", "invokedBy": "strongroom.amazonaws.com"}
    assert told.event["awsRegion"] == "eu-west-1"
    report = verify(kept.folder, is_signed=is_signed, public_key=KEY.public_key)
    assert (report.problem, report.first) == (None, 2)
    kept.turn(days=3)
    assert segments(kept.folder)[0].first_sequence > 2  # the sink that had not got record 2 has it now
    assert verify(kept.folder, is_signed=is_signed, public_key=KEY.public_key).ok


def test_without_retention_nothing_is_closed_by_age(data_dir: Path) -> None:
    kept = Kept(data_dir)
    kept.record("One")
    kept.turn(days=400)
    assert [file.path.name for file in segments(kept.folder)] == ["trail.jsonl"]
    kept.upkeep.stop()
    kept.trail.close()


def test_a_trail_that_was_changed_is_signed_no_further_and_told(kept: Kept) -> None:
    kept.record("One")
    kept.turn()
    path = kept.folder / "trail.jsonl"
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.write(whole.replace(b"One", b"Owe"))
    kept.record("Two")
    with pytest.raises(OperatorError):
        kept.turn(hours=1)
    assert kept.pinned() == 1
    assert "does not hold record 1 as it was signed" in str(kept.upkeep.trouble())
    with path.open("r+b") as file:
        file.write(whole)
    kept.turn()
    assert (kept.pinned(), kept.upkeep.trouble()) == (2, None)
