"""Running functions: the store's side of the function processes, in the background worker.

The pool of `runtime` knows nothing of the store, of keys or of IAM; the host brings it what `supplies` gathers and a
place for the log, holds functions to the concurrency that is reserved for them, and ends the processes of a function
that changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

from strongroom.errors import AwsError, OperatorError, StrongroomError
from strongroom.keyring import InvalidCiphertext, Keyring
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.awslambda.runtime import (
    FunctionPool,
    Sandbox,
    Surroundings,
    detect_sandbox,
)
from strongroom.services.awslambda.supplies import FunctionChanged, Supplies, spec_of
from strongroom.services.awslambda.targets import find_named_version
from strongroom.services.awslambda.variables import Environments
from strongroom.services.clients import IamClient, InvocationRequest, InvocationResult, KmsClient, LogsClient
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["FunctionHost"]

_LOG: Final = logging.getLogger("strongroom.functions")
_ATTEMPTS: Final = 10  # one more is needed for every change of the function that falls into the start of a process
_WATCH_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Running:
    """What the host has between `FunctionHost.start` and `FunctionHost.stop`."""

    store: Store
    pool: FunctionPool
    logs: LogsClient
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
        own_network: bool,
    ) -> None:
        self._endpoint_url = endpoint_url
        self._work_dir = work_dir
        self._ca_bundle = ca_bundle
        self._max_processes = max_processes
        self._hidden_paths = tuple(hidden_paths)
        self._own_network = own_network
        self._running: _Running | None = None
        self._revisions: dict[tuple[str, str], str] = {}
        self._active: Counter[str] = Counter()
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
        own_network: bool = False,
    ) -> Self:
        """A host that runs nothing yet.

        Args:
            endpoint_url: Strongroom's own URL, as a process on this host reaches it.
            work_dir: A folder for unpacked code, which belongs to the host alone.
            ca_bundle: Certificate authorities in PEM that functions trust besides the public ones.
            max_processes: Function processes alive at one time.
            hidden_paths: Folders that no function may see, should they lie where functions can look.
            own_network: Whether a function has a network of its own, with nothing in it but Strongroom.
        """
        return cls(endpoint_url, work_dir, ca_bundle, max_processes, hidden_paths, own_network)

    async def start(
        self, store: Store, keyring: Keyring, world: World, iam: IamClient, kms: KmsClient, logs: LogsClient
    ) -> None:
        """Find out how processes can be confined here, and be ready for invocations.

        Args:
            store: Where functions are.
            keyring: Opens their code.
            world: Clock and entropy.
            iam: Makes the credentials of execution roles.
            kms: Opens their variables.
            logs: Keeps what they print.

        Raises:
            OperatorError: Something that functions need is missing on this machine.
        """
        sandbox = await asyncio.to_thread(detect_sandbox)
        if sandbox.warning:
            _LOG.warning("%s", sandbox.warning)
        supplies = Supplies(store, keyring, world, iam, Environments(keyring, kms))
        pool = FunctionPool(self._surroundings(sandbox, logs, supplies))
        await pool.start()
        logs.start()
        watch = asyncio.get_running_loop().create_task(self._watch(store))
        self._running = _Running(store, pool, logs, watch)

    async def stop(self) -> None:
        """Let what runs finish for a while, end every process, and store what they printed."""
        running, self._running = self._running, None
        if running is None:
            return
        running.watch.cancel()
        await asyncio.gather(running.watch, return_exceptions=True)
        await running.pool.stop()
        await asyncio.gather(*self._retiring)
        await running.logs.stop()

    async def invoke(self, request: InvocationRequest) -> InvocationResult:
        """Run one invocation to its end, on the function as it is now.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``ResourceConflictException``: it keeps changing;
                ``TooManyRequestsException``: every place stayed taken, or those that are reserved for the function;
                ``KMS...Exception``: its variables cannot be opened; ``ServiceException``: this machine cannot run it,
                and the server's log says why.
        """
        for _ in range(_ATTEMPTS):
            running = self._running
            if running is None:
                raise failures.unavailable()
            try:
                return await self._invoke_once(running, request)
            except FunctionChanged:
                continue
            except OperatorError as error:
                _LOG.error("%s cannot be run", request.function_arn, extra={"detail": error.diagnostics()})
                raise _cannot_run() from None
            except InvalidCiphertext:
                _LOG.error("what is stored of %s does not open under the root key", request.function_arn)
                raise _cannot_run() from None
        raise failures.changing(request.function_arn)

    async def _invoke_once(self, running: _Running, request: InvocationRequest) -> InvocationResult:
        record = await self._record(running, request)
        arn, spec = record.arn, spec_of(record)
        if record.reserved_concurrency is not None and self._active[arn] >= record.reserved_concurrency:
            raise failures.too_many_of_function()
        self._active[arn] += 1
        try:
            result = await running.pool.invoke(
                spec,
                request.payload,
                request_id=request.request_id,
                log_tail=request.log_tail,
                client_context=request.client_context,
                invoked_arn=request.invoked_arn,
            )
        finally:
            self._active[arn] -= 1
            if not self._active[arn]:
                del self._active[arn]
        return InvocationResult(result.payload, result.function_error, result.log_tail, spec.version, result.log_stream)

    def _surroundings(self, sandbox: Sandbox, logs: LogsClient, supplies: Supplies) -> Surroundings:
        return Surroundings(
            endpoint_url=self._endpoint_url,
            ca_bundle=self._ca_bundle,
            work_dir=self._work_dir,
            world=supplies.world,
            sandbox=sandbox,
            log_sink=logs,
            code_loader=supplies.code,
            layer_loader=supplies.layer,
            variables=supplies.variables,
            credentials=supplies.credentials,
            hidden_paths=self._hidden_paths,
            own_network=self._own_network,
            max_processes=self._max_processes,
        )

    async def _record(self, running: _Running, request: InvocationRequest) -> FunctionRecord:
        """The version as it is now. Processes of an older revision are ended first."""
        arn, version = request.function_arn, request.version
        record = await running.store.read(lambda tx: find_named_version(tx, arn, version), single=True)
        if record is None:
            raise failures.function_not_found(request.invoked_arn)
        known = self._revisions.get((arn, version), record.revision_id)
        self._revisions[arn, version] = record.revision_id
        if known != record.revision_id:
            self._retire_soon(running.pool, arn, known)
            await asyncio.sleep(0)  # so that only the processes that exist now are retired
        return record

    def _retire_soon(self, pool: FunctionPool, arn: str, revision: str) -> None:
        task = asyncio.get_running_loop().create_task(pool.retire(arn, revision))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _watch(self, store: Store) -> None:
        """End the processes of functions that were changed or deleted and are not called any more."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            known = dict(self._revisions)
            try:
                now = await store.read(partial(_revisions_now, named=list(known)))
            except StrongroomError:
                continue  # the store is away: whoever needs it says so
            running = self._running
            for named, revision in known.items():
                if now[named] != revision and self._revisions.get(named) == revision and running is not None:
                    del self._revisions[named]
                    self._retire_soon(running.pool, named[0], revision)


def _revisions_now(transaction: Transaction, *, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str | None]:
    """The revisions of versions of functions; None for those that are gone."""
    found = {(arn, version): find_named_version(transaction, arn, version) for arn, version in named}
    return {each: record.revision_id if record is not None else None for each, record in found.items()}


def _cannot_run() -> AwsError:
    return AwsError(
        "ServiceException", "The function runtime cannot run this function; the server's log says why.", status=500
    )
