"""What else there is to ask and set about a function: concurrency, and the answers to features that it does not use.

Infrastructure tools read these on every run; a function of Strongroom answers as one of AWS's does that was made
without the feature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import authorized_function, authorized_target
from strongroom.services.awslambda.archives import ACCOUNT_QUOTA, LARGEST_ARCHIVE
from strongroom.services.awslambda.base import Operations
from strongroom.services.awslambda.names import parse_reference
from strongroom.services.awslambda.records import (
    count_functions,
    reserved_elsewhere,
    save_function,
    stored_code_bytes,
)
from strongroom.services.awslambda.runtime import UNPACKED_LIMIT
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["SettingOperations"]

_CONCURRENCY: Final = 1000  # invocations at once for an account and region; Lambda quotas
_UNRESERVED: Final = 100  # of which so many must stay free for functions without a reservation
_NOTHING: Final[Mapping[str, object]] = {}


class SettingOperations(Operations):
    """Reserved concurrency, GetAccountSettings, and the reads of features that no function has."""

    async def put_function_concurrency(
        self, call: Call, *, FunctionName: str, ReservedConcurrentExecutions: int
    ) -> dict[str, object]:
        """Let a function run at most so many times at once; 0 stops it. Each host counts for itself.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterValueException``: too little would be left
                for the account's other functions.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()

        def work(transaction: Transaction) -> Mapping[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:PutFunctionConcurrency")
            others = reserved_elsewhere(transaction, record.account, record.region, record.arn)
            if _CONCURRENCY - others - ReservedConcurrentExecutions < _UNRESERVED:
                raise failures.invalid_parameter(
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    f"UnreservedConcurrentExecution below its minimum value of [{_UNRESERVED}]."
                )
            save_function(transaction, replace(record, reserved_concurrency=ReservedConcurrentExecutions))
            return {"ReservedConcurrentExecutions": ReservedConcurrentExecutions}

        return dict(await call.write(work))

    async def get_function_concurrency(self, call: Call, *, FunctionName: str) -> dict[str, object]:
        """What is reserved for a function; nothing when nothing is.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:GetFunctionConcurrency")
            reserved = record.reserved_concurrency
            return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

        return await call.read(work)

    async def delete_function_concurrency(self, call: Call, *, FunctionName: str) -> dict[str, object]:
        """Reserve nothing for a function any more.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()

        def work(transaction: Transaction) -> Mapping[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:DeleteFunctionConcurrency")
            save_function(transaction, replace(record, reserved_concurrency=None))
            return _NOTHING

        return dict(await call.write(work))

    async def get_account_settings(self, call: Call) -> dict[str, object]:
        """The limits of the account in the region, and what of them is used."""

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("lambda:GetAccountSettings", "*")
            account, region = call.account, call.region
            reserved = reserved_elsewhere(transaction, account, region)
            return {
                "AccountLimit": {
                    "TotalCodeSize": ACCOUNT_QUOTA,
                    "CodeSizeUnzipped": UNPACKED_LIMIT,
                    "CodeSizeZipped": LARGEST_ARCHIVE,
                    "ConcurrentExecutions": _CONCURRENCY,
                    "UnreservedConcurrentExecutions": _CONCURRENCY - reserved,
                },
                "AccountUsage": {
                    "TotalCodeSize": stored_code_bytes(transaction, account, region),
                    "FunctionCount": count_functions(transaction, account, region),
                },
            }

        return await call.read(work)

    async def get_function_code_signing_config(self, call: Call, *, FunctionName: str) -> dict[str, object]:
        """The code signing of a function, of which there is none: the answer names the function only.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:GetFunctionCodeSigningConfig")
            return {"CodeSigningConfigArn": "", "FunctionName": record.name}

        return await call.read(work)

    async def get_runtime_management_config(
        self, call: Call, *, FunctionName: str, Qualifier: str | None = None
    ) -> dict[str, object]:
        """When a function gets a newer runtime: whenever the machine has one.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> dict[str, object]:
            target = authorized_target(transaction, call, reference, "lambda:GetRuntimeManagementConfig")
            return {"UpdateRuntimeOn": "Auto", "FunctionArn": target.function.version_arn}

        return await call.read(work)

    async def get_function_recursion_config(self, call: Call, *, FunctionName: str) -> dict[str, object]:
        """What happens to a function that calls itself in a loop.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()

        def work(transaction: Transaction) -> dict[str, object]:
            authorized_function(transaction, call, reference, "lambda:GetFunctionRecursionConfig")
            return {"RecursiveLoop": "Allow"}

        return await call.read(work)

    async def list_provisioned_concurrency_configs(
        self, call: Call, *, FunctionName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The provisioned concurrency of a function, of which there is none.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        del Marker, MaxItems
        return await self._none_of(call, FunctionName, "ProvisionedConcurrencyConfigs")

    async def list_function_url_configs(
        self, call: Call, *, FunctionName: str, Marker: str | None = None, MaxItems: int | None = None
    ) -> dict[str, object]:
        """The URLs of a function, of which there are none.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        del Marker, MaxItems
        return await self._none_of(call, FunctionName, "FunctionUrlConfigs")

    async def _none_of(self, call: Call, name: str, member: str) -> dict[str, object]:
        """The answer of a list of what no function has."""
        reference = parse_reference(name, call.account, call.region).of_function()

        def work(transaction: Transaction) -> dict[str, object]:
            authorized_function(transaction, call, reference, f"lambda:{call.operation}")
            return {member: []}

        return await call.read(work)
