"""Reading, listing, changing and deleting functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from strongroom.errors import AccessDenied, AwsError
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import (
    authorize_target,
    authorized_function,
    authorized_target,
    layer_context,
    permit_role,
)
from strongroom.services.awslambda.alias_records import aliases_of_version
from strongroom.services.awslambda.archives import require_room, sealed_archive, uploaded_archive
from strongroom.services.awslambda.base import PAGE, Operations, after_marker, marker
from strongroom.services.awslambda.configuration import (
    check_features,
    check_limits,
    check_runtime,
)
from strongroom.services.awslambda.event_configs import delete_event_config
from strongroom.services.awslambda.layer_records import drop_unused_layers
from strongroom.services.awslambda.layer_uses import chosen_layers, layers_text
from strongroom.services.awslambda.names import function_arn, parse_reference
from strongroom.services.awslambda.publishing import publish
from strongroom.services.awslambda.records import (
    FunctionRecord,
    delete_function,
    drop_unused_code,
    functions_after,
    save_function,
    store_code,
    tags_of_function,
)
from strongroom.services.awslambda.targets import version_number
from strongroom.services.awslambda.variables import Environment as SealedEnvironment
from strongroom.services.awslambda.variables import check_variables
from strongroom.services.awslambda.version_records import delete_version, versions_after
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["FunctionOperations"]

T = TypeVar("T")
EnvironmentMember = Mapping[str, Mapping[str, str]]


class FunctionOperations(Operations):
    """GetFunction, GetFunctionConfiguration, ListFunctions, the two updates and DeleteFunction."""

    async def get_function(self, call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict[str, object]:
        """A function with its tags. There is no place to download its code from, so the answer names none.

        Tags need ``lambda:ListTags``; without it the answer says so in ``TagsError``.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:GetFunction")
            shown: dict[str, object] = {
                "Configuration": self._shown(transaction, call, record, reference.qualified_arn),
                "Code": {"RepositoryType": "Strongroom"},
            }
            if record.reserved_concurrency is not None:
                shown["Concurrency"] = {"ReservedConcurrentExecutions": record.reserved_concurrency}
            try:
                authorize_target(transaction, call, reference, ("lambda:ListTags",))
            except AccessDenied as denied:
                return shown | {"TagsError": {"ErrorCode": denied.code, "Message": denied.message}}
            tags = tags_of_function(transaction, record.arn)
            return shown | {"Tags": tags} if tags else shown

        return await call.read(work)

    async def get_function_configuration(
        self, call: Call, *, FunctionName: str, Qualifier: str | None = None
    ) -> dict[str, object]:
        """A function without its tags."""
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:GetFunctionConfiguration")
            return self._shown(transaction, call, record, reference.qualified_arn)

        return await call.read(work)

    async def list_functions(
        self,
        call: Call,
        *,
        MasterRegion: str | None = None,
        FunctionVersion: str | None = None,
        Marker: str | None = None,
        MaxItems: int = PAGE,
    ) -> dict[str, object]:
        """The account's functions in the region, by name; with ``FunctionVersion`` ``ALL``, each with its versions.

        Raises:
            AwsError: ``InvalidParameterValueException``: the marker is none of ours, or ``MasterRegion`` asks for
                functions that were copied from another region, of which there are none.
        """
        most = min(MaxItems, PAGE)

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("lambda:ListFunctions", "*")
            check_features({"MasterRegion": None if MasterRegion == "ALL" else MasterRegion})
            name, _, version = after_marker(Marker).partition(":")
            if FunctionVersion == "ALL":
                found = _all_versions(transaction, call, name, version, most + 1)
                listed = [self._shown(transaction, call, it, it.version_arn) for it in found[:most]]
            else:
                found = functions_after(transaction, call.account, call.region, name, most + 1)
                listed = [self._shown(transaction, call, it, it.arn) for it in found[:most]]
            if len(found) <= most:
                return {"Functions": listed}
            last = found[most - 1]
            return {"Functions": listed, "NextMarker": marker(f"{last.name}:{last.version}")}

        return await call.read(work)

    async def update_function_code(
        self,
        call: Call,
        *,
        FunctionName: str,
        DryRun: bool = False,
        RevisionId: str | None = None,
        Architectures: list[str] | None = None,
        Publish: bool = False,
        PublishTo: str | None = None,
        ZipFile: bytes | None = None,
        ImageUri: str | None = None,
        S3Bucket: str | None = None,
        S3Key: str | None = None,
        S3ObjectVersion: str | None = None,
        S3ObjectStorageMode: str | None = None,
        SourceKMSKeyArn: str | None = None,
    ) -> dict[str, object]:
        """Replace a function's code. With ``DryRun`` everything is checked and nothing is changed.

        Raises:
            AwsError: ``ResourceNotFoundException``, ``InvalidParameterValueException`` for an archive that cannot be
                used, ``PreconditionFailedException`` for another revision, ``CodeStorageExceededException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()

        def permitted(transaction: Transaction) -> FunctionRecord:
            return authorized_function(transaction, call, reference, "lambda:UpdateFunctionCode")

        await call.read(permitted)  # before anything is made of the archive
        check_features({"Architectures": Architectures, "PublishTo": PublishTo})
        elsewhere = {
            "ImageUri": ImageUri,
            "S3Bucket": S3Bucket,
            "S3Key": S3Key,
            "S3ObjectVersion": S3ObjectVersion,
            "S3ObjectStorageMode": S3ObjectStorageMode,
            "SourceKMSKeyArn": SourceKMSKeyArn,
        }
        uploaded = uploaded_archive({"ZipFile": ZipFile, **elsewhere})
        archive = await sealed_archive(self._keyring, reference.arn, uploaded, call.operation)
        revision_id, version_revision_id = self._entropy.uuid(), self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            before = permitted(transaction)
            _require_revision(before, RevisionId)
            require_room(transaction, reference, archive.size - before.code_bytes)
            after = replace(before, code_sha256=archive.sha256, code_bytes=archive.size)
            if not DryRun:
                after = replace(after, revision_id=revision_id, modified_ms=call.now_ms)
                save_function(transaction, after)
                store_code(transaction, after.arn, archive.sha256, archive.sealed)
                drop_unused_code(transaction, after.arn)
                if Publish:
                    after = publish(transaction, after, version_revision_id)
            return self._shown(transaction, call, after, after.version_arn if Publish else reference.qualified_arn)

        return dict(await call.write(work))

    async def update_function_configuration(
        self,
        call: Call,
        *,
        FunctionName: str,
        Role: str | None = None,
        Handler: str | None = None,
        Description: str | None = None,
        Timeout: int | None = None,
        MemorySize: int | None = None,
        Environment: EnvironmentMember | None = None,
        EphemeralStorage: Mapping[str, int] | None = None,
        KMSKeyArn: str | None = None,
        Layers: Sequence[str] | None = None,
        Runtime: str | None = None,
        RevisionId: str | None = None,
        AcceleratorConfig: object = None,
        CapacityProviderConfig: object = None,
        DeadLetterConfig: object = None,
        DurableConfig: object = None,
        FileSystemConfigs: object = None,
        ImageConfig: object = None,
        LoggingConfig: object = None,
        RuntimeConfig: object = None,
        SnapStart: object = None,
        TracingConfig: object = None,
        VpcConfig: object = None,
    ) -> dict[str, object]:
        """Change what is given and leave the rest. ``Environment`` replaces all variables; ``Role`` needs PassRole.

        Raises:
            AwsError: As of CreateFunction, and ``ResourceNotFoundException`` or ``PreconditionFailedException``.
        """
        features = {
            "AcceleratorConfig": AcceleratorConfig,
            "CapacityProviderConfig": CapacityProviderConfig,
            "DeadLetterConfig": DeadLetterConfig,
            "DurableConfig": DurableConfig,
            "FileSystemConfigs": FileSystemConfigs,
            "ImageConfig": ImageConfig,
            "LoggingConfig": LoggingConfig,
            "RuntimeConfig": RuntimeConfig,
            "SnapStart": SnapStart,
            "TracingConfig": TracingConfig,
            "VpcConfig": VpcConfig,
        }
        reference = parse_reference(FunctionName, call.account, call.region).of_function()
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            action, context = "lambda:UpdateFunctionConfiguration", layer_context(Layers or ())
            before = authorized_function(transaction, call, reference, action, context)
            if Role is not None:
                permit_role(self._iam, transaction, call, reference, Role)
            _require_revision(before, RevisionId)
            check_limits(Timeout, MemorySize)
            check_features(features)
            if Runtime is not None:
                check_runtime(Runtime)
            layers = before.layers
            if Layers is not None:
                layers = layers_text(chosen_layers(transaction, call, Layers, reference.region))
            environment = self._environment(transaction, call, before, Environment, KMSKeyArn)
            record = replace(
                before,
                role_arn=_either(Role, before.role_arn),
                handler=_either(Handler, before.handler),
                description=_either(Description, before.description),
                timeout_seconds=_either(Timeout, before.timeout_seconds),
                memory_megabytes=_either(MemorySize, before.memory_megabytes),
                runtime=_either(Runtime, before.runtime),
                temporary_megabytes=(EphemeralStorage or {}).get("Size", before.temporary_megabytes),
                layers=layers,
                environment=environment.sealed,
                environment_key=environment.key_arn,
                kms_key_arn=environment.kms_key_arn,
                revision_id=revision_id,
                modified_ms=call.now_ms,
            )
            save_function(transaction, record)
            if layers != before.layers:
                drop_unused_layers(transaction)
            return self._shown(transaction, call, record, reference.qualified_arn)

        return dict(await call.write(work))

    def _environment(
        self,
        transaction: Transaction,
        call: Call,
        before: FunctionRecord,
        given: EnvironmentMember | None,
        kms_key_arn: str | None,
    ) -> SealedEnvironment:
        """The environment after an update: what was not changed keeps its ciphertext, which `publish` compares."""
        chosen = before.kms_key_arn if kms_key_arn is None else kms_key_arn or None
        if given is None and chosen == before.kms_key_arn:
            return SealedEnvironment(before.environment, before.environment_key, before.kms_key_arn)
        if given is None:
            variables = self._environments.open(transaction, call, before)
        else:
            variables = check_variables(given)
            if chosen == before.kms_key_arn and self._has(transaction, call, before, variables):
                return SealedEnvironment(before.environment, before.environment_key, before.kms_key_arn)
        return self._environments.seal(transaction, call, before.arn, variables, chosen)

    def _has(self, transaction: Transaction, call: Call, record: FunctionRecord, variables: Mapping[str, str]) -> bool:
        """Whether a function is known to have exactly these variables: not to a caller who may not decrypt them."""
        try:
            return self._environments.open(transaction, call, record) == variables
        except AwsError:
            return False

    async def delete_function(
        self, call: Call, *, FunctionName: str, Qualifier: str | None = None
    ) -> dict[str, object]:
        """Delete a function with its versions, aliases, code, tags and policies; or one version. The log stays.

        Raises:
            AwsError: ``ResourceNotFoundException``; ``InvalidParameterValueException`` for ``$LATEST`` alone or an
                alias; ``ResourceConflictException`` for a version that an alias stands for.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> Mapping[str, object]:
            target = authorized_target(transaction, call, reference, "lambda:DeleteFunction")
            if target.alias is not None:
                raise failures.invalid_parameter("Deletion of aliases is not currently supported.")
            record = target.function
            if record.number is not None:
                aliases = aliases_of_version(transaction, record.arn, record.version)
                if aliases:
                    raise failures.version_has_aliases([alias.name for alias in aliases])
                delete_version(transaction, record)
                delete_event_config(transaction, record.arn, record.version)
                drop_unused_code(transaction, record.arn)
            elif reference.qualifier is not None:
                raise failures.invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
            else:
                delete_function(transaction, record.arn)
            drop_unused_layers(transaction)
            return {"StatusCode": 204}

        return dict(await call.write(work))


def _all_versions(transaction: Transaction, call: Call, name: str, version: str, most: int) -> list[FunctionRecord]:
    """Up to ``most`` functions and versions behind a version of the function ``name``, function by function."""
    found: list[FunctionRecord] = []
    if name:
        arn = function_arn(call.account, call.region, name)
        found += versions_after(transaction, arn, version_number(version) or 0, most)
    for record in functions_after(transaction, call.account, call.region, name, most):
        if len(found) >= most:
            break
        found += [record, *versions_after(transaction, record.arn, 0, most)]
    return found[:most]


def _either(given: T | None, before: T) -> T:
    return before if given is None else given


def _require_revision(record: FunctionRecord, revision_id: str | None) -> None:
    if revision_id is not None and revision_id != record.revision_id:
        raise failures.wrong_revision()
