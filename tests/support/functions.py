"""A function pool for tests, with the code and the logs of its functions at hand."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from strongroom.services.awslambda.runtime import (
    Credentials,
    FunctionPool,
    FunctionSpec,
    InvocationResult,
    LayerSpec,
    Sandbox,
    Surroundings,
    detect_sandbox,
)
from strongroom.services.awslambda.runtime.interpreters import InterpreterShelf
from strongroom.world import World

__all__ = ["DETECTED", "OWN_RUNTIME", "Bench", "bench"]

DETECTED = detect_sandbox()
OWN_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


class Bench:
    """A pool, with the code and the logs of its functions at hand."""

    def __init__(
        self, work_dir: Path, sandbox: Sandbox, endpoint_url: str = "http://127.0.0.1:4566", **settings: Any
    ) -> None:
        self.archives: dict[str, bytes] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self.logs: list[str] = []
        self._printed = asyncio.Event()
        self.lifetime_ms = 3_600_000
        self.world = World.real()
        self.pool = FunctionPool(
            Surroundings(
                endpoint_url=endpoint_url,
                ca_bundle=None,
                work_dir=work_dir,
                world=self.world,
                sandbox=sandbox,
                log_sink=self,
                code_loader=self._load,
                layer_loader=self._load,
                variables=self._variables,
                credentials=self._credentials,
                **settings,
            )
        )

    def write(
        self, account: str, region: str, log_group: str, log_stream: str, entries: Sequence[tuple[int, str]]
    ) -> None:
        assert (account, region) == ("111122223333", "eu-central-1")
        assert log_group.startswith("/aws/lambda/")
        assert "[$LATEST]" in log_stream
        self.logs += [text for _, text in entries]
        self._printed.set()

    async def until_printed(self, line: str, times: int = 1) -> None:
        """Wait until functions have printed ``line`` so many times."""
        while self.logs.count(line) < times:
            self._printed.clear()
            await self._printed.wait()

    async def _load(self, spec: FunctionSpec | LayerSpec) -> bytes:
        return self.archives[spec.code_sha256]

    async def _variables(self, spec: FunctionSpec) -> dict[str, str]:
        return self.environments[spec.revision]

    async def _credentials(self, spec: FunctionSpec) -> Credentials:
        return Credentials("AKIDFUNCTION", "secret", "token", self.world.clock.milliseconds() + self.lifetime_ms)

    def archive(self, files: Mapping[str, str]) -> str:
        """Keep an archive of files; answer its SHA-256."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for file, source in files.items():
                entry = zipfile.ZipInfo(file)
                entry.external_attr = 0o755 << 16
                archive.writestr(entry, source)
        sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
        self.archives[sha256] = buffer.getvalue()
        return sha256

    def layer(self, name: str, files: Mapping[str, str]) -> LayerSpec:
        """A layer of some files."""
        return LayerSpec(f"arn:aws:lambda:eu-central-1:111122223333:layer:{name}:1", self.archive(files))

    def function(
        self,
        source: str,
        *,
        name: str = "f",
        file: str = "mod.py",
        environment: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> FunctionSpec:
        """A function of one source file."""
        sha256 = self.archive({file: source})
        fields: dict[str, Any] = {
            "arn": f"arn:aws:lambda:eu-central-1:111122223333:function:{name}",
            "name": name,
            "version": "$LATEST",
            "account": "111122223333",
            "region": "eu-central-1",
            "runtime": OWN_RUNTIME,
            "handler": "mod.handler",
            "code_sha256": sha256,
            "memory_megabytes": 128,
            "timeout_seconds": 20,
            "log_group": f"/aws/lambda/{name}",
            "revision": sha256,
        }
        spec = FunctionSpec(**(fields | changes))
        self.environments[spec.revision] = dict(environment or {})
        return spec

    @staticmethod
    def interpreter_prefix() -> str:
        """The folder of the interpreter that functions run on."""
        return str(InterpreterShelf().own().prefix)

    async def raw(self, spec: FunctionSpec, event: object = None, **options: Any) -> InvocationResult:
        return await self.pool.invoke(spec, json.dumps(event).encode(), request_id=self.world.entropy.uuid(), **options)

    async def call(self, spec: FunctionSpec, event: object = None) -> Any:
        """Invoke and expect an answer."""
        result = await self.raw(spec, event)
        assert result.function_error is None, result.payload
        return json.loads(result.payload)

    async def failure(self, spec: FunctionSpec, event: object = None) -> dict[str, Any]:
        """Invoke and expect an error document."""
        result = await self.raw(spec, event)
        assert result.function_error == "Unhandled", result.payload
        document: dict[str, Any] = json.loads(result.payload)
        return document


@asynccontextmanager
async def bench(folder: Path, sandbox: Sandbox = DETECTED, **settings: Any) -> AsyncIterator[Bench]:
    made = Bench(folder / "work", sandbox, **settings)
    await made.pool.start()
    try:
        yield made
    finally:
        await made.pool.stop(grace_seconds=0)
