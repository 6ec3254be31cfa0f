"""DescribeSecret, and what it has in common with ListSecrets. GetRandomPassword, which is about no secret."""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import find_and_authorize
from strongroom.services.secretsmanager.external_types import shown_rotation
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.passwords import PASSWORD_LENGTH, character_types, generate_password
from strongroom.services.secretsmanager.records import Secret
from strongroom.services.secretsmanager.replication.shown import replication_of
from strongroom.services.secretsmanager.rotations import stored_rules
from strongroom.services.secretsmanager.versions import labels_by_version, labels_of
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["Descriptions", "describe"]


def describe(secret: Secret) -> dict[str, object]:
    """What DescribeSecret and ListSecrets both say of a secret, without its versions and dates of deletion."""
    answer: dict[str, object] = {
        "ARN": secret.arn,
        "Name": secret.name,
        "CreatedDate": from_milliseconds(secret.created_ms),
        "LastChangedDate": from_milliseconds(secret.changed_ms),
    }
    texts = {
        "Description": secret.description,
        "KmsKeyId": secret.kms_key_id,
        "OwningService": secret.owning_service,
        "PrimaryRegion": secret.primary_region,
        "Type": secret.type,
    }
    answer.update((member, text) for member, text in texts.items() if text)
    if secret.accessed_day_ms is not None:
        answer["LastAccessedDate"] = from_milliseconds(secret.accessed_day_ms)
    if secret.tags is not None:
        answer["Tags"] = [{"Key": key, "Value": value} for key, value in secret.tag_map.items()]
    if secret.rotates:
        answer.update(_rotation(secret))
    elif secret.follows_region and secret.last_rotated_ms is not None:
        answer["LastRotatedDate"] = from_milliseconds(secret.last_rotated_ms)
    answer.update(shown_rotation(secret))
    return answer


def _rotation(secret: Secret) -> dict[str, object]:
    """The rotation settings; of a secret that was never set up to rotate there are none."""
    answer: dict[str, object] = {"RotationEnabled": bool(secret.rotation_enabled)}
    if secret.rotation_function_arn is not None:
        answer["RotationLambdaARN"] = secret.rotation_function_arn
    if rules := _rules(secret):
        answer["RotationRules"] = rules
    if secret.rotation_enabled:
        if secret.last_rotated_ms is not None:
            answer["LastRotatedDate"] = from_milliseconds(secret.last_rotated_ms)
        if secret.next_window_closes_ms is not None:
            answer["NextRotationDate"] = from_milliseconds(secret.next_window_closes_ms - 1000)
    return answer


def _rules(secret: Secret) -> dict[str, object]:
    """RotationRules. For a schedule expression AutomaticallyAfterDays is calculated (RotationRulesType)."""
    rules: dict[str, object] = {}
    stored = stored_rules(secret)
    if stored is None:
        return rules
    if secret.rotation_schedule is None:
        rules["AutomaticallyAfterDays"] = secret.rotation_after_days
    else:
        anchor_ms = secret.last_rotated_ms or secret.created_ms
        rules["AutomaticallyAfterDays"] = stored.validate(allow_minutes=True).interval_days(anchor_ms, anchor_ms)
        rules["ScheduleExpression"] = secret.rotation_schedule
    if secret.rotation_duration is not None:
        rules["Duration"] = secret.rotation_duration
    return rules


class Descriptions(Parts):
    """DescribeSecret and GetRandomPassword."""

    async def describe_secret(self, call: Call, *, SecretId: str) -> dict[str, object]:
        """Everything about a secret but its values; also of one that is marked for deletion.

        Raises:
            AwsError: Access denied, or no such secret.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            call.progress.resources.clear()
            secret = find_and_authorize(transaction, call, SecretId, deleted=True)
            answer = describe(secret)
            labels = labels_by_version(labels_of(transaction, secret.arn).items())
            if labels:
                answer["VersionIdsToStages"] = labels
            answer.update(replication_of(transaction, secret))
            if secret.purge_ms is not None:
                answer["DeletedDate"] = from_milliseconds(secret.purge_ms)
            return answer

        return await call.read(work)

    async def get_random_password(
        self,
        call: Call,
        *,
        PasswordLength: int | None = None,
        ExcludeCharacters: str | None = None,
        ExcludeNumbers: bool | None = None,
        ExcludePunctuation: bool | None = None,
        ExcludeUppercase: bool | None = None,
        ExcludeLowercase: bool | None = None,
        IncludeSpace: bool | None = None,
        RequireEachIncludedType: bool | None = None,
    ) -> dict[str, object]:
        """A random password: 32 characters of all four types, without the space, unless asked otherwise.

        Raises:
            AwsError: Access denied, or no such password is possible.
        """
        call.authorize("secretsmanager:GetRandomPassword", "*")
        types = character_types(
            lowercase=not ExcludeLowercase,
            uppercase=not ExcludeUppercase,
            numbers=not ExcludeNumbers,
            punctuation=not ExcludePunctuation,
            excluded=ExcludeCharacters or "",
        )
        password = generate_password(
            types,
            PASSWORD_LENGTH if PasswordLength is None else PasswordLength,
            each_type=RequireEachIncludedType is not False,
            entropy=self.world.entropy,
            optional=" " if IncludeSpace and " " not in (ExcludeCharacters or "") else "",
        )
        return {"RandomPassword": password}
