"""Functions: a warm invocation, a cold start beside the interpreter's own, and ten thousand invocations without a leak.

python -m benchmarks.functions [--invocations N] [--json]

Each figure stands beside its baseline of the same minute: read the ratios. What may leak is counted before and after,
in all processes of the installation: memory, open files, processes, and files in the folder of running functions.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from demo.product import Product, running_product

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ECHO = "def handler(event, context):\n    return event\n"
NAME = "measured"
COLD_STARTS = 12
WARM_UP = 200
INIT = re.compile(r"Init Duration: ([\d.]+) ms")


@dataclass(frozen=True)
class Held:
    """What the processes of the installation hold."""

    resident_megabytes: float
    open_files: int
    processes: int
    files: int


class Door:
    """One kept connection, with an invocation that is signed beforehand."""

    def __init__(self, product: Product) -> None:
        self._address = product.endpoint.partition("://")[2]
        self._product = product
        self._connection = http.client.HTTPConnection(self._address)
        self._headers: dict[str, str] = {}
        self._path = f"/2015-03-31/functions/{NAME}/invocations"
        self.sign()

    def sign(self) -> None:
        """Sign anew: a signature is good for some minutes."""
        key = self._product.administrator
        request = AWSRequest(
            "POST", self._product.endpoint + self._path, data=b"{}", headers={"X-Amz-Log-Type": "None"}
        )
        SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), "lambda", self._product.region).add_auth(
            request
        )
        self._headers = {"Host": self._address, **dict(request.headers.items())}

    def invoke(self) -> None:
        """Invoke once."""
        self._exchange("POST", self._path, b"{}", self._headers)

    def live(self) -> None:
        """The baseline: the same connection and server, without a function."""
        self._exchange("GET", "/health/live", None, {})

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> None:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {content[:200]!r}")


def milliseconds(work: Callable[[], object], times: int) -> list[float]:
    """How long each run took."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return took


def make_function(product: Product) -> None:
    """The function that is measured, with its role."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = product.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mod.py", ECHO)
    product.client("lambda").create_function(
        FunctionName=NAME,
        Role=role,
        Runtime=RUNTIME,
        Handler="mod.handler",
        Timeout=30,
        Code={"ZipFile": buffer.getvalue()},
    )


def cold_starts(product: Product) -> tuple[list[float], list[float]]:
    """How long an invocation takes that needs a new process, and what of that is told as the start of the process."""
    functions = product.client("lambda")
    took, starts = [], []
    for number in range(COLD_STARTS):
        functions.update_function_configuration(FunctionName=NAME, Description=str(number))
        began = time.perf_counter()
        answer = functions.invoke(FunctionName=NAME, LogType="Tail")
        answer["Payload"].read()
        took.append((time.perf_counter() - began) * 1000)
        found = INIT.search(base64.b64decode(answer["LogResult"]).decode())
        if found is None:
            raise RuntimeError("the invocation found a warm process")
        starts.append(float(found[1]))
    return took, starts


def interpreter_start() -> float:
    """The start of the same interpreter alone, in milliseconds: the median of some."""
    command = [sys.executable, "-I", "-S", "-c", "pass"]
    return statistics.median(milliseconds(lambda: subprocess.run(command, check=True), COLD_STARTS))


def _tree(root: int) -> Iterator[int]:
    yield root
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def held(product: Product) -> Held:
    """What the installation holds now."""
    resident, files, processes = 0.0, 0, 0
    for process in _tree(product.process.pid):
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            resident += pages * os.sysconf("SC_PAGE_SIZE") / 1e6
            files += len(os.listdir(f"/proc/{process}/fd"))
            processes += 1
    return Held(resident, files, processes, sum(1 for _ in product.data_dir.rglob("*")))


def measure(invocations: int) -> dict[str, Any]:
    """Everything, in one run."""
    with (
        tempfile.TemporaryDirectory(prefix="strongroom-bench-") as folder,
        running_product(Path(folder), workers=1) as product,
    ):
        make_function(product)
        door = Door(product)
        milliseconds(door.invoke, WARM_UP)
        baseline, warm = milliseconds(door.live, WARM_UP), milliseconds(door.invoke, WARM_UP)
        interpreter = interpreter_start()
        cold, starts = cold_starts(product)
        milliseconds(door.invoke, WARM_UP)
        before = held(product)
        began = time.monotonic()
        for number in range(invocations):
            if number % 1000 == 0:
                door.sign()
            door.invoke()
        seconds = time.monotonic() - began
        time.sleep(2)  # what is stored in the background comes to rest
        after = held(product)
    return {
        "warm_p50_ms": round(statistics.median(warm), 2),
        "warm_p99_ms": round(statistics.quantiles(warm, n=100)[98], 2),
        "live_p50_ms": round(statistics.median(baseline), 2),
        "warm_to_live": round(statistics.median(warm) / statistics.median(baseline), 1),
        "cold_p50_ms": round(statistics.median(cold), 1),
        "init_p50_ms": round(statistics.median(starts), 1),
        "interpreter_ms": round(interpreter, 1),
        "cold_beside_interpreter_ms": round(statistics.median(cold) - interpreter, 1),
        "invocations": invocations,
        "invocations_per_second": round(invocations / seconds),
        "before": before.__dict__,
        "after": after.__dict__,
        "memory_after_to_before": round(after.resident_megabytes / before.resident_megabytes, 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.functions", description=__doc__)
    parser.add_argument("--invocations", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    result = measure(arguments.invocations)
    if arguments.json:
        print(json.dumps(result))
        return
    before, after = result["before"], result["after"]
    print(
        f"warm invocation       {result['warm_p50_ms']} ms p50, {result['warm_p99_ms']} ms p99; "
        f"{result['warm_to_live']} times a health page ({result['live_p50_ms']} ms)"
    )
    print(
        f"cold start            {result['cold_p50_ms']} ms, of which {result['init_p50_ms']} until the handler is "
        f"loaded; {result['cold_beside_interpreter_ms']} ms beside the interpreter's own {result['interpreter_ms']}"
    )
    print(f"{result['invocations']:,} invocations    {result['invocations_per_second']}/s on one connection")
    for name in ("resident_megabytes", "open_files", "processes", "files"):
        print(f"  {name:19} {before[name]:,.0f} before, {after[name]:,.0f} after")


if __name__ == "__main__":
    main()
