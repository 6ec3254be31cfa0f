"""Registered databases, for the operator's service.

RDS implements `DatabaseClient` (``rds/client.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from strongroom.services.call import Call

__all__ = ["DatabaseClient", "DatabaseView", "LoginTrial"]


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """One registered database and how the last check of its master credential ended.

    Args:
        arn: Its ARN.
        identifier: Its identifier.
        engine: RDS's name of its engine.
        host: Where it is.
        port: Its TCP port.
        username: Its master user.
        secret_arn: The secret that has the credential, when it is managed.
        checked_ms: When it was last checked, in milliseconds since the epoch; None for never.
        problem: Why the credential does not log in, in words that hold no secret; None when it does.
    """

    arn: str
    identifier: str
    engine: str
    host: str
    port: int
    username: str
    secret_arn: str | None
    checked_ms: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class LoginTrial:
    """How it ended to log in with the value of a secret.

    Args:
        secret_id: The secret, as it was asked for.
        outcome: ``logs-in``; ``refused``: the database answers and does not let that user in; ``unreachable``: it
            cannot be told now; or ``unknown``: the value holds no login of a known kind, or may not be read.
        address: The database, ``host:port``; None when it is not known.
        username: Its user; None when it is not known.
        reason: Why it does not log in, in words that hold no secret; None when it does.
    """

    secret_id: str
    outcome: str
    address: str | None = None
    username: str | None = None
    reason: str | None = None


class DatabaseClient(Protocol):
    """Logins to databases, for an operator: master credentials of registered ones, and what secrets hold.

    Each method asks for ``action`` first.
    """

    async def check(self, call: Call, action: str, identifiers: Sequence[str]) -> list[DatabaseView]:
        """Log in to databases with their current credentials, now.

        Args:
            call: The call.
            action: Such as ``strongroom:CheckDatabases``.
            identifiers: Identifiers or ARNs; all of the account and region when there are none.

        Raises:
            AwsError: Access denied, or there is no such database.
        """
        ...

    async def repair(
        self, call: Call, action: str, identifier: str, username: str | None, password: str
    ) -> DatabaseView:
        """Give the master user the password that it should have.

        Args:
            call: The call.
            action: Such as ``strongroom:RepairDatabase``.
            identifier: An identifier or ARN.
            username: Who changes it: a user that may; the master user itself by default.
            password: The present password of that user.

        Raises:
            AwsError: Access denied, there is no such database, or it does not let that user in or change it.
        """
        ...

    async def try_logins(self, call: Call, action: str, secret_ids: Sequence[str]) -> list[LoginTrial]:
        """Log in to databases with the AWSCURRENT values of secrets, now. Nothing is changed.

        The caller needs the right to read each value, as for GetSecretValue; what it may not read is ``unknown``.

        Args:
            call: The call.
            action: Such as ``strongroom:TryLogins``.
            secret_ids: Names or ARNs; a secret that a database's service manages by its ARN.

        Raises:
            AwsError: Access denied to the operation itself.
        """
        ...
