"""The pool: which process runs which invocation, and how long processes live.

A process serves one function revision and one invocation at a time, stays warm for the next, and is ended when it has
been idle too long, when its credentials would expire under an invocation, when its function changes, when another
function needs its place, or when it broke.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Literal

from strongroom.errors import AwsError, OperatorError
from strongroom.services.awslambda.runtime.api import RuntimeApi
from strongroom.services.awslambda.runtime.channel import Invocation
from strongroom.services.awslambda.runtime.confinement import USER_COUNT
from strongroom.services.awslambda.runtime.doors import RUNTIME_PORT, Doors
from strongroom.services.awslambda.runtime.failures import StartError, failure_document
from strongroom.services.awslambda.runtime.launcher import Launcher, unpacked_for
from strongroom.services.awslambda.runtime.model import REQUEST_LIMIT, FunctionSpec, InvocationResult, Surroundings
from strongroom.services.awslambda.runtime.process import FunctionProcess

__all__ = ["FunctionPool"]

_CREDENTIAL_MARGIN_MS = 60_000
_SWEEP_SECONDS = 5.0


class _Place:
    """One of the pool's places, held from before its process starts until after it is gone."""

    __slots__ = ("idle_since", "process", "retired", "slot", "spec", "state")

    def __init__(self, slot: int, spec: FunctionSpec) -> None:
        self.slot = slot
        self.spec = spec
        self.process: FunctionProcess | None = None
        self.state: Literal["busy", "idle", "ending"] = "busy"
        self.retired = False
        self.idle_since = 0.0


class FunctionPool:
    """Runs invocations of functions in sandboxed processes.

    Args:
        surroundings: What the pool needs from outside. Nothing is touched before `start`.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        if not 1 <= surroundings.max_processes <= USER_COUNT:
            raise OperatorError(
                f"The function pool cannot have {surroundings.max_processes} processes.",
                fix=f"Choose a number from 1 to {USER_COUNT}.",
            )
        self._surroundings = surroundings
        self._api = RuntimeApi(surroundings.world.entropy)
        self._doors = Doors(surroundings.work_dir / "doors", surroundings.endpoint_url)
        self._launcher: Launcher | None = None
        self._places: dict[int, _Place] = {}
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Prepare the work folder and start to listen for function processes.

        Raises:
            OperatorError: Something that functions need is missing.
        """
        surroundings = self._surroundings
        if surroundings.own_network and not surroundings.sandbox.isolated:
            raise OperatorError(
                "Functions cannot have a network of their own here.",
                why=surroundings.sandbox.warning,
                fix="Install bubblewrap, or set function_network to host.",
            )
        if surroundings.own_network:
            await self._doors.start()
        self._launcher = await asyncio.to_thread(Launcher, surroundings, self._api, self._ports())
        if surroundings.own_network:
            await self._api.start(self._doors.runtime_socket, RUNTIME_PORT)
        else:
            await self._api.start()
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    def _ports(self) -> Mapping[int, Path]:
        return self._doors.ports if self._surroundings.own_network else {}

    async def stop(self, *, grace_seconds: float = 10.0) -> None:
        """Let invocations in flight finish for ``grace_seconds``, then end every process and remove all files."""
        launcher, self._launcher = self._launcher, None
        if launcher is None:
            return
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for place in list(self._places.values()):
            self._retire_place(place)
        await self._wait_until_gone(list(self._places.values()), grace_seconds)
        await asyncio.gather(*(place.process.end() for place in self._places.values() if place.process is not None))
        await self._wait_until_gone(list(self._places.values()), None)
        await asyncio.gather(*self._tasks)
        await self._api.stop()
        await self._doors.stop()
        await asyncio.to_thread(launcher.close)

    async def invoke(
        self,
        spec: FunctionSpec,
        payload: bytes,
        *,
        request_id: str,
        log_tail: bool = False,
        client_context: str | None = None,
        invoked_arn: str | None = None,
    ) -> InvocationResult:
        """Run one invocation to its end.

        Args:
            spec: The function as it is now.
            payload: The event, JSON; empty stands for ``{}``, as Lambda has it.
            request_id: The invocation's id, a UUID.
            log_tail: Whether to answer the end of the log.
            client_context: JSON that the handler sees as ``context.client_context``.
            invoked_arn: The ARN as the caller named it; the function's own by default.

        Returns:
            The answer. A function that fails is a result with ``function_error``, not an exception.

        Raises:
            AwsError: The payload is too large, the runtime is not supported, the code cannot be unpacked, or every
                place stayed taken (TooManyRequestsException).
            OperatorError: This machine cannot run it.
        """
        if len(payload) > REQUEST_LIMIT:
            raise AwsError(
                "RequestTooLargeException",
                f"Request must be smaller than {REQUEST_LIMIT} bytes for the InvokeFunction operation",
                status=413,
            )
        context = _one_line_json(client_context)
        place = await self._take(spec)
        healthy = False
        try:
            if place.process is None:
                failure = await self._begin(place, request_id)
                if failure is not None:
                    return _refusal(place.process, failure, request_id, log_tail=log_tail)
            process = place.process
            assert process is not None  # noqa: S101 - _begin set it or told a failure
            named = invoked_arn or spec.arn
            invocation = self._invocation(spec, payload or b"{}", request_id, named, context)
            result = await process.run(invocation, log_tail=log_tail)
            healthy = process.alive
            return result
        finally:
            # Without waiting, so that a cancelled caller cannot leave a place half given back.
            if healthy and not place.retired:
                self._give_back(place)
            else:
                self._end_soon(place)

    async def retire(self, function_arn: str, revision: str) -> None:
        """A function changed or was deleted: let what is in flight of a revision finish, then end its processes.

        Returns when none of the processes that it had is left. Code that nobody uses any more is removed.
        """
        places = [
            place
            for place in self._places.values()
            if place.spec.arn == function_arn and place.spec.revision == revision
        ]
        for place in places:
            self._retire_place(place)
        await self._wait_until_gone(places, None)
        for archive in {archive for place in places for archive in unpacked_for(place.spec)}:
            if self._launcher is not None:
                await self._launcher.code.forget(archive, self._is_used)

    def _is_used(self, archive: str) -> bool:
        """Whether a process has an archive unpacked: a place is taken before the archive is asked for."""
        return any(archive in unpacked_for(place.spec) for place in self._places.values())

    def _invocation(
        self, spec: FunctionSpec, payload: bytes, request_id: str, named: str, context: str | None
    ) -> Invocation:
        world = self._surroundings.world
        now = world.clock.milliseconds()
        trace = (
            f"Root=1-{now // 1000:08x}-{world.entropy.bytes(12).hex()};Parent={world.entropy.bytes(8).hex()};Sampled=0"
        )
        return Invocation(request_id, payload, now + spec.timeout_seconds * 1000, named, trace, context)

    async def _begin(self, place: _Place, request_id: str) -> bytes | None:
        """Start the process of a new place and wait until it is ready; else answer the error document."""
        launcher = self._running()
        try:
            place.process = await launcher.launch(place.spec, place.slot)
        except StartError as error:
            return failure_document(error.kind, request_id, error.text)
        self._running()  # the pool may have been stopped meanwhile
        return await place.process.ready(request_id, self._surroundings.init_seconds + place.spec.timeout_seconds)

    def _running(self) -> Launcher:
        if self._launcher is None:
            raise AwsError("ServiceException", "The function runtime is not running.", status=500)
        return self._launcher

    # Places.

    async def _take(self, spec: FunctionSpec) -> _Place:
        """A place for one invocation: a warm process, or a free place for a new one, or one that another gives up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._surroundings.queue_seconds
        async with self._changed:
            while True:
                self._running()
                place = self._warm(spec) or self._vacant(spec)
                if place is not None:
                    return place
                self._make_room()
                try:
                    async with asyncio.timeout_at(deadline):
                        await self._changed.wait()
                except TimeoutError:
                    raise AwsError(
                        "TooManyRequestsException",
                        "Rate Exceeded.",
                        status=429,
                        members={"Reason": "ConcurrentInvocationLimitExceeded"},
                    ) from None

    def _warm(self, spec: FunctionSpec) -> _Place | None:
        """The idle process of this revision that was used last."""
        needed_until = (
            self._surroundings.world.clock.milliseconds() + spec.timeout_seconds * 1000 + _CREDENTIAL_MARGIN_MS
        )
        best: _Place | None = None
        for place in self._places.values():
            if place.state != "idle" or place.spec.arn != spec.arn or place.spec.revision != spec.revision:
                continue
            process = place.process
            if process is None or not process.alive or process.expires_at_ms < needed_until:
                self._end_soon(place)
            elif best is None or place.idle_since > best.idle_since:
                best = place
        if best is not None:
            best.state = "busy"
        return best

    def _vacant(self, spec: FunctionSpec) -> _Place | None:
        """A free place, if there is one."""
        for slot in range(self._surroundings.max_processes):
            if slot not in self._places:
                place = self._places[slot] = _Place(slot, spec)
                return place
        return None

    def _make_room(self) -> None:
        """End the process that has been idle longest, unless a place is becoming free already."""
        if any(place.state == "ending" for place in self._places.values()):
            return
        idle = [place for place in self._places.values() if place.state == "idle"]
        if idle:
            self._end_soon(min(idle, key=lambda place: place.idle_since))

    def _give_back(self, place: _Place) -> None:
        place.state = "idle"
        place.idle_since = asyncio.get_running_loop().time()
        self._background(self._notify())

    def _retire_place(self, place: _Place) -> None:
        place.retired = True
        if place.state == "idle":
            self._end_soon(place)

    def _end_soon(self, place: _Place) -> None:
        place.state = "ending"
        self._background(self._end(place))

    async def _end(self, place: _Place) -> None:
        try:
            if place.process is not None:
                await place.process.end()
                self._api.close_channel(place.process.token)
        finally:
            self._places.pop(place.slot, None)
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait_until_gone(self, places: list[_Place], seconds: float | None) -> None:
        """Wait until none of ``places`` is held any more, at most ``seconds``."""

        def gone() -> bool:
            return all(self._places.get(place.slot) is not place for place in places)

        async with self._changed:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait_for(gone)
            except TimeoutError:
                return

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        """End processes that have been idle too long, or have died while idle."""
        loop = asyncio.get_running_loop()
        idle_seconds = self._surroundings.idle_seconds
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, idle_seconds))
            for place in list(self._places.values()):
                dead = place.process is not None and not place.process.alive
                if place.state == "idle" and (dead or loop.time() - place.idle_since >= idle_seconds):
                    self._end_soon(place)


def _refusal(process: FunctionProcess | None, failure: bytes, request_id: str, *, log_tail: bool) -> InvocationResult:
    """The result of an invocation whose process did not start."""
    if process is None:
        return InvocationResult(failure, "Unhandled", b"")
    return process.refuse(failure, request_id, log_tail=log_tail)


def _one_line_json(text: str | None) -> str | None:
    """The same JSON in ASCII on one line, fit for a header."""
    if text is None:
        return None
    try:
        return json.dumps(json.loads(text))
    except ValueError as error:
        raise AwsError("InvalidRequestContentException", "The client context is not valid JSON.") from error
