"""Load: requests signed beforehand, sent by wrk, which is far faster than any server measured here."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SCRIPT = """
local requests = {}
for line in io.lines("%s") do requests[#requests + 1] = line:gsub("\\\\r\\\\n", "\\r\\n") end
local next = 0
local failures = 0
request = function()
  next = next + 1
  if next > #requests then next = %s end
  return requests[next]
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk measured."""

    per_second: float
    requests: int
    errors: int
    p50_ms: float
    p99_ms: float


AGENT = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux lang/python#3.11 cfg/retry-mode#standard"
TARGETS = {"secretsmanager": "secretsmanager", "kms": "TrentService"}


def sign(
    endpoint: str,
    region: str,
    key: tuple[str, str],
    operation: str,
    body: dict[str, object],
    *,
    service: str = "secretsmanager",
) -> bytes:
    """One complete HTTP request, signed."""
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{TARGETS[service]}.{operation}"}
    request = AWSRequest("POST", f"{endpoint}/", data=content, headers=headers)
    SigV4Auth(Credentials(*key), service, region).add_auth(request)
    host = endpoint.partition("://")[2]
    lines = [
        "POST / HTTP/1.1",
        f"Host: {host}",
        *(f"{name}: {value}" for name, value in request.headers.items()),
        f"Content-Length: {len(content)}",
        f"User-Agent: {AGENT}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def drive(endpoint: str, requests: Iterable[bytes], *, seconds: int, connections: int, repeat: bool = True) -> Load:
    """Send requests for a time.

    Args:
        endpoint: Where to.
        requests: Complete requests.
        seconds: How long.
        connections: How many at once.
        repeat: Begin again when all were sent; otherwise the last one is sent again and again.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [request.decode().replace("\r\n", "\\r\\n") for request in requests]
        (folder / "requests").write_text("\n".join(lines) + "\n")
        (folder / "load.lua").write_text(SCRIPT % (folder / "requests", "1" if repeat else "#requests"))
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--latency",
            "-s",
            str(folder / "load.lua"),
            endpoint,
        ]
        output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    return _read(output)


def _read(output: str) -> Load:
    def number(pattern: str) -> float:
        found = re.search(pattern, output)
        return float(found[1]) if found else 0.0

    def milliseconds(percentile: str) -> float:
        found = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s)", output)
        scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}
        return float(found[1]) * scale[found[2]] if found else 0.0

    errors = number(r"Non-2xx or 3xx responses: (\d+)")
    socket_errors: Sequence[str] = re.findall(r"(?:connect|read|write|timeout) (\d+)", output)
    return Load(
        per_second=number(r"Requests/sec:\s+([\d.]+)"),
        requests=int(number(r"(\d+) requests in")),
        errors=int(errors) + sum(map(int, socket_errors)),
        p50_ms=milliseconds("50"),
        p99_ms=milliseconds("99"),
    )
