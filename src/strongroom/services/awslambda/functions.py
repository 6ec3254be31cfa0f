"""Making, reading, changing and deleting functions."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeVar

from strongroom.arn import Arn
from strongroom.errors import AccessDenied, AwsError
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import (
    RESOURCE_TYPE,
    authorize_function,
    authorized_function,
    request_tag_context,
)
from strongroom.services.awslambda.archives import sealed_archive, uploaded_archive
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.configuration import (
    DEFAULT_MEMORY_MEGABYTES,
    DEFAULT_TIMEOUT_SECONDS,
    check_features,
    check_limits,
    check_runtime,
    configuration,
)
from strongroom.services.awslambda.names import LATEST, FunctionReference, parse_reference, require_new_name
from strongroom.services.awslambda.records import (
    FunctionRecord,
    delete_function,
    functions_after,
    insert_function,
    save_function,
    set_tags,
    store_code,
    stored_code_bytes,
    tags_of_function,
)
from strongroom.services.awslambda.tags import check_tags
from strongroom.services.awslambda.variables import check_variables, open_variables, seal_variables
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["LAMBDA", "FunctionOperations"]

LAMBDA: Final = "lambda.amazonaws.com"
"""The service principal that execution roles trust."""

_CODE_QUOTA: Final = 75 * 1024**3  # bytes for an account and region; Lambda quotas
_PAGE: Final = 50  # Lambda API Reference, "ListFunctions": a page has 50 functions at most

T = TypeVar("T")
EnvironmentMember = Mapping[str, Mapping[str, str]]


class FunctionOperations(Operations):
    """CreateFunction, GetFunction, GetFunctionConfiguration, ListFunctions, the two updates and DeleteFunction."""

    async def create_function(
        self,
        call: Call,
        *,
        FunctionName: str,
        Role: str,
        Code: Mapping[str, object],
        Runtime: str | None = None,
        Handler: str | None = None,
        Description: str = "",
        Timeout: int = DEFAULT_TIMEOUT_SECONDS,
        MemorySize: int = DEFAULT_MEMORY_MEGABYTES,
        Environment: EnvironmentMember | None = None,
        Tags: Mapping[str, str] | None = None,
        **features: object,
    ) -> dict[str, object]:
        """Make a function from a zip archive. Needs ``iam:PassRole`` on its role, and ``lambda:TagResource`` for tags.

        Raises:
            AwsError: ``ResourceConflictException``: there is one of this name; ``InvalidParameterValueException``: the
                role, the archive, the runtime or a feature cannot be used; ``CodeStorageExceededException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region)

        def permit(transaction: Transaction) -> None:
            actions = ("lambda:CreateFunction", "lambda:TagResource") if Tags else ("lambda:CreateFunction",)
            taken = authorize_function(transaction, call, reference, actions, request_tag_context(Tags))
            call.touches(reference.arn, RESOURCE_TYPE, reference.account)
            if taken is not None:
                raise failures.exists(reference.name)
            self._permit_role(transaction, call, reference, Role)

        await call.read(permit)  # before anything is made of the archive
        require_new_name(reference)
        if not Runtime or not Handler:
            raise failures.invalid_parameter(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        check_runtime(Runtime)
        check_limits(Timeout, MemorySize)
        check_features(features)
        tags = check_tags(Tags or {})
        variables = check_variables(Environment)
        code = await sealed_archive(self._keyring, reference.arn, uploaded_archive(Code), call.operation)
        record = FunctionRecord(
            arn=reference.arn,
            account=reference.account,
            region=reference.region,
            name=reference.name,
            description=Description,
            runtime=Runtime,
            handler=Handler,
            role_arn=Role,
            timeout_seconds=Timeout,
            memory_megabytes=MemorySize,
            environment=seal_variables(self._keyring, reference.arn, variables),
            kms_key_arn=None,
            code_sha256=code.sha256,
            code_bytes=code.size,
            revision_id=self._entropy.uuid(),
            policy_revision_id=None,
            policy=None,
            modified_ms=call.now_ms,
        )

        def work(transaction: Transaction) -> Mapping[str, object]:
            permit(transaction)
            _require_room(transaction, reference, code.size)
            insert_function(transaction, record)
            store_code(transaction, record.arn, code.sha256, code.sealed)
            set_tags(transaction, record.arn, tags)
            return configuration(record, variables, record.arn)

        return dict(await call.write(work))

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
        **code: object,
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
        archive = await sealed_archive(self._keyring, reference.arn, uploaded_archive(code), call.operation)
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            before = permitted(transaction)
            _require_revision(before, RevisionId)
            _require_room(transaction, reference, archive.size - before.code_bytes)
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
        **features: object,
    ) -> dict[str, object]:
        """Change what is given and leave the rest. ``Environment`` replaces all variables; ``Role`` needs PassRole.

        Raises:
            AwsError: As of `create_function`, and ``ResourceNotFoundException`` or ``PreconditionFailedException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region)
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            before = authorized_function(transaction, call, reference, "lambda:UpdateFunctionConfiguration")
            if Role is not None:
                self._permit_role(transaction, call, reference, Role)
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

    def _permit_role(self, transaction: Transaction, call: Call, reference: FunctionReference, role_arn: str) -> None:
        """Check that the caller may give the function this role, and that Lambda may assume it.

        Raises:
            AwsError: ``AccessDeniedException``, or ``InvalidParameterValueException`` for a role that Lambda may not
                assume.
        """
        role = Arn.parse(role_arn)
        if role is None or role.account != reference.account:
            raise AwsError("AccessDeniedException", "Cross-account pass role is not allowed.")
        self._iam.authorize_pass_role(transaction, call, role_arn, LAMBDA)


def _either(given: T | None, before: T) -> T:
    return before if given is None else given


def _require_revision(record: FunctionRecord, revision_id: str | None) -> None:
    if revision_id is not None and revision_id != record.revision_id:
        raise failures.wrong_revision()


def _require_room(transaction: Transaction, reference: FunctionReference, more: int) -> None:
    """Refuse code beyond the account's quota.

    Args:
        transaction: Where the other functions are.
        reference: The function.
        more: How many bytes are added.
    """
    if more > 0 and stored_code_bytes(transaction, reference.account, reference.region) + more > _CODE_QUOTA:
        raise failures.code_storage_exceeded()


def _after_marker(marker: str | None) -> str:
    """The name that a page begins after; empty for the first page."""
    if marker is None:
        return ""
    try:
        return urlsafe_b64decode(marker).decode()
    except (binascii.Error, ValueError):
        raise failures.invalid_parameter("Invalid Marker.") from None
