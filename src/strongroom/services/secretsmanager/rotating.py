"""RotateSecret and CancelRotateSecret: the request side of rotation.

A request settles everything in one transaction: the settings, the new version labelled AWSPENDING, and the row that
the background engine works on. The function itself runs later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from strongroom.errors import AccessDenied, AwsError, StrongroomError
from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import find_and_authorize, flag
from strongroom.services.secretsmanager.external_types import ExternalRotation, given_rotation, no_rotation
from strongroom.services.secretsmanager.masters import refuse_own_master
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import Secret, update_secret
from strongroom.services.secretsmanager.refusals import (
    invalid_parameter,
    invalid_request,
    label_not_found,
    missing_token,
    refuse_managed,
    refuse_nul,
    token_in_use,
)
from strongroom.services.secretsmanager.rotations import (
    abandon_rotations,
    cancel_rotations,
    find_rotation,
    make_due,
    next_window,
    no_window,
    rotator_of,
    start_rotation,
    stored_rules,
    unfinished_rotation,
)
from strongroom.services.secretsmanager.schedule import RotationRules, ScheduleError, parse_duration
from strongroom.services.secretsmanager.values import SERVICE_PRINCIPAL
from strongroom.services.secretsmanager.versions import (
    CURRENT,
    PENDING,
    Version,
    attach_labels,
    find_version,
    insert_version,
    version_with_label,
)
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Transaction

__all__ = ["Rotating"]


class _UnfinishedRotationError(StrongroomError):
    """The rotation before is not through. Ends the request's transaction; the rotation is then taken up again."""

    def __init__(self, arn: str, token: str) -> None:
        super().__init__(arn, token)
        self.arn = arn
        self.token = token


@dataclass(frozen=True, slots=True)
class _Request:
    """The parameters of RotateSecret that matter to its parts."""

    secret_id: str
    token: str
    function_arn: str | None
    rules: RotationRules | None
    duration: str | None
    external: ExternalRotation | None
    immediately: bool

    def with_rules(self, secret: Secret) -> Secret:
        """The secret with the rules of this request, if it has any."""
        if self.rules is None:
            return secret
        return replace(
            secret,
            rotation_after_days=self.rules.automatically_after_days,
            rotation_schedule=self.rules.schedule_expression,
            rotation_duration=self.duration,
        )

    def context(self) -> dict[str, str]:
        """The condition keys of this request."""
        context = {
            "secretsmanager:modifyrotationrules": flag(self.rules is not None),
            "secretsmanager:rotateimmediately": flag(self.immediately),
        }
        if self.function_arn:
            context["secretsmanager:rotationlambdaarn"] = self.function_arn
        if self.external is not None and self.external.role_arn is not None:
            context["secretsmanager:externalsecretrotationrolearn"] = self.external.role_arn
        return context


def _rotator(secret: Secret, request: _Request) -> str:
    """Who runs the steps of the rotation that is asked for.

    Raises:
        AwsError: ``InvalidRequestException``: nobody does, or a function is named for a secret that a service manages.
    """
    if request.function_arn is not None:
        refuse_managed(secret.owning_service)
    rotator = request.function_arn or rotator_of(secret)
    if rotator is None:
        raise invalid_request("No Lambda rotation function ARN is associated with this secret.")
    return rotator


class Rotating(Parts):
    """The operations that start and stop rotation."""

    async def rotate_secret(
        self,
        call: Call,
        *,
        SecretId: str,
        ClientRequestToken: str | None = None,
        RotationLambdaARN: str | None = None,
        RotationRules: Mapping[str, object] | None = None,
        ExternalSecretRotationMetadata: list[dict[str, str]] | None = None,
        ExternalSecretRotationRoleArn: str | None = None,
        RotateImmediately: bool | None = None,
    ) -> dict[str, object]:
        """Set how a secret rotates and rotate it now; without settings, by those it has.

        With ``RotateImmediately=False`` only the function's testSecret runs, on a copy of the current value.

        Raises:
            AwsError: Access denied, no function or none that may be invoked, rules that cannot be followed, or the
                rotation before is not through.
        """
        if ClientRequestToken is None:
            raise missing_token("InvalidParameterException")
        refuse_nul(clientRequestToken=ClientRequestToken, rotationLambdaARN=RotationLambdaARN)
        rules, duration = self._given_rules(RotationRules)
        request = _Request(
            secret_id=SecretId,
            token=ClientRequestToken,
            function_arn=RotationLambdaARN or None,
            rules=rules,
            duration=duration,
            external=given_rotation(ExternalSecretRotationMetadata, ExternalSecretRotationRoleArn),
            immediately=RotateImmediately is not False,
        )
        try:
            return dict(await call.write(lambda transaction: self._rotate(transaction, call, request)))
        except _UnfinishedRotationError as unfinished:
            arn, token = unfinished.arn, unfinished.token
        await self.store.write(lambda transaction: make_due(transaction, arn, token, call.now_ms))
        raise invalid_request("A previous rotation isn’t complete. That rotation will be reattempted.")

    async def cancel_rotate_secret(self, call: Call, *, SecretId: str) -> dict[str, object]:
        """Turn rotation off. Labels stay where they are; a version that was under way is named in the answer.

        Raises:
            AwsError: Access denied, or no such secret.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            secret = find_and_authorize(transaction, call, SecretId)
            refuse_managed(secret.owning_service)
            token = cancel_rotations(transaction, secret.arn, call.now_ms)
            update_secret(
                transaction,
                secret.arn,
                rotation_enabled=0,
                changed_ms=next_change(secret, call.now_ms),
                **no_window(),
            )
            answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name}
            if token is not None:
                answer["VersionId"] = token
            return answer

        return dict(await call.write(work))

    def _given_rules(self, given: Mapping[str, object] | None) -> tuple[RotationRules | None, str | None]:
        """The rules of a request, found valid, and their duration as it was written."""
        if given is None:
            return None, None
        days, expression, duration = (
            given.get(member) for member in ("AutomaticallyAfterDays", "ScheduleExpression", "Duration")
        )
        try:
            rules = RotationRules(
                automatically_after_days=days if isinstance(days, int) else None,
                schedule_expression=expression if isinstance(expression, str) else None,
                duration_hours=parse_duration(duration) if isinstance(duration, str) else None,
            )
            rules.validate(allow_minutes=self.settings.allow_minute_schedules)
        except ScheduleError as problem:
            raise invalid_parameter(str(problem)) from None
        return rules, duration if isinstance(duration, str) else None

    def _rotate(self, transaction: Transaction, call: Call, request: _Request) -> dict[str, object]:
        secret = find_and_authorize(transaction, call, request.secret_id, request.context())
        answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name, "VersionId": request.token}
        if request.external is not None or (secret.type and not (request.function_arn or secret.rotation_function_arn)):
            return self._keep_external(transaction, call, secret, request)
        rotator = _rotator(secret, request)
        if find_rotation(transaction, secret.arn, request.token) is not None:
            return answer
        if secret.owning_service is None:
            self._require_function(transaction, call, secret, rotator)
            refuse_own_master(transaction, call, self.values, secret)
        elif not request.immediately:
            # There is no function to be tested: the new schedule is all that this asks for.
            self._set_rules(transaction, call, secret, request)
            return {"ARN": secret.arn, "Name": secret.name}
        unfinished = unfinished_rotation(transaction, secret.arn)
        if unfinished is not None:
            raise _UnfinishedRotationError(secret.arn, unfinished.token)
        secret = self._set_rules(transaction, call, secret, request)
        # Rotations that are open still have lost their label, or are through but for the last bookkeeping.
        abandon_rotations(transaction, self.world.entropy, secret, call.now_ms)
        insert_version(transaction, self._pending_version(transaction, call, secret, request))
        attach_labels(transaction, secret.arn, request.token, [PENDING], self.settings)
        start_rotation(
            transaction,
            self.world.entropy,
            secret,
            request.token,
            rotator,
            call.now_ms,
            kind="rotation" if request.immediately else "test",
            origin="request",
        )
        return answer

    def _require_function(self, transaction: Transaction, call: Call, secret: Secret, function_arn: str) -> None:
        """The caller must be allowed to invoke the function, and so must Secrets Manager, for this secret."""
        refusal = AccessDenied(
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            "access to the principal secretsmanager.amazonaws.com."
        )
        try:
            self.functions.authorize_invoke(transaction, call.forward(SERVICE_PRINCIPAL), function_arn)
        except AccessDenied:
            raise
        except AwsError as problem:
            raise (refusal if problem.code == "ResourceNotFoundException" else problem) from None
        if not self.functions.admits_service(
            transaction, function_arn, SERVICE_PRINCIPAL, source_arn=secret.arn, source_account=secret.account
        ):
            raise refusal

    def _keep_external(
        self, transaction: Transaction, call: Call, secret: Secret, request: _Request
    ) -> dict[str, object]:
        """Keep the rotation settings of a managed external secret. It is not rotated, and does not seem to be.

        Raises:
            AwsError: ``InvalidRequestException``: the secret has no type, or is to be rotated now.
                ``InvalidParameterException``: a function is named as well.
        """
        if secret.type is None:
            raise invalid_request(
                "ExternalSecretRotationMetadata and ExternalSecretRotationRoleArn are for secrets that have a Type."
            )
        if request.function_arn is not None:
            raise invalid_parameter("You can't specify RotationLambdaARN with the settings of an external rotation.")
        if request.immediately:
            raise no_rotation(secret.type)
        secret = request.with_rules(secret)
        update_secret(
            transaction,
            secret.arn,
            rotation_after_days=secret.rotation_after_days,
            rotation_schedule=secret.rotation_schedule,
            rotation_duration=secret.rotation_duration,
            changed_ms=next_change(secret, call.now_ms),
            **(request.external.changes() if request.external is not None else {}),
        )
        return {"ARN": secret.arn, "Name": secret.name}

    def _set_rules(self, transaction: Transaction, call: Call, secret: Secret, request: _Request) -> Secret:
        """Store the settings of the request where it has any, and the next window."""
        secret = request.with_rules(secret)
        update_secret(
            transaction,
            secret.arn,
            rotation_enabled=1,
            rotation_function_arn=request.function_arn or secret.rotation_function_arn,
            rotation_after_days=secret.rotation_after_days,
            rotation_schedule=secret.rotation_schedule,
            rotation_duration=secret.rotation_duration,
            changed_ms=next_change(secret, call.now_ms),
            **next_window(stored_rules(secret), call.now_ms),
        )
        return secret

    def _pending_version(self, transaction: Transaction, call: Call, secret: Secret, request: _Request) -> Version:
        """The version to be rotated to: without a value, or for a test with the current one."""
        if find_version(transaction, secret.arn, request.token) is not None:
            raise token_in_use(request.token, secret.arn)
        if request.immediately:
            return Version(arn=secret.arn, version_id=request.token, created_ms=call.now_ms)
        current = version_with_label(transaction, secret.arn, CURRENT)
        copied = current and self.values.copy(transaction, call, secret, current, request.token, call.now_ms)
        if copied is None:
            raise label_not_found(CURRENT)
        return copied
