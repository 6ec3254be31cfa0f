"""The rows of aliases: names that stand for a published version, or share the invocations among two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.store import Statement, Transaction
from strongroom.store.schema import function_aliases

__all__ = [
    "AliasRecord",
    "aliases_after",
    "aliases_of_version",
    "delete_alias",
    "find_alias",
    "insert_alias",
    "save_alias",
]


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """A row of ``function_aliases``.

    Args:
        function_arn: The function, without a qualifier.
        name: The alias.
        description: What its maker says of it.
        version: The version it stands for: a number, or ``$LATEST``.
        weights: A JSON object of one more version and its share of the invocations; None when all go to ``version``.
        revision_id: Changes with every change of the alias.
        policy_revision_id: Changes with every change of its policy; None when it has none.
        policy: Its own resource policy.
    """

    function_arn: str
    name: str
    description: str
    version: str
    weights: str | None
    revision_id: str
    policy_revision_id: str | None = None
    policy: str | None = None

    @property
    def arn(self) -> str:
        """The ARN that invocations name."""
        return f"{self.function_arn}:{self.name}"

    @property
    def additional_weights(self) -> Mapping[str, float]:
        """The other version and its share, from 0 to 1; empty when there is none."""
        if self.weights is None:
            return {}
        weights: dict[str, float] = json.loads(self.weights)
        return weights


_A = function_aliases.c
_VALUES: Final[dict[str, object]] = {column.name: bindparam(column.name) for column in function_aliases.columns}
_OF: Final = _A.function_arn == bindparam("of_arn")
_THIS: Final = (_OF, _A.name == bindparam("this_name"))
_COLUMNS: Final = tuple(function_aliases.columns)

_FIND: Final = Statement(select(*_COLUMNS).where(*_THIS))
_PAGE: Final = Statement(
    select(*_COLUMNS).where(_OF, _A.name > bindparam("after")).order_by(_A.name).limit(bindparam("most"))
)
_ALL: Final = Statement(select(*_COLUMNS).where(_OF).order_by(_A.name))
_INSERT: Final = Statement(insert(function_aliases).values(_VALUES))
_SAVE: Final = Statement(update(function_aliases).where(*_THIS).values(_VALUES))
_DELETE: Final = Statement(delete(function_aliases).where(*_THIS))


def find_alias(transaction: Transaction, arn: str, name: str) -> AliasRecord | None:
    """The alias ``name`` of the function ``arn``. One statement."""
    row = transaction.one(_FIND, {"of_arn": arn, "this_name": name})
    return None if row is None else AliasRecord(*row)


def aliases_after(transaction: Transaction, arn: str, after: str, most: int) -> list[AliasRecord]:
    """Up to ``most`` aliases of a function behind the name ``after``, in the order of names."""
    rows = transaction.all(_PAGE, {"of_arn": arn, "after": after, "most": most})
    return [AliasRecord(*row) for row in rows]


def aliases_of_version(transaction: Transaction, arn: str, version: str) -> list[AliasRecord]:
    """The aliases that send invocations to a version of a function, in the order of names."""
    found = [AliasRecord(*row) for row in transaction.all(_ALL, {"of_arn": arn})]
    return [alias for alias in found if version == alias.version or version in alias.additional_weights]


def insert_alias(transaction: Transaction, record: AliasRecord) -> None:
    """Store a new alias."""
    transaction.run(_INSERT, _parameters(record))


def save_alias(transaction: Transaction, record: AliasRecord) -> None:
    """Store every column of an alias again."""
    transaction.run(_SAVE, {**_parameters(record), "of_arn": record.function_arn, "this_name": record.name})


def delete_alias(transaction: Transaction, arn: str, name: str) -> None:
    """Delete an alias; there need be none."""
    transaction.run(_DELETE, {"of_arn": arn, "this_name": name})


def _parameters(record: AliasRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in _VALUES}
