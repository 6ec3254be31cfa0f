"""What looking events up costs in a long trail, for every attribute, beside reading the trail through.

python -m benchmarks.lookup                        a million records
python -m benchmarks.lookup --records 10000000     ten million: 10 GB, or --compress for a tenth of that

The trail is made up: a month of a busy host, in files as large as the server makes them. It is indexed by what the
background worker indexes with; then each lookup is made as LookupEvents makes it, a page of 50, in this process and
without HTTP. ``--compress`` compresses the files before the lookups, as the server does once they are full.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from strongroom.audit.blocks import compress
from strongroom.audit.index import Attribute, Indexer, IndexReader, Wanted
from strongroom.audit.index.database import INDEX_NAME
from strongroom.audit.record import Link, chain
from strongroom.audit.segments import closed_name, lines

ACCOUNT = "123456789012"
REGION = "us-east-1"
PAGE = 50
TIMES = 5
START = 1_790_000_000
MONTH = 30 * 86_400
SECRETS = 20_000
USERS = 300
FILE_BYTES = 256 << 20
BATCH = 20_000
OPERATIONS = (
    *[("secretsmanager", "GetSecretValue", "true")] * 80,
    *[("secretsmanager", "DescribeSecret", "true")] * 8,
    *[("kms", "Decrypt", "true")] * 8,
    *[("secretsmanager", "PutSecretValue", "false")] * 3,
    ("iam", "CreateUser", "false"),
)


# As the server writes it. Filled in as text, which is several times as fast as making ten million structures.
TEMPLATE = (
    '{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDA%(user)016d",'
    f'"arn":"arn:aws:iam::{ACCOUNT}:user/application-%(user)d","accountId":"{ACCOUNT}",'
    '"accessKeyId":"AKIA%(user)016d","userName":"application-%(user)d"},"eventTime":"%(time)s",'
    f'"eventSource":"%(service)s.amazonaws.com","eventName":"%(operation)s","awsRegion":"{REGION}",'
    '"sourceIPAddress":"10.0.1.%(address)d","userAgent":"Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux '
    'lang/python#3.11 cfg/retry-mode#standard","requestParameters":{"secretId":"%(arn)s"},"responseElements":null,'
    '"additionalEventData":{"versionId":"00000000-0000-0000-0000-%(secret)012d"},"requestID":"%(request)s",'
    '"eventID":"%(event)s","readOnly":%(read_only)s,'
    f'"resources":[{{"accountId":"{ACCOUNT}","type":"AWS::SecretsManager::Secret","ARN":"%(arn)s"}}],'
    f'"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{ACCOUNT}","eventCategory":"Management"}}'
)


def _uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _event(random: Random, seconds: int) -> bytes:
    service, operation, read_only = OPERATIONS[random.randrange(len(OPERATIONS))]
    secret = int(random.paretovariate(0.3)) % SECRETS
    user = (secret * 7 + random.randrange(2)) % USERS  # each secret has two readers
    return (
        TEMPLATE
        % {
            "user": user,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
            "service": service,
            "operation": operation,
            "address": user % 250,
            "arn": _arn(secret),
            "secret": secret,
            "request": _uuid(random),
            "event": _uuid(random),
            "read_only": read_only,
        }
    ).encode()


def _arn(secret: int) -> str:
    name = f"team-{secret % 100}/application-{secret}"
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf"


def _pieces(records: int) -> Iterator[tuple[int, bytes]]:
    """The trail in pieces of some thousand lines, each with the sequence of its first."""
    random = Random(4)
    end = Link()
    while end.sequence < records:
        first = end.sequence + 1
        upto = min(end.sequence + BATCH, records)
        events = [_event(random, START + number * MONTH // records) for number in range(first, upto + 1)]
        lines, end = chain(end, events)
        yield first, lines


def make_trail(folder: Path, records: int, *, compressed: bool) -> int:
    """Write a trail; answer how many bytes its records have."""
    size = 0
    name = ""
    for first, piece in _pieces(records):
        path = folder / name
        if not name or path.stat().st_size >= FILE_BYTES:
            if name and compressed:
                compress_file(path)
            name = closed_name(first)
        with (folder / name).open("ab") as file:
            file.write(piece)
        size += len(piece)
    (folder / name).rename(folder / "trail.jsonl")
    return size


def compress_file(path: Path) -> None:
    with path.open("rb") as source, path.with_name(path.name + ".gz").open("wb") as target:
        compress(source, target)
    path.unlink()


def index(folder: Path) -> tuple[float, float]:
    """Index the trail; answer how long that took, and how much of it on the processor, in seconds."""
    indexer = Indexer(folder)
    started, used = time.perf_counter(), time.process_time()
    while indexer.turn():
        pass
    took = time.perf_counter() - started, time.process_time() - used
    indexer.close()
    return took


def lookups(reader: IndexReader) -> dict[str, Wanted]:
    """What is looked up: of each attribute a value that many events have, one that few have and one that none has."""
    newest = reader.lookup(Wanted(), 1)[0].event
    event_id = str(newest["eventID"])
    wanted = {
        "everything": (Attribute.EVERYTHING, ""),
        "EventId, newest": (Attribute.EVENT_ID, event_id),
        "EventId, none": (Attribute.EVENT_ID, "00000000-0000-4000-8000-000000000000"),
        "EventName, most": (Attribute.EVENT_NAME, "GetSecretValue"),
        "EventName, few": (Attribute.EVENT_NAME, "CreateUser"),
        "EventSource": (Attribute.EVENT_SOURCE, "kms.amazonaws.com"),
        "ReadOnly": (Attribute.READ_ONLY, "false"),
        "Username, many": (Attribute.USERNAME, "application-1"),
        "Username, few": (Attribute.USERNAME, "application-299"),
        "Username, none": (Attribute.USERNAME, "nobody"),
        "AccessKeyId": (Attribute.ACCESS_KEY_ID, f"AKIA{7:016}"),
        "ResourceType, all": (Attribute.RESOURCE_TYPE, "AWS::SecretsManager::Secret"),
        "ResourceName, ARN": (Attribute.RESOURCE_NAME, _arn(7777)),
        "ResourceName, name": (Attribute.RESOURCE_NAME, "team-77/application-7777"),
        "ResourceName, none": (Attribute.RESOURCE_NAME, "no-such-secret"),
    }
    return {
        name: Wanted(account=ACCOUNT, region=REGION, attribute=attribute, value=value)
        for name, (attribute, value) in wanted.items()
    }


def _later(wanted: Wanted) -> Wanted:
    """The same in the middle of the month, as a later page asks for it."""
    return Wanted(wanted.account, wanted.region, wanted.attribute, wanted.value, until=START + MONTH // 2)


def _milliseconds(reader: IndexReader, wanted: Wanted) -> tuple[float, int]:
    """The median of some lookups, and how many events they found."""
    took = []
    found = 0
    for _ in range(TIMES):
        started = time.perf_counter()
        found = len(reader.lookup(wanted, PAGE))
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took), found


def scan(folder: Path) -> float:
    """The baseline: look through every record for some text, as grep does; in milliseconds."""
    started = time.perf_counter()
    found = sum(1 for line in lines(folder) if b"no such text" in line)
    assert found == 0
    return (time.perf_counter() - started) * 1000


def run(records: int, *, compressed: bool, folder: Path) -> int:
    started = time.perf_counter()
    size = make_trail(folder, records, compressed=compressed)
    print(f"{records:,} records, {size / records:.0f} bytes each, made in {time.perf_counter() - started:.0f} s")
    took, used = index(folder)
    index_size = sum(os.stat(folder / name).st_size for name in os.listdir(folder) if name.startswith(INDEX_NAME))
    print(
        f"indexed in {took:.1f} s, with {used / records * 1e6:.1f} µs of the processor a record; "
        f"{index_size / records:.0f} bytes a record"
    )
    reader = IndexReader(folder)
    baseline = scan(folder)
    print(f"reading the trail through: {baseline:,.0f} ms")
    slowest = 0.0
    for name, wanted in lookups(reader).items():
        first, found = _milliseconds(reader, wanted)
        later, found_later = _milliseconds(reader, _later(wanted))
        slowest = max(slowest, first, later)
        print(
            f"  {name:20} first page {first:7.1f} ms ({found} events), page in the middle {later:7.1f} ms"
            f" ({found_later}); {baseline / max(first, later):,.0f} times as fast"
        )
    print(f"slowest: {slowest:.1f} ms")
    return 0 if slowest < 200 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--compress", action="store_true", help="compress the files that are full")
    parser.add_argument("--folder", type=Path, help="where to make the trail; a temporary folder by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        return run(given.records, compressed=given.compress, folder=Path(name))


if __name__ == "__main__":
    sys.exit(main())
