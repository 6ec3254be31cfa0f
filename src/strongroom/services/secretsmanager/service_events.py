"""Trail events of what Secrets Manager does by itself: rotations, and the end of deleted versions.

Source: AWS Secrets Manager User Guide, "Log AWS Secrets Manager events with AWS CloudTrail", the non-API events.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, TypeAlias

import orjson

from strongroom.audit import resource, service_event
from strongroom.audit.user_identity import aws_service
from strongroom.services.secretsmanager.records import Secret
from strongroom.store import Transaction
from strongroom.world import Entropy

__all__ = ["RESOURCE_TYPE", "DeletionEvent", "RotationEvent", "record_deletion_event", "record_rotation_event"]

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

_SOURCE: Final = "secretsmanager.amazonaws.com"


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


def _record(
    transaction: Transaction,
    entropy: Entropy,
    secret: Secret,
    name: str,
    now_ms: int,
    request_id: str,
    error_message: str | None,
) -> None:
    transaction.record(
        service_event(
            user_identity=_identity(secret.account),
            time=now_ms,
            source=_SOURCE,
            name=name,
            region=secret.region,
            additional_data={"SecretId": secret.arn},
            request_id=request_id,
            event_id=entropy.uuid(),
            recipient_account=secret.account,
            resources=(resource(secret.arn, secret.account, RESOURCE_TYPE),),
            error_code=name if error_message else None,
            error_message=error_message,
        )
    )
