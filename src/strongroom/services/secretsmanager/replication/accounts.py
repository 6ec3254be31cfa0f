"""AssociateCrossAccountReplica, DisassociateCrossAccountReplica, and replicas that CreateSecret makes for them.

Two accounts take part (AWS Secrets Manager User Guide, "Replicate secrets across accounts"). The replica's owner makes
an empty secret that names its primary; a managed policy on it lets the primary's account accept it, and nothing else.
The primary's owner associates the two. Either ends the link on its own side: the other then sees it as Detached.
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.errors import AccessDenied, AwsError
from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import authorize_on, find_and_authorize, secret_context
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import Secret, secret_by_arn, update_secret
from strongroom.services.secretsmanager.refusals import invalid_parameter, not_found, refuse_nul
from strongroom.services.secretsmanager.replication.links import (
    Link,
    delete_link,
    find_link,
    links_of_primary,
    put_link,
    update_link,
)
from strongroom.services.secretsmanager.replication.pairing import (
    ACCEPT_ACTION,
    complete_reference,
    cross_account_policy,
    merged_policies,
)
from strongroom.services.secretsmanager.service_events import RESOURCE_TYPE
from strongroom.services.secretsmanager.values import SERVICE_PRINCIPAL
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Transaction

__all__ = ["ReplicatingToAccounts"]


class ReplicatingToAccounts(Parts):
    """The operations that begin and end replication to another account, from the primary's side."""

    async def associate_cross_account_replica(
        self,
        call: Call,
        *,
        SecretId: str,
        CrossAccountReplicaARN: str,
        ReplicaRestriction: str | None = None,
        ReplicationRoleARN: str | None = None,
    ) -> dict[str, object]:
        """Begin to replicate a secret to one in another account that was made for it, or repair that.

        Raises:
            AwsError: Access denied to a secret, a key or the role; secrets that do not belong together; another
                organization than SameOrg allows; or ``LimitExceededException`` for a second replica.
        """
        complete_reference(CrossAccountReplicaARN, call)
        refuse_nul(replicationRoleARN=ReplicationRoleARN)

        def work(transaction: Transaction) -> dict[str, object]:
            primary = self._own_primary(transaction, call, SecretId)
            authorize_on(
                call,
                "secretsmanager:GetSecretValue",
                SecretId,
                primary.arn,
                primary.account,
                primary.policy,
                {**secret_context(primary), "secretsmanager:secretid": SecretId},
            )
            replica = self._accepted(transaction, call, primary, CrossAccountReplicaARN)
            anywhere = ReplicaRestriction == "NoRestriction"
            if not anywhere and not self.organization.same_organization(transaction, primary.account, replica.account):
                raise invalid_parameter(
                    "The account of the replica secret must be in the same organization as the account of the primary "
                    "secret, unless ReplicaRestriction is NoRestriction.",
                )
            _require_only_replica(transaction, primary, replica)
            self.replicas.require_both_keys(transaction, call, primary, replica)
            if ReplicationRoleARN is not None:
                self._require_role(transaction, call, ReplicationRoleARN)
            put_link(
                transaction,
                Link(
                    primary.arn,
                    replica.arn,
                    replica.region,
                    any_organization=int(anywhere),
                    role_arn=ReplicationRoleARN,
                ),
            )
            self.replicas.tell_start(transaction, call, primary, replica.arn)
            return {
                "ARN": primary.arn,
                "CrossAccountReplicaARN": replica.arn,
                "ReplicationStatus": "InProgress",
            }

        return dict(await call.write(work))

    async def disassociate_cross_account_replica(
        self, call: Call, *, SecretId: str, CrossAccountReplicaARN: str
    ) -> dict[str, object]:
        """End replication to another account. The replica stays as it is; its owner sees it as Detached.

        Raises:
            AwsError: Access denied, no such secret, or no such replica of it.
        """
        complete_reference(CrossAccountReplicaARN, call)

        def work(transaction: Transaction) -> dict[str, object]:
            primary = self._own_primary(transaction, call, SecretId)
            link = find_link(transaction, primary.arn, CrossAccountReplicaARN)
            if link is None or not link.associated:
                raise invalid_parameter(f"{CrossAccountReplicaARN} isn't a replica of secret {primary.arn}.")
            replica = secret_by_arn(transaction, link.replica_arn)
            if replica is None or replica.cross_account_primary_arn != primary.arn:
                delete_link(transaction, link)
            else:
                update_link(transaction, replace(link, associated=0, status="Detached", message=None, due_ms=None))
            update_secret(transaction, primary.arn, changed_ms=next_change(primary, call.now_ms))
            return {"ARN": primary.arn, "CrossAccountReplicaARN": link.replica_arn}

        return dict(await call.write(work))

    @staticmethod
    def _own_primary(transaction: Transaction, call: Call, secret_id: str) -> Secret:
        primary = find_and_authorize(transaction, call, secret_id)
        if primary.account != call.account:
            raise invalid_parameter("Call must be made in the account that owns the primary secret.")
        return primary

    def _accepted(self, transaction: Transaction, call: Call, primary: Secret, replica_arn: str) -> Secret:
        """The replica, once the caller may accept it: AcceptCrossAccountReplication, which the service calls for it."""
        replica = secret_by_arn(transaction, replica_arn)
        follows = replica is not None and replica.cross_account_primary_arn == primary.arn
        # The managed policy names the account of the primary that the replica names: any other one finds it silent.
        named = None if replica is None else replica.cross_account_primary_arn
        policies = (replica.policy if replica else None, cross_account_policy(named) if named else None)
        authorize_on(
            call,
            ACCEPT_ACTION,
            replica_arn,
            replica_arn,
            complete_reference(replica_arn, call).account,
            merged_policies(tuple(text for text in policies if text)),
            {} if replica is None else secret_context(replica),
        )
        if replica is None:
            raise not_found()
        call.touches(replica.arn, RESOURCE_TYPE, replica.account)
        if not follows or replica.account == primary.account:
            raise invalid_parameter(f"{replica_arn} wasn't created as a cross-account replica of secret {primary.arn}.")
        return replica

    def _require_role(self, transaction: Transaction, call: Call, role_arn: str) -> None:
        try:
            self.iam.authorize_pass_role(transaction, call, role_arn, SERVICE_PRINCIPAL)
        except AccessDenied:
            raise
        except AwsError:
            raise invalid_parameter(f"Secrets Manager can't assume the replication role {role_arn}.") from None


def _require_only_replica(transaction: Transaction, primary: Secret, replica: Secret) -> None:
    for link, _ in links_of_primary(transaction, primary.arn):
        if link.is_across_accounts and link.replica_arn != replica.arn:
            raise AwsError(
                "LimitExceededException",
                f"Secret {primary.arn} already has a cross-account replica. A secret can have at most one.",
            )
