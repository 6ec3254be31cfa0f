"""Trail events of what Secrets Manager does by itself: rotations, replication, and the end of deleted versions.

Source: AWS Secrets Manager User Guide, "Log AWS Secrets Manager events with AWS CloudTrail", the non-API events.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import orjson

from strongroom.audit import resource, service_event
from strongroom.audit.user_identity import aws_service
from strongroom.services.secretsmanager.records import Secret
from strongroom.store import Transaction
from strongroom.world import Entropy

__all__ = [
    "RESOURCE_TYPE",
    "DeletionEvent",
    "ReplicationEvent",
    "RotationEvent",
    "record_deletion_event",
    "record_immediate_deletion",
    "record_replication_event",
    "record_rotation_event",
]

RESOURCE_TYPE: Final = "AWS::SecretsManager::Secret"
"""The kind of resource that trail records name."""

RotationEvent: TypeAlias = Literal[
    "RotationStarted",
    "RotationSucceeded",
    "RotationFailed",
    "RotationAbandoned",
    "TestRotationStarted",
    "TestRotationSucceeded",
    "TestRotationFailed",
]
DeletionEvent: TypeAlias = Literal["StartSecretVersionDelete", "CancelSecretVersionDelete", "EndSecretVersionDelete"]
ReplicationEvent: TypeAlias = Literal["ReplicationStarted", "ReplicationSucceeded", "ReplicationFailed"]

_SOURCE: Final = "secretsmanager.amazonaws.com"
_NOTHING_MORE: Final[Mapping[str, str]] = {}


@lru_cache(maxsize=256)
def _identity(account: str) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(aws_service(_SOURCE, account)))


def record_rotation_event(
    transaction: Transaction,
    entropy: Entropy,
    secret: Secret,
    token: str,
    event: RotationEvent,
    now_ms: int,
    *,
    error_message: str | None = None,
) -> None:
    """Hand an event of a rotation to the transaction, which commits only with it.

    Args:
        transaction: The transaction of what happened.
        entropy: Where the event's id comes from.
        secret: The secret that rotates.
        token: The rotation's token, which is the id of the new version.
        event: What happened.
        now_ms: When.
        error_message: Why it failed, in words that hold no secret.
    """
    _record(transaction, entropy, secret, event, now_ms, f"Rotation-{secret.arn}-{token}", error_message)


def record_deletion_event(
    transaction: Transaction, entropy: Entropy, secret: Secret, event: DeletionEvent, now_ms: int
) -> None:
    """Hand an event of a deletion to the transaction. The arguments are those of `record_rotation_event`."""
    _record(transaction, entropy, secret, event, now_ms, entropy.uuid(), None)


def record_immediate_deletion(transaction: Transaction, entropy: Entropy, secret: Secret, now_ms: int) -> None:
    """Hand the events of a secret that is deleted at once to the transaction: a beginning, if it had none, and the end.

    The arguments are those of `record_rotation_event`.
    """
    if secret.deleted_ms is None:
        record_deletion_event(transaction, entropy, secret, "StartSecretVersionDelete", now_ms)
    record_deletion_event(transaction, entropy, secret, "EndSecretVersionDelete", now_ms)


def record_replication_event(
    transaction: Transaction,
    entropy: Entropy,
    primary: Secret,
    replica_arn: str,
    event: ReplicationEvent,
    now_ms: int,
    *,
    error_message: str | None = None,
) -> None:
    """Hand an event of a replica to the transaction: it belongs to the primary, and names the replica.

    Args:
        transaction: The transaction of what happened.
        entropy: Where the event's ids come from.
        primary: The secret that is replicated.
        replica_arn: The replica.
        event: What happened.
        now_ms: When.
        error_message: Why it failed, in words that hold no secret.
    """
    more = {"ReplicaSecretId": replica_arn}
    _record(transaction, entropy, primary, event, now_ms, entropy.uuid(), error_message, more)


def _record(
    transaction: Transaction,
    entropy: Entropy,
    secret: Secret,
    name: str,
    now_ms: int,
    request_id: str,
    error_message: str | None,
    more: Mapping[str, str] = _NOTHING_MORE,
) -> None:
    transaction.record(
        service_event(
            user_identity=_identity(secret.account),
            time=now_ms,
            source=_SOURCE,
            name=name,
            region=secret.region,
            additional_data={"SecretId": secret.arn, **more},
            request_id=request_id,
            event_id=entropy.uuid(),
            recipient_account=secret.account,
            resources=(resource(secret.arn, secret.account, RESOURCE_TYPE),),
            error_code=name if error_message else None,
            error_message=error_message,
        )
    )
