"""Old files go only after a checkpoint and a record, and a trail that was cut otherwise is told from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from strongroom.audit import Trail, service_event, user_identity, verify
from strongroom.audit.checkpoints import Checkpoint, Checkpoints
from strongroom.audit.retention import DELETED, SOURCE, Deletion, compress_closed, delete_before, deleted_through
from strongroom.audit.segments import segments
from strongroom.keyring import SigningKey, is_signed, public_key_to_pem
from strongroom.world import World

KEY = SigningKey(bytes(range(32)))
ACCOUNT = "111122223333"


@pytest.fixture
def trail(folder: Path, world: World) -> Iterator[Trail]:
    """Three days of ten records each, a file a day."""
    trail = Trail(folder, world)
    trail.open()
    for day in (28, 29, 30):
        for number in range(10):
            trail.append_now([b'{"eventName":"Event%d","eventTime":"2026-01-%dT12:00:00Z"}' % (number, day)])
        trail.switch(lambda _: True)
    trail.append_now([b'{"eventName":"Event","eventTime":"2026-01-31T12:00:00Z"}'])
    compress_closed(folder)
    yield trail
    trail.close()


def deletion_event(deletion: Deletion, world: World) -> bytes:
    return service_event(
        user_identity=user_identity.aws_service(SOURCE, ACCOUNT),
        time=world.clock.milliseconds(),
        source=SOURCE,
        name=DELETED,
        region="us-east-1",
        additional_data=deletion.details(),
        request_id="r",
        event_id="e",
        recipient_account=ACCOUNT,
    )


class Keeper:
    """Pins and records as the server does, and notes what was on the disk when it did."""

    def __init__(self, folder: Path, world: World, trail: Trail) -> None:
        self.folder, self.world, self.trail = folder, world, trail
        self.steps: list[tuple[str, int]] = []

    def pin(self) -> Checkpoint | None:
        self.steps.append(("pin", len(segments(self.folder))))
        key = public_key_to_pem(KEY.public_key)
        return Checkpoints(self.folder, KEY, key, self.world.clock).make()

    def record(self, deletion: Deletion) -> None:
        self.steps.append(("record", len(segments(self.folder))))
        self.trail.append_now([deletion_event(deletion, self.world)])


def test_old_files_go_and_the_trail_stays_whole(folder: Path, world: World, trail: Trail) -> None:
    keeper = Keeper(folder, world, trail)
    gone = delete_before(folder, "2026-01-30T00:00:00Z", keeper.pin, keeper.record)
    assert gone is not None
    assert (gone.first_sequence, gone.last_sequence, len(gone.files)) == (1, 10, 1)  # the next one is of the 29th
    gone = delete_before(folder, "2026-01-30T12:00:01Z", keeper.pin, keeper.record)
    assert gone is not None
    assert (gone.first_sequence, gone.last_sequence) == (11, 20)
    assert keeper.steps == [("pin", 4), ("record", 4), ("pin", 3), ("record", 3)]
    report = verify(folder, is_signed=is_signed, public_key=KEY.public_key)
    assert (report.problem, report.first) == (None, 21)
    assert "Records 1 to 20 were deleted as audit_keep_days asks" in report.text()
    assert verify(folder).ok
    assert delete_before(folder, "2026-01-30T12:00:01Z", keeper.pin, keeper.record) is None


def test_nothing_goes_without_a_checkpoint_or_while_it_is_new(folder: Path, world: World, trail: Trail) -> None:
    keeper = Keeper(folder, world, trail)
    assert delete_before(folder, "2026-01-28T00:00:00Z", keeper.pin, keeper.record) is None
    assert delete_before(folder, "2026-01-31T00:00:00Z", lambda: None, keeper.record) is None
    assert keeper.steps == []
    assert verify(folder).records == 31


def test_more_taken_away_than_was_said_is_found(folder: Path, world: World, trail: Trail) -> None:
    keeper = Keeper(folder, world, trail)
    delete_before(folder, "2026-01-30T00:00:00Z", keeper.pin, keeper.record)
    segments(folder)[0].path.unlink()
    problem = verify(folder, is_signed=is_signed, public_key=KEY.public_key).problem
    assert problem is not None
    assert (problem.kind, problem.what[:27]) == ("missing", "Records 1 to 20 are missing")
    assert not verify(folder).ok


def test_a_caller_cannot_tell_of_a_deletion() -> None:
    """What a caller sends may hold the very words; only the trail's own event counts."""
    parameters = {"eventName": DELETED, "lastSequence": 99}
    event = {"eventName": "TagResource", "eventType": "AwsApiCall", "requestParameters": {"tags": parameters}}
    assert deleted_through(orjson.dumps(event)) == 0
    imitated = {"eventName": DELETED, "eventType": "AwsApiCall", "additionalEventData": {"lastSequence": 99}}
    assert deleted_through(orjson.dumps(imitated)) == 0
