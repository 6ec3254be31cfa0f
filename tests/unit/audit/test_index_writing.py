"""Keeping the index in step: after a crash, over a switch of files, and when it does not belong to the trail."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import pytest
from tests.support.looked_up import bring_in_step, expected, found
from tests.support.made_trail import START, MadeTrail, made_event, random_events, read_event

from strongroom.audit.index import Attribute, Indexer, IndexReader, Wanted
from strongroom.audit.index import database as database_module
from strongroom.audit.index import ids as ids_module
from strongroom.audit.index import postings as postings_module
from strongroom.audit.index import writing as writing_module
from strongroom.audit.index.database import INDEX_NAME
from strongroom.errors import OperatorError


@pytest.fixture
def trail(tmp_path: Path) -> MadeTrail:
    trail = MadeTrail(tmp_path / "audit")
    trail.write(random_events(Random(11), 200))
    return trail


def everything(trail: MadeTrail) -> list[str]:
    return expected(trail, Wanted())


def sequence(trail: MadeTrail) -> int:
    """How far the index says that it reaches."""
    database = sqlite3.connect(trail.folder / INDEX_NAME)
    try:
        return int(database.execute("SELECT sequence FROM position").fetchone()[0])
    finally:
        database.close()


def test_only_its_owner_can_read_the_index(trail: MadeTrail) -> None:
    bring_in_step(trail.folder)
    assert (trail.folder / INDEX_NAME).stat().st_mode & 0o777 == 0o600


def test_a_batch_counts_whole_or_not_at_all(trail: MadeTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module, "MOST_IN_TURN", 50)
    indexer = Indexer(trail.folder)
    assert (indexer.turn(), indexer.turn()) == (50, 50)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing_module, "add_consumptions", fails)
        with pytest.raises(OperatorError, match="falls behind") as caught:
            indexer.turn()
    assert "No space left on device" in caught.value.why
    assert sequence(trail) == 100
    assert found(trail, Wanted()) == everything(trail)
    assert (indexer.turn(), indexer.turn(), indexer.turn()) == (50, 50, 0)
    indexer.close()
    for event in trail.events[90:110]:
        assert found(trail, Wanted(attribute=Attribute.EVENT_ID, value=event["eventID"])) == [event["eventID"]]
    assert found(trail, Wanted()) == everything(trail)


def test_the_index_goes_on_over_a_switch_of_files(trail: MadeTrail) -> None:
    indexer = Indexer(trail.folder)
    assert indexer.turn() == 200
    trail.write(random_events(Random(12), 10))
    trail.switch()
    assert indexer.turn() == 10
    trail.write(random_events(Random(13), 10))
    trail.switch(compressed=True)
    trail.write(random_events(Random(14), 10))
    assert indexer.turn() == 20
    assert indexer.turn() == 0
    indexer.close()
    assert found(trail, Wanted()) == everything(trail)


def test_files_that_are_compressed_later_stay_indexed(trail: MadeTrail) -> None:
    bring_in_step(trail.folder)
    trail.switch(compressed=True)
    trail.write(random_events(Random(12), 10))
    indexer = Indexer(trail.folder)
    assert indexer.turn() == 10
    indexer.close()
    assert found(trail, Wanted()) == everything(trail)


def test_an_index_of_another_trail_is_made_again(trail: MadeTrail, tmp_path: Path) -> None:
    bring_in_step(trail.folder)
    other = MadeTrail(tmp_path / "other")
    other.write(random_events(Random(99), 250))
    trail.current.write_bytes(other.current.read_bytes())
    bring_in_step(trail.folder)  # notices
    bring_in_step(trail.folder)
    other_there = MadeTrail(trail.folder, other.events)
    assert found(other_there, Wanted()) == everything(other)
    for event in other.events[::50]:
        assert found(other_there, Wanted(attribute=Attribute.EVENT_ID, value=event["eventID"])) == [event["eventID"]]


def test_a_damaged_index_is_made_again(trail: MadeTrail) -> None:
    bring_in_step(trail.folder)
    (trail.folder / INDEX_NAME).write_bytes(b"This is no database. " * 500)
    bring_in_step(trail.folder)
    bring_in_step(trail.folder)
    assert sequence(trail) == 200
    assert found(trail, Wanted()) == everything(trail)


def test_an_index_that_was_not_synced_is_made_again_after_a_start_of_the_host(
    trail: MadeTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexer = Indexer(trail.folder)
    indexer.turn()
    with sqlite3.connect(trail.folder / INDEX_NAME) as database:
        database.execute("DELETE FROM events")
    again = Indexer(trail.folder)
    assert again.turn() == 0  # the first one was killed, and this host has not been started since
    monkeypatch.setattr(database_module, "boot_id", lambda: "another start")
    after_crash = Indexer(trail.folder)
    assert after_crash.turn() == 200
    assert found(trail, Wanted()) == everything(trail)
    after_crash.close()
    monkeypatch.setattr(database_module, "boot_id", lambda: "a third start")
    after_shutdown = Indexer(trail.folder)
    assert after_shutdown.turn() == 0
    for each in (indexer, again, after_shutdown):
        each.close()


def test_an_index_of_another_layout_is_made_again(trail: MadeTrail) -> None:
    database = sqlite3.connect(trail.folder / INDEX_NAME)
    database.executescript("CREATE TABLE events (other); PRAGMA user_version = 77;")
    database.close()
    assert found(trail, Wanted()) == everything(trail)
    bring_in_step(trail.folder)
    assert sequence(trail) == 200
    assert found(trail, Wanted()) == everything(trail)


def test_an_index_that_is_deleted_is_made_again(trail: MadeTrail) -> None:
    bring_in_step(trail.folder)
    for path in trail.folder.glob(f"{INDEX_NAME}*"):
        path.unlink()
    assert found(trail, Wanted()) == everything(trail)
    bring_in_step(trail.folder)
    assert sequence(trail) == 200


def test_a_trail_that_is_not_there_yet_is_no_error(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    bring_in_step(folder)
    assert IndexReader(folder).lookup(Wanted(), 10) == []


def test_ids_are_found_in_sorted_runs_and_outside(trail: MadeTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module, "MOST_IN_TURN", 16)
    monkeypatch.setattr(ids_module, "_RUN", 64)
    bring_in_step(trail.folder)
    database = sqlite3.connect(trail.folder / INDEX_NAME)
    assert database.execute("SELECT COUNT(*) FROM runs").fetchone()[0] == 3
    assert database.execute("SELECT COUNT(*) FROM fresh_ids").fetchone()[0] == 8
    database.close()
    for event in trail.events:
        assert found(trail, Wanted(attribute=Attribute.EVENT_ID, value=event["eventID"])) == [event["eventID"]]


def test_long_lists_of_events_are_kept_in_order(trail: MadeTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module, "MOST_IN_TURN", 16)
    monkeypatch.setattr(postings_module, "_CHUNK", 7)
    bring_in_step(trail.folder)
    trail.write([made_event(Random(1), START - 100), made_event(Random(2), START + 3)])  # recorded very late
    trail.write(random_events(Random(15), 100))
    bring_in_step(trail.folder)
    assert found(trail, Wanted()) == everything(trail)
    name = Wanted(attribute=Attribute.EVENT_NAME, value="ListSecrets", since=START + 2, until=START + 20)
    assert found(trail, name) == expected(trail, name)


def test_what_is_no_longer_kept_is_no_longer_found(trail: MadeTrail) -> None:
    old = read_event(Random(1), START - 5000, "forgotten", "v1")
    trail.write([old])
    first = trail.switch()
    trail.write(random_events(Random(16), 40))
    trail.write([made_event(Random(17), START + 5000)])
    bring_in_step(trail.folder)
    arn = old["resources"][0]["ARN"]
    assert found(trail, Wanted(attribute=Attribute.RESOURCE_NAME, value=arn)) == [old["eventID"]]
    assert IndexReader(trail.folder).consumptions(arn)
    first.unlink()
    del trail.events[:201]
    assert found(trail, Wanted()) == everything(trail)
    bring_in_step(trail.folder)
    assert found(trail, Wanted()) == everything(trail)
    assert found(trail, Wanted(attribute=Attribute.RESOURCE_NAME, value="forgotten")) == []
    assert IndexReader(trail.folder).consumptions(arn) == []
    database = sqlite3.connect(trail.folder / INDEX_NAME)
    assert database.execute("SELECT COUNT(*) FROM events").fetchone()[0] == 41
    assert database.execute("SELECT COUNT(*) FROM terms WHERE value = ?", (arn,)).fetchone()[0] == 0
    database.close()
