"""UpdateSecretVersionStage: staging labels moved by hand, which is also how a rotation function promotes a version."""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import find_and_authorize
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import update_secret
from strongroom.services.secretsmanager.refusals import invalid_parameter, refuse_managed, refuse_nul, version_not_found
from strongroom.services.secretsmanager.versions import (
    CURRENT,
    attach_labels,
    detach_label,
    find_version,
    labels_of,
)
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Transaction

__all__ = ["Labelling"]


class Labelling(Parts):
    """The operation on staging labels."""

    async def update_secret_version_stage(
        self,
        call: Call,
        *,
        SecretId: str,
        VersionStage: str,
        RemoveFromVersionId: str | None = None,
        MoveToVersionId: str | None = None,
    ) -> dict[str, object]:
        """Attach a label to a version, move it from one to another, or remove it.

        A label that is attached somewhere moves only when that version is named. AWSCURRENT can only move, and takes
        AWSPREVIOUS to the version it leaves.

        Raises:
            AwsError: Access denied, no such secret or version, or the label is elsewhere.
        """
        if RemoveFromVersionId is None and MoveToVersionId is None:
            raise invalid_parameter("You must specify MoveToVersionId, RemoveFromVersionId or both.")
        refuse_nul(versionStage=VersionStage, removeFromVersionId=RemoveFromVersionId, moveToVersionId=MoveToVersionId)

        def work(transaction: Transaction) -> dict[str, object]:
            context = {"secretsmanager:versionstage": VersionStage}
            secret = find_and_authorize(transaction, call, SecretId, context)
            refuse_managed(secret.owning_service)
            answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name}
            for version_id in (RemoveFromVersionId, MoveToVersionId):
                _require_version(transaction, secret.arn, version_id, VersionStage)
            holder = labels_of(transaction, secret.arn).get(VersionStage)
            if MoveToVersionId is not None and holder == MoveToVersionId:
                return answer
            _require_holder(VersionStage, holder, RemoveFromVersionId)
            if MoveToVersionId is not None:
                attach_labels(transaction, secret.arn, MoveToVersionId, [VersionStage], self.settings)
                self.replicas.decide_rights(transaction, call, secret)
            elif VersionStage == CURRENT:
                raise invalid_parameter(
                    "You can only move staging label AWSCURRENT to a different secret version. "
                    "It can’t be completely removed.",
                )
            else:
                detach_label(transaction, secret.arn, VersionStage)
            update_secret(transaction, secret.arn, changed_ms=next_change(secret, call.now_ms))
            return answer

        return dict(await call.write(work))


def _require_version(transaction: Transaction, arn: str, version_id: str | None, label: str) -> None:
    """A version that is named must be there; to be current, it must have a value, too."""
    if version_id is None:
        return
    version = find_version(transaction, arn, version_id)
    if version is None or (label == CURRENT and version.value is None):
        raise version_not_found(version_id)


def _require_holder(label: str, holder: str | None, named: str | None) -> None:
    """The version that holds the label, and no other, must be named as the one to take it from."""
    if holder is not None and named is None:
        raise invalid_parameter(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to "
            f"version {holder}, so you must explicitly reference that version in RemoveFromVersionId.",
        )
    if named is not None and named != holder:
        where = "any version" if holder is None else f"that version; it is attached to version {holder}"
        raise invalid_parameter(
            f"You can't remove staging label {label} from version {named} because it isn't attached to {where}.",
        )
