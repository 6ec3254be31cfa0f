"""Measure everything in one run, and print each figure beside its baseline. ``--json`` prints JSON.

This machine and yours are noisy: read the ratios, not the rates.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from demo.product import Product, running_product

from benchmarks.load import AGENT, Load, drive, sign

SECRETS = 64
PUTS = 40_000
FRESH = 100_000
MOTO = Path(__file__).parent.parent / ".venv-bench" / "bin" / "moto_server"


@contextlib.contextmanager
def bare(workers: int) -> Iterator[str]:
    """The bare ASGI reply."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bare", str(workers)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        endpoint = f"http://127.0.0.1:{int(process.stdout.readline())}"
        _wait(endpoint)
        yield endpoint
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """Moto's server, which answers the same read with nothing enforced."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([str(MOTO), "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait(endpoint)
        yield endpoint
    finally:
        process.terminate()
        process.wait(20)


def _wait(endpoint: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(endpoint, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{endpoint} did not start")


def _client(endpoint: str, key: tuple[str, str], region: str, service: str = "secretsmanager") -> Any:
    return boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
    )


def _reads(endpoint: str, key: tuple[str, str], region: str) -> list[bytes]:
    client = _client(endpoint, key, region)
    prefix = uuid.uuid4().hex[:8]
    value = json.dumps({"engine": "postgres", "username": "shop", "password": "p" * 32, "host": "db", "port": 5432})
    arns = [client.create_secret(Name=f"{prefix}/{n}", SecretString=value)["ARN"] for n in range(SECRETS)]
    return [sign(endpoint, region, key, "GetSecretValue", {"SecretId": arn}) for arn in arns]


def _fresh(reads: list[bytes]) -> list[bytes]:
    """The same reads, each from a client of its own, so that none repeats another and each is decided by itself."""
    agent = AGENT.encode()
    return [reads[n % len(reads)].replace(agent, agent + b" client/%d" % n) for n in range(FRESH)]


def _key_requests(endpoint: str, key: tuple[str, str], region: str) -> tuple[list[bytes], list[bytes]]:
    """Requests of KMS: GenerateDataKey, and Decrypt of data keys."""
    client = _client(endpoint, key, region, "kms")
    arn = client.create_key()["KeyMetadata"]["Arn"]
    contexts: list[dict[str, object]] = [{"number": str(n)} for n in range(SECRETS)]
    generate = [
        sign(
            endpoint,
            region,
            key,
            "GenerateDataKey",
            {"KeyId": arn, "KeySpec": "AES_256", "EncryptionContext": context},
            service="kms",
        )
        for context in contexts
    ]
    decrypt = []
    for context in contexts:
        made = client.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
        body: dict[str, object] = {
            "CiphertextBlob": base64.b64encode(made["CiphertextBlob"]).decode(),
            "EncryptionContext": context,
        }
        decrypt.append(sign(endpoint, region, key, "Decrypt", body, service="kms"))
    return generate, decrypt


def _puts(endpoint: str, key: tuple[str, str], region: str) -> list[bytes]:
    client = _client(endpoint, key, region)
    arns = [client.create_secret(Name=f"put/{uuid.uuid4().hex}", SecretString="x")["ARN"] for _ in range(SECRETS * 8)]
    bodies: Iterator[dict[str, object]] = (
        {"SecretId": arns[n % len(arns)], "SecretString": f"value-{n}", "ClientRequestToken": str(uuid.uuid4())}
        for n in range(PUTS)
    )
    return [sign(endpoint, region, key, "PutSecretValue", body) for body in bodies]


def resident_megabytes(product: Product) -> dict[str, float]:
    """Resident memory of each process of the product, by what it is."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == product.process.pid:
                pages = int((entry / "statm").read_text().split()[1])
                found[(entry / "comm").read_text().strip()] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return found


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything, in one run."""
    seconds, connections, workers = arguments.seconds, arguments.connections, arguments.workers
    result: dict[str, Any] = {"workers": workers, "connections": connections, "seconds": seconds}

    def note(name: str, load: Load) -> Load:
        result[name] = load.__dict__
        sys.stderr.write(f"  {name}: {load.per_second:,.0f}/s, {load.errors} errors\n")
        return load

    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as folder:
        started = time.monotonic()
        with running_product(Path(folder), "--quotas", "none", workers=workers) as product:
            result["start_to_ready_seconds"] = round(time.monotonic() - started, 2)
            key = (product.administrator.access_key_id, product.administrator.secret_access_key)
            reads = _reads(product.endpoint, key, product.region)
            generate, decrypt = _key_requests(product.endpoint, key, product.region)
            kinds = {"read": reads, "read_fresh": _fresh(reads), "decrypt": decrypt, "generate_data_key": generate}
            drive(product.endpoint, reads, seconds=2, connections=connections)
            rates: dict[str, list[float]] = {}
            with bare(workers) as endpoint:
                # In turns, so that what else the machine does weighs on all alike.
                for _ in range(arguments.rounds):
                    load = note("bare", drive(endpoint, reads, seconds=seconds, connections=connections))
                    rates.setdefault("bare", []).append(load.per_second)
                    for kind, requests in kinds.items():
                        load = note(kind, drive(product.endpoint, requests, seconds=seconds, connections=connections))
                        rates.setdefault(kind, []).append(load.per_second)
            for kind in kinds:
                result[f"{kind}_to_bare"] = round(sum(rates[kind]) / sum(rates["bare"]), 3)
            puts = _puts(product.endpoint, key, product.region)
            result["put_errors"] = note(
                "put", drive(product.endpoint, puts, seconds=seconds, connections=connections, repeat=False)
            ).errors
            result["resident_megabytes"] = {name: round(size) for name, size in resident_megabytes(product).items()}
    if MOTO.exists():
        with moto() as endpoint:
            requests = _reads(endpoint, ("test", "test"), "us-east-1")
            load = note("moto", drive(endpoint, requests, seconds=seconds, connections=connections))
            result["read_to_moto"] = round(sum(rates["read"]) / len(rates["read"]) / load.per_second, 1)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--workers", type=int, default=1, help="worker processes of product and baseline")
    parser.add_argument("--connections", type=int, default=128, help="how many clients ask at once")
    parser.add_argument("--seconds", type=int, default=5, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="how often read and baseline are measured in turn")
    parser.add_argument("--json", action="store_true", help="print JSON")
    result = measure(parser.parse_args())
    if "--json" in sys.argv:
        print(json.dumps(result))
        return
    print(
        f"GetSecretValue        {result['read_to_bare']:.0%} of the bare ASGI reply"
        + (f", {result['read_to_moto']:.0f} times moto" if "read_to_moto" in result else "")
    )
    read = result["read"]
    print(f"  rate, p50, p99      {read['per_second']:,.0f}/s, {read['p50_ms']:.2f} ms, {read['p99_ms']:.2f} ms")
    print(f"  bare reply          {result['bare']['per_second']:,.0f}/s")
    print(f"  each one different  {result['read_fresh_to_bare']:.0%} of the bare ASGI reply")
    print(f"Decrypt               {result['decrypt_to_bare']:.0%} of the bare ASGI reply")
    print(f"GenerateDataKey       {result['generate_data_key_to_bare']:.0%} of the bare ASGI reply")
    print(
        f"PutSecretValue        {result['put']['per_second']:,.0f} durable writes/s, {result['put']['errors']} errors"
    )
    print(f"start to ready        {result['start_to_ready_seconds']} s")
    print(f"resident memory, MB   {result['resident_megabytes']}")


if __name__ == "__main__":
    main()
