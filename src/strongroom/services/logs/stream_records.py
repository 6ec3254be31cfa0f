"""The rows of log streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import BindParameter, bindparam, case, delete, func, insert, select, update

from strongroom.services.logs.names import GroupReference
from strongroom.store import Statement, Transaction
from strongroom.store.schema import log_events, log_streams

__all__ = [
    "StreamRecord",
    "delete_ended_streams",
    "delete_stream",
    "find_stream",
    "insert_stream",
    "note_events",
    "streams_by_name",
    "streams_by_time",
]


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """A row of ``log_streams``; instants in milliseconds since the epoch.

    Args:
        name: Its name.
        created_ms: When it was made.
        first_event_ms: The timestamp of its oldest event; None before the first.
        last_event_ms: The timestamp of its newest event.
        ingested_ms: When the last event came.
    """

    name: str
    created_ms: int
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    ingested_ms: int | None = None

    @property
    def order_ms(self) -> int:
        """Its place among the streams by time: those without events come first."""
        return self.last_event_ms or 0


_S, _E = log_streams.c, log_events.c
_COLUMNS: Final = (_S.name, _S.created_ms, _S.first_event_ms, _S.last_event_ms, _S.ingested_ms)
_OF: Final = (
    _S.account == bindparam("of_account"),
    _S.region == bindparam("of_region"),
    _S.log_group == bindparam("of_group"),
)
_THIS: Final = (*_OF, _S.name == bindparam("this_name"))
_STARTS: Final = func.substr(_S.name, 1, func.length(bindparam("prefix"))) == bindparam("prefix")
_time = func.coalesce(_S.last_event_ms, 0)

_FIND: Final = Statement(select(*_COLUMNS).where(*_THIS))
_UPWARD: Final = Statement(
    select(*_COLUMNS).where(*_OF, _STARTS, _S.name > bindparam("after")).order_by(_S.name).limit(bindparam("most"))
)
_DOWNWARD: Final = Statement(
    select(*_COLUMNS)
    .where(*_OF, _STARTS, _S.name < bindparam("after"))
    .order_by(_S.name.desc())
    .limit(bindparam("most"))
)
_OLDEST: Final = Statement(
    select(*_COLUMNS)
    .where(
        *_OF,
        (_time > bindparam("after_ms")) | ((_time == bindparam("after_ms")) & (_S.name > bindparam("after"))),
    )
    .order_by(_time, _S.name)
    .limit(bindparam("most"))
)
_NEWEST: Final = Statement(
    select(*_COLUMNS)
    .where(
        *_OF,
        (_time < bindparam("after_ms")) | ((_time == bindparam("after_ms")) & (_S.name < bindparam("after"))),
    )
    .order_by(_time.desc(), _S.name.desc())
    .limit(bindparam("most"))
)
_INSERT: Final = Statement(
    insert(log_streams).values(
        account=bindparam("of_account"),
        region=bindparam("of_region"),
        log_group=bindparam("of_group"),
        name=bindparam("this_name"),
        created_ms=bindparam("created_ms"),
    )
)
_first: BindParameter[int] = bindparam("first_ms")
_last: BindParameter[int] = bindparam("last_ms")
_NOTE: Final = Statement(
    update(log_streams)
    .where(*_THIS)
    .values(
        first_event_ms=case((_S.first_event_ms < _first, _S.first_event_ms), else_=_first),
        last_event_ms=case((_S.last_event_ms > _last, _S.last_event_ms), else_=_last),
        ingested_ms=bindparam("ingested_ms"),
    )
)
_DELETE: Final = Statement(delete(log_streams).where(*_THIS))
_DELETE_ENDED: Final = Statement(delete(log_streams).where(*_OF, _S.last_event_ms < bindparam("before_ms")))
_OF_STREAM: Final = (
    _E.account == bindparam("of_account"),
    _E.region == bindparam("of_region"),
    _E.log_group == bindparam("of_group"),
    _E.log_stream == bindparam("this_name"),
)
_BYTES: Final = Statement(select(func.coalesce(func.sum(func.length(_E.message)), 0)).where(*_OF_STREAM))
_DELETE_EVENTS: Final = Statement(delete(log_events).where(*_OF_STREAM))


def _of(group: GroupReference, name: str | None = None) -> dict[str, object]:
    given: dict[str, object] = {
        "of_account": group.account,
        "of_region": group.region,
        "of_group": group.name,
    }
    return given if name is None else given | {"this_name": name}


def find_stream(transaction: Transaction, group: GroupReference, name: str) -> StreamRecord | None:
    """A stream of a group. One statement."""
    row = transaction.one(_FIND, _of(group, name))
    return None if row is None else StreamRecord(*row)


def streams_by_name(
    transaction: Transaction,
    group: GroupReference,
    after: str,
    most: int,
    *,
    prefix: str = "",
    descending: bool = False,
) -> list[StreamRecord]:
    """Up to ``most`` streams whose names begin with ``prefix``, in the order of names, behind ``after``."""
    first = "\U0010ffff" if descending else ""
    parameters = {**_of(group), "prefix": prefix, "after": after or first, "most": most}
    return [StreamRecord(*row) for row in transaction.all(_DOWNWARD if descending else _UPWARD, parameters)]


def streams_by_time(
    transaction: Transaction, group: GroupReference, after: tuple[int, str] | None, most: int, *, descending: bool
) -> list[StreamRecord]:
    """Up to ``most`` streams in the order of their last events.

    Args:
        transaction: Where they are.
        group: Their group.
        after: `StreamRecord.order_ms` and name of the last stream of the page before.
        most: How many.
        descending: Whether the newest comes first.
    """
    after_ms, name = after or ((1 << 62, "") if descending else (-1, ""))
    parameters = {**_of(group), "after_ms": after_ms, "after": name, "most": most}
    return [StreamRecord(*row) for row in transaction.all(_NEWEST if descending else _OLDEST, parameters)]


def insert_stream(transaction: Transaction, group: GroupReference, name: str, now_ms: int) -> None:
    """Make a stream."""
    transaction.run(_INSERT, {**_of(group, name), "created_ms": now_ms})


def note_events(
    transaction: Transaction, group: GroupReference, name: str, *, first_ms: int, last_ms: int, now_ms: int
) -> bool:
    """Say that events came to a stream, with timestamps from ``first_ms`` to ``last_ms``; False without the stream."""
    parameters = {**_of(group, name), "first_ms": first_ms, "last_ms": last_ms, "ingested_ms": now_ms}
    return transaction.run(_NOTE, parameters) == 1


def delete_stream(transaction: Transaction, group: GroupReference, name: str) -> int:
    """Delete a stream with its events; answer how many bytes their messages had."""
    row = transaction.one(_BYTES, _of(group, name))
    transaction.run(_DELETE_EVENTS, _of(group, name))
    transaction.run(_DELETE, _of(group, name))
    return 0 if row is None else int(row[0])


def delete_ended_streams(transaction: Transaction, group: GroupReference, before_ms: int) -> None:
    """Delete the streams whose last event is older than ``before_ms``; none of their events may be left."""
    transaction.run(_DELETE_ENDED, {**_of(group), "before_ms": before_ms})
