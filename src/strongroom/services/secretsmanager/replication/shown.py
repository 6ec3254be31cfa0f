"""What answers say of a secret's replicas, and of the primary that a secret follows."""

from __future__ import annotations

from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.replication.links import Link, link_of_replica, links_of_primary
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["replication_of", "replication_status"]

_SUCCEEDED = "Replication succeeded"
"""AWS's StatusMessage of a region that is in step (AWS CLI Command Reference, "describe-secret", examples)."""

_UNKNOWN_LINK = Link("", "", "", status="Detached")


def replication_of(transaction: Transaction, secret: Secret) -> dict[str, object]:
    """The members of DescribeSecret that are about replication: those that have something to say."""
    answer: dict[str, object] = {}
    links = links_of_primary(transaction, secret.arn)
    if between_regions := [_of_region(link, day_ms) for link, day_ms in links if not link.is_across_accounts]:
        answer["ReplicationStatus"] = between_regions
    if across_accounts := [_of_account(link) for link, _ in links if link.is_across_accounts]:
        answer["CrossAccountReplicas"] = across_accounts
    if secret.cross_account_primary_arn is not None:
        link = link_of_replica(transaction, secret.arn) or _UNKNOWN_LINK
        answer["CrossAccountPrimary"] = _with_message(
            link, {"PrimarySecretARN": secret.cross_account_primary_arn, "ReplicationStatus": link.status}
        )
    return answer


def replication_status(transaction: Transaction, arn: str) -> list[dict[str, object]]:
    """ReplicationStatus of a primary: its replicas in other regions."""
    links = links_of_primary(transaction, arn)
    return [_of_region(link, day_ms) for link, day_ms in links if not link.is_across_accounts]


def _of_region(link: Link, accessed_day_ms: int | None) -> dict[str, object]:
    # AWS shows the alias where the replica is under the service's own key, unlike DescribeSecret of a secret.
    shown: dict[str, object] = {
        "Region": link.region,
        "KmsKeyId": link.kms_key_id or "alias/aws/secretsmanager",
        "Status": link.status,
    }
    if link.status == "InSync":
        shown["StatusMessage"] = _SUCCEEDED
    if accessed_day_ms is not None:
        shown["LastAccessedDate"] = from_milliseconds(accessed_day_ms)
    return _with_message(link, shown)


def _of_account(link: Link) -> dict[str, object]:
    shown: dict[str, object] = {"ReplicaSecretARN": link.replica_arn, "ReplicationStatus": link.status}
    if link.role_arn is not None:
        shown["ReplicationRoleARN"] = link.role_arn
    return _with_message(link, shown)


def _with_message(link: Link, shown: dict[str, object]) -> dict[str, object]:
    if link.message is not None:
        shown["StatusMessage"] = link.message
    return shown
