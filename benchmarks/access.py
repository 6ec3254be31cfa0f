"""What it takes to find everybody who can read a secret, and what one compiled decision costs.

python -m benchmarks.access --principals 10000 --statements 100000

Users, roles and policies are made up and written into a SQLite file (or ``--store`` names a PostgreSQL database). Then
the service is asked in this process, without HTTP and without the trail. Beside the figures stand plain baselines: one
principal after the other loaded by itself with whole policies and decided on, without looking for role chains; and
policies that are compiled anew for each decision. ``--json`` prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.access_population import (
    ACTION,
    REGION,
    decision_policies,
    make_population,
)
from strongroom.identity.directory import Role, User, user_by_name
from strongroom.identity.hypothetical import hypothetical_caller
from strongroom.policy import evaluate
from strongroom.server.composition import House
from strongroom.server.dispatch import Dispatcher
from strongroom.server.settings import load_settings
from strongroom.server.setup import open_installation
from strongroom.services.call import Call
from strongroom.store import Transaction
from strongroom.world import World

SAMPLE = 500
"""How many principals the plain baseline decides on; its time is taken times the rest."""

DECISIONS = 20_000


class _NoInvoker:
    """Runs no functions: none is called here."""


async def _call(house: House, account: str, service: str, operation: str) -> Call:
    """A call by the administrator."""

    def load(transaction: Transaction) -> Call:
        user = user_by_name(transaction, account, "administrator")
        assert user is not None
        now_ms = house.world.clock.milliseconds()
        return Call(
            service=service,
            operation=operation,
            caller=hypothetical_caller(transaction, user, now_ms),
            region=REGION,
            request_id="bench",
            now_ms=now_ms,
            source_ip="127.0.0.1",
            user_agent="bench",
            secure_transport=False,
            parameters={},
            epoch=transaction.epoch(),
            store=house.store,
            describe=Dispatcher(house)._describe,
        )

    return await house.store.read(load)


async def _longest_pause(stop: asyncio.Event) -> float:
    """The most milliseconds of the processor for which nothing else had its turn until ``stop``."""
    longest, before = 0.0, time.process_time()
    while not stop.is_set():
        await asyncio.sleep(0)
        now = time.process_time()
        longest, before = max(longest, now - before), now
    return longest * 1000


async def _who_can(house: House, account: str, secret: str) -> tuple[float, float, float, int]:
    """Seconds by the clock and of the processor, the longest pause in milliseconds, and how many readers there are."""
    call = await _call(house, account, "strongroom", "ListSecretReaders")
    stop = asyncio.Event()
    watch = asyncio.create_task(_longest_pause(stop))
    before, worked = time.perf_counter(), time.process_time()
    answer = await house.methods["strongroom", "ListSecretReaders"](call, SecretId=secret)
    seconds, work = time.perf_counter() - before, time.process_time() - worked
    stop.set()
    readers = answer["Readers"]
    assert isinstance(readers, list)
    return seconds, work, await watch, len(readers)


async def _plainly(house: House, account: str, owners: list[User | Role], secret: str) -> float:
    """Seconds of the processor for the question asked of each principal by itself, from a sample of them."""
    call = await _call(house, account, "strongroom", "ExplainAccess")
    explain = house.methods["strongroom", "ExplainAccess"]
    sample = owners[:: max(1, len(owners) // SAMPLE)]
    worked = time.process_time()
    for owner in sample:
        await explain(call, Principal=owner.arn, Action=ACTION, Resource=secret)
    return (time.process_time() - worked) / len(sample) * len(owners)


def _decisions() -> tuple[float, float]:
    """Microseconds of a compiled decision, and of one whose policies are compiled for it."""
    request, compile_all = decision_policies()
    policies, resource_policy = compile_all()

    def compiled() -> object:
        return evaluate(request, policies, resource_policy)

    def anew() -> object:
        own, resource = compile_all()
        return evaluate(request, own, resource)

    assert evaluate(request, policies, resource_policy).allowed
    return _microseconds(compiled, DECISIONS), _microseconds(anew, DECISIONS // 200)


def _microseconds(action: Callable[[], object], times: int) -> float:
    """The best of many short runs: what else the machine does is in the others."""
    return min(timeit.repeat(action, number=max(1, times // 100), repeat=100)) / max(1, times // 100) * 1e6


async def _measure(folder: Path, principals: int, statements: int, store: str | None) -> dict[str, Any]:
    given = {"data_dir": folder / "data", "region": REGION}
    settings = load_settings(given if store is None else {**given, "store": store})
    installation = open_installation(settings, World.real())
    house = House.open(settings, installation.root_key, World.real(), _NoInvoker())  # type: ignore[arg-type]
    try:
        facts = installation.folder.installation()
        assert facts is not None
        call = await _call(house, facts.account, "secretsmanager", "CreateSecret")
        made = await make_population(house, call, principals, statements)
        seconds, work, pause, readers = await _who_can(house, made.account, made.secret)
        plain = await _plainly(house, made.account, made.owners, made.secret)
    finally:
        house.close()
    compiled, anew = _decisions()
    return {
        "principals": principals,
        "statements": statements,
        "readers": readers,
        "who_can_seconds": round(seconds, 3),
        "who_can_processor_seconds": round(work, 3),
        "who_can_plain_processor_seconds": round(plain, 3),
        "who_can_longest_pause_processor_ms": round(pause, 1),
        "decision_us": round(compiled, 2),
        "decision_plain_us": round(anew, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--principals", type=int, default=10_000, help="users and roles, half of each (10000)")
    parser.add_argument("--statements", type=int, default=100_000, help="statements of all policies together (100000)")
    parser.add_argument("--store", help="a PostgreSQL address, in place of a SQLite file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strongroom-access-") as folder:
        found = uvloop.run(_measure(Path(folder), arguments.principals, arguments.statements, arguments.store))
    if arguments.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    plain, decision = found["who_can_plain_processor_seconds"], found["decision_plain_us"]
    rows = (
        ("who-can", found["who_can_processor_seconds"], "s", "one by one", plain),
        ("compiled decision", found["decision_us"], "us", "compiled anew", decision),
    )
    sys.stdout.write(
        f"{found['principals']} principals, {found['statements']} statements, {found['readers']} readers\n"
    )
    for name, figure, unit, baseline, other in rows:
        sys.stdout.write(
            f"{name:<20}{figure:8.2f} {unit:<3}{baseline:>15}{other:9.2f} {unit:<3}{other / figure:7.1f} times\n"
        )
    sys.stdout.write(
        f"who-can took {found['who_can_seconds']:.2f} s by the clock, and let others have their turn after at most "
        f"{found['who_can_longest_pause_processor_ms']:.1f} ms of work\n"
    )


if __name__ == "__main__":
    main()
