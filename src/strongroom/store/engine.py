"""What the rest of the house sees of a database: a store, and transactions in it.

Work is handed to the store as a function of a transaction. The store may run a write more than once (PostgreSQL
answers a conflict by asking for a retry), so such a function changes nothing but the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from strongroom.errors import OperatorError
from strongroom.store.statements import Statement

__all__ = ["Journal", "Row", "Store", "StoreError", "Transaction"]

T = TypeVar("T")
Row = tuple[Any, ...]


class StoreError(OperatorError):
    """The database cannot do its work: unreachable, full, damaged, or not ours."""


class Journal(Protocol):
    """Where the events of a write must stand, durably, before the write may commit."""

    def append_now(self, events: Sequence[bytes]) -> None:
        """Return once every event is durable; raise when it cannot be, and the write is rolled back."""
        ...


class Transaction(Protocol):
    """One transaction. Every method is synchronous and sees what this transaction wrote before."""

    def all(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Every row that a select answers."""
        ...

    def one(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> Row | None:
        """The first row that a select answers, or None."""
        ...

    def run(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> int:
        """Run an insert, update or delete; answer how many rows it touched."""
        ...

    def record(self, event: bytes) -> None:
        """Add an audit event that must be durable before this transaction commits."""
        ...

    def epoch(self) -> int:
        """The epoch of policies, keys, grants and credentials that this transaction sees."""
        ...

    def raise_epoch(self) -> None:
        """Say that something a cache may hold has changed: every worker forgets before its next request."""
        ...


class Store(Protocol):
    """One open database."""

    engine: str

    async def epoch(self) -> int:
        """The newest committed epoch. On SQLite this costs less than a microsecond when nothing was written."""
        ...

    def seen(self) -> int | None:
        """The version of the data that `epoch` met last: as long as `version` answers the same, nothing was committed.

        None where the engine does not tell.
        """
        ...

    def version(self) -> int | None:
        """A number that changes with every commit by any process. None where the engine does not tell for free."""
        ...

    async def read(self, work: Callable[[Transaction], T], *, single: bool = False) -> T:
        """Run ``work`` on one consistent view of the data.

        Args:
            work: What to do. It must not write.
            single: Say True when ``work`` makes at most one statement, which needs no transaction around it.
        """
        ...

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one durable transaction; when this returns, it is on disk.

        Raises:
            StoreError: The database could not do it.
            Exception: What ``work`` or the journal raised; the transaction is rolled back then.
        """
        ...

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        """`read` for code that has no event loop (start-up, the command line)."""
        ...

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """`write` for code that has no event loop."""
        ...

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        ...
