"""What happens to asynchronous invocations: the four operations of FunctionEventInvokeConfig, and their list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import authorized_target
from strongroom.services.awslambda.base import PAGE, Operations, after_marker, marker
from strongroom.services.awslambda.destinations import check_destination, may_invoke
from strongroom.services.awslambda.event_configs import (
    EventConfig,
    delete_event_config,
    event_configs_after,
    find_event_config,
    store_event_config,
)
from strongroom.services.awslambda.names import LATEST, FunctionReference, parse_reference
from strongroom.services.awslambda.records import FunctionRecord
from strongroom.services.call import Call
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["EventConfigOperations"]

_NOTHING: Final[Mapping[str, object]] = {}

Destinations = Mapping[str, Mapping[str, str]]


class EventConfigOperations(Operations):
    """Put, Update, Get and DeleteFunctionEventInvokeConfig, and ListFunctionEventInvokeConfigs."""

    async def put_function_event_invoke_config(
        self,
        call: Call,
        *,
        FunctionName: str,
        Qualifier: str | None = None,
        MaximumRetryAttempts: int | None = None,
        MaximumEventAgeInSeconds: int | None = None,
        DestinationConfig: Destinations | None = None,
    ) -> dict[str, object]:
        """Say how often and how long invocations are tried, and who is told; what is not given is the default.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterValueException``: nothing is given, or a
                destination cannot be one.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> Mapping[str, object]:
            action = "lambda:PutFunctionEventInvokeConfig"
            record = authorized_target(transaction, call, reference, action).function
            _require_any(MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig)
            on_success, on_failure = self._destinations(transaction, call, record, DestinationConfig or {})
            qualifier = reference.qualifier or LATEST
            config = EventConfig(
                record.arn,
                qualifier,
                MaximumRetryAttempts,
                MaximumEventAgeInSeconds,
                on_success,
                on_failure,
                call.now_ms,
            )
            store_event_config(transaction, config)
            return _shown(config)

        return dict(await call.write(work))

    async def update_function_event_invoke_config(
        self,
        call: Call,
        *,
        FunctionName: str,
        Qualifier: str | None = None,
        MaximumRetryAttempts: int | None = None,
        MaximumEventAgeInSeconds: int | None = None,
        DestinationConfig: Destinations | None = None,
    ) -> dict[str, object]:
        """Change what is given and leave the rest.

        Raises:
            AwsError: As of PutFunctionEventInvokeConfig; ``ResourceNotFoundException`` also without a configuration.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> Mapping[str, object]:
            action = "lambda:UpdateFunctionEventInvokeConfig"
            record = authorized_target(transaction, call, reference, action).function
            _require_any(MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig)
            config = _required(transaction, reference)
            if MaximumRetryAttempts is not None:
                config = replace(config, retries=MaximumRetryAttempts)
            if MaximumEventAgeInSeconds is not None:
                config = replace(config, longest_age_seconds=MaximumEventAgeInSeconds)
            if DestinationConfig is not None:
                on_success, on_failure = self._destinations(transaction, call, record, DestinationConfig)
                config = replace(config, on_success=on_success, on_failure=on_failure)
            config = replace(config, modified_ms=call.now_ms)
            store_event_config(transaction, config)
            return _shown(config)

        return dict(await call.write(work))

    async def get_function_event_invoke_config(
        self, call: Call, *, FunctionName: str, Qualifier: str | None = None
    ) -> dict[str, object]:
        """What was configured.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such function, or nothing was configured.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> dict[str, object]:
            authorized_target(transaction, call, reference, "lambda:GetFunctionEventInvokeConfig")
            return _shown(_required(transaction, reference))

        return await call.read(work)

    async def delete_function_event_invoke_config(
        self, call: Call, *, FunctionName: str, Qualifier: str | None = None
    ) -> dict[str, object]:
        """Go back to the defaults.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such function, or nothing was configured.
        """
        reference = parse_reference(FunctionName, call.account, call.region, Qualifier)

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_target(transaction, call, reference, "lambda:DeleteFunctionEventInvokeConfig")
            config = _required(transaction, reference)
            delete_event_config(transaction, config.function_arn, config.qualifier)
            return _NOTHING

        return dict(await call.write(work))

    async def list_function_event_invoke_configs(
        self, call: Call, *, FunctionName: str, Marker: str | None = None, MaxItems: int = PAGE
    ) -> dict[str, object]:
        """What was configured for a function and its versions and aliases, by qualifier.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterValueException``: the marker is none of ours.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()
        most = min(MaxItems, PAGE)

        def work(transaction: Transaction) -> dict[str, object]:
            authorized_target(transaction, call, reference, "lambda:ListFunctionEventInvokeConfigs")
            found = event_configs_after(transaction, reference.arn, after_marker(Marker), most + 1)
            shown: dict[str, object] = {"FunctionEventInvokeConfigs": [_shown(it) for it in found[:most]]}
            return shown if len(found) <= most else shown | {"NextMarker": marker(found[most - 1].qualifier)}

        return await call.read(work)

    def _destinations(
        self, transaction: Transaction, call: Call, record: FunctionRecord, given: Destinations
    ) -> tuple[str | None, str | None]:
        """The destinations of successes and failures, after asking whether the function's role may invoke them."""
        chosen: list[str | None] = []
        for kind in ("OnSuccess", "OnFailure"):
            destination = (given.get(kind) or {}).get("Destination") or None
            if destination is not None:
                check_destination(destination, record.arn)
                if not may_invoke(transaction, call.store, self._keyring, self._world, record, destination):
                    raise failures.invalid_parameter(
                        "The provided destination is invalid. The function's execution role doesn't have permissions "
                        f"to call InvokeFunction on {destination}"
                    )
            chosen.append(destination)
        return chosen[0], chosen[1]


def _require_any(*given: object) -> None:
    if all(value is None for value in given):
        raise failures.invalid_parameter("You must specify at least one of error handling or destination setting.")


def _required(transaction: Transaction, reference: FunctionReference) -> EventConfig:
    qualifier = reference.qualifier or LATEST
    found = find_event_config(transaction, reference.arn, qualifier)
    if found is None:
        raise failures.no_event_config(f"{reference.arn}:{qualifier}")
    return found


def _shown(config: EventConfig) -> dict[str, object]:
    """A configuration in the model's ``FunctionEventInvokeConfig``."""
    shown: dict[str, object] = {
        "LastModified": from_milliseconds(config.modified_ms),
        "FunctionArn": f"{config.function_arn}:{config.qualifier}",
        "DestinationConfig": {
            "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
            "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
        },
    }
    if config.retries is not None:
        shown["MaximumRetryAttempts"] = config.retries
    if config.longest_age_seconds is not None:
        shown["MaximumEventAgeInSeconds"] = config.longest_age_seconds
    return shown
