"""Making functions: CreateFunction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import (
    RESOURCE_TYPE,
    authorize_target,
    layer_context,
    permit_role,
    request_tag_context,
)
from strongroom.services.awslambda.archives import SealedArchive, require_room, sealed_archive, uploaded_archive
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.configuration import (
    DEFAULT_MEMORY_MEGABYTES,
    DEFAULT_TIMEOUT_SECONDS,
    check_features,
    check_limits,
    check_runtime,
    configuration,
)
from strongroom.services.awslambda.layer_uses import LayerUse, chosen_layers, layers_text
from strongroom.services.awslambda.names import FunctionReference, parse_reference, require_new_name
from strongroom.services.awslambda.publishing import publish
from strongroom.services.awslambda.records import FunctionRecord, insert_function, set_tags, store_code
from strongroom.services.awslambda.tags import check_tags
from strongroom.services.awslambda.variables import Environment as SealedEnvironment
from strongroom.services.awslambda.variables import check_variables
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["CreationOperations"]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a request wants of a new function, besides its code."""

    reference: FunctionReference
    role_arn: str
    runtime: str
    handler: str
    description: str
    timeout_seconds: int
    memory_megabytes: int
    temporary_megabytes: int | None
    environment: Mapping[str, Mapping[str, str]] | None
    kms_key_arn: str | None
    layers: Sequence[str]
    tags: Mapping[str, str]
    publish: bool
    features: Mapping[str, object]

    def check(self) -> None:
        """Refuse what cannot be; nothing is looked up for it.

        Raises:
            AwsError: ``InvalidParameterValueException`` or ``ValidationException``.
        """
        require_new_name(self.reference)
        if not self.runtime or not self.handler:
            raise failures.invalid_parameter(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        check_runtime(self.runtime)
        check_limits(self.timeout_seconds, self.memory_megabytes)
        check_features(self.features)
        check_tags(self.tags)

    def record(
        self,
        code: SealedArchive,
        environment: SealedEnvironment,
        layers: Sequence[LayerUse],
        revision_id: str,
        now_ms: int,
    ) -> FunctionRecord:
        """The function's row."""
        reference = self.reference
        return FunctionRecord(
            arn=reference.arn,
            account=reference.account,
            region=reference.region,
            name=reference.name,
            description=self.description,
            runtime=self.runtime,
            handler=self.handler,
            role_arn=self.role_arn,
            timeout_seconds=self.timeout_seconds,
            memory_megabytes=self.memory_megabytes,
            environment=environment.sealed,
            environment_key=environment.key_arn,
            kms_key_arn=environment.kms_key_arn,
            code_sha256=code.sha256,
            code_bytes=code.size,
            revision_id=revision_id,
            policy_revision_id=None,
            policy=None,
            modified_ms=now_ms,
            layers=layers_text(layers),
            temporary_megabytes=self.temporary_megabytes,
        )


class CreationOperations(Operations):
    """CreateFunction."""

    async def create_function(
        self,
        call: Call,
        *,
        FunctionName: str,
        Role: str,
        Code: Mapping[str, object],
        Runtime: str = "",
        Handler: str = "",
        Description: str = "",
        Timeout: int = DEFAULT_TIMEOUT_SECONDS,
        MemorySize: int = DEFAULT_MEMORY_MEGABYTES,
        EphemeralStorage: Mapping[str, int] | None = None,
        Environment: Mapping[str, Mapping[str, str]] | None = None,
        KMSKeyArn: str | None = None,
        Layers: Sequence[str] = (),
        Publish: bool = False,
        Tags: Mapping[str, str] | None = None,
        AcceleratorConfig: object = None,
        Architectures: object = None,
        CapacityProviderConfig: object = None,
        CodeSigningConfigArn: object = None,
        DeadLetterConfig: object = None,
        DurableConfig: object = None,
        FileSystemConfigs: object = None,
        ImageConfig: object = None,
        LoggingConfig: object = None,
        PackageType: object = None,
        PublishTo: object = None,
        RuntimeConfig: object = None,
        SnapStart: object = None,
        TenancyConfig: object = None,
        TracingConfig: object = None,
        VpcConfig: object = None,
    ) -> dict[str, object]:
        """Make a function from a zip archive. Needs ``iam:PassRole`` on its role, and ``lambda:TagResource`` for tags.

        Raises:
            AwsError: ``ResourceConflictException``: there is one of this name; ``InvalidParameterValueException``: the
                role, the archive, the runtime or a feature cannot be used; ``CodeStorageExceededException``.
        """
        features = {
            "AcceleratorConfig": AcceleratorConfig,
            "Architectures": Architectures,
            "CapacityProviderConfig": CapacityProviderConfig,
            "CodeSigningConfigArn": CodeSigningConfigArn,
            "DeadLetterConfig": DeadLetterConfig,
            "DurableConfig": DurableConfig,
            "FileSystemConfigs": FileSystemConfigs,
            "ImageConfig": ImageConfig,
            "LoggingConfig": LoggingConfig,
            "PackageType": PackageType,
            "PublishTo": PublishTo,
            "RuntimeConfig": RuntimeConfig,
            "SnapStart": SnapStart,
            "TenancyConfig": TenancyConfig,
            "TracingConfig": TracingConfig,
            "VpcConfig": VpcConfig,
        }
        wanted = _Wanted(
            reference=parse_reference(FunctionName, call.account, call.region),
            role_arn=Role,
            runtime=Runtime,
            handler=Handler,
            description=Description,
            timeout_seconds=Timeout,
            memory_megabytes=MemorySize,
            temporary_megabytes=(EphemeralStorage or {}).get("Size"),
            environment=Environment,
            kms_key_arn=KMSKeyArn or None,
            layers=Layers,
            tags=Tags or {},
            publish=Publish,
            features=features,
        )
        return await self._create(call, wanted, Code)

    async def _create(self, call: Call, wanted: _Wanted, code: Mapping[str, object]) -> dict[str, object]:
        reference = wanted.reference
        await call.read(lambda transaction: self._permit(transaction, call, wanted))  # before the archive is looked at
        wanted.check()
        variables = check_variables(wanted.environment)
        archive = await sealed_archive(self._keyring, reference.arn, uploaded_archive(code), call.operation)
        revision_id, version_revision_id = self._entropy.uuid(), self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            self._permit(transaction, call, wanted)
            require_room(transaction, reference, archive.size)
            layers = chosen_layers(transaction, call, wanted.layers, reference.region)
            environment = self._environments.seal(transaction, call, reference.arn, variables, wanted.kms_key_arn)
            record = wanted.record(archive, environment, layers, revision_id, call.now_ms)
            insert_function(transaction, record)
            store_code(transaction, record.arn, archive.sha256, archive.sealed)
            set_tags(transaction, record.arn, wanted.tags)
            made = publish(transaction, record, version_revision_id) if wanted.publish else record
            shown = {"Variables": variables} if variables else {}
            return configuration(made, shown, record.arn)

        return dict(await call.write(work))

    def _permit(self, transaction: Transaction, call: Call, wanted: _Wanted) -> None:
        """Ask whether the caller may make this function, with these tags and this role; the name must be free."""
        reference = wanted.reference
        actions = ("lambda:CreateFunction", "lambda:TagResource") if wanted.tags else ("lambda:CreateFunction",)
        context = {**request_tag_context(wanted.tags), **layer_context(wanted.layers)}
        taken = authorize_target(transaction, call, reference, actions, context)
        call.touches(reference.arn, RESOURCE_TYPE, reference.account)
        if taken is not None:
            raise failures.exists(reference.name)
        permit_role(self._iam, transaction, call, reference, wanted.role_arn)
