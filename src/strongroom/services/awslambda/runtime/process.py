"""One living function process: getting ready, running one invocation at a time, ending."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from strongroom.services.awslambda.runtime.channel import Answer, Channel, Invocation
from strongroom.services.awslambda.runtime.failures import exit_text, failure_document, timeout_text
from strongroom.services.awslambda.runtime.memory import tree_memory_bytes
from strongroom.services.awslambda.runtime.model import FunctionSpec, InvocationResult
from strongroom.services.awslambda.runtime.output import LogStream, OutputPipe
from strongroom.services.awslambda.runtime.sandbox import Sandbox
from strongroom.services.awslambda.runtime.unpack import remove_tree
from strongroom.world import Clock, from_milliseconds

__all__ = ["FunctionProcess", "Parts"]

_MEBIBYTE = 1024 * 1024
_WATCH_SECONDS = 0.1
_CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a started process consists of, on this side."""

    process: Process
    channel: Channel
    token: str
    pipe: OutputPipe
    log: LogStream
    scratch: Path
    sandbox: Sandbox
    clock: Clock


class FunctionProcess:
    """A process of one function. The pool gives it one invocation at a time.

    Args:
        spec: The function it runs.
        parts: The process and what belongs to it.
        expires_at_ms: When its credentials expire, in milliseconds since the epoch.
    """

    def __init__(self, spec: FunctionSpec, parts: Parts, expires_at_ms: int) -> None:
        self.spec = spec
        self.expires_at_ms = expires_at_ms
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Task[int] = self._loop.create_task(parts.process.wait())
        self._began = self._loop.time()
        self._init_ms: float | None = None
        self._fresh = True
        self._peak_bytes = 0
        self._out_of_memory = False
        self._ending: asyncio.Task[None] | None = None

    @property
    def token(self) -> str:
        """Its secret in the Runtime API."""
        return self._parts.token

    @property
    def alive(self) -> bool:
        """Whether it can take another invocation."""
        return not self._exit.done() and self._ending is None

    async def ready(self, request_id: str, seconds: float) -> bytes | None:
        """Wait until it asks for its first invocation.

        Args:
            request_id: The invocation that waits for it, named in error texts.
            seconds: How long it may take to load its code.

        Returns:
            None when it is ready, else the error document of why it never will be.
        """
        started = self._parts.channel.started
        await self._first_of(started, seconds)
        if started.done():
            failure = started.result()
            if failure is None:
                self._init_ms = (self._loop.time() - self._began) * 1000
            return failure
        if self._exit.done():
            return failure_document(*self._exit_reason(request_id))
        text = timeout_text(round(seconds))
        self._parts.log.line(f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: init\tStatus: timeout")
        return failure_document("Sandbox.Timedout", request_id, text)

    async def run(self, invocation: Invocation, *, log_tail: bool) -> InvocationResult:
        """Run one invocation to its answer, its timeout or the end of the process, whichever comes first."""
        log = self._parts.log
        self._begin_log()
        log.line(f"START RequestId: {invocation.request_id} Version: {self.spec.version}")
        began = self._loop.time()
        answer = self._parts.channel.assign(invocation)
        await self._first_of(answer, self.spec.timeout_seconds)
        duration_ms = (self._loop.time() - began) * 1000
        if answer.done():
            outcome = answer.result()
            self._parts.pipe.drain()
            self._measure()
        else:
            outcome = await self._broken_off(invocation)
        log.flush()
        self._report(invocation.request_id, duration_ms)
        tail = log.tail() if log_tail else b""
        return InvocationResult(outcome.payload, "Unhandled" if outcome.failed else None, tail, log.name)

    def refuse(self, failure: bytes, request_id: str, *, log_tail: bool) -> InvocationResult:
        """The result of an invocation whose process did not get ready."""
        log = self._parts.log
        self._parts.pipe.drain()
        log.flush()
        log.line(f"END RequestId: {request_id}")
        return InvocationResult(failure, "Unhandled", log.tail() if log_tail else b"", log.name)

    async def end(self) -> None:
        """Kill everything that it is and started, and leave nothing behind. May be called more than once."""
        if self._ending is None:
            self._ending = self._loop.create_task(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        parts = self._parts
        pid = None if self._exit.done() else parts.process.pid
        await asyncio.to_thread(parts.sandbox.end, pid, parts.token)
        await asyncio.wait({self._exit}, timeout=_CLOSE_SECONDS)
        if not self._exit.done():
            with suppress(ProcessLookupError):
                os.killpg(parts.process.pid, signal.SIGKILL)
        await self._exit
        # The pipe closes with the last process that has it: after this nothing of the function runs any more.
        await asyncio.wait({parts.pipe.closed}, timeout=_CLOSE_SECONDS)
        parts.pipe.close()
        parts.log.flush()
        await asyncio.to_thread(remove_tree, parts.scratch)

    async def _first_of(self, awaited: asyncio.Future[Answer] | asyncio.Future[bytes | None], seconds: float) -> None:
        """Wait for ``awaited``, the end of the process or the time limit, and watch its memory meanwhile."""
        deadline = self._loop.time() + seconds
        while not (awaited.done() or self._exit.done()):
            left = deadline - self._loop.time()
            if left <= 0:
                return
            await asyncio.wait(
                {awaited, self._exit}, timeout=min(left, _WATCH_SECONDS), return_when=asyncio.FIRST_COMPLETED
            )
            if not awaited.done() and not self._exit.done():
                await self._watch_memory()

    async def _watch_memory(self) -> None:
        self._measure()
        if self._peak_bytes > self.spec.memory_megabytes * _MEBIBYTE:
            self._out_of_memory = True
            await self.end()

    def _measure(self) -> None:
        self._peak_bytes = max(self._peak_bytes, tree_memory_bytes(self._parts.process.pid))

    async def _broken_off(self, invocation: Invocation) -> Answer:
        """The process exited or ran out of time: make sure that it is gone, and say why."""
        request_id = invocation.request_id
        exited = self._exit.done()
        await self.end()
        if exited:
            kind, _, text = self._exit_reason(request_id)
            self._parts.log.flush()
            self._parts.log.line(f"RequestId: {request_id} Error: {text}\n{kind}")
        else:
            kind, text = "Sandbox.Timedout", timeout_text(self.spec.timeout_seconds)
            moment = from_milliseconds(self._parts.clock.milliseconds()).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
            self._parts.log.flush()
            self._parts.log.line(f"{moment}Z {request_id} {text}")
        return Answer(failure_document(kind, request_id, text), failed=True)

    def _exit_reason(self, request_id: str) -> tuple[str, str, str]:
        """Error type, request id and text for a process that ended by itself or by the memory watch."""
        if self._out_of_memory:
            return "Runtime.OutOfMemory", request_id, "Runtime exited with error: signal: killed"
        return "Runtime.ExitError", request_id, exit_text(self._exit.result())

    def _begin_log(self) -> None:
        """What it printed while idle belongs to no invocation; what it printed while loading, to the first."""
        self._parts.pipe.drain()
        self._parts.log.flush()
        if not self._fresh:
            self._parts.log.begin()

    def _report(self, request_id: str, duration_ms: float) -> None:
        log = self._parts.log
        report = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration_ms:.2f} ms",
            f"Billed Duration: {int(duration_ms) + 1} ms",
            f"Memory Size: {self.spec.memory_megabytes} MB",
            f"Max Memory Used: {-(-self._peak_bytes // _MEBIBYTE)} MB",
        ]
        if self._fresh and self._init_ms is not None:
            report.append(f"Init Duration: {self._init_ms:.2f} ms")
        self._fresh = False
        log.line(f"END RequestId: {request_id}")
        log.line("\t".join(report))
