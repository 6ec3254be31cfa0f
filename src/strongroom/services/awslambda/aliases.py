"""Aliases of functions: CreateAlias, GetAlias, UpdateAlias, DeleteAlias and ListAliases.

Source: Lambda Developer Guide, "Create an alias for a Lambda function" and "Implement Lambda canary deployments using
a weighted alias". An alias is a resource of the function: who may change it is asked about the function.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from strongroom.services.awslambda import failures
from strongroom.services.awslambda.access import authorized_function
from strongroom.services.awslambda.alias_records import (
    AliasRecord,
    aliases_after,
    aliases_of_version,
    delete_alias,
    find_alias,
    insert_alias,
    save_alias,
)
from strongroom.services.awslambda.base import PAGE, Operations, after_marker, marker
from strongroom.services.awslambda.event_configs import delete_event_config
from strongroom.services.awslambda.names import LATEST, parse_reference
from strongroom.services.awslambda.targets import find_named_version, version_number
from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["AliasOperations"]

_NOTHING: Final[Mapping[str, object]] = {}

Routing = Mapping[str, Mapping[str, float]]


class AliasOperations(Operations):
    """CreateAlias, GetAlias, UpdateAlias, DeleteAlias and ListAliases."""

    async def create_alias(
        self,
        call: Call,
        *,
        FunctionName: str,
        Name: str,
        FunctionVersion: str,
        Description: str = "",
        RoutingConfig: Routing | None = None,
    ) -> dict[str, object]:
        """Give a version a name that invocations can use.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such function or version; ``ResourceConflictException``: there
                is an alias of this name; ``InvalidParameterValueException`` for a routing that cannot be.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:CreateAlias")
            _require_name(Name)
            if find_alias(transaction, record.arn, Name) is not None:
                raise failures.alias_exists(f"{record.arn}:{Name}")
            weights = _weights(transaction, record.arn, FunctionVersion, RoutingConfig)
            alias = AliasRecord(record.arn, Name, Description, FunctionVersion, weights, revision_id)
            insert_alias(transaction, alias)
            return _shown(alias)

        return dict(await call.write(work))

    async def get_alias(self, call: Call, *, FunctionName: str, Name: str) -> dict[str, object]:
        """An alias.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such function or alias.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:GetAlias")
            return _shown(_required(transaction, record.arn, Name))

        return await call.read(work)

    async def update_alias(
        self,
        call: Call,
        *,
        FunctionName: str,
        Name: str,
        FunctionVersion: str | None = None,
        Description: str | None = None,
        RoutingConfig: Routing | None = None,
        RevisionId: str | None = None,
    ) -> dict[str, object]:
        """Change what is given and leave the rest. An empty ``RoutingConfig`` sends everything to the one version.

        Raises:
            AwsError: As of CreateAlias, and ``PreconditionFailedException``: it is another revision.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()
        revision_id = self._entropy.uuid()

        def work(transaction: Transaction) -> Mapping[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:UpdateAlias")
            before = _required(transaction, record.arn, Name)
            if RevisionId is not None and RevisionId != before.revision_id:
                raise failures.wrong_revision()
            version = before.version if FunctionVersion is None else FunctionVersion
            routing = (
                {"AdditionalVersionWeights": before.additional_weights} if RoutingConfig is None else RoutingConfig
            )
            after = replace(
                before,
                version=version,
                description=before.description if Description is None else Description,
                weights=_weights(transaction, record.arn, version, routing),
                revision_id=revision_id,
            )
            save_alias(transaction, after)
            return _shown(after)

        return dict(await call.write(work))

    async def delete_alias(self, call: Call, *, FunctionName: str, Name: str) -> dict[str, object]:
        """Delete an alias with its policy; there need be none.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such function.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()

        def work(transaction: Transaction) -> Mapping[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:DeleteAlias")
            delete_alias(transaction, record.arn, Name)
            delete_event_config(transaction, record.arn, Name)
            return _NOTHING

        return dict(await call.write(work))

    async def list_aliases(
        self,
        call: Call,
        *,
        FunctionName: str,
        FunctionVersion: str | None = None,
        Marker: str | None = None,
        MaxItems: int = PAGE,
    ) -> dict[str, object]:
        """The aliases of a function, or those that send invocations to one version, by name.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterValueException``: the marker is none of ours.
        """
        reference = parse_reference(FunctionName, call.account, call.region).of_function()
        most = min(MaxItems, PAGE)

        def work(transaction: Transaction) -> dict[str, object]:
            record = authorized_function(transaction, call, reference, "lambda:ListAliases")
            after = after_marker(Marker)
            if FunctionVersion is None:
                found = aliases_after(transaction, record.arn, after, most + 1)
            else:
                found = [it for it in aliases_of_version(transaction, record.arn, FunctionVersion) if it.name > after]
            shown: dict[str, object] = {"Aliases": [_shown(alias) for alias in found[:most]]}
            return shown if len(found) <= most else shown | {"NextMarker": marker(found[most - 1].name)}

        return await call.read(work)


def _required(transaction: Transaction, arn: str, name: str) -> AliasRecord:
    found = find_alias(transaction, arn, name)
    if found is None:
        raise failures.alias_not_found(f"{arn}:{name}")
    return found


def _require_name(name: str) -> None:
    """A number is a version's name; the model's pattern says so, but not every client's."""
    if name.isdigit():
        raise failures.constraint("name", name, "Member must satisfy regular expression pattern: (?!^[0-9]+$)")


def _weights(transaction: Transaction, arn: str, version: str, routing: Routing | None) -> str | None:
    """The routing of an alias as it is stored, after looking for every version that it names.

    Raises:
        AwsError: ``ResourceNotFoundException``: no such version; ``InvalidParameterValueException`` or
            ``ValidationException``: versions and shares do not go together.
    """
    _require_version(transaction, arn, version)
    weights = dict((routing or {}).get("AdditionalVersionWeights") or {})
    if not weights:
        return None
    if len(weights) > 1:
        raise failures.invalid_parameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
    ((other, share),) = weights.items()
    if not 0.0 <= share <= 1.0:
        raise failures.constraint(
            "routingConfig.additionalVersionWeights",
            f"{{{other}={share}}}",
            "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
            "Member must have value greater than or equal to 0.0]",
        )
    if other == version:
        raise failures.invalid_parameter(
            f"Invalid function version {version}. "
            f"Function version {version} is already included in routing configuration."
        )
    if LATEST in {version, other}:
        raise failures.invalid_parameter("$LATEST is not supported for an alias pointing to more than 1 version")
    _require_version(transaction, arn, other)
    return json.dumps(weights)


def _require_version(transaction: Transaction, arn: str, version: str) -> None:
    named = version == LATEST or version_number(version) is not None
    if not named or find_named_version(transaction, arn, version) is None:
        raise failures.function_not_found(f"{arn}:{version}")


def _shown(alias: AliasRecord) -> dict[str, object]:
    """An alias in the model's ``AliasConfiguration``."""
    shown: dict[str, object] = {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    weights = alias.additional_weights
    return shown | {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else shown
