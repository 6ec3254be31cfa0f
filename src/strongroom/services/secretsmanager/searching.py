"""The secrets of a list: in an order, from a cursor on, as far as they match and the caller may see them.

The first page and the last one cost the same: each order has an index, and a page is sought there by the sort value
and the name at which the page before it ended. Names are unique in an account and region, so they settle every tie.

A page looks at a bounded number of secrets. Filters that match few of them can therefore yield short or even empty
pages with a NextToken, which is what AWS documents of ListSecrets. The filter that people use most, on the start of
names, does not pay for that: where it leaves few secrets, they are taken from the index of names and sorted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, Text, bindparam, func, select, tuple_

from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import compile_resource_policy, secret_context
from strongroom.services.secretsmanager.filters import SecretFilters
from strongroom.services.secretsmanager.paging import Cursor
from strongroom.services.secretsmanager.records import SECRET_COLUMNS, Secret
from strongroom.store import Statement, Transaction
from strongroom.store.schema import secrets

__all__ = ["LIST_ACTION", "ListQuery", "Page", "list_page"]

LIST_ACTION: Final = "secretsmanager:ListSecrets"

_EXAMINED: Final = 1_000
"""How many secrets one page looks at: at a few microseconds each, a page holds its worker up for some milliseconds."""
_FEW: Final = 2_000
"""How many secrets with a name are taken together and sorted in memory."""
_ROWS_AT_ONCE: Final = 200

_Part: TypeAlias = Literal["all", "dated", "undated"]
"""Secrets that were never read have no date to seek by: for that order they are a list of their own."""

_BY_ACCESS: Final = "last-accessed-date"
_SORT_COLUMNS: Final = {
    "created-date": secrets.c.created_ms,
    "last-changed-date": secrets.c.changed_ms,
    _BY_ACCESS: secrets.c.accessed_day_ms,
    "name": secrets.c.name,
}
_OWN: Final = (secrets.c.account == bindparam("account"), secrets.c.region == bindparam("region"))
_NAMED: Final = (*_OWN, secrets.c.name >= bindparam("first"), secrets.c.name < bindparam("end"))
_COUNT_NAMED: Final = Statement(
    select(func.count()).select_from(select(secrets.c.name).where(*_NAMED).limit(bindparam("most")).subquery())
)
_BY_PREFIX: Final = Statement(select(*SECRET_COLUMNS).where(*_NAMED).limit(bindparam("most")))


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What to list.

    Attributes:
        filters: The filters, compiled.
        planned_deletion: Whether secrets in their recovery window are wanted too.
        sort_by: A value of the model's SortByType.
        descending: The order.
        most: The size of a page.
        after: Where the page before ended; None for the first page.
    """

    filters: SecretFilters
    planned_deletion: bool
    sort_by: str
    descending: bool
    most: int
    after: Cursor | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some secrets, and where they end if there may be more."""

    secrets: list[Secret]
    next_cursor: Cursor | None


def list_page(transaction: Transaction, call: Call, query: ListQuery) -> Page:
    """One page of the secrets in the call's account and region that match a query.

    A secret on which the caller is denied ListSecrets is left out, although AWS itself decides ListSecrets as a whole:
    what a Deny hides stays hidden here.
    """
    found: list[Secret] = []
    cursor = query.after
    candidates: Iterable[Secret] | None = _few_by_name(transaction, call, query)
    if candidates is None:
        candidates = _walk(transaction, call, query)
    for examined, secret in enumerate(candidates):
        if examined == _EXAMINED:
            return Page(found, cursor)
        if _is_visible(call, secret, query):
            if len(found) == query.most:
                return Page(found, cursor)
            found.append(secret)
        cursor = _cursor(secret, query.sort_by)
    return Page(found, None)


def _is_visible(call: Call, secret: Secret, query: ListQuery) -> bool:
    if secret.deleted_ms is not None and not query.planned_deletion:
        return False
    return query.filters.match(secret) and call.allows(
        LIST_ACTION,
        secret.arn,
        policy=compile_resource_policy(secret.policy) if secret.policy is not None else None,
        context=secret_context(secret),
    )


def _cursor(secret: Secret, sort_by: str) -> Cursor:
    if sort_by == "name":
        return secret.name, secret.name
    if sort_by == _BY_ACCESS:
        return secret.accessed_day_ms, secret.name
    return (secret.changed_ms if sort_by == "last-changed-date" else secret.created_ms), secret.name


def _walk(transaction: Transaction, call: Call, query: ListQuery) -> Iterator[Secret]:
    """Every secret of the account and region after the cursor, in order, fetched as it is asked for."""
    after = query.after
    most = query.most + 1
    parameters: dict[str, object] = {"account": call.account, "region": call.region}
    for part in _parts(query):
        while True:
            statement = _page_statement(query.sort_by, part, descending=query.descending, continued=after is not None)
            if after is not None:
                parameters["value"], parameters["tie"] = after
            rows = transaction.all(statement, {**parameters, "most": most})
            for row in rows:
                secret = Secret(*row)
                yield secret
                after = _cursor(secret, query.sort_by)
            if len(rows) < most:
                break
            most = _ROWS_AT_ONCE
        after = None


def _parts(query: ListQuery) -> tuple[_Part, ...]:
    """The parts of the list that are left to walk. Never read counts as the earliest date."""
    if query.sort_by != _BY_ACCESS:
        return ("all",)
    parts: tuple[_Part, ...] = ("dated", "undated") if query.descending else ("undated", "dated")
    if query.after is None:
        return parts
    return parts[parts.index("undated" if query.after[0] is None else "dated") :]


@lru_cache(maxsize=32)
def _page_statement(sort_by: str, part: _Part, *, descending: bool, continued: bool) -> Statement:
    """Secrets of an account and region in an order; from the beginning, or from after a cursor."""
    column, name = _SORT_COLUMNS[sort_by], secrets.c.name
    by_name = sort_by == "name" or part == "undated"
    found = select(*SECRET_COLUMNS).where(*_OWN)
    if part != "all":
        found = found.where(column.is_(None) if part == "undated" else column.is_not(None))
    if continued:
        tie = bindparam("tie", type_=Text())
        if by_name:
            later, earlier = name > tie, name < tie
        else:
            # A comparison of rows, which both engines look up in the index; the same with OR they do not.
            end = tuple_(bindparam("value", type_=BigInteger()), tie)
            later, earlier = tuple_(column, name) > end, tuple_(column, name) < end
        found = found.where(earlier if descending else later)
    order: Sequence[ColumnElement[int] | ColumnElement[str]] = [name] if by_name else [column, name]
    ordered = found.order_by(*(each.desc() if descending else each for each in order))
    return Statement(ordered.limit(bindparam("most")))


def _few_by_name(transaction: Transaction, call: Call, query: ListQuery) -> list[Secret] | None:
    """The secrets after the cursor whose names the filters admit, in order; None when these may be many."""
    if query.filters.name_prefixes is None:
        return None
    named: dict[str, Secret] = {}
    for prefix in query.filters.name_prefixes:
        parameters: dict[str, object] = {
            "account": call.account,
            "region": call.region,
            "first": prefix,
            "end": prefix[:-1] + chr(ord(prefix[-1]) + 1),
            "most": _FEW + 1,
        }
        counted = transaction.one(_COUNT_NAMED, parameters)
        if counted is None or counted[0] + len(named) > _FEW:
            return None
        found = (Secret(*row) for row in transaction.all(_BY_PREFIX, parameters))
        named.update((secret.name, secret) for secret in found)

    def place(cursor: Cursor) -> tuple[int | str, str]:
        return (-1 if cursor[0] is None else cursor[0]), cursor[1]

    ordered = sorted(
        ((place(_cursor(secret, query.sort_by)), secret) for secret in named.values()),
        key=lambda placed: placed[0],
        reverse=query.descending,
    )
    if query.after is None:
        return [secret for _, secret in ordered]
    after = place(query.after)
    return [secret for at, secret in ordered if (at < after if query.descending else at > after)]
