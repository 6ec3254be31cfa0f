"""DeleteDBInstance and DeleteDBCluster: the registration ends, the server itself goes on."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.rds import failures
from strongroom.services.rds.access import authorized
from strongroom.services.rds.base import Operations
from strongroom.services.rds.credentials import OWNER
from strongroom.services.rds.names import CLUSTER, Kind
from strongroom.services.rds.records import delete_database, members_of
from strongroom.store import Transaction

__all__ = ["Deleting"]


class Deleting(Operations):
    """What DeleteDBInstance and DeleteDBCluster have in common."""

    async def delete(self, call: Call, kind: Kind, identifier: str, snapshot: str | None) -> dict[str, object]:
        """Forget a server, and delete the secret of its master user with it.

        Args:
            call: The call.
            kind: Instance or cluster.
            identifier: Its identifier or ARN.
            snapshot: FinalDBSnapshotIdentifier.

        Raises:
            AwsError: Access denied, there is none, it is protected or has members, or a snapshot is asked for.
        """
        skips = call.parameters.get("SkipFinalSnapshot") is True

        def work(transaction: Transaction) -> Mapping[str, object]:
            database = authorized(transaction, call, kind, identifier)
            if database.deletion_protection:
                raise failures.invalid_combination(
                    f"Cannot delete protected {kind.noun}, please disable deletion protection and try again."
                )
            if not skips and snapshot is None:
                raise failures.invalid_combination(
                    "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
                )
            if snapshot is not None:
                raise failures.invalid_combination(
                    "No snapshot is made of a registered database server: specify SkipFinalSnapshot."
                )
            if kind is CLUSTER and members_of(transaction, call.account, call.region, database.identifier):
                raise AwsError(
                    kind.state_code, "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
                )
            shown = self._shapes.shown(transaction, database)
            if database.secret_arn is not None:
                self._secrets.delete_managed(transaction, OWNER, database.secret_arn, call.now_ms)
            delete_database(transaction, database.arn)
            status = "Status" if kind is CLUSTER else "DBInstanceStatus"
            return {kind.member: {**shown, status: "deleting"}}

        return dict(await call.write(work))
