"""ModifyDBInstance and ModifyDBCluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.rds import failures
from strongroom.services.rds.access import authorized
from strongroom.services.rds.base import SETTLE_MS
from strongroom.services.rds.credentials import OWNER
from strongroom.services.rds.engines import DatabaseError, Unreachable
from strongroom.services.rds.names import Kind
from strongroom.services.rds.records import Database, database_by_arn, update_database
from strongroom.services.rds.registering import PRINCIPAL, Registering, kept_settings, require_no_promises
from strongroom.services.rds.requests import MasterRequest, number
from strongroom.store import Transaction

__all__ = ["Modifying"]

_NO_CHANGE: Final = frozenset({"DBInstanceIdentifier", "DBClusterIdentifier", "ApplyImmediately"})


class Modifying(Registering):
    """What ModifyDBInstance and ModifyDBCluster have in common."""

    async def modify(self, call: Call, kind: Kind, identifier: str) -> dict[str, object]:
        """Change what is registered, and the master password of the server at once if the request has one.

        A server that cannot be reached gets the password later, as PendingModifiedValues shows until then.

        Raises:
            AwsError: Access denied, there is none, parameters that cannot be, or the server refuses the password.
        """
        given = call.parameters
        require_no_promises(kind, {name: value for name, value in given.items() if name != "Engine"})
        master = MasterRequest.of(given)
        context = {} if master.manage is None else {"rds:managemasteruserpassword": str(master.manage).lower()}

        def work(transaction: Transaction) -> Mapping[str, object]:
            database = authorized(transaction, call, kind, identifier, context)
            if not given.keys() - _NO_CHANGE:
                raise failures.invalid_combination("No modifications were requested")
            self._change(transaction, call, database, master)
            return {kind.member: self._shown(transaction, database.arn)}

        answer = dict(await call.write(work))
        if master.password is None:
            return answer
        shown = answer[kind.member]
        arn = str(shown[f"{kind.member}Arn"]) if isinstance(shown, dict) else ""
        try:
            await self.credentials.finish_change(arn)
        except Unreachable:  # it is tried again in the background
            return answer
        except DatabaseError as failure:
            raise AwsError(kind.state_code, str(failure)) from None
        return await call.read(lambda transaction: {kind.member: self._shown(transaction, arn)})

    def _shown(self, transaction: Transaction, arn: str) -> dict[str, object]:
        database = database_by_arn(transaction, arn)
        return {} if database is None else self._shapes.shown(transaction, database)

    def _change(self, transaction: Transaction, call: Call, database: Database, master: MasterRequest) -> None:
        kind, given = database.of_kind, call.parameters
        master.check(database)
        if master.concerns_password and database.next_password is not None:
            raise _not_available(database)
        changes: dict[str, int | str | bytes | None] = {}
        settings = kept_settings(kind, given)
        if settings:
            changes["settings"] = orjson.dumps({**orjson.loads(database.settings), **settings}).decode()
        if isinstance(protected := given.get("DeletionProtection"), bool):
            changes["deletion_protection"] = int(protected)
        port = number(given, "DBPortNumber") or number(given, "Port")
        if port is not None:
            if not 0 < port < 65536:
                raise failures.invalid_value("The port must be between 1 and 65535.")
            changes["port"] = port
        changes |= self._credential_changes(transaction, call, database, master)
        if changes:
            update_database(transaction, database.arn, **changes)

    def _credential_changes(
        self, transaction: Transaction, call: Call, database: Database, master: MasterRequest
    ) -> dict[str, int | str | bytes | None]:
        """The columns of the master credential as they are to be; what Secrets Manager has to do is done."""
        if master.password is not None:
            self._require_no_rotation(transaction, database)
            sealed = self.credentials.seal(database.arn, master.password)
            return {"next_password": sealed, "next_check_ms": call.now_ms + SETTLE_MS}
        if master.manage and database.secret_arn is None:
            login = self.credentials.logins(transaction, database)[0]
            arn = self.create_secret(transaction, call, database, login, master)
            return {"password": None, "secret_arn": arn, "secret_is_new": 1}
        if master.rotate and database.secret_arn is not None:
            self._require_no_rotation(transaction, database)
            self._secrets.rotate(transaction, call.forward(PRINCIPAL), OWNER, database.secret_arn)
        return {}

    def _require_no_rotation(self, transaction: Transaction, database: Database) -> None:
        if database.secret_arn is not None:
            managed = self._secrets.describe_managed(transaction, OWNER, database.secret_arn)
            if managed is not None and managed.rotation == "running":
                raise _not_available(database)


def _not_available(database: Database) -> AwsError:
    kind = database.of_kind
    return AwsError(kind.state_code, f"{kind.noun} {database.identifier} is not in available state.")
