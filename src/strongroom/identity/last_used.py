"""When access keys and roles were used last: noted in memory, written once a minute at most, never on a request's way.

AWS tells the use of the last 400 days, some minutes late (IAM User Guide, "Find unused AWS credentials"). Here the date
is exact to a minute, and a second late. What was noted and not yet written when a process ends is lost; the next use
tells again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, or_, update

from strongroom.identity.caller import Caller
from strongroom.identity.credentials import TEMPORARY_KEY
from strongroom.store import Statement, Store, Transaction
from strongroom.store.schema import iam_access_keys, iam_roles

__all__ = ["LastUses"]

_MINUTE_MS: Final = 60_000
_MOST_NOTED: Final = 20_000

_k, _r = iam_access_keys.c, iam_roles.c
_KEY_USED: Final = Statement(
    update(iam_access_keys)
    .where(_k.access_key_id == bindparam("id"), or_(_k.used_ms.is_(None), _k.used_ms < bindparam("at")))
    .values(used_ms=bindparam("at"), used_service=bindparam("name"), used_region=bindparam("place"))
)
_ROLE_USED: Final = Statement(
    update(iam_roles)
    .where(_r.role_id == bindparam("id"), or_(_r.used_ms.is_(None), _r.used_ms < bindparam("at")))
    .values(used_ms=bindparam("at"), used_region=bindparam("place"))
)


@dataclass(frozen=True, slots=True)
class _Use:
    """One use that waits to be written. ``service`` matters for keys only."""

    by_role: bool
    at_ms: int
    service: str
    region: str


class LastUses:
    """Notes who makes requests, and writes it down in turns.

    Args:
        store: Where it is written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: dict[str, int] = {}
        self._waiting: dict[str, _Use] = {}

    def note(self, caller: Caller, service: str, region: str, now_ms: int) -> None:
        """Say that a caller made a request. Costs one look-up when the minute knows already.

        Args:
            caller: Who made it. Sessions of users leave no trace on the key that they were made with, as on AWS.
            service: The service's name in signatures, such as ``secretsmanager``.
            region: The region that it was signed for.
            now_ms: Now, in milliseconds since the epoch.
        """
        minute, key_id, noted = now_ms // _MINUTE_MS, caller.access_key_id, self._noted
        if noted.get(key_id) == minute:
            return
        if len(noted) >= _MOST_NOTED:
            noted.clear()
        by_role = caller.facts.kind == "role-session"
        used = caller.user_id.partition(":")[0] if by_role else key_id
        is_new = noted.get(used) != minute
        noted[key_id] = noted[used] = minute
        if is_new and (by_role or not key_id.startswith(TEMPORARY_KEY)):
            self._waiting[used] = _Use(by_role, now_ms, service, region)

    async def turn(self) -> None:
        """Write what was noted since the last turn.

        Raises:
            StoreError: It could not be written. The next turn tries again.
        """
        if not self._waiting:
            return
        uses, self._waiting = self._waiting, {}

        def work(transaction: Transaction) -> None:
            for used, use in uses.items():
                values = {"id": used, "at": use.at_ms, "place": use.region}
                if use.by_role:
                    transaction.run(_ROLE_USED, values)
                else:
                    transaction.run(_KEY_USED, {**values, "name": use.service})

        written = False
        try:
            await self._store.write(work)
            written = True
        finally:
            if not written:
                self._waiting = {**uses, **self._waiting}
