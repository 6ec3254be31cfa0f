"""LastAccessedDate: the day of the last read, written at most once a day and never on the way of an answer."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from sqlalchemy import bindparam, update

from strongroom.errors import OperatorError
from strongroom.store import Statement, Store, Transaction
from strongroom.store.schema import secret_versions, secrets

__all__ = ["DAY_MS", "AccessDates"]

DAY_MS: Final = 86_400_000

_LOG: Final = logging.getLogger("strongroom.secretsmanager")
_MOST_NOTED: Final = 10_000
_SECRET_READ: Final = Statement(
    update(secrets).where(secrets.c.arn == bindparam("the_arn")).values(accessed_day_ms=bindparam("day_ms"))
)
_VERSION_READ: Final = Statement(
    update(secret_versions)
    .where(secret_versions.c.arn == bindparam("the_arn"), secret_versions.c.version_id == bindparam("the_version_id"))
    .values(accessed_day_ms=bindparam("day_ms"))
)


class AccessDates:
    """Writes the days of reads behind the answers' backs.

    Args:
        store: Where they go.
    """

    __slots__ = ("_noted", "_store", "_tasks")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: set[tuple[str, str, int]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, arn: str, version_id: str, day_ms: int) -> None:
        """Say that a version was read on a day (midnight UTC, in milliseconds). Returns at once."""
        noted = (arn, version_id, day_ms)
        if noted in self._noted:
            return
        if len(self._noted) >= _MOST_NOTED:
            self._noted.clear()
        self._noted.add(noted)
        task = asyncio.create_task(self._write(arn, version_id, day_ms))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._tasks)

    async def _write(self, arn: str, version_id: str, day_ms: int) -> None:
        def work(transaction: Transaction) -> None:
            transaction.run(_SECRET_READ, {"the_arn": arn, "day_ms": day_ms})
            transaction.run(_VERSION_READ, {"the_arn": arn, "the_version_id": version_id, "day_ms": day_ms})

        try:
            await self._store.write(work)
        except OperatorError as error:
            # A date that is a read late is no reason to trouble the reader; the next read tries again.
            self._noted.discard((arn, version_id, day_ms))
            _LOG.warning("the date of a read was not written: %s", error.what)
