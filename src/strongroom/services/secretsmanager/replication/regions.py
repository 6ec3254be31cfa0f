"""ReplicateSecretToRegions, RemoveRegionsFromReplication and StopReplicationToReplica."""

from __future__ import annotations

from dataclasses import replace

from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import authorize_on, find_and_authorize, secret_context
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import Secret, update_secret
from strongroom.services.secretsmanager.refusals import invalid_parameter, invalid_request
from strongroom.services.secretsmanager.replication.links import delete_link, link_of_replica, update_link
from strongroom.services.secretsmanager.replication.pairing import CROSS_ACCOUNT_POLICY
from strongroom.services.secretsmanager.replication.requests import given_regions, region_context
from strongroom.services.secretsmanager.replication.shown import replication_status
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Transaction

__all__ = ["ReplicatingToRegions"]


class ReplicatingToRegions(Parts):
    """The operations that begin and end replication to other regions."""

    async def replicate_secret_to_regions(
        self,
        call: Call,
        *,
        SecretId: str,
        AddReplicaRegions: list[dict[str, str]],
        ForceOverwriteReplicaSecret: bool | None = None,
    ) -> dict[str, object]:
        """Give a secret replicas in other regions; the engine makes them after the answer.

        A region that has one already gets it under the key of this request, or once more after a failure.

        Raises:
            AwsError: Access denied to the secret or to a key, no such secret, a replica itself, or no such region.
        """
        wanted = given_regions(AddReplicaRegions, call.region, self.settings.regions)
        if not wanted:
            raise invalid_parameter("Invalid replica region.")
        context = region_context(wanted, ForceOverwriteReplicaSecret)

        def work(transaction: Transaction) -> dict[str, object]:
            secret = find_and_authorize(transaction, call, SecretId, context)
            self.replicas.add_regions(transaction, call, secret, wanted, force=bool(ForceOverwriteReplicaSecret))
            return {"ARN": secret.arn, "ReplicationStatus": replication_status(transaction, secret.arn)}

        return dict(await call.write(work))

    async def remove_regions_from_replication(
        self, call: Call, *, SecretId: str, RemoveReplicaRegions: list[str]
    ) -> dict[str, object]:
        """Delete replicas at once. A region without one is no error.

        Raises:
            AwsError: Access denied, no such secret, or a replica itself.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            secret = find_and_authorize(transaction, call, SecretId)
            self.replicas.remove_regions(transaction, secret, RemoveReplicaRegions, call.now_ms)
            return {"ARN": secret.arn, "ReplicationStatus": replication_status(transaction, secret.arn)}

        return dict(await call.write(work))

    async def stop_replication_to_replica(self, call: Call, *, SecretId: str) -> dict[str, object]:
        """Make a replica, in its own region or account, a secret that follows no other.

        A replica of a secret in another account takes DeleteResourcePolicy too, for its managed policy goes with it.

        Raises:
            AwsError: Access denied, no such secret, or not a replica.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            secret = find_and_authorize(transaction, call, SecretId)
            if secret.cross_account_primary_arn is not None:
                context = {
                    **secret_context(secret),
                    "secretsmanager:secretid": SecretId,
                    "secretsmanager:policyname": CROSS_ACCOUNT_POLICY,
                }
                action = "secretsmanager:DeleteResourcePolicy"
                authorize_on(call, action, SecretId, secret.arn, secret.account, secret.policy, context)
            elif not secret.follows_region:
                raise invalid_request("You can't stop replication to this secret because it isn't a replica secret.")
            self._promote(transaction, call, secret)
            return {"ARN": secret.arn}

        return dict(await call.write(work))

    def _promote(self, transaction: Transaction, call: Call, replica: Secret) -> None:
        """The primary's side of a link across accounts stays, as Detached, until its owner ends it as well."""
        link = link_of_replica(transaction, replica.arn)
        if link is not None and link.is_across_accounts and link.associated:
            update_link(transaction, replace(link, status="Detached", message=None, due_ms=None))
        elif link is not None:
            delete_link(transaction, link)
        update_secret(
            transaction,
            replica.arn,
            primary_region=None,
            cross_account_primary_arn=None,
            changed_ms=next_change(replica, call.now_ms),
        )
