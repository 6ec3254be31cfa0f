"""What the function pool asks for while it starts a process: code, layers, variables and credentials."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from strongroom.errors import StrongroomError
from strongroom.keyring import Keyring
from strongroom.services.awslambda.access import LAMBDA
from strongroom.services.awslambda.acting import service_call
from strongroom.services.awslambda.archives import open_archive
from strongroom.services.awslambda.configuration import log_group, temporary_megabytes
from strongroom.services.awslambda.layer_names import parse_layer_version
from strongroom.services.awslambda.layer_records import find_layer_archive
from strongroom.services.awslambda.layer_uses import read_layers
from strongroom.services.awslambda.records import FunctionRecord, find_code
from strongroom.services.awslambda.runtime import Credentials, FunctionSpec, LayerSpec
from strongroom.services.awslambda.targets import find_named_version
from strongroom.services.awslambda.variables import Environments
from strongroom.services.clients import IamClient, SessionCredentials
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["FunctionChanged", "Supplies", "spec_of"]

_SESSION_SECONDS: Final = 12 * 3600


class FunctionChanged(StrongroomError):
    """The function is no longer what it was when its invocation began: begin again."""


def spec_of(record: FunctionRecord) -> FunctionSpec:
    """A function or version as the pool runs it."""
    return FunctionSpec(
        arn=record.arn,
        name=record.name,
        version=record.version,
        account=record.account,
        region=record.region,
        runtime=record.runtime,
        handler=record.handler,
        code_sha256=record.code_sha256,
        memory_megabytes=record.memory_megabytes,
        timeout_seconds=record.timeout_seconds,
        log_group=log_group(record.name),
        revision=record.revision_id,
        layers=tuple(LayerSpec(use.arn, use.code_sha256) for use in read_layers(record.layers)),
        temporary_megabytes=temporary_megabytes(record),
    )


@dataclass(frozen=True, slots=True)
class Supplies:
    """Where the supplies come from.

    Args:
        store: Where functions and layers are.
        keyring: Opens their archives.
        world: Clock and entropy.
        iam: Makes the credentials of execution roles.
        environments: Opens variables.
    """

    store: Store
    keyring: Keyring
    world: World
    iam: IamClient
    environments: Environments

    async def code(self, spec: FunctionSpec) -> bytes:
        """The zip archive of a function.

        Raises:
            FunctionChanged: It has other code now.
        """
        return await asyncio.to_thread(self._code, spec)

    def _code(self, spec: FunctionSpec) -> bytes:
        sealed = self.store.read_now(lambda transaction: find_code(transaction, spec.arn, spec.code_sha256))
        if sealed is None:
            raise FunctionChanged
        return open_archive(self.keyring, spec.arn, spec.code_sha256, sealed)

    async def layer(self, layer: LayerSpec) -> bytes:
        """The zip archive of a layer.

        Raises:
            FunctionChanged: No function uses it any more.
        """
        return await asyncio.to_thread(self._layer, layer)

    def _layer(self, layer: LayerSpec) -> bytes:
        parsed = parse_layer_version(layer.arn)
        if parsed is None:
            raise FunctionChanged
        reference, version = parsed
        sealed = self.store.read_now(lambda transaction: find_layer_archive(transaction, reference.arn, version))
        if sealed is None:
            raise FunctionChanged
        return open_archive(self.keyring, reference.arn, layer.code_sha256, sealed, kind="layer")

    async def variables(self, spec: FunctionSpec) -> dict[str, str]:
        """The variables of a function in clear.

        Raises:
            AwsError: Their KMS key cannot be used.
            FunctionChanged: The function is another revision now.
        """

        def work(transaction: Transaction) -> dict[str, str]:
            record = _unchanged(transaction, spec)
            call = service_call(transaction, self.store, self.world, record)
            return self.environments.open_for_function(transaction, call, record)

        return await self.store.read(work)

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        """Fresh credentials of a function's execution role.

        Raises:
            AwsError: The role cannot be assumed any more.
            FunctionChanged: The function is another revision now.
        """
        now_ms = self.world.clock.milliseconds()

        def work(transaction: Transaction) -> SessionCredentials:
            role_arn = _unchanged(transaction, spec).role_arn
            return self.iam.service_session(transaction, role_arn, LAMBDA, spec.name, _SESSION_SECONDS, now_ms)

        session = await self.store.read(work)
        return Credentials(session.access_key_id, session.secret_access_key, session.session_token, session.expires_ms)


def _unchanged(transaction: Transaction, spec: FunctionSpec) -> FunctionRecord:
    record = find_named_version(transaction, spec.arn, spec.version)
    if record is None or record.revision_id != spec.revision:
        raise FunctionChanged
    return record
