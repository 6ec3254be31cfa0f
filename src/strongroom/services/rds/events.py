"""What the trail is told of checks: that a credential no longer logs in, and that it does again."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from strongroom.audit import resource, service_event
from strongroom.audit.user_identity import aws_service
from strongroom.services.rds.records import Database
from strongroom.store import Transaction
from strongroom.world import Entropy

__all__ = ["CheckEvent", "record_check_event"]

CheckEvent: TypeAlias = Literal["MasterCredentialCheckFailed", "MasterCredentialCheckSucceeded"]

_SOURCE: Final = "rds.amazonaws.com"


def record_check_event(
    transaction: Transaction,
    entropy: Entropy,
    database: Database,
    event: CheckEvent,
    now_ms: int,
    problem: tuple[str, str] | None = None,
) -> None:
    """Hand the event to the transaction, which commits only with it.

    Args:
        transaction: The transaction that keeps the outcome.
        entropy: For ids.
        database: What was checked.
        event: How it ended.
        now_ms: When.
        problem: The code and the text of what went wrong.
    """
    transaction.record(
        service_event(
            user_identity=aws_service(_SOURCE, database.account),
            time=now_ms,
            source=_SOURCE,
            name=event,
            region=database.region,
            additional_data={database.of_kind.identifier: database.identifier, "SecretId": database.secret_arn},
            request_id=entropy.uuid(),
            event_id=entropy.uuid(),
            recipient_account=database.account,
            resources=(resource(database.arn, database.account, database.of_kind.resource_type),),
            error_code=problem[0] if problem else None,
            error_message=problem[1] if problem else None,
        )
    )
