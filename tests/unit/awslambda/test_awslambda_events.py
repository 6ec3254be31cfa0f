"""The queue of asynchronous invocations, with a clock and an invoker of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.errors import AwsError
from strongroom.keyring import Keyring, RootKey
from strongroom.services.awslambda import destinations
from strongroom.services.awslambda.alias_records import AliasRecord, insert_alias
from strongroom.services.awslambda.event_configs import EventConfig, store_event_config
from strongroom.services.awslambda.event_engine import EventEngine
from strongroom.services.awslambda.event_records import (
    LEASE_MS,
    QueuedEvent,
    claim_events,
    enqueue_event,
    open_event,
    seal_event,
)
from strongroom.services.awslambda.records import FunctionRecord, insert_function
from strongroom.services.clients import InvocationRequest, InvocationResult
from strongroom.store import Store, open_store
from strongroom.store.migrate import migrate
from strongroom.world import SystemEntropy, World

ACCOUNT, REGION = "111122223333", "eu-central-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
OTHER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other"
FINE = InvocationResult(b'"done"')
FAILED = InvocationResult(b'{"errorType":"E"}', "Unhandled")
THROTTLED = AwsError("TooManyRequestsException", "Rate Exceeded.", status=429)
SECOND = 1000
HOUR = 3600 * SECOND


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def milliseconds(self) -> int:
        return self.now


class Invoker:
    """Answers what it was told to, in turn."""

    def __init__(self) -> None:
        self.answers: list[InvocationResult | AwsError] = []
        self.requests: list[InvocationRequest] = []

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, AwsError):
            raise answer
        return answer


class NoJournal:
    def append_now(self, events: Sequence[bytes]) -> None:
        assert not events


def function(arn: str = ARN) -> FunctionRecord:
    return FunctionRecord(
        arn=arn,
        account=ACCOUNT,
        region=REGION,
        name=arn.rpartition(":")[2],
        description="",
        runtime="python3.12",
        handler="mod.handler",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/r",
        timeout_seconds=3,
        memory_megabytes=128,
        environment=None,
        kms_key_arn=None,
        code_sha256="0" * 64,
        code_bytes=1,
        revision_id="r1",
        policy_revision_id=None,
        policy=None,
        modified_ms=0,
    )


class Scene:
    """A store with one function, an engine on it, and time at hand."""

    def __init__(self, folder: Path) -> None:
        path = folder / "strongroom.db"
        migrate(str(path))
        self.store: Store = open_store(str(path), NoJournal())
        self.clock = Clock()
        self.world = World(self.clock, SystemEntropy())
        self.keyring = Keyring(RootKey.generate(SystemEntropy()), self.world)
        self.invoker = Invoker()
        self.store.write_now(lambda transaction: insert_function(transaction, function()))

    def queue(self, event_id: str = "one", *, qualifier: str | None = None) -> None:
        sealed = seal_event(self.keyring, event_id, ARN, b'{"n":1}')
        queued = QueuedEvent(event_id, ACCOUNT, REGION, ARN, qualifier, sealed, 0, 0, self.clock.now)
        self.store.write_now(lambda transaction: enqueue_event(transaction, queued))

    def configure(self, **changes: object) -> None:
        config = replace(EventConfig(ARN, "$LATEST", None, None, None, None, 0), **changes)  # type: ignore[arg-type]
        self.store.write_now(lambda transaction: store_event_config(transaction, config))

    def turn(self, *answers: InvocationResult | AwsError, after_ms: int = 0) -> int:
        """Let time pass and the engine take a turn; answer how many invocations it made."""
        self.clock.now += after_ms
        self.invoker.answers = list(answers)
        before = len(self.invoker.requests)

        async def scene() -> None:
            engine = EventEngine(self.store, self.keyring, self.world, self.invoker)
            await engine.turn()
            await engine.settle()

        asyncio.run(scene())
        return len(self.invoker.requests) - before

    def waiting(self) -> list[QueuedEvent]:
        """What is in the queue at the end of time."""
        return self.store.write_now(lambda transaction: claim_events(transaction, "test", 1 << 50, 100))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.store.close()


def test_an_event_runs_once_and_is_gone(scene: Scene, tmp_path: Path) -> None:
    scene.queue()
    assert scene.turn(FINE) == 1
    request = scene.invoker.requests[0]
    assert (request.request_id, request.payload, request.invoked_arn) == ("one", b'{"n":1}', ARN)
    assert scene.turn(after_ms=HOUR) == 0
    assert scene.waiting() == []
    assert not any(b'{"n":1}' in file.read_bytes() for file in tmp_path.iterdir())


def test_a_function_that_fails_is_tried_twice_more(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.queue()
    assert scene.turn(FAILED) == 1
    assert scene.turn(after_ms=59 * SECOND) == 0
    assert scene.turn(FAILED, after_ms=SECOND) == 1
    assert scene.turn(after_ms=119 * SECOND) == 0
    assert scene.turn(FAILED, after_ms=SECOND) == 1
    assert scene.waiting() == []
    assert "RetriesExhausted" in caplog.text


def test_throttling_is_no_try(scene: Scene) -> None:
    scene.queue()
    assert scene.turn(THROTTLED) == 1
    assert scene.turn() == 0
    assert scene.turn(THROTTLED, after_ms=SECOND) == 1
    assert scene.turn(after_ms=SECOND) == 0
    assert scene.turn(FAILED, after_ms=SECOND) == 1
    (queued,) = scene.waiting()
    assert (queued.attempt, queued.throttled) == (1, 0)


def test_an_event_is_not_tried_for_ever(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.queue()
    assert scene.turn(THROTTLED) == 1
    assert scene.turn(after_ms=6 * HOUR + 1) == 0
    assert scene.waiting() == []
    assert "EventAgeExceeded" in caplog.text


def test_what_is_configured_counts(scene: Scene) -> None:
    scene.configure(retries=0, longest_age_seconds=60)
    scene.queue()
    assert scene.turn(FAILED) == 1
    assert scene.waiting() == []
    scene.queue("two")
    assert scene.turn(after_ms=61 * SECOND) == 0
    assert scene.waiting() == []


def test_a_claim_holds_until_its_lease_ends(scene: Scene) -> None:
    scene.queue()
    scene.store.write_now(lambda transaction: claim_events(transaction, "dead", scene.clock.now, 10))
    assert scene.turn(after_ms=LEASE_MS - 1) == 0
    assert scene.turn(FINE, after_ms=1) == 1


def test_a_restart_on_a_store_of_its_own_waits_for_no_lease(scene: Scene) -> None:
    scene.queue()
    scene.store.write_now(lambda transaction: claim_events(transaction, "dead", scene.clock.now, 10))

    def recover(sole_owner: bool) -> Callable[[], Coroutine[None, None, None]]:
        return lambda: EventEngine(scene.store, scene.keyring, scene.world, scene.invoker).recover(
            sole_owner=sole_owner
        )

    asyncio.run(recover(False)())
    assert scene.turn() == 0
    asyncio.run(recover(True)())
    assert scene.turn(FINE) == 1


def test_an_alias_is_resolved_when_the_event_runs(scene: Scene) -> None:
    alias = AliasRecord(ARN, "live", "", "$LATEST", None, "r")
    scene.store.write_now(lambda transaction: insert_alias(transaction, alias))
    scene.queue(qualifier="live")
    assert scene.turn(FINE) == 1
    assert scene.invoker.requests[0].invoked_arn == f"{ARN}:live"
    scene.queue("two", qualifier="gone")
    assert scene.turn() == 0
    assert scene.waiting() == []


@pytest.mark.parametrize(
    ("answer", "member", "condition", "error"),
    [(FINE, "on_success", "Success", None), (FAILED, "on_failure", "RetriesExhausted", "Unhandled")],
)
def test_a_destination_is_told(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    answer: InvocationResult,
    member: str,
    condition: str,
    error: str | None,
) -> None:
    monkeypatch.setattr(destinations, "may_invoke", lambda *_: True)
    scene.store.write_now(lambda transaction: insert_function(transaction, function(OTHER)))
    scene.configure(retries=0, **{member: OTHER})
    scene.queue()
    scene.turn(answer)
    (told,) = scene.waiting()
    assert told.function_arn == OTHER
    document = json.loads(open_event(scene.keyring, told))
    assert document["requestContext"] == {
        "requestId": "one",
        "functionArn": f"{ARN}:$LATEST",
        "condition": condition,
        "approximateInvokeCount": 1,
    }
    assert document["requestPayload"] == {"n": 1}
    assert document["responseContext"].get("functionError") == error
    assert document["responsePayload"] == json.loads(answer.payload)


def test_a_destination_that_the_role_may_not_invoke_is_not_told(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.configure(on_success=OTHER)
    scene.queue()
    scene.turn(FINE)
    assert scene.waiting() == []
    assert "may not invoke its destination" in caplog.text
