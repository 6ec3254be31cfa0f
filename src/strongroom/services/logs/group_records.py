"""The rows of log groups, with their tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from strongroom.services.logs.names import GroupReference
from strongroom.store import Statement, Transaction
from strongroom.store.schema import log_events, log_group_tags, log_groups

__all__ = [
    "GroupRecord",
    "add_stored_bytes",
    "all_groups",
    "delete_group",
    "find_group",
    "groups_after",
    "insert_group",
    "remove_group_tags",
    "set_group_tags",
    "set_retention",
    "tags_of_group",
]


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A row of ``log_groups``.

    Args:
        account: The account that owns it.
        region: Its region.
        name: Its name.
        created_ms: When it was made, in milliseconds since the epoch.
        retention_days: How long events are kept; None for as long as the installation keeps them.
        stored_bytes: How many bytes its sealed messages have.
    """

    account: str
    region: str
    name: str
    created_ms: int
    retention_days: int | None
    stored_bytes: int

    @property
    def reference(self) -> GroupReference:
        """What names it."""
        return GroupReference(self.account, self.region, self.name)


_G, _T, _E = log_groups.c, log_group_tags.c, log_events.c
_COLUMNS: Final = (_G.account, _G.region, _G.name, _G.created_ms, _G.retention_days, _G.stored_bytes)
_OWNED: Final = (_G.account == bindparam("of_account"), _G.region == bindparam("of_region"))
_THIS: Final = (*_OWNED, _G.name == bindparam("this_name"))

_FIND: Final = Statement(select(*_COLUMNS).where(*_THIS))
_ALL: Final = Statement(select(*_COLUMNS))
_PAGE: Final = Statement(
    select(*_COLUMNS)
    .where(
        *_OWNED,
        _G.name > bindparam("after"),
        func.substr(_G.name, 1, func.length(bindparam("prefix"))) == bindparam("prefix"),
        func.replace(_G.name, bindparam("part"), "") != _G.name,
    )
    .order_by(_G.name)
    .limit(bindparam("most"))
)
_PAGE_OF_ALL: Final = Statement(
    select(*_COLUMNS)
    .where(
        *_OWNED,
        _G.name > bindparam("after"),
        func.substr(_G.name, 1, func.length(bindparam("prefix"))) == bindparam("prefix"),
    )
    .order_by(_G.name)
    .limit(bindparam("most"))
)
_INSERT: Final = Statement(
    insert(log_groups).values(
        account=bindparam("account"),
        region=bindparam("region"),
        name=bindparam("name"),
        created_ms=bindparam("created_ms"),
        retention_days=None,
        stored_bytes=0,
    )
)
_SET_RETENTION: Final = Statement(update(log_groups).where(*_THIS).values(retention_days=bindparam("days")))
_ADD_BYTES: Final = Statement(
    update(log_groups).where(*_THIS).values(stored_bytes=_G.stored_bytes + bindparam("change"))
)
_DELETE: Final = Statement(delete(log_groups).where(*_THIS))
_DELETE_EVENTS: Final = Statement(
    delete(log_events).where(
        _E.account == bindparam("of_account"),
        _E.region == bindparam("of_region"),
        _E.log_group == bindparam("this_name"),
    )
)

_OF_GROUP: Final = (
    _T.account == bindparam("of_account"),
    _T.region == bindparam("of_region"),
    _T.log_group == bindparam("this_name"),
)
_TAGS: Final = Statement(select(_T.key, _T.value).where(*_OF_GROUP).order_by(_T.key))
_INSERT_TAG: Final = Statement(
    insert(log_group_tags).values(
        account=bindparam("of_account"),
        region=bindparam("of_region"),
        log_group=bindparam("this_name"),
        key=bindparam("key"),
        value=bindparam("value"),
    )
)
_DELETE_TAG: Final = Statement(delete(log_group_tags).where(*_OF_GROUP, _T.key == bindparam("this_key")))


def _of(reference: GroupReference) -> dict[str, object]:
    return {"of_account": reference.account, "of_region": reference.region, "this_name": reference.name}


def find_group(transaction: Transaction, reference: GroupReference) -> GroupRecord | None:
    """The group that ``reference`` names. One statement."""
    row = transaction.one(_FIND, _of(reference))
    return None if row is None else GroupRecord(*row)


def all_groups(transaction: Transaction) -> list[GroupRecord]:
    """Every group of the installation, for maintenance."""
    return [GroupRecord(*row) for row in transaction.all(_ALL)]


def groups_after(
    transaction: Transaction, account: str, region: str, after: str, most: int, *, prefix: str = "", part: str = ""
) -> list[GroupRecord]:
    """Up to ``most`` groups behind the name ``after``, in the order of names.

    Args:
        transaction: Where they are.
        account: Their account.
        region: Their region.
        after: The last name of the page before.
        most: How many.
        prefix: What the names begin with.
        part: What the names hold.
    """
    parameters = {"of_account": account, "of_region": region, "after": after, "prefix": prefix, "most": most}
    rows = transaction.all(_PAGE, parameters | {"part": part}) if part else transaction.all(_PAGE_OF_ALL, parameters)
    return [GroupRecord(*row) for row in rows]


def insert_group(transaction: Transaction, reference: GroupReference, now_ms: int) -> None:
    """Make a group."""
    transaction.run(
        _INSERT,
        {
            "account": reference.account,
            "region": reference.region,
            "name": reference.name,
            "created_ms": now_ms,
        },
    )


def set_retention(transaction: Transaction, reference: GroupReference, days: int | None) -> None:
    """Say how long a group's events are kept."""
    transaction.run(_SET_RETENTION, {**_of(reference), "days": days})


def add_stored_bytes(transaction: Transaction, reference: GroupReference, change: int) -> None:
    """Say that a group's sealed messages have so many bytes more, or less."""
    transaction.run(_ADD_BYTES, {**_of(reference), "change": change})


def delete_group(transaction: Transaction, reference: GroupReference) -> None:
    """Delete a group with its tags, streams and events."""
    transaction.run(_DELETE_EVENTS, _of(reference))
    transaction.run(_DELETE, _of(reference))


def tags_of_group(transaction: Transaction, reference: GroupReference) -> dict[str, str]:
    """The tags of a group in the order of their keys."""
    return {row[0]: row[1] for row in transaction.all(_TAGS, _of(reference))}


def set_group_tags(transaction: Transaction, reference: GroupReference, tags: Mapping[str, str]) -> None:
    """Add tags, or change the values of those that are there."""
    remove_group_tags(transaction, reference, tags)
    for key, value in tags.items():
        transaction.run(_INSERT_TAG, {**_of(reference), "key": key, "value": value})


def remove_group_tags(transaction: Transaction, reference: GroupReference, keys: Iterable[str]) -> None:
    """Take tags away; those that are not there are no matter."""
    for key in keys:
        transaction.run(_DELETE_TAG, {**_of(reference), "this_key": key})
