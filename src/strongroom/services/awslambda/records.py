"""The rows of functions as they are now (``$LATEST``), with their code and their tags.

Published versions, aliases, layers and events have files of their own: ``*_records``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from strongroom.services.awslambda.names import LATEST
from strongroom.store import Statement, Transaction
from strongroom.store.schema import function_codes, function_tags, function_versions, functions, layer_versions, layers

__all__ = [
    "FunctionRecord",
    "count_functions",
    "delete_function",
    "drop_unused_code",
    "find_code",
    "find_function",
    "functions_after",
    "insert_function",
    "remove_tags",
    "reserved_elsewhere",
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
        kms_key_arn: The key that the function's owner wants its environment sealed under; None for ``aws/lambda``.
        environment_key: The key that it is sealed under; None for one that was sealed before KMS keys did that.
        layers: What `strongroom.services.awslambda.layer_uses` reads; None without layers.
        temporary_megabytes: The size of ``/tmp`` in MiB; None for Lambda's default.
        last_version: The number of the version that was published last; None before the first.
        reserved_concurrency: How many invocations may run at once; None for any number.
        number: The number of a published version; None for ``$LATEST``.
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
    environment_key: str | None = None
    layers: str | None = None
    temporary_megabytes: int | None = None
    last_version: int | None = None
    reserved_concurrency: int | None = None
    number: int | None = None

    @property
    def version(self) -> str:
        """``$LATEST``, or the number of a published version."""
        return LATEST if self.number is None else str(self.number)

    @property
    def version_arn(self) -> str:
        """The ARN with the version behind it."""
        return f"{self.arn}:{self.version}"


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
    _functions.environment_key,
    _functions.layers,
    _functions.temporary_megabytes,
    _functions.last_version,
    _functions.reserved_concurrency,
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
_OWNED: Final = (_functions.account == bindparam("of_account"), _functions.region == bindparam("of_region"))
_CODE_BYTES: Final = Statement(
    select(
        func.coalesce(select(func.sum(_functions.code_bytes)).where(*_OWNED).scalar_subquery(), 0),
        func.coalesce(
            select(func.sum(function_versions.c.code_bytes))
            .select_from(function_versions.join(functions, function_versions.c.function_arn == _functions.arn))
            .where(*_OWNED)
            .scalar_subquery(),
            0,
        ),
        func.coalesce(
            select(func.sum(layer_versions.c.code_bytes))
            .select_from(layer_versions.join(layers, layer_versions.c.layer_arn == layers.c.arn))
            .where(layers.c.account == bindparam("of_account"), layers.c.region == bindparam("of_region"))
            .scalar_subquery(),
            0,
        ),
    )
)
_COUNT: Final = Statement(select(func.count()).select_from(functions).where(*_OWNED))
_RESERVED: Final = Statement(
    select(func.coalesce(func.sum(_functions.reserved_concurrency), 0)).where(
        *_OWNED, _functions.arn != bindparam("but_for")
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
_UNUSED_CODE: Final = Statement(
    delete(function_codes).where(
        _codes.function_arn == bindparam("this_arn"),
        _codes.code_sha256.not_in(select(_functions.code_sha256).where(_functions.arn == bindparam("this_arn"))),
        _codes.code_sha256.not_in(
            select(function_versions.c.code_sha256).where(function_versions.c.function_arn == bindparam("this_arn"))
        ),
    )
)
_HAS_CODE: Final = Statement(
    select(_codes.code_sha256).where(
        _codes.function_arn == bindparam("this_arn"), _codes.code_sha256 == bindparam("this_sha256")
    )
)
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
    """How many bytes the zip archives of an account in a region have: functions, versions and layers."""
    return sum(int(size) for size in transaction.one(_CODE_BYTES, {"of_account": account, "of_region": region}) or ())


def count_functions(transaction: Transaction, account: str, region: str) -> int:
    """How many functions an account has in a region."""
    row = transaction.one(_COUNT, {"of_account": account, "of_region": region})
    return 0 if row is None else int(row[0])


def reserved_elsewhere(transaction: Transaction, account: str, region: str, arn: str = "") -> int:
    """How much concurrency is reserved in an account and region, without what the function ``arn`` has."""
    row = transaction.one(_RESERVED, {"of_account": account, "of_region": region, "but_for": arn})
    return 0 if row is None else int(row[0])


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
    """Keep an archive of a function; nothing changes when it has this one already."""
    if transaction.one(_HAS_CODE, {"this_arn": arn, "this_sha256": sha256}) is None:
        transaction.run(_INSERT_CODE, {"function_arn": arn, "code_sha256": sha256, "archive": sealed})


def drop_unused_code(transaction: Transaction, arn: str) -> None:
    """Delete the archives of a function that neither ``$LATEST`` nor a published version has."""
    transaction.run(_UNUSED_CODE, {"this_arn": arn})


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
