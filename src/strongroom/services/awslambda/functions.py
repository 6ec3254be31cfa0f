"""Reading, listing, changing and deleting functions."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeVar

from strongroom.errors import AccessDenied
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import authorize_function, authorized_function, permit_role
from strongroom.services.awslambda.archives import require_room, sealed_archive, uploaded_archive
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.configuration import (
    check_features,
    check_limits,
    check_runtime,
    configuration,
)
from strongroom.services.awslambda.names import LATEST, FunctionReference, parse_reference
from strongroom.services.awslambda.records import (
    FunctionRecord,
    delete_function,
    functions_after,
    save_function,
    store_code,
    tags_of_function,
)
from strongroom.services.awslambda.variables import check_variables, open_variables, seal_variables
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["FunctionOperations"]

_PAGE: Final = 50  # Lambda API Reference, "ListFunctions": a page has 50 functions at most

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
                "Configuration": self._shown(record, reference),
                "Code": {"RepositoryType": "Strongroom"},
            }
            try:
                authorize_function(transaction, call, reference, ("lambda:ListTags",))
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
            return self._shown(record, reference)

        return await call.read(work)

    async def list_functions(
        self,
        call: Call,
        *,
        MasterRegion: str | None = None,
        FunctionVersion: str | None = None,
        Marker: str | None = None,
        MaxItems: int = _PAGE,
    ) -> dict[str, object]:
        """The account's functions in the region, by name.

        Raises:
            AwsError: ``InvalidParameterValueException``: the marker is none of ours, or ``MasterRegion`` asks for
                functions that were copied from another region, of which there are none.
        """
        most = min(MaxItems, _PAGE)

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("lambda:ListFunctions", "*")
            check_features({"MasterRegion": None if MasterRegion == "ALL" else MasterRegion})
            found = functions_after(transaction, call.account, call.region, _after_marker(Marker), most + 1)
            page = found[:most]
            suffix = f":{LATEST}" if FunctionVersion == "ALL" else ""
            listed = [configuration(it, open_variables(self._keyring, it), it.arn + suffix) for it in page]
            if len(found) == len(page):
                return {"Functions": listed}
            return {"Functions": listed, "NextMarker": urlsafe_b64encode(page[-1].name.encode()).decode()}

        return await call.read(work, single=True)

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
        reference = parse_reference(FunctionName, call.account, call.region)

        def permitted(transaction: Transaction) -> FunctionRecord:
            return authorized_function(transaction, call, reference, "lambda:UpdateFunctionCode")

        await call.read(permitted)  # before anything is made of the archive
        check_features({"Architectures": Architectures, "Publish": Publish, "PublishTo": PublishTo})
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
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            before = permitted(transaction)
            _require_revision(before, RevisionId)
            require_room(transaction, reference, archive.size - before.code_bytes)
            after = replace(before, code_sha256=archive.sha256, code_bytes=archive.size)
            if not DryRun:
                after = replace(after, revision_id=revision_id, modified_ms=call.now_ms)
                save_function(transaction, after)
                store_code(transaction, after.arn, archive.sha256, archive.sealed)
            return self._shown(after, reference)

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
        Runtime: str | None = None,
        RevisionId: str | None = None,
        AcceleratorConfig: object = None,
        CapacityProviderConfig: object = None,
        DeadLetterConfig: object = None,
        DurableConfig: object = None,
        EphemeralStorage: object = None,
        FileSystemConfigs: object = None,
        ImageConfig: object = None,
        KMSKeyArn: object = None,
        Layers: object = None,
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
            "EphemeralStorage": EphemeralStorage,
            "FileSystemConfigs": FileSystemConfigs,
            "ImageConfig": ImageConfig,
            "KMSKeyArn": KMSKeyArn,
            "Layers": Layers,
            "LoggingConfig": LoggingConfig,
            "RuntimeConfig": RuntimeConfig,
            "SnapStart": SnapStart,
            "TracingConfig": TracingConfig,
            "VpcConfig": VpcConfig,
        }
        reference = parse_reference(FunctionName, call.account, call.region)
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            before = authorized_function(transaction, call, reference, "lambda:UpdateFunctionConfiguration")
            if Role is not None:
                permit_role(self._iam, transaction, call, reference, Role)
            _require_revision(before, RevisionId)
            check_limits(Timeout, MemorySize)
            check_features(features)
            if Runtime is not None:
                check_runtime(Runtime)
            environment = before.environment
            if Environment is not None:
                environment = seal_variables(self._keyring, before.arn, check_variables(Environment))
            record = replace(
                before,
                role_arn=_either(Role, before.role_arn),
                handler=_either(Handler, before.handler),
                description=_either(Description, before.description),
                timeout_seconds=_either(Timeout, before.timeout_seconds),
                memory_megabytes=_either(MemorySize, before.memory_megabytes),
                runtime=_either(Runtime, before.runtime),
                environment=environment,
                revision_id=revision_id,
                modified_ms=call.now_ms,
            )
            save_function(transaction, record)
            return self._shown(record, reference)

        return dict(await call.write(work))

    async def delete_function(
        self, call: Call, *, FunctionName: str, Qualifier: str | None = None
    ) -> dict[str, object]:
        """Delete a function with its code, tags and policy. Its log stays.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterValueException`` for ``$LATEST`` alone.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> Mapping[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:DeleteFunction")
            if reference.qualifier is not None:
                raise failures.invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
            delete_function(transaction, record.arn)
            return {"StatusCode": 204}

        return dict(await call.write(work))

    def _shown(self, record: FunctionRecord, reference: FunctionReference) -> dict[str, object]:
        return configuration(record, open_variables(self._keyring, record), reference.qualified_arn)


def _either(given: T | None, before: T) -> T:
    return before if given is None else given


def _require_revision(record: FunctionRecord, revision_id: str | None) -> None:
    if revision_id is not None and revision_id != record.revision_id:
        raise failures.wrong_revision()


def _after_marker(marker: str | None) -> str:
    """The name that a page begins after; empty for the first page."""
    if marker is None:
        return ""
    try:
        return urlsafe_b64decode(marker).decode()
    except (binascii.Error, ValueError):
        raise failures.invalid_parameter("Invalid Marker.") from None
