"""DeleteSecret and RestoreSecret. What ends a recovery window is in `maintenance`."""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import authorize_secret, find_and_authorize, flag, refuse_impossible_name
from strongroom.services.secretsmanager.names import parse_secret_id, would_be_arn
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import Secret, delete_secret, find_secret, update_secret
from strongroom.services.secretsmanager.refusals import invalid_parameter, invalid_request, not_found, refuse_managed
from strongroom.services.secretsmanager.replication.requests import require_unreplicated
from strongroom.services.secretsmanager.rotations import cancel_rotations
from strongroom.services.secretsmanager.service_events import record_deletion_event
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["Deleting"]

_DAY_MS = 86_400_000
_DEFAULT_DAYS = 30
_SHORTEST_DAYS = 7
_LONGEST_DAYS = 30


class Deleting(Parts):
    """The operations that end a secret, and that bring it back."""

    async def delete_secret(
        self,
        call: Call,
        *,
        SecretId: str,
        RecoveryWindowInDays: int | None = None,
        ForceDeleteWithoutRecovery: bool | None = None,
    ) -> dict[str, object]:
        """Mark a secret for deletion after 7 to 30 days, or delete it at once.

        Deleting at once is also possible for a secret that is marked, and is no error for one that is not there.

        Raises:
            AwsError: Access denied, no such secret, already marked, a replica or replicated, or parameters that
                exclude each other.
        """
        if ForceDeleteWithoutRecovery and RecoveryWindowInDays is not None:
            raise invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            )
        days = _DEFAULT_DAYS if RecoveryWindowInDays is None else RecoveryWindowInDays
        if not _SHORTEST_DAYS <= days <= _LONGEST_DAYS:
            raise invalid_parameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
        context = {"secretsmanager:forcedeletewithoutrecovery": flag(ForceDeleteWithoutRecovery)}
        if not ForceDeleteWithoutRecovery:
            context["secretsmanager:recoverywindowindays"] = str(days)

        def work(transaction: Transaction) -> dict[str, object]:
            reference = parse_secret_id(SecretId, call.account, call.region)
            if reference is None:
                refuse_impossible_name(SecretId)
            secret = find_secret(transaction, reference) if reference else None
            authorize_secret(call, "secretsmanager:DeleteSecret", SecretId, secret, context)
            if secret is not None:
                refuse_managed(secret.owning_service)
                require_unreplicated(transaction, secret)
            if ForceDeleteWithoutRecovery:
                return self._delete_now(transaction, call, SecretId, secret)
            if secret is None:
                raise not_found()
            return self._mark(transaction, call, secret, call.now_ms + days * _DAY_MS)

        return dict(await call.write(work))

    async def restore_secret(self, call: Call, *, SecretId: str) -> dict[str, object]:
        """Take back the deletion of a secret whose recovery window has not ended.

        Raises:
            AwsError: Access denied, or no such secret.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            secret = find_and_authorize(transaction, call, SecretId, deleted=True)
            if secret.deleted_ms is not None:
                changed_ms = next_change(secret, call.now_ms)
                update_secret(transaction, secret.arn, deleted_ms=None, purge_ms=None, changed_ms=changed_ms)
                record_deletion_event(transaction, self.world.entropy, secret, "CancelSecretVersionDelete", call.now_ms)
            return {"ARN": secret.arn, "Name": secret.name}

        return dict(await call.write(work))

    def _delete_now(
        self, transaction: Transaction, call: Call, secret_id: str, secret: Secret | None
    ) -> dict[str, object]:
        deletion = from_milliseconds(call.now_ms)
        if secret is None:
            reference = parse_secret_id(secret_id, call.account, call.region)
            if reference is None:
                raise not_found()
            arn = would_be_arn(secret_id, call.account, call.region)
            return {"ARN": arn, "Name": reference.name, "DeletionDate": deletion}
        if secret.deleted_ms is None:
            record_deletion_event(transaction, self.world.entropy, secret, "StartSecretVersionDelete", call.now_ms)
        record_deletion_event(transaction, self.world.entropy, secret, "EndSecretVersionDelete", call.now_ms)
        delete_secret(transaction, secret.arn)
        return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": deletion}

    def _mark(self, transaction: Transaction, call: Call, secret: Secret, purge_ms: int) -> dict[str, object]:
        if secret.deleted_ms is not None:
            raise invalid_request(
                "You can't perform this operation on the secret because it was already scheduled for deletion.",
            )
        cancel_rotations(transaction, secret.arn, call.now_ms)
        update_secret(
            transaction,
            secret.arn,
            deleted_ms=call.now_ms,
            purge_ms=purge_ms,
            changed_ms=next_change(secret, call.now_ms),
        )
        record_deletion_event(transaction, self.world.entropy, secret, "StartSecretVersionDelete", call.now_ms)
        return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": from_milliseconds(purge_ms)}
