"""The steps that rotate a managed master secret. Secrets Manager's engine runs them, again after each failure.

    createSecret   a new password under AWSPENDING, before the server hears of it
    setSecret      the server gets it, unless it has it already
    testSecret     it logs in
    finishSecret   AWSCURRENT moves to it

Whenever this is cut short, AWSCURRENT or AWSPENDING logs in.
"""

from __future__ import annotations

from strongroom.errors import AwsError
from strongroom.services.clients import SecretsClient
from strongroom.services.rds.credentials import OWNER, Credentials, pack_login
from strongroom.services.rds.engines import DatabaseError, Login, PasswordRejected
from strongroom.services.rds.passwords import generate_password
from strongroom.services.rds.records import Database, database_of_secret, update_database
from strongroom.store import Store, Transaction
from strongroom.world import World

__all__ = ["MasterRotation"]


class MasterRotation:
    """Implements `strongroom.services.clients.SecretOwner`.

    Args:
        store: Where databases are.
        world: Clock and entropy.
        secrets: Secrets Manager.
        credentials: Finds and changes master credentials.
    """

    def __init__(self, store: Store, world: World, secrets: SecretsClient, credentials: Credentials) -> None:
        self._store = store
        self._world = world
        self._secrets = secrets
        self._credentials = credentials

    async def run_rotation_step(self, step: str, secret_arn: str, version_id: str) -> None:
        """Run one step.

        Args:
            step: ``createSecret``, ``setSecret``, ``testSecret`` or ``finishSecret``.
            secret_arn: The secret.
            version_id: The new version.

        Raises:
            AwsError: The step failed; its code says how.
        """
        try:
            if step == "createSecret":
                await self._store.write(lambda transaction: self._create(transaction, secret_arn, version_id))
            elif step == "setSecret":
                await self._set(secret_arn, version_id)
            elif step == "testSecret":
                database, pending, _ = await self._store.read(lambda transaction: self._load(transaction, secret_arn))
                await self._credentials.databases.log_in(database.server, pending)
            else:
                await self._store.write(lambda transaction: self._finish(transaction, secret_arn, version_id))
        except DatabaseError as failure:
            raise AwsError(failure.code, str(failure)) from None

    def _create(self, transaction: Transaction, secret_arn: str, version_id: str) -> None:
        database = _required(transaction, secret_arn)
        if self._credentials.labelled(transaction, database, "AWSPENDING") is not None:
            return
        login = Login(database.master_username or "", generate_password(self._world.entropy))
        now_ms = self._world.clock.milliseconds()
        self._secrets.put_managed_value(
            transaction, OWNER, secret_arn, version_id, pack_login(login), "AWSPENDING", now_ms
        )

    async def _set(self, secret_arn: str, version_id: str) -> None:
        database, pending, known = await self._store.read(lambda transaction: self._load(transaction, secret_arn))
        if database.next_password is not None:
            raise AwsError(database.of_kind.state_code, "A request is changing the master password.")
        if await self._credentials.databases.takes(database.server, pending):
            return
        try:
            await self._credentials.change(database.server, known, pending)
        except PasswordRejected:
            await self._store.write(
                lambda transaction: self._secrets.withdraw_managed(transaction, OWNER, secret_arn, version_id)
            )
            raise

    def _load(self, transaction: Transaction, secret_arn: str) -> tuple[Database, Login, list[Login]]:
        """The database, its new credential, and those that it may have now."""
        database = _required(transaction, secret_arn)
        pending = self._credentials.labelled(transaction, database, "AWSPENDING")
        if pending is None:
            raise AwsError("ResourceNotFoundException", "AWSPENDING has no value.")
        return database, pending, self._credentials.logins(transaction, database, "AWSCURRENT", "AWSPREVIOUS")

    def _finish(self, transaction: Transaction, secret_arn: str, version_id: str) -> None:
        database = _required(transaction, secret_arn)
        self._secrets.promote_managed(transaction, OWNER, secret_arn, version_id, self._world.clock.milliseconds())
        update_database(transaction, database.arn, secret_is_new=0, problem=None)


def _required(transaction: Transaction, secret_arn: str) -> Database:
    database = database_of_secret(transaction, secret_arn)
    if database is None:
        raise AwsError("DBInstanceNotFound", "No database has its master credential in this secret.", status=404)
    return database
