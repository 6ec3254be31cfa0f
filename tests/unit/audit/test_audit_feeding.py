"""A sink gets every record in order and at least once, whatever happens to files, sinks and processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.support.collectors import sequences
from tests.support.commands import wait_for

from strongroom.audit import AuditUnavailable, Trail
from strongroom.audit.retention import compress_closed
from strongroom.audit.segments import segments
from strongroom.audit.sinks import Feeder, SinkDesk, SinkGate
from strongroom.audit.sinks.feeding import SinkTrouble
from strongroom.audit.sinks.sink import SinkFailed
from strongroom.world import World

Start = Callable[..., Feeder]


class ListSink:
    """Keeps what it gets, unless it is told to fail."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.batches = 0
        self.why: str | None = None

    def send(self, lines: Sequence[bytes]) -> None:
        if self.why is not None:
            raise SinkFailed(self.why)
        self.lines += lines
        self.batches += 1

    def close(self) -> None:
        """Nothing to close."""

    @property
    def got(self) -> list[int]:
        return [int(line[len(b'{"sequence":') : line.index(b",")]) for line in self.lines]


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


@pytest.fixture
def small(folder: Path, world: World) -> Iterator[Trail]:
    trail = Trail(folder, world, largest_bytes=1500)
    trail.open()
    yield trail
    trail.close()


@pytest.fixture
def start(folder: Path, world: World, sink: ListSink) -> Iterator[Start]:
    started: list[Feeder] = []

    def make(changed: Callable[[], None] = lambda: None, *, required: bool = False) -> Feeder:
        feeder = Feeder(
            folder, "list", sink, required=required, timeout_seconds=0.5, clock=world.clock, changed=changed
        )
        started.append(feeder)
        return feeder

    yield make
    for feeder in started:
        feeder.stop()


def write(trail: Trail, count: int) -> None:
    for number in range(count):
        trail.append_now([b'{"eventName":"Event%d","eventTime":"2026-01-31T12:00:00Z"}' % number])


def test_a_new_sink_begins_with_the_oldest_and_follows_over_files(
    folder: Path, small: Trail, sink: ListSink, start: Start
) -> None:
    write(small, 25)
    compress_closed(folder)
    assert len(segments(folder)) > 1
    feeder = start()
    feeder.start()
    wait_for(lambda: len(sink.lines) == 25)
    write(small, 25)
    compress_closed(folder)
    feeder.wake()
    wait_for(lambda: feeder.reached == 50)
    assert sink.got == list(range(1, 51))
    assert sequences(b"\n".join(sink.lines)) == sink.got


def test_a_feeder_goes_on_where_the_last_one_was(folder: Path, small: Trail, sink: ListSink, start: Start) -> None:
    write(small, 12)
    first = start()
    first.start()
    wait_for(lambda: first.reached == 12)
    first.stop()
    write(small, 12)
    compress_closed(folder)
    second = start()
    assert second.reached == 12
    second.start()
    wait_for(lambda: second.reached == 24)
    assert sink.got == list(range(1, 25))


def test_nothing_is_lost_while_a_sink_fails(small: Trail, sink: ListSink, start: Start) -> None:
    feeder = start()
    sink.why = "gone"
    feeder.start()
    write(small, 20)
    wait_for(lambda: feeder.trouble == SinkTrouble("gone", 1_769_860_800_000))
    assert feeder.reached == 0
    sink.why = None
    wait_for(lambda: feeder.reached == 20 and feeder.trouble is None)
    assert sink.got == list(range(1, 21))


def test_a_damaged_note_is_told_and_nothing_is_sent(folder: Path, small: Trail, sink: ListSink, start: Start) -> None:
    write(small, 1)
    head = (folder / "trail.head").read_bytes()
    (folder / "trail.head").write_bytes(b"nonsense")
    feeder = start()
    feeder.start()
    wait_for(lambda: feeder.trouble is not None and "trail.head is damaged" in feeder.trouble.why)
    assert sink.lines == []
    (folder / "trail.head").write_bytes(head)
    wait_for(lambda: feeder.reached == 1)


def test_a_gate_waits_until_a_required_sink_has_recorded(
    folder: Path, world: World, sink: ListSink, start: Start, tmp_path: Path
) -> None:
    async def drive() -> None:
        desk = SinkDesk(folder, tmp_path / "sock", lambda: "not looked after")
        gate = SinkGate(tmp_path / "sock", 0.5)
        trail = Trail(folder, world, gate=gate)
        trail.open()
        assert desk.keep_from() == 2**63 + 1
        feeder = start(desk.changed, required=True)
        await desk.start([feeder])
        await trail.append(b'{"eventName":"Event1"}')
        assert sink.got == [1]
        await asyncio.gather(*(trail.append(b'{"eventName":"Event%d"}' % number) for number in range(2, 52)))
        assert sink.got == list(range(1, 52))
        assert sink.batches < 10  # they were recorded together
        assert desk.keep_from() == 52

        sink.why = "gone"
        with pytest.raises(AuditUnavailable) as refused:
            await trail.append(b'{"eventName":"Unseen"}')
        assert refused.value.why == "the audit sink list, which is required, does not record: gone"
        told = await gate.states()
        assert told.upkeep == "not looked after"
        (state,) = told.sinks
        assert (state.name, state.required, state.behind, state.why) == ("list", True, 1, "gone")
        assert state.text() == (
            "The audit sink list has not recorded since 2026-01-31T12:00:00Z, 1 record waits: gone."
        )
        with pytest.raises(AuditUnavailable):
            await trail.append(b'{"eventName":"Unwritten"}')
        assert trail.health() is None  # its own file is well
        assert b"Unwritten" not in (folder / "trail.jsonl").read_bytes()

        sink.why = None
        await asyncio.to_thread(wait_for, lambda: feeder.trouble is None)
        await trail.append(b'{"eventName":"Event53"}')
        assert sink.got == list(range(1, 54))
        await asyncio.to_thread(trail.close)
        gate.close()
        await desk.stop()

    asyncio.run(drive())


def test_a_gate_without_a_desk_refuses_in_time(tmp_path: Path) -> None:
    gate = SinkGate(tmp_path / "nobody", 0.1)
    with pytest.raises(AuditUnavailable) as refused:
        gate.require_recorded(1)
    assert "background worker" in refused.value.why
    with pytest.raises(AuditUnavailable):
        asyncio.run(gate.states())
