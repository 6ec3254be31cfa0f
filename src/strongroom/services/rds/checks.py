"""Logging in with the current master credentials: by schedule, on demand, and after a request was cut short.

A check that fails says that a password was changed behind the service's back, or that the server is away. The row
keeps why, until a check succeeds, which is tried every minute; the trail is told when that changes.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from strongroom.errors import AwsError, StrongroomError
from strongroom.services.clients import SecretsClient
from strongroom.services.rds.base import SETTLE_MS
from strongroom.services.rds.credentials import OWNER, Credentials
from strongroom.services.rds.engines import DatabaseError, Login
from strongroom.services.rds.events import record_check_event
from strongroom.services.rds.records import (
    Database,
    count_problems,
    database_by_arn,
    due_for_check,
    hurry_changes,
    update_database,
)
from strongroom.services.rds.service import Rds
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["DatabaseChecks"]

_LOG: Final = logging.getLogger("strongroom.rds")
_AT_ONCE: Final = 16
_MINUTE_MS: Final = 60_000
_NEVER_MS: Final = 2**53


class DatabaseChecks:
    """Checks what is due, in turns. Any number of processes may.

    Args:
        store: Where databases are.
        world: Clock and entropy.
        rds: The service.
        secrets: Secrets Manager.
        minutes: How often each database is checked; 0 for on demand only.
    """

    def __init__(self, store: Store, world: World, rds: Rds, secrets: SecretsClient, minutes: int) -> None:
        self._store = store
        self._world = world
        self._credentials: Final[Credentials] = rds.credentials
        self._secrets = secrets
        self._interval_ms = minutes * _MINUTE_MS

    async def recover(self, *, sole_owner: bool) -> None:
        """Take up at once the changes of passwords that were cut short.

        Args:
            sole_owner: No other process can be working on them: true on a store that one host owns.
        """
        if sole_owner:
            await self._store.write(hurry_changes)

    async def turn(self) -> None:
        """Check every database that is due now."""
        now_ms = self._world.clock.milliseconds()
        due = await self._store.read(lambda transaction: due_for_check(transaction, now_ms, _AT_ONCE), single=True)
        claimed = []
        for database in due:
            if await self._store.write(lambda transaction, found=database: self._claim(transaction, found)):  # type: ignore[misc]
                claimed.append(database.arn)
        await asyncio.gather(*map(self.check, claimed))

    def _claim(self, transaction: Transaction, found: Database) -> bool:
        """Set the time of the next check; whether nobody else did meanwhile."""
        database = database_by_arn(transaction, found.arn)
        if database is None or database.next_check_ms != found.next_check_ms:
            return False
        now_ms = self._world.clock.milliseconds()
        if database.next_password is not None:
            following = now_ms + SETTLE_MS
        else:
            following = now_ms + self._interval_ms if self._interval_ms else _NEVER_MS
        update_database(transaction, database.arn, next_check_ms=following)
        return True

    def count_problems(self, transaction: Transaction) -> int:
        """How many databases did not take their credential at the last check, over all accounts."""
        return count_problems(transaction)

    async def check(self, arn: str) -> None:
        """Log in to one database now, and keep how that ended. A change of its password that is waiting is made first.

        Args:
            arn: The database.
        """
        problem: tuple[str, str] | None = None
        found: tuple[Database, Login] | None = None
        try:
            await self._credentials.finish_change(arn)
            found = await self._store.read(lambda transaction: self._current(transaction, arn))
            if found is not None:
                await self._credentials.databases.log_in(found[0].server, found[1])
        except DatabaseError as failure:
            problem = failure.code, str(failure)
        except AwsError as refusal:
            problem = refusal.code, "The secret of the master credential cannot be read."
        except StrongroomError as error:  # the keyring or the store could not: the next check tells
            _LOG.warning("the credential of %s could not be checked: %s", arn, error)
            return
        tried = None if found is None else found[1]
        await self._store.write(lambda transaction: self._keep(transaction, arn, tried, problem))

    def _current(self, transaction: Transaction, arn: str) -> tuple[Database, Login] | None:
        database = database_by_arn(transaction, arn)
        if database is None or database.master_username is None:
            return None
        logins = self._credentials.logins(transaction, database, "AWSCURRENT")
        return (database, logins[0]) if logins else None

    def _keep(self, transaction: Transaction, arn: str, tried: Login | None, problem: tuple[str, str] | None) -> None:
        database = database_by_arn(transaction, arn)
        if database is None:
            return
        now_ms = self._world.clock.milliseconds()
        if problem is not None and self._rotates(transaction, database):
            # Between the new password in the server and the new label: not a problem, and soon over.
            update_database(transaction, arn, next_check_ms=now_ms + SETTLE_MS)
            return
        if tried is not None and self._is_outdated(transaction, arn, tried):
            update_database(transaction, arn, next_check_ms=now_ms)
            return
        text = None if problem is None else f"{problem[0]}: {problem[1]}"
        update_database(transaction, arn, checked_ms=now_ms, problem=text)
        if problem is not None and self._interval_ms:
            soon = min(now_ms + _MINUTE_MS, database.next_check_ms)
            update_database(transaction, arn, next_check_ms=soon)
        if text == database.problem:
            return
        if problem is None:
            record_check_event(transaction, self._world.entropy, database, "MasterCredentialCheckSucceeded", now_ms)
            return
        _LOG.warning("the master credential of %s does not log in: %s", arn, problem[1])
        record_check_event(transaction, self._world.entropy, database, "MasterCredentialCheckFailed", now_ms, problem)

    def _is_outdated(self, transaction: Transaction, arn: str, tried: Login) -> bool:
        """Whether the credential has changed while it was tried: the outcome says nothing about the new one."""
        try:
            found = self._current(transaction, arn)
        except AwsError:
            return False
        return found is not None and found[1] != tried

    def _rotates(self, transaction: Transaction, database: Database) -> bool:
        if database.secret_arn is None:
            return False
        managed = self._secrets.describe_managed(transaction, OWNER, database.secret_arn)
        return managed is not None and managed.rotation == "running"
