"""What each layer of a read costs: the steps of GetSecretValue, timed one after the other in this process.

python -m benchmarks.layers

Every step runs right after the one before, as in a request, so that each finds the processor's caches as the others
left them: timed alone in a loop, most steps look twice as fast as they are. The figures are the tenth percentile of
many rounds, in microseconds; without HTTP, and without waiting for the disk. What policy and trail cost stands below,
by itself.
"""

from __future__ import annotations

import configparser
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import orjson
import uvloop

from benchmarks.load import sign
from strongroom.audit.file import TRAIL_NAME, TrailFile
from strongroom.audit.record import parse
from strongroom.identity.sigv4 import parse_authorization
from strongroom.server.composition import House
from strongroom.server.dispatch import Dispatcher
from strongroom.server.settings import load_settings
from strongroom.server.setup import open_installation
from strongroom.services.call import Call
from strongroom.wire import HttpRequest
from strongroom.world import World

T = TypeVar("T")

ROUNDS = 20_000
REGION = "us-east-1"
OPERATION = ("secretsmanager", "GetSecretValue")
BATCH = 16
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "secretsmanager:*",
            "Resource": "*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "10.0.0.0/8"]}},
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
            "Condition": {"StringNotEqualsIfExists": {"secretsmanager:VersionStage": ["AWSCURRENT", "AWSPREVIOUS"]}},
        },
    ],
}
"""A resource policy with conditions, so that the decision on the secret is an ordinary one."""
DESCRIBE = "describe for the trail"


class _NoInvoker:
    """Runs no functions: none is called here."""


def _request(key: tuple[str, str], operation: str, body: dict[str, object]) -> HttpRequest:
    head, _, content = sign("http://127.0.0.1:1", REGION, key, operation, body).partition(b"\r\n\r\n")
    pairs = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
    headers = tuple((name.lower(), value) for name, _, value in pairs)
    return HttpRequest("POST", b"/", b"", headers, content, "127.0.0.1")


def _at_once(work: Coroutine[None, None, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise RuntimeError("it waited")


@contextmanager
def _timed_decisions(taken: list[int]) -> Iterator[None]:
    """Add what each decision takes to the last number of ``taken``."""
    decide = Call._decide

    def timed(call: Call, *arguments: Any) -> Any:
        start = time.perf_counter_ns()
        decision = decide(call, *arguments)
        taken[-1] += time.perf_counter_ns() - start
        return decision

    Call._decide = timed  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Call._decide = decide  # type: ignore[method-assign]


def _decisions(house: House, dispatcher: Dispatcher, request: HttpRequest) -> float:
    """Microseconds of all decisions that one read takes."""
    taken: list[int] = []
    with _timed_decisions(taken):
        for _ in range(ROUNDS // 4):
            taken.append(0)
            _one_round(house, dispatcher, request)
    return _typical(taken)


def _recording(folder: Path, event: bytes) -> float:
    """Microseconds to chain and write one event of a batch, without the sync."""
    taken = []
    file = TrailFile(folder, lock_timeout_seconds=1, largest_bytes=1 << 30)
    file.open()
    for _ in range(ROUNDS // BATCH):
        start = time.perf_counter_ns()
        file.try_write([event] * BATCH)
        taken.append((time.perf_counter_ns() - start) // BATCH)
    file.close()
    return _typical(taken)


def _last_event(folder: Path) -> bytes:
    """The event that was recorded last."""
    record = parse((folder / TRAIL_NAME).read_bytes().splitlines()[-1])
    assert record is not None
    return record[2]


def _typical(nanoseconds: list[int]) -> float:
    return sorted(nanoseconds)[len(nanoseconds) // 10] / 1000


def _rounds(house: House, dispatcher: Dispatcher, request: HttpRequest) -> dict[str, list[int]]:
    """Nanoseconds of each step, for every round."""
    taken: dict[str, list[int]] = {}
    for _ in range(ROUNDS):
        for (_, before), (name, after) in pairwise(_one_round(house, dispatcher, request)):
            taken.setdefault(name, []).append(after - before)
    return taken


def _one_round(house: House, dispatcher: Dispatcher, request: HttpRequest) -> list[tuple[str, int]]:
    """One read; when each of its steps had ended."""
    now = time.perf_counter_ns
    read = cast("Callable[..., Coroutine[None, None, dict[str, object]]]", house.methods[OPERATION])
    moments = [("", now())]
    request_id = house.world.entropy.uuid()
    moments.append(("request id", now()))
    signed = parse_authorization(request)
    moments.append(("read the signature's header", now()))
    route = house.router.route(request, signed.service)
    spec = route.spec
    moments.append(("route", now()))
    epoch = _at_once(house.store.epoch())
    moments.append(("epoch", now()))
    now_ms = house.world.clock.milliseconds()
    caller = _at_once(house.authenticator.authenticate(request, signed, epoch, now_ms))
    moments.append(("check the signature", now()))
    parameters = spec.parse(request, route)
    moments.append(("parse and validate", now()))
    call = Call(
        service=route.service.name,
        operation=route.operation,
        caller=caller,
        region=signed.region,
        request_id=request_id,
        now_ms=now_ms,
        source_ip=request.client_address,
        user_agent="bench",
        secure_transport=False,
        parameters=parameters,
        epoch=epoch,
        store=house.store,
        describe=dispatcher._describe,
    )
    moments.append(("call", now()))
    answer = _at_once(read(call, **parameters))
    moments.append(("operate: find, two decisions, open", now()))
    dispatcher._describe(call, answer)
    moments.append((DESCRIBE, now()))
    spec.serialise(answer, request_id)
    moments.append(("serialise", now()))
    return moments


async def _measure(folder: Path) -> None:
    # The quota is looked at, but never reached.
    quotas = {"secretsmanager": {"get_secret_value": 1_000_000}}
    settings = load_settings({"data_dir": folder / "data", "quotas": quotas})
    installation = open_installation(settings, World.real())
    credentials = configparser.ConfigParser()
    credentials.read(folder / "data" / "admin.credentials")
    profile = credentials["strongroom"]
    key = (profile["aws_access_key_id"], profile["aws_secret_access_key"])
    house = House.open(settings, installation.root_key, World.real(), _NoInvoker())  # type: ignore[arg-type]
    try:
        dispatcher = Dispatcher(house)
        create: dict[str, object] = {"Name": "bench", "SecretString": "x" * 100, "ClientRequestToken": "t" * 32}
        made = await dispatcher.handle(_request(key, "CreateSecret", create), secure=False)
        arn = orjson.loads(made.body)["ARN"]
        policy = {"SecretId": arn, "ResourcePolicy": orjson.dumps(POLICY).decode()}
        await dispatcher.handle(_request(key, "PutResourcePolicy", policy), secure=False)
        read = _request(key, "GetSecretValue", {"SecretId": arn})
        for _ in range(100):
            await dispatcher.handle(read, secure=False)
        gc.collect()
        gc.freeze()
        taken = _rounds(house, dispatcher, read)
        decisions = _decisions(house, dispatcher, read)
        recording = _recording(folder / "trail", _last_event(folder / "data" / "audit"))
    finally:
        house.close()
    total = 0.0
    for name, times in taken.items():
        microseconds = _typical(times)
        total += microseconds
        sys.stdout.write(f"{microseconds:6.1f}  {name}\n")
    sys.stdout.write(f"{total:6.1f}  together\n\n")
    sys.stdout.write(f"{decisions:6.1f}  policy: the decisions on the secret and on its key\n")
    sys.stdout.write(
        f"{_typical(taken[DESCRIBE]) + recording:6.1f}  trail: describing, chaining and writing the event\n"
    )


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="strongroom-layers-") as folder:
        uvloop.run(_measure(Path(folder)))


if __name__ == "__main__":
    main()
