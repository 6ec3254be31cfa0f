"""The rows of Lambda: functions, their code and their tags. Logs have their own file, `log_records`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from strongroom.store import Statement, Transaction
from strongroom.store.schema import function_codes, function_tags, functions

__all__ = [
    "FunctionRecord",
    "delete_function",
    "find_code",
    "find_function",
    "functions_after",
    "insert_function",
    "remove_tags",
    "save_function",
    "set_tags",
    "store_code",
    "stored_code_bytes",
    "tags_of_function",
]


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """A row of ``functions``.

    Args:
        environment: The function's variables, sealed; None when it has none.
        code_sha256: Of the zip archive, lower-case hex.
        code_bytes: The size of the zip archive.
        revision_id: Changes with every change of code or configuration.
        policy_revision_id: Changes with every change of the policy; None when there is no policy.
        policy: The resource policy's text; users and roles stand in it by their unique ids.
        modified_ms: The last change of code or configuration, in milliseconds since the epoch.
    """

    arn: str
    account: str
    region: str
    name: str
    description: str
    runtime: str
    handler: str
    role_arn: str
    timeout_seconds: int
    memory_megabytes: int
    environment: bytes | None = field(repr=False)
    kms_key_arn: str | None
    code_sha256: str
    code_bytes: int
    revision_id: str
    policy_revision_id: str | None
    policy: str | None
    modified_ms: int


_functions, _codes, _tags = functions.c, function_codes.c, function_tags.c

_COLUMNS: Final = (
    _functions.arn,
    _functions.account,
    _functions.region,
    _functions.name,
    _functions.description,
    _functions.runtime,
    _functions.handler,
    _functions.role_arn,
    _functions.timeout_seconds,
    _functions.memory_megabytes,
    _functions.environment,
    _functions.kms_key_arn,
    _functions.code_sha256,
    _functions.code_bytes,
    _functions.revision_id,
    _functions.policy_revision_id,
    _functions.policy,
    _functions.modified_ms,
)
_VALUES: Final[dict[str, object]] = {column.name: bindparam(column.name) for column in _COLUMNS}
_THIS: Final = _functions.arn == bindparam("this_arn")

_FIND: Final = Statement(select(*_COLUMNS).where(_THIS))
_PAGE: Final = Statement(
    select(*_COLUMNS)
    .where(
        _functions.account == bindparam("of_account"),
        _functions.region == bindparam("of_region"),
        _functions.name > bindparam("after"),
    )
    .order_by(_functions.name)
    .limit(bindparam("most"))
)
_CODE_BYTES: Final = Statement(
    select(func.sum(_functions.code_bytes)).where(
        _functions.account == bindparam("of_account"), _functions.region == bindparam("of_region")
    )
)
_INSERT: Final = Statement(insert(functions).values(_VALUES))
_SAVE: Final = Statement(update(functions).where(_THIS).values(_VALUES))
_DELETE: Final = Statement(delete(functions).where(_THIS))

_FIND_CODE: Final = Statement(
    select(_codes.archive).where(
        _codes.function_arn == bindparam("this_arn"), _codes.code_sha256 == bindparam("this_sha256")
    )
)
_DELETE_CODE: Final = Statement(delete(function_codes).where(_codes.function_arn == bindparam("this_arn")))
_INSERT_CODE: Final = Statement(
    insert(function_codes).values(
        function_arn=bindparam("function_arn"), code_sha256=bindparam("code_sha256"), archive=bindparam("archive")
    )
)

_THIS_TAG: Final = (_tags.function_arn == bindparam("this_arn"), _tags.key == bindparam("this_key"))
_TAGS_OF: Final = Statement(
    select(_tags.key, _tags.value).where(_tags.function_arn == bindparam("this_arn")).order_by(_tags.key)
)
_INSERT_TAG: Final = Statement(
    insert(function_tags).values(function_arn=bindparam("function_arn"), key=bindparam("key"), value=bindparam("value"))
)
_UPDATE_TAG: Final = Statement(update(function_tags).where(*_THIS_TAG).values(value=bindparam("value")))
_DELETE_TAG: Final = Statement(delete(function_tags).where(*_THIS_TAG))


def find_function(transaction: Transaction, arn: str) -> FunctionRecord | None:
    """The function with this ARN, which has no qualifier. One statement."""
    row = transaction.one(_FIND, {"this_arn": arn})
    return None if row is None else FunctionRecord(*row)


def functions_after(transaction: Transaction, account: str, region: str, after: str, most: int) -> list[FunctionRecord]:
    """Up to ``most`` functions behind the name ``after``, in the order of names."""
    rows = transaction.all(_PAGE, {"of_account": account, "of_region": region, "after": after, "most": most})
    return [FunctionRecord(*row) for row in rows]


def stored_code_bytes(transaction: Transaction, account: str, region: str) -> int:
    """How many bytes all the zip archives of an account in a region have."""
    row = transaction.one(_CODE_BYTES, {"of_account": account, "of_region": region})
    return 0 if row is None or row[0] is None else int(row[0])


def insert_function(transaction: Transaction, record: FunctionRecord) -> None:
    """Store a new function, without its code."""
    transaction.run(_INSERT, _parameters(record))


def save_function(transaction: Transaction, record: FunctionRecord) -> None:
    """Store every column of a function again."""
    transaction.run(_SAVE, {**_parameters(record), "this_arn": record.arn})


def delete_function(transaction: Transaction, arn: str) -> None:
    """Delete a function; its code and tags go with it."""
    transaction.run(_DELETE, {"this_arn": arn})


def _parameters(record: FunctionRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in _VALUES}


def find_code(transaction: Transaction, arn: str, sha256: str) -> bytes | None:
    """The sealed zip archive of a function, if it still has this one. One statement.

    Args:
        transaction: Where to look.
        arn: The function.
        sha256: Of the archive in clear, lower-case hex.
    """
    row = transaction.one(_FIND_CODE, {"this_arn": arn, "this_sha256": sha256})
    return None if row is None else bytes(row[0])


def store_code(transaction: Transaction, arn: str, sha256: str, sealed: bytes) -> None:
    """Give a function its code, in place of what it had."""
    transaction.run(_DELETE_CODE, {"this_arn": arn})
    transaction.run(_INSERT_CODE, {"function_arn": arn, "code_sha256": sha256, "archive": sealed})


def tags_of_function(transaction: Transaction, arn: str) -> dict[str, str]:
    """The tags of a function in the order of their keys."""
    rows = transaction.all(_TAGS_OF, {"this_arn": arn})
    return {row[0]: row[1] for row in rows}


def set_tags(transaction: Transaction, arn: str, tags: Mapping[str, str]) -> None:
    """Add tags, or change the values of those that are there."""
    for key, value in tags.items():
        if not transaction.run(_UPDATE_TAG, {"this_arn": arn, "this_key": key, "value": value}):
            transaction.run(_INSERT_TAG, {"function_arn": arn, "key": key, "value": value})


def remove_tags(transaction: Transaction, arn: str, keys: Iterable[str]) -> None:
    """Take tags away; those that are not there are no matter."""
    for key in keys:
        transaction.run(_DELETE_TAG, {"this_arn": arn, "this_key": key})
