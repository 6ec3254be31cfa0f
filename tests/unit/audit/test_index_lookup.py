"""Looking events up in the index and behind it: what is found is what reading the whole trail would find."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

import orjson
import pytest
from tests.support.looked_up import bring_in_step, expected, found
from tests.support.made_trail import ACCOUNTS, START, MadeTrail, made_event, random_events, read_event

from strongroom.audit.head import Head
from strongroom.audit.index import Attribute, IndexBehindError, IndexReader, Wanted
from strongroom.audit.index import view as view_module
from strongroom.audit.index import writing as writing_module

ARN = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNTS[0]}:secret:prod/db-1-AbCdEf"
QUESTIONS = [
    Wanted(),
    Wanted(account=ACCOUNTS[1], region="us-east-1"),
    Wanted(account="999999999999", region="us-east-1"),
    Wanted(since=START + 40, until=START + 60),
    Wanted(attribute=Attribute.EVENT_NAME, value="GetSecretValue"),
    Wanted(attribute=Attribute.EVENT_NAME, value="getsecretvalue"),
    Wanted(attribute=Attribute.EVENT_SOURCE, value="kms.amazonaws.com"),
    Wanted(attribute=Attribute.READ_ONLY, value="false"),
    Wanted(attribute=Attribute.READ_ONLY, value="true", account=ACCOUNTS[0], region="eu-west-1"),
    Wanted(attribute=Attribute.USERNAME, value="web"),
    Wanted(attribute=Attribute.USERNAME, value="secretsmanager.amazonaws.com"),
    Wanted(attribute=Attribute.ACCESS_KEY_ID, value="AKIAAPP", since=START + 50),
    Wanted(attribute=Attribute.RESOURCE_TYPE, value="AWS::KMS::Key"),
    Wanted(attribute=Attribute.RESOURCE_TYPE, value="AWS::SecretsManager::Secret", until=START + 55),
    Wanted(attribute=Attribute.RESOURCE_NAME, value=ARN),
    Wanted(attribute=Attribute.RESOURCE_NAME, value="prod/db-2"),
    Wanted(attribute=Attribute.RESOURCE_NAME, value="k1"),
    Wanted(attribute=Attribute.RESOURCE_NAME, value="no/such"),
    Wanted(attribute=Attribute.RESOURCE_NAME, value="nowhere"),
]


@pytest.fixture(scope="module", params=["not at all", "in part", "whole"])
def trail(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MadeTrail:
    """Events in three files, one of them compressed; indexed not at all, in part or whole."""
    random = Random(7)
    trail = MadeTrail(tmp_path_factory.mktemp("audit"))
    trail.write(random_events(random, 300))
    trail.switch(compressed=True)
    trail.write(random_events(random, 300))
    trail.switch()
    trail.write(random_events(random, 50))
    if request.param != "not at all":
        bring_in_step(trail.folder)
    trail.write(random_events(random, 150))
    if request.param == "whole":
        bring_in_step(trail.folder)
    return trail


@pytest.mark.parametrize("wanted", QUESTIONS, ids=str)
def test_a_lookup_finds_what_reading_everything_finds(trail: MadeTrail, wanted: Wanted) -> None:
    assert found(trail, wanted) == expected(trail, wanted)


def test_each_event_is_found_by_its_id(trail: MadeTrail) -> None:
    for event in islice(trail.events, 0, None, 37):
        assert found(trail, Wanted(attribute=Attribute.EVENT_ID, value=event["eventID"])) == [event["eventID"]]


@pytest.mark.parametrize("wanted", [QUESTIONS[0], QUESTIONS[4], QUESTIONS[15]], ids=str)
def test_pages_go_on_where_the_page_before_ended(trail: MadeTrail, wanted: Wanted) -> None:
    reader = IndexReader(trail.folder)
    seen: list[object] = []
    page = reader.lookup(wanted, 30)
    while page:
        seen += [event.event["eventID"] for event in page]
        page = reader.lookup(replace(wanted, below=page[-1].key), 30)
    assert seen == expected(trail, wanted)


def test_a_page_stays_the_same_while_the_trail_is_indexed_and_grows(tmp_path: Path) -> None:
    random = Random(3)
    trail = MadeTrail(tmp_path / "audit")
    trail.write(random_events(random, 100))
    reader = IndexReader(trail.folder)
    first = reader.lookup(Wanted(), 40)
    rest = expected(trail, Wanted())[40:]
    bring_in_step(trail.folder)
    trail.write([made_event(random, START + 1000)])
    assert found(trail, Wanted(below=first[-1].key)) == rest


@pytest.fixture
def short(tmp_path: Path) -> MadeTrail:
    trail = MadeTrail(tmp_path / "audit")
    trail.write(random_events(Random(5), 20))
    return trail


def test_what_is_not_known_to_be_on_the_disk_is_neither_found_nor_indexed(
    short: MadeTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (view_module, writing_module):
        monkeypatch.setattr(module, "durable_end", lambda _: 15)
    newest = [event["eventID"] for event in short.events[15:]]
    assert not set(newest) & set(found(short, Wanted()))
    bring_in_step(short.folder)
    monkeypatch.undo()
    assert sorted(found(short, Wanted())) == sorted(event["eventID"] for event in short.events)


def test_the_note_beside_the_trail_says_what_is_on_the_disk(short: MadeTrail) -> None:
    note = Head(12, 0, "0" * 64)
    (short.folder / "trail.head").write_bytes(b"%020d %020d %b\n" % (note.sequence, note.size, note.hash.encode()))
    assert len(found(short, Wanted())) == 12
    (short.folder / "trail.head").write_bytes(b"nonsense")
    assert len(found(short, Wanted())) == 20


@pytest.mark.parametrize("rest", [b'{"sequence":21,"previous":"0', b"\0" * 5000, b"nonsense\n", b'{"sequence":x}\n'])
def test_what_is_no_record_is_passed_over(short: MadeTrail, rest: bytes) -> None:
    with short.current.open("ab") as file:
        file.write(rest)
    assert len(found(short, Wanted())) == 20
    bring_in_step(short.folder)
    assert len(found(short, Wanted())) == 20


def test_a_trail_that_is_far_ahead_of_its_index_is_not_read_through(
    short: MadeTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_module, "_LONGEST_TAIL", 5000)
    with pytest.raises(IndexBehindError):
        found(short, Wanted())
    bring_in_step(short.folder)
    assert len(found(short, Wanted())) == 20


def test_names_that_callers_chose_do_not_pass_for_ids(tmp_path: Path) -> None:
    random = Random(1)
    trail = MadeTrail(tmp_path / "audit")
    tricky = {"encryptionContext": {"requestID": "x", "eventID": "00000000-0000-4000-8000-000000000000"}}
    trail.write([made_event(random, START, requestParameters=tricky) for _ in range(3)])
    bring_in_step(trail.folder)
    assert len(found(trail, Wanted())) == 3
    for event in trail.events:
        assert found(trail, Wanted(attribute=Attribute.EVENT_ID, value=event["eventID"])) == [event["eventID"]]
    assert found(trail, Wanted(attribute=Attribute.EVENT_ID, value="00000000-0000-4000-8000-000000000000")) == []


def test_a_record_that_was_changed_is_not_passed_off_as_what_it_was(short: MadeTrail) -> None:
    bring_in_step(short.folder)
    content = short.current.read_bytes()
    line = content.splitlines()[3]
    name = orjson.loads(line)["event"]["eventName"]
    changed = line.replace(name.encode(), b"X" * len(name))
    short.current.write_bytes(content.replace(line, changed))
    assert len(found(short, Wanted(attribute=Attribute.EVENT_NAME, value=name))) == (
        len(expected(short, Wanted(attribute=Attribute.EVENT_NAME, value=name))) - 1
    )


def test_reads_of_a_secret_are_told_by_consumer_and_version(tmp_path: Path) -> None:
    random = Random(2)
    trail = MadeTrail(tmp_path / "audit")
    reads = [
        read_event(random, START, "db", "v1"),
        read_event(random, START, "db", "v1", user="web"),
        read_event(random, START + 5, "db", "v1"),
        read_event(random, START + 9, "db", "v2", sourceIPAddress="10.0.0.2"),
        read_event(random, START + 9, "other", "v1"),
        read_event(random, START + 9, "db", "v1", errorCode="AccessDeniedException"),
    ]
    trail.write(reads)
    arn = reads[0]["resources"][0]["ARN"]
    not_indexed = IndexReader(trail.folder).consumptions(arn)
    bring_in_step(trail.folder)
    indexed = IndexReader(trail.folder).consumptions(arn)
    trail.write([read_event(random, START + 20, "db", "v1", userAgent="Newer")])
    (in_both,) = [
        each for each in IndexReader(trail.folder).consumptions(arn) if (each.own_key, each.count) == ("AKIAAPP", 3)
    ]
    assert sorted(map(str, not_indexed)) == sorted(map(str, indexed))
    told = {(each.own_key, each.address, each.version): each.count for each in indexed}
    assert told == {
        ("AKIAAPP", "10.0.0.1", "v1"): 2,
        ("AKIAWEB", "10.0.0.1", "v1"): 1,
        ("AKIAAPP", "10.0.0.2", "v2"): 1,
    }
    assert in_both.agent == "Newer"
