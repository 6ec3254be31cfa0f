"""The master credential of a database: where it is, whether it logs in, and putting a new one in its place.

A password that a request brings is sealed into ``next_password`` before the server hears of it, and becomes the
password after the server has taken it. So whenever the work is cut short, one of the two logs in, and both are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from strongroom.keyring import Keyring
from strongroom.services.clients import SecretsClient
from strongroom.services.rds.engines import (
    ChangeRefused,
    DatabaseError,
    Databases,
    Login,
    LoginRefused,
    PasswordRejected,
    Server,
)
from strongroom.services.rds.records import Database, database_by_arn, update_database
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["OWNER", "Credentials", "pack_login"]

OWNER: Final = "rds"
"""The id of this service as the owner of secrets."""

_PURPOSE: Final = "rds-master-password"


def pack_login(login: Login) -> bytes:
    """A credential as a managed secret holds it: JSON with ``username`` and ``password``."""
    return orjson.dumps({"username": login.username, "password": login.password})


class Credentials:
    """Finds and changes master credentials.

    Args:
        store: Where databases are.
        keyring: Seals passwords that are in no secret.
        world: The clock.
        secrets: Secrets Manager.
        databases: The drivers.
    """

    def __init__(
        self, store: Store, keyring: Keyring, world: World, secrets: SecretsClient, databases: Databases
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = world.clock
        self._secrets = secrets
        self.databases: Final = databases

    def seal(self, arn: str, password: str) -> bytes:
        """A password as the row of its database holds it."""
        return self._keyring.seal_system(_PURPOSE, password.encode(), {"DatabaseArn": arn})

    def open(self, arn: str, sealed: bytes) -> str:
        """The password that `seal` sealed for the same database.

        Raises:
            InvalidCiphertext: It is damaged, or another database's.
        """
        return self._keyring.open_system(_PURPOSE, sealed, {"DatabaseArn": arn}).decode()

    def logins(self, transaction: Transaction, database: Database, *labels: str) -> list[Login]:
        """The credentials that may log in, the one that should first.

        Args:
            transaction: Where to look.
            database: One that has a master user.
            labels: The staging labels to look at when a secret holds the credential.

        Raises:
            AwsError: The secret is gone, or its key cannot be used.
        """
        if database.password is not None and database.master_username is not None:
            return [Login(database.master_username, self.open(database.arn, database.password))]
        found = (self.labelled(transaction, database, label) for label in labels)
        return [login for login in found if login is not None]

    def labelled(self, transaction: Transaction, database: Database, label: str) -> Login | None:
        """The credential under a staging label of the database's secret; None when there is none.

        Raises:
            AwsError: The secret is gone, or its key cannot be used.
        """
        if database.secret_arn is None:
            return None
        now_ms = self._clock.milliseconds()
        value = self._secrets.managed_value(transaction, OWNER, database.secret_arn, label, now_ms)
        if value is None:
            return None
        document = orjson.loads(value)
        return Login(document["username"], document["password"])

    async def finish_change(self, arn: str) -> None:
        """Give the server the password that a request brought, and keep it. Does nothing where none is waiting.

        It may run again after it was cut short, and in two processes at once.

        Raises:
            AwsError: The database's secret is gone, or its key cannot be used.
            DatabaseError: `Unreachable`: it is to be tried again. Otherwise the change is given up.
        """

        def read(transaction: Transaction) -> tuple[Database, Login, list[Login]] | None:
            database = database_by_arn(transaction, arn)
            if database is None or database.next_password is None or database.master_username is None:
                return None
            target = Login(database.master_username, self.open(arn, database.next_password))
            known = self.logins(transaction, database, "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS")
            return database, target, known

        found = await self._store.read(read)
        if found is None:
            return
        database, target, known = found
        try:
            if not await self.databases.takes(database.server, target):
                await self.change(database.server, known, target)
        except (ChangeRefused, LoginRefused, PasswordRejected):
            await self._store.write(lambda transaction: _give_up(transaction, database))
            raise
        await self._store.write(lambda transaction: self._settle(transaction, database))

    async def change(self, server: Server, known: Sequence[Login], target: Login) -> None:
        """Give a user a password, logged in with the first of several credentials that works.

        Raises:
            DatabaseError: None logs in, or the server cannot be reached or refuses.
        """
        failure: DatabaseError = LoginRefused(f"No known password of {target.username!r} on {server.address} logs in.")
        for login in known:
            try:
                await self.databases.change_password(server, login, target)
            except LoginRefused as refused:
                failure = refused
            else:
                return
        raise failure

    def _settle(self, transaction: Transaction, before: Database) -> None:
        """The server has the new password: keep it, and let go of the secret that had the one before."""
        database = database_by_arn(transaction, before.arn)
        if database is None or database.next_password != before.next_password:
            return
        if database.secret_arn is not None:
            self._secrets.delete_managed(transaction, OWNER, database.secret_arn, self._clock.milliseconds())
        update_database(
            transaction,
            database.arn,
            password=database.next_password,
            next_password=None,
            secret_arn=None,
            secret_is_new=0,
            problem=None,
        )


def _give_up(transaction: Transaction, before: Database) -> None:
    database = database_by_arn(transaction, before.arn)
    if database is not None and database.next_password == before.next_password:
        update_database(transaction, database.arn, next_password=None)
