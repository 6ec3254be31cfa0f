"""Registered databases, for the operator's service.

RDS implements `DatabaseClient` (``rds/client.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from strongroom.services.call import Call

__all__ = ["DatabaseClient", "DatabaseView"]


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


class DatabaseClient(Protocol):
    """The master credentials of registered databases, for an operator. Each method asks for ``action`` first."""

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
