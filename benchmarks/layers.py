"""What each layer of a read costs: the steps of GetSecretValue, timed one after the other in this process.

python -m benchmarks.layers

Every step runs right after the one before, as in a request, so that each finds the processor's caches as the others
left them: timed alone in a loop, most steps look twice as fast as they are. The figures are the tenth percentile of
many rounds, in microseconds; without HTTP, and without waiting for the disk.
"""

from __future__ import annotations

import configparser
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import TypeVar, cast

import orjson
import uvloop

from benchmarks.load import sign
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


def _rounds(house: House, dispatcher: Dispatcher, request: HttpRequest) -> dict[str, list[int]]:
    """Nanoseconds of each step, for every round."""
    taken: dict[str, list[int]] = {}
    now = time.perf_counter_ns
    read = cast("Callable[..., Coroutine[None, None, dict[str, object]]]", house.methods[OPERATION])
    for _ in range(ROUNDS):
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
        moments.append(("describe for the trail", now()))
        spec.serialise(answer, request_id)
        moments.append(("serialise", now()))
        for (_, before), (name, after) in pairwise(moments):
            taken.setdefault(name, []).append(after - before)
    return taken


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
        read = _request(key, "GetSecretValue", {"SecretId": orjson.loads(made.body)["ARN"]})
        for _ in range(100):
            await dispatcher.handle(read, secure=False)
        gc.collect()
        gc.freeze()
        taken = _rounds(house, dispatcher, read)
    finally:
        house.close()
    total = 0.0
    for name, times in taken.items():
        microseconds = sorted(times)[ROUNDS // 10] / 1000
        total += microseconds
        sys.stdout.write(f"{microseconds:6.1f}  {name}\n")
    sys.stdout.write(f"{total:6.1f}  together\n")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="strongroom-layers-") as folder:
        uvloop.run(_measure(Path(folder)))


if __name__ == "__main__":
    main()
