"""The rows that say what happens to asynchronous invocations: retries, age and destinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, select

from strongroom.store import Statement, Transaction
from strongroom.store.schema import function_event_configs

__all__ = ["EventConfig", "delete_event_config", "event_configs_after", "find_event_config", "store_event_config"]


@dataclass(frozen=True, slots=True)
class EventConfig:
    """A row of ``function_event_configs``.

    Args:
        function_arn: The function, without a qualifier.
        qualifier: The version or alias that invocations name; ``$LATEST`` when they name none.
        retries: How often a failed invocation is tried again; None for the default.
        longest_age_seconds: How long one is tried at all; None for the default.
        on_success: The ARN of the function that is told of successes.
        on_failure: The ARN of the function that is told of failures.
        modified_ms: The last change, in milliseconds since the epoch.
    """

    function_arn: str
    qualifier: str
    retries: int | None
    longest_age_seconds: int | None
    on_success: str | None
    on_failure: str | None
    modified_ms: int


_E = function_event_configs.c
_COLUMNS: Final = tuple(function_event_configs.columns)
_VALUES: Final[dict[str, object]] = {column.name: bindparam(column.name) for column in _COLUMNS}
_OF: Final = _E.function_arn == bindparam("of_arn")
_THIS: Final = (_OF, _E.qualifier == bindparam("this_qualifier"))

_FIND: Final = Statement(select(*_COLUMNS).where(*_THIS))
_PAGE: Final = Statement(
    select(*_COLUMNS).where(_OF, _E.qualifier > bindparam("after")).order_by(_E.qualifier).limit(bindparam("most"))
)
_INSERT: Final = Statement(insert(function_event_configs).values(_VALUES))
_DELETE: Final = Statement(delete(function_event_configs).where(*_THIS))


def find_event_config(transaction: Transaction, arn: str, qualifier: str) -> EventConfig | None:
    """What was configured for invocations of ``qualifier``. One statement."""
    row = transaction.one(_FIND, {"of_arn": arn, "this_qualifier": qualifier})
    return None if row is None else EventConfig(*row)


def event_configs_after(transaction: Transaction, arn: str, after: str, most: int) -> list[EventConfig]:
    """Up to ``most`` configurations of a function behind the qualifier ``after``, in the order of qualifiers."""
    rows = transaction.all(_PAGE, {"of_arn": arn, "after": after, "most": most})
    return [EventConfig(*row) for row in rows]


def store_event_config(transaction: Transaction, config: EventConfig) -> None:
    """Store a configuration in place of the one there may be."""
    delete_event_config(transaction, config.function_arn, config.qualifier)
    transaction.run(_INSERT, {name: getattr(config, name) for name in _VALUES})


def delete_event_config(transaction: Transaction, arn: str, qualifier: str) -> bool:
    """Delete a configuration; whether there was one."""
    return transaction.run(_DELETE, {"of_arn": arn, "this_qualifier": qualifier}) == 1
