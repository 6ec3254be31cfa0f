"""Logins to databases as an operator sees and mends them: of registered ones, and what secrets hold."""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.clients import DatabaseClient, DatabaseView, LoginTrial
from strongroom.world import from_milliseconds

__all__ = ["DatabaseOperations"]


class DatabaseOperations:
    """The operations on databases.

    Args:
        databases: The databases.
    """

    def __init__(self, databases: DatabaseClient) -> None:
        self._databases = databases

    async def check_databases(self, call: Call, *, Identifiers: list[str] | None = None) -> dict[str, object]:
        """Log in to databases with their current master credentials, and show how that ended.

        Raises:
            AwsError: Access denied, or there is no such database.
        """
        found = await self._databases.check(call, f"strongroom:{call.operation}", Identifiers or ())
        return {"Databases": [_shape(view) for view in found]}

    async def repair_database(
        self, call: Call, *, Identifier: str, Password: str, Username: str | None = None
    ) -> dict[str, object]:
        """Give the master user of a database the password that its secret has.

        Raises:
            AwsError: Access denied, there is no such database, or it does not let that user in or change it.
        """
        view = await self._databases.repair(call, f"strongroom:{call.operation}", Identifier, Username, Password)
        return {"Database": _shape(view)}

    async def try_logins(self, call: Call, *, SecretIds: list[str]) -> dict[str, object]:
        """Log in to databases with the values of secrets, and show how that ended. Nothing is changed.

        Raises:
            AwsError: Access denied.
        """
        found = await self._databases.try_logins(call, f"strongroom:{call.operation}", SecretIds)
        return {"Logins": [_login_shape(trial) for trial in found]}


def _login_shape(trial: LoginTrial) -> dict[str, object]:
    """``LoginType``."""
    return {
        "SecretId": trial.secret_id,
        "Outcome": trial.outcome,
        "Address": trial.address,
        "Username": trial.username,
        "Reason": trial.reason,
    }


def _shape(view: DatabaseView) -> dict[str, object]:
    """``DatabaseType``."""
    return {
        "ARN": view.arn,
        "Identifier": view.identifier,
        "Engine": view.engine,
        "Host": view.host,
        "Port": view.port,
        "Username": view.username,
        "SecretARN": view.secret_arn,
        "CheckedDate": None if view.checked_ms is None else from_milliseconds(view.checked_ms),
        "Problem": view.problem,
    }
