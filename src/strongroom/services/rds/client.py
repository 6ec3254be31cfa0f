"""Registered databases for the operator's service: checking and repairing master credentials."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.clients import DatabaseView, LoginTrial
from strongroom.services.rds.access import database_context
from strongroom.services.rds.checks import DatabaseChecks
from strongroom.services.rds.credentials import Credentials
from strongroom.services.rds.engines import DatabaseError, Login
from strongroom.services.rds.names import CLUSTER, INSTANCE, Reference, parse_reference
from strongroom.services.rds.records import Database, database_by_arn, find_database, list_databases
from strongroom.services.rds.service import Rds
from strongroom.store import Store, Transaction

__all__ = ["DatabaseServiceClient"]


class DatabaseServiceClient:
    """Implements `strongroom.services.clients.DatabaseClient`, whose texts say what each method does.

    Args:
        rds: The service.
        checks: Checks credentials.
    """

    def __init__(self, rds: Rds, checks: DatabaseChecks) -> None:
        self._store: Final[Store] = rds.store
        self._credentials: Final[Credentials] = rds.credentials
        self._trials = rds.trials
        self._checks = checks

    async def check(self, call: Call, action: str, identifiers: Sequence[str]) -> list[DatabaseView]:
        """Log in to databases with their current credentials, now.

        Raises:
            AwsError: Access denied, or there is no such database.
        """

        def choose(transaction: Transaction) -> list[str]:
            call.progress.resources.clear()
            if identifiers:
                return [_authorized(transaction, call, action, identifier).arn for identifier in identifiers]
            call.authorize(action, "*")
            found = (
                database
                for kind in (INSTANCE, CLUSTER)
                for database in list_databases(transaction, call.account, call.region, kind)
            )
            return [database.arn for database in found if database.master_username is not None]

        arns = await call.read(choose)
        await asyncio.gather(*map(self._checks.check, arns))
        views = [await self._view(arn) for arn in arns]
        return [view for view in views if view is not None]

    async def repair(
        self, call: Call, action: str, identifier: str, username: str | None, password: str
    ) -> DatabaseView:
        """Give the master user the password that it should have.

        Raises:
            AwsError: Access denied, there is no such database, or it does not let that user in or change it.
        """

        def load(transaction: Transaction) -> tuple[Database, list[Login]]:
            call.progress.resources.clear()
            database = _authorized(transaction, call, action, identifier)
            return database, self._credentials.logins(transaction, database, "AWSCURRENT")

        database, logins = await call.read(load)
        if not logins:
            raise _invalid("The database has no credential to bring back.")
        by = Login(username or logins[0].username, password)
        try:
            if not await self._credentials.databases.takes(database.server, logins[0]):
                await self._credentials.databases.change_password(database.server, by, logins[0])
        except DatabaseError as failure:
            raise _invalid(str(failure)) from None
        await self._checks.check(database.arn)
        view = await self._view(database.arn)
        if view is None:
            raise _missing(identifier)
        return view

    async def try_logins(self, call: Call, action: str, secret_ids: Sequence[str]) -> list[LoginTrial]:
        """Log in to databases with the values of secrets, now.

        Raises:
            AwsError: Access denied.
        """
        return await self._trials.try_logins(call, action, secret_ids)

    async def _view(self, arn: str) -> DatabaseView | None:
        database = await self._store.read(lambda transaction: database_by_arn(transaction, arn), single=True)
        if database is None:
            return None
        return DatabaseView(
            arn=database.arn,
            identifier=database.identifier,
            engine=database.engine,
            host=database.host,
            port=database.port,
            username=database.master_username or "",
            secret_arn=database.secret_arn,
            checked_ms=database.checked_ms,
            problem=database.problem,
        )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)


def _missing(identifier: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"There is no database {identifier} with a credential of its own.")


def _authorized(transaction: Transaction, call: Call, action: str, identifier: str) -> Database:
    """The instance or else the cluster of a name, once the caller may do this to it."""
    kinds = (CLUSTER, INSTANCE) if ":cluster:" in identifier else (INSTANCE, CLUSTER)
    references: list[Reference] = [parse_reference(kind, identifier, call.account, call.region) for kind in kinds]
    found = ((reference, find_database(transaction, reference)) for reference in references)
    reference, database = next(((one, row) for one, row in found if row is not None), (references[0], None))
    call.authorize(action, reference.arn, context={} if database is None else database_context(database))
    if database is None or database.master_username is None:
        raise _missing(identifier)
    call.touches(database.arn, reference.kind.resource_type, database.account)
    return database
