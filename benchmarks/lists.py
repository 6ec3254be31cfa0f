"""What a page of ListSecrets costs at the first, a middle and the last page of a long list, for each order.

python -m benchmarks.lists --secrets 500000

The store is filled directly with made-up rows; the pages are then asked of the service in this process, one after the
other, without HTTP and without the trail. Every walk must meet every secret once. ``--store`` names a PostgreSQL
database to use in place of a SQLite file.
"""

from __future__ import annotations

import argparse
import configparser
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from benchmarks.load import sign
from strongroom.identity.sigv4 import parse_authorization
from strongroom.server.composition import House
from strongroom.server.dispatch import Dispatcher
from strongroom.server.settings import load_settings
from strongroom.server.setup import open_installation
from strongroom.services.call import Call
from strongroom.services.secretsmanager.records import Secret, insert_secret, pack_tags
from strongroom.store import Transaction
from strongroom.wire import HttpRequest
from strongroom.world import World

REGION = "us-east-1"
PAGE = 100
SAMPLE = 20
ROWS_AT_ONCE = 20_000
DAY_MS = 86_400_000
ORDERS = ("created-date", "last-changed-date", "last-accessed-date", "name")
FILTERS: dict[str, list[dict[str, object]]] = {
    "name, 100 match": [{"Key": "name", "Values": ["team-0000042/"]}],
    "name, all match": [{"Key": "name", "Values": ["team-"]}],
    "description, none match": [{"Key": "description", "Values": ["nowhere"]}],
    "all, none match": [{"Key": "all", "Values": ["no such word"]}],
}


class _NoInvoker:
    """Runs no functions: none is called here."""


def _secrets(account: str, how_many: int) -> Iterator[Secret]:
    """Secrets whose orders differ: by name, creation, change and read. Every third was never read."""
    start_ms = 1_700_000_000_000
    for number in range(how_many):
        shuffled = number * 7_919 % how_many
        name = f"team-{shuffled // 100:07}/secret-{shuffled % 100:02}"
        yield Secret(
            arn=f"arn:aws:secretsmanager:{REGION}:{account}:secret:{name}-AbCdEf",
            account=account,
            region=REGION,
            name=name,
            created_ms=start_ms + number * 10,
            changed_ms=start_ms + number * 4_001 % how_many * 20,
            accessed_day_ms=None if number % 3 == 0 else start_ms // DAY_MS * DAY_MS + number % 90 * DAY_MS,
            description=f"The login of application {shuffled}",
            tags=pack_tags({"team": f"{shuffled // 100}", "stage": "production"}),
        )


def _fill(house: House, account: str, how_many: int) -> None:
    rows = _secrets(account, how_many)

    def write(transaction: Transaction) -> None:
        for _ in range(ROWS_AT_ONCE):
            secret = next(rows, None)
            if secret is None:
                return
            insert_secret(transaction, secret)

    for _ in range(0, how_many, ROWS_AT_ONCE):
        house.store.write_now(write)


async def _call(house: House, key: tuple[str, str]) -> Call:
    """A call of ListSecrets by the administrator."""
    head, _, content = sign("http://127.0.0.1:1", REGION, key, "ListSecrets", {}).partition(b"\r\n\r\n")
    pairs = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
    headers = tuple((name.lower(), value) for name, _, value in pairs)
    request = HttpRequest("POST", b"/", b"", headers, content, "127.0.0.1")
    signed = parse_authorization(request)
    epoch = await house.store.epoch()
    now_ms = house.world.clock.milliseconds()
    return Call(
        service="secretsmanager",
        operation="ListSecrets",
        caller=await house.authenticator.authenticate(request, signed, epoch, now_ms),
        region=REGION,
        request_id=house.world.entropy.uuid(),
        now_ms=now_ms,
        source_ip="127.0.0.1",
        user_agent="bench",
        secure_transport=False,
        parameters={},
        epoch=epoch,
        store=house.store,
        describe=Dispatcher(house)._describe,
    )


async def _walk(house: House, call: Call, **query: object) -> tuple[list[float], int]:
    """Milliseconds of each page of a list, and how many secrets it held."""
    listing = house.methods["secretsmanager", "ListSecrets"]
    taken: list[float] = []
    seen: set[object] = set()
    token: object = None
    while not taken or token is not None:
        parameters = query if token is None else {**query, "NextToken": token}
        before = time.perf_counter()
        answer = await listing(call, MaxResults=PAGE, **parameters)
        taken.append((time.perf_counter() - before) * 1000)
        entries = answer["SecretList"]
        assert isinstance(entries, list)
        arns = [entry["ARN"] for entry in entries]
        assert seen.isdisjoint(arns), "a secret was listed twice"
        seen.update(arns)
        token = answer.get("NextToken")
    return taken, len(seen)


async def _measure(folder: Path, how_many: int, store: str | None) -> None:
    given = {"data_dir": folder / "data", "region": REGION}
    settings = load_settings(given if store is None else {**given, "store": store})
    installation = open_installation(settings, World.real())
    credentials = configparser.ConfigParser()
    credentials.read(folder / "data" / "admin.credentials")
    profile = credentials["strongroom"]
    house = House.open(settings, installation.root_key, World.real(), _NoInvoker())  # type: ignore[arg-type]
    try:
        call = await _call(house, (profile["aws_access_key_id"], profile["aws_secret_access_key"]))
        _fill(house, call.account, how_many)
        sys.stdout.write(f"{how_many} secrets, {PAGE} on a page; milliseconds for a page, medians of {SAMPLE}\n")
        sys.stdout.write(f"{'order':<24}{'first':>8}{'middle':>8}{'last':>8}{'last/first':>12}{'longest':>9}\n")
        for order in ORDERS:
            for direction in ("asc", "desc"):
                taken, seen = await _walk(house, call, SortBy=order, SortOrder=direction)
                assert seen == how_many, f"{seen} of {how_many} secrets were listed"
                middle = len(taken) // 2
                first, half, last = (
                    statistics.median(some) for some in (taken[:SAMPLE], taken[middle:][:SAMPLE], taken[-SAMPLE:])
                )
                sys.stdout.write(
                    f"{order + ' ' + direction:<24}{first:8.2f}{half:8.2f}{last:8.2f}{last / first:12.2f}"
                    f"{max(taken):9.1f}\n"
                )
        sys.stdout.write(f"\n{'filter':<24}{'pages':>8}{'found':>8}{'median':>8}{'longest':>9}\n")
        for name, filters in FILTERS.items():
            taken, seen = await _walk(house, call, Filters=filters)
            sys.stdout.write(f"{name:<24}{len(taken):8}{seen:8}{statistics.median(taken):8.2f}{max(taken):9.1f}\n")
    finally:
        house.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secrets", type=int, default=500_000, help="how many there are (500000)")
    parser.add_argument("--store", help="a PostgreSQL address, in place of a SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strongroom-lists-") as folder:
        uvloop.run(_measure(Path(folder), arguments.secrets, arguments.store))


if __name__ == "__main__":
    main()
