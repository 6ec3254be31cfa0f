"""Running functions: the store's side of the function processes, in the background worker.

The pool of `runtime` knows nothing of the store, of keys or of IAM; the host brings it the code, the variables, the
credentials of the execution role and a place for the log, and ends the processes of a function that changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

from strongroom.errors import AwsError, OperatorError, StrongroomError
from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import LAMBDA
from strongroom.services.awslambda.archives import open_archive
from strongroom.services.awslambda.configuration import log_group
from strongroom.services.awslambda.log_writer import LogGroup, LogWriter
from strongroom.services.awslambda.names import LATEST
from strongroom.services.awslambda.records import FunctionRecord, find_code, find_function
from strongroom.services.awslambda.runtime import (
    Credentials,
    FunctionPool,
    FunctionSpec,
    Sandbox,
    Surroundings,
    detect_sandbox,
)
from strongroom.services.awslambda.variables import open_variables
from strongroom.services.clients import IamClient, InvocationRequest, InvocationResult, SessionCredentials
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["FunctionHost"]

_LOG: Final = logging.getLogger("strongroom.functions")
_SESSION_SECONDS: Final = 12 * 3600
_ATTEMPTS: Final = 10  # one more is needed for every change of the function that falls into the start of a process
_WATCH_SECONDS: Final = 5.0


class _FunctionChanged(StrongroomError):
    """The function is no longer what it was when its invocation began: begin again."""


@dataclass(frozen=True, slots=True)
class _Running:
    """What the host has between `FunctionHost.start` and `FunctionHost.stop`."""

    store: Store
    keyring: Keyring
    pool: FunctionPool
    log: LogWriter
    watch: asyncio.Task[None]


class FunctionHost:
    """Runs functions in processes of this host; the implementation of `FunctionInvoker` in the background worker.

    Made by `prepare`, before there is a store; of use from `start` to `stop`.
    """

    def __init__(
        self,
        endpoint_url: str,
        work_dir: Path,
        ca_bundle: Path | None,
        max_processes: int,
        hidden_paths: Sequence[Path],
    ) -> None:
        self._endpoint_url = endpoint_url
        self._work_dir = work_dir
        self._ca_bundle = ca_bundle
        self._max_processes = max_processes
        self._hidden_paths = tuple(hidden_paths)
        self._running: _Running | None = None
        self._revisions: dict[str, str] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    @classmethod
    def prepare(
        cls,
        *,
        endpoint_url: str,
        work_dir: Path,
        ca_bundle: Path | None,
        max_processes: int,
        hidden_paths: Sequence[Path] = (),
    ) -> Self:
        """A host that runs nothing yet.

        Args:
            endpoint_url: Strongroom's own URL, as a process on this host reaches it.
            work_dir: A folder for unpacked code, which belongs to the host alone.
            ca_bundle: Certificate authorities in PEM that functions trust besides the public ones.
            max_processes: Function processes alive at one time.
            hidden_paths: Folders that no function may see, should they lie where functions can look.
        """
        return cls(endpoint_url, work_dir, ca_bundle, max_processes, hidden_paths)

    async def start(self, store: Store, keyring: Keyring, world: World, iam: IamClient) -> None:
        """Find out how processes can be confined here, and be ready for invocations.

        Args:
            store: Where functions are.
            keyring: Opens their code and variables, seals their logs.
            world: Clock and entropy.
            iam: Makes the credentials of execution roles.

        Raises:
            OperatorError: Something that functions need is missing on this machine.
        """
        sandbox = await asyncio.to_thread(detect_sandbox)
        if sandbox.warning:
            _LOG.warning("%s", sandbox.warning)
        log = LogWriter(store, keyring)
        pool = FunctionPool(self._surroundings(sandbox, log, _Supplies(store, keyring, world, iam)))
        await pool.start()
        log.start()
        watch = asyncio.get_running_loop().create_task(self._watch(store))
        self._running = _Running(store, keyring, pool, log, watch)

    async def stop(self) -> None:
        """Let what runs finish for a while, end every process, and store what they printed."""
        running, self._running = self._running, None
        if running is None:
            return
        running.watch.cancel()
        await asyncio.gather(running.watch, return_exceptions=True)
        await running.pool.stop()
        await asyncio.gather(*self._retiring)
        await running.log.stop()

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        """Run one invocation to its end, on the function as it is now.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``ResourceConflictException``: it keeps changing;
                ``TooManyRequestsException``: every place stayed taken; ``ServiceException``: this machine cannot run
                it, and the server's log says why.
        """
        for _ in range(_ATTEMPTS):
            running = self._running
            if running is None:
                raise failures.unavailable()
            try:
                spec = await self._spec(running, request)
                result = await running.pool.invoke(
                    spec, request.payload, request_id=request.request_id, log_tail=request.log_tail
                )
            except _FunctionChanged:
                continue
            except OperatorError as error:
                _LOG.error("%s cannot be run", request.function_arn, extra={"detail": error.diagnostics()})
                raise _cannot_run() from None
            except InvalidCiphertext:
                _LOG.error("what is stored of %s does not open under the root key", request.function_arn)
                raise _cannot_run() from None
            return InvocationResult(result.payload, result.function_error, result.log_tail, spec.version)
        raise failures.changing(request.function_arn)

    def _surroundings(self, sandbox: Sandbox, log: LogWriter, supplies: _Supplies) -> Surroundings:
        return Surroundings(
            endpoint_url=self._endpoint_url,
            ca_bundle=self._ca_bundle,
            work_dir=self._work_dir,
            world=supplies.world,
            sandbox=sandbox,
            log_sink=log,
            code_loader=supplies.code,
            credentials=supplies.credentials,
            hidden_paths=self._hidden_paths,
            max_processes=self._max_processes,
        )

    async def _spec(self, running: _Running, request: InvocationRequest) -> FunctionSpec:
        """The function as it is now. Processes of an older revision are ended first."""
        arn = request.function_arn
        record = await running.store.read(lambda transaction: find_function(transaction, arn), single=True)
        if record is None:
            raise failures.function_not_found(arn)
        known = self._revisions.get(arn, record.revision_id)
        self._revisions[arn] = record.revision_id
        if known != record.revision_id:
            self._retire_soon(running.pool, arn)
            await asyncio.sleep(0)  # so that only the processes that exist now are retired
        return _spec_of(record, open_variables(running.keyring, record))

    def _retire_soon(self, pool: FunctionPool, arn: str) -> None:
        task = asyncio.get_running_loop().create_task(pool.retire(arn))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _watch(self, store: Store) -> None:
        """End the processes of functions that were changed or deleted and are not called any more."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            known = dict(self._revisions)
            try:
                now = await store.read(partial(_revisions_now, arns=list(known)))
            except StrongroomError:
                continue  # the store is away: whoever needs it says so
            running = self._running
            for arn, revision in known.items():
                if now[arn] != revision and self._revisions.get(arn) == revision and running is not None:
                    del self._revisions[arn]
                    self._retire_soon(running.pool, arn)


@dataclass(frozen=True, slots=True)
class _Supplies:
    """What the pool asks for while it starts a process."""

    store: Store
    keyring: Keyring
    world: World
    iam: IamClient

    async def code(self, spec: FunctionSpec) -> bytes:
        """The zip archive of a function."""
        return await asyncio.to_thread(self._code, spec)

    def _code(self, spec: FunctionSpec) -> bytes:
        sealed = self.store.read_now(lambda transaction: find_code(transaction, spec.arn, spec.code_sha256))
        if sealed is None:
            raise _FunctionChanged
        return open_archive(self.keyring, spec.arn, spec.code_sha256, sealed)

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        """Fresh credentials of a function's execution role."""
        now_ms = self.world.clock.milliseconds()

        def work(transaction: Transaction) -> SessionCredentials:
            record = find_function(transaction, spec.arn)
            if record is None or record.revision_id != spec.revision:
                raise _FunctionChanged
            return self.iam.service_session(transaction, record.role_arn, LAMBDA, spec.name, _SESSION_SECONDS, now_ms)

        session = await self.store.read(work)
        return Credentials(session.access_key_id, session.secret_access_key, session.session_token, session.expires_ms)


def _spec_of(record: FunctionRecord, variables: dict[str, str]) -> FunctionSpec:
    return FunctionSpec(
        arn=record.arn,
        name=record.name,
        version=LATEST,
        account=record.account,
        region=record.region,
        runtime=record.runtime,
        handler=record.handler,
        code_sha256=record.code_sha256,
        environment=variables,
        memory_megabytes=record.memory_megabytes,
        timeout_seconds=record.timeout_seconds,
        log_group=LogGroup.of(log_group(record.name), record.account, record.region),
        revision=record.revision_id,
    )


def _revisions_now(transaction: Transaction, *, arns: Sequence[str]) -> dict[str, str | None]:
    """The revisions of functions; None for those that are gone."""
    found = {arn: find_function(transaction, arn) for arn in arns}
    return {arn: record.revision_id if record is not None else None for arn, record in found.items()}


def _cannot_run() -> AwsError:
    return AwsError(
        "ServiceException", "The function runtime cannot run this function; the server's log says why.", status=500
    )
