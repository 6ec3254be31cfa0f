"""The queue of asynchronous invocations: rows that are claimed by lease, tried again, and deleted when they are done.

A lease says which process works on a row, and until when it may be believed to; it is renewed while the function runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.keyring import Keyring
from strongroom.store import Statement, Transaction
from strongroom.store.schema import function_events

__all__ = [
    "LEASE_MS",
    "QueuedEvent",
    "any_event_due",
    "claim_events",
    "enqueue_event",
    "finish_event",
    "open_event",
    "put_back_event",
    "release_events",
    "renew_event",
    "seal_event",
]

LEASE_MS: Final = 10_000

_PURPOSE: Final = "function-event"


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """A row of ``function_events``.

    Args:
        id: The request id of the invocation.
        account: The function's account.
        region: Its region.
        function_arn: The function, without a qualifier.
        qualifier: The version or alias that the invocation named.
        event: What the function is given, sealed.
        attempt: How often the function has failed on it.
        throttled: How often in a row there was no room for it.
        accepted_ms: When it came, in milliseconds since the epoch.
    """

    id: str
    account: str
    region: str
    function_arn: str
    qualifier: str | None
    event: bytes = field(repr=False)
    attempt: int
    throttled: int
    accepted_ms: int

    @property
    def invoked_arn(self) -> str:
        """The ARN as the invocation named it."""
        return self.function_arn if self.qualifier is None else f"{self.function_arn}:{self.qualifier}"


_E = function_events.c
_COLUMNS: Final = (
    _E.id,
    _E.account,
    _E.region,
    _E.function_arn,
    _E.qualifier,
    _E.event,
    _E.attempt,
    _E.throttled,
    _E.accepted_ms,
)
_DUE_NOW: Final = (_E.due_ms <= bindparam("now_ms"), _E.lease_ends_ms <= bindparam("now_ms"))
_MINE: Final = (_E.id == bindparam("this_id"), _E.lease_owner == bindparam("this_owner"))

_ANY: Final = Statement(select(_E.id).where(*_DUE_NOW).limit(1))
_DUE: Final = Statement(select(*_COLUMNS).where(*_DUE_NOW).order_by(_E.due_ms).limit(bindparam("most")))
_CLAIM: Final = Statement(
    update(function_events)
    .where(_E.id == bindparam("this_id"))
    .values(lease_owner=bindparam("owner"), lease_ends_ms=bindparam("ends_ms"))
)
_RENEW: Final = Statement(update(function_events).where(*_MINE).values(lease_ends_ms=bindparam("ends_ms")))
_PUT_BACK: Final = Statement(
    update(function_events)
    .where(*_MINE)
    .values(
        attempt=bindparam("attempt"),
        throttled=bindparam("throttled"),
        due_ms=bindparam("due_ms"),
        lease_owner=None,
        lease_ends_ms=0,
    )
)
_RELEASE: Final = Statement(update(function_events).values(lease_owner=None, lease_ends_ms=0))
_INSERT: Final = Statement(
    insert(function_events).values(
        {column.name: bindparam(column.name) for column in _COLUMNS}
        | {"due_ms": bindparam("due_ms"), "lease_owner": None, "lease_ends_ms": 0}
    )
)
_FINISH: Final = Statement(delete(function_events).where(*_MINE))


def seal_event(keyring: Keyring, event_id: str, function_arn: str, payload: bytes) -> bytes:
    """Seal what an invocation gives to a function, for its place in the queue."""
    return keyring.seal_system(_PURPOSE, payload, _context(event_id, function_arn))


def open_event(keyring: Keyring, queued: QueuedEvent) -> bytes:
    """What the function is given.

    Raises:
        InvalidCiphertext: It was altered, or belongs to another invocation.
    """
    return keyring.open_system(_PURPOSE, bytes(queued.event), _context(queued.id, queued.function_arn))


def _context(event_id: str, function_arn: str) -> dict[str, str]:
    return {"RequestId": event_id, "FunctionArn": function_arn}


def enqueue_event(transaction: Transaction, queued: QueuedEvent) -> None:
    """Take an invocation into the queue; it is due at once."""
    values = {column.name: getattr(queued, column.name) for column in _COLUMNS}
    transaction.run(_INSERT, values | {"due_ms": queued.accepted_ms})


def any_event_due(transaction: Transaction, now_ms: int) -> bool:
    """Whether there is anything to claim. A read, so that an idle engine writes nothing."""
    return transaction.one(_ANY, {"now_ms": now_ms}) is not None


def claim_events(transaction: Transaction, owner: str, now_ms: int, most: int) -> list[QueuedEvent]:
    """Claim up to ``most`` invocations that are due and nobody's, the longest overdue first."""
    found = [QueuedEvent(*row) for row in transaction.all(_DUE, {"now_ms": now_ms, "most": most})]
    for queued in found:
        transaction.run(_CLAIM, {"this_id": queued.id, "owner": owner, "ends_ms": now_ms + LEASE_MS})
    return found


def renew_event(transaction: Transaction, queued: QueuedEvent, owner: str, now_ms: int) -> bool:
    """Keep a claim for longer; False when it is lost."""
    parameters = {"this_id": queued.id, "this_owner": owner, "ends_ms": now_ms + LEASE_MS}
    return transaction.run(_RENEW, parameters) == 1


def put_back_event(
    transaction: Transaction, queued: QueuedEvent, owner: str, *, attempt: int, throttled: int, due_ms: int
) -> None:
    """Let go of an invocation that is to be tried again."""
    transaction.run(
        _PUT_BACK,
        {
            "this_id": queued.id,
            "this_owner": owner,
            "attempt": attempt,
            "throttled": throttled,
            "due_ms": due_ms,
        },
    )


def finish_event(transaction: Transaction, queued: QueuedEvent, owner: str) -> bool:
    """Take an invocation out of the queue; False when the claim was lost, so that another sees to it."""
    return transaction.run(_FINISH, {"this_id": queued.id, "this_owner": owner}) == 1


def release_events(transaction: Transaction) -> int:
    """Let go of every claim: for a host that knows it is alone, after its processes were killed."""
    return transaction.run(_RELEASE)
