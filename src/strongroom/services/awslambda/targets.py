"""What a request means by a function's name and qualifier: the function as it is now, a version, or an alias of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from strongroom.services.awslambda.alias_records import AliasRecord, find_alias
from strongroom.services.awslambda.names import LATEST, FunctionReference
from strongroom.services.awslambda.records import FunctionRecord, find_function
from strongroom.services.awslambda.version_records import find_version
from strongroom.store import Transaction
from strongroom.world import Entropy

__all__ = ["Target", "chosen_version", "find_named_version", "find_target", "version_number"]

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")
_SHARES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """What a qualifier means.

    Args:
        function: The version that is meant; for an alias with two, the one that gets the rest of the invocations.
        alias: The alias that was named, if one was.
    """

    function: FunctionRecord
    alias: AliasRecord | None = None

    @property
    def policy(self) -> str | None:
        """The text of its resource policy: function, versions and aliases have one each.

        Source: Lambda Developer Guide, "Working with resource-based IAM policies".
        """
        return self.function.policy if self.alias is None else self.alias.policy

    @property
    def policy_revision_id(self) -> str | None:
        """The revision of that policy."""
        return self.function.policy_revision_id if self.alias is None else self.alias.policy_revision_id

    @property
    def revision_id(self) -> str:
        """The revision of the function, version or alias itself."""
        return self.function.revision_id if self.alias is None else self.alias.revision_id


def version_number(qualifier: str) -> int | None:
    """The number of a published version; None when the text is none."""
    return int(qualifier) if _NUMBER.fullmatch(qualifier) else None


def find_named_version(transaction: Transaction, arn: str, version: str) -> FunctionRecord | None:
    """A version of the function ``arn`` by its number or by ``$LATEST``."""
    if version == LATEST:
        return find_function(transaction, arn)
    number = version_number(version)
    return None if number is None else find_version(transaction, arn, number)


def find_target(transaction: Transaction, reference: FunctionReference) -> Target | None:
    """What ``reference`` means, if there is such a thing. One statement, or two for an alias."""
    qualifier = reference.qualifier or LATEST
    if qualifier == LATEST or version_number(qualifier) is not None:
        found = find_named_version(transaction, reference.arn, qualifier)
        return None if found is None else Target(found)
    alias = find_alias(transaction, reference.arn, qualifier)
    if alias is None:
        return None
    found = find_named_version(transaction, reference.arn, alias.version)
    return None if found is None else Target(found, alias)


def chosen_version(target: Target, entropy: Entropy) -> str:
    """The version that one invocation of ``target`` runs: by lot when an alias shares them among two.

    Source: Lambda Developer Guide, "Implement Lambda canary deployments using a weighted alias".
    """
    if target.alias is not None:
        lot = entropy.below(_SHARES)
        for version, weight in target.alias.additional_weights.items():
            if lot < weight * _SHARES:
                return version
    return target.function.version
