"""The operations on resource policies.

A secret has one policy that can be written, named ``default``. What a policy must be is in `policy_checks`.
"""

from __future__ import annotations

from typing import Final

from strongroom.errors import AwsError
from strongroom.identity.named_principals import shown_principals
from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import (
    Context,
    compile_resource_policy,
    find_and_authorize,
    flag,
    would_allow,
)
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.policy_checks import check_policy, policy_problems
from strongroom.services.secretsmanager.records import Secret, update_secret
from strongroom.services.secretsmanager.refusals import broad_policy, invalid_parameter, refuse_nul
from strongroom.services.secretsmanager.replication.pairing import CROSS_ACCOUNT_POLICY, cross_account_policy
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Transaction

__all__ = ["Policies"]

_DEFAULT: Final = "default"
_PAGE: Final = 100
_PUT: Final = "secretsmanager:PutResourcePolicy"
_VALIDATE: Final = "secretsmanager:ValidateResourcePolicy"


class Policies(Parts):
    """The operations on resource policies. A change counts on the very next request: the policy is read with it."""

    async def get_resource_policy(
        self, call: Call, *, SecretId: str, PolicyName: str | None = None
    ) -> dict[str, object]:
        """The policy of a secret; the answer has none when there is none.

        Raises:
            AwsError: Access denied, no such secret, or no such policy name.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            call.progress.resources.clear()
            secret = find_and_authorize(transaction, call, SecretId, _name_context(PolicyName))
            if PolicyName == CROSS_ACCOUNT_POLICY and secret.cross_account_primary_arn is not None:
                managed = cross_account_policy(secret.cross_account_primary_arn)
                return {"ARN": secret.arn, "Name": secret.name, "PolicyName": PolicyName, "ResourcePolicy": managed}
            if PolicyName not in {None, _DEFAULT}:
                raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified resource policy.")
            answer = _answer(secret)
            if secret.policy is not None:
                policy = compile_resource_policy(secret.policy)
                answer["ResourcePolicy"] = shown_principals(transaction, policy, secret.policy)
            return answer

        return await call.read(work)

    async def list_resource_policies(
        self, call: Call, *, SecretId: str, MaxResults: int | None = None, NextToken: str | None = None
    ) -> dict[str, object]:
        """The names of a secret's policies, ``default`` first.

        Raises:
            AwsError: Access denied, no such secret, or a token of another query.
        """
        shape: list[object] = [SecretId]
        cursor = self.pages.open(call, shape, NextToken)
        start = int(cursor[0] or 0) if cursor else 0
        end = start + (MaxResults or _PAGE)

        def work(transaction: Transaction) -> dict[str, object]:
            call.progress.resources.clear()
            secret = find_and_authorize(transaction, call, SecretId)
            names = [] if secret.policy is None else [_DEFAULT]
            if secret.cross_account_primary_arn is not None:
                names.append(CROSS_ACCOUNT_POLICY)
            answer: dict[str, object] = {"ResourcePolicies": [{"PolicyName": name} for name in names[start:end]]}
            if len(names) > end:
                answer["NextToken"] = self.pages.seal(call, shape, (end, secret.arn))
            return answer

        return await call.read(work)

    async def put_resource_policy(
        self,
        call: Call,
        *,
        SecretId: str,
        ResourcePolicy: str,
        PolicyName: str | None = None,
        BlockPublicPolicy: bool | None = None,
    ) -> dict[str, object]:
        """Give a secret a policy in place of the one it has.

        Raises:
            AwsError: Access denied, no such secret, a malformed policy, one that locks its author out, or one that
                lets everybody in while ``BlockPublicPolicy`` is set.
        """
        _require_default(PolicyName)
        refuse_nul(resourcePolicy=ResourcePolicy)

        def work(transaction: Transaction) -> dict[str, object]:
            context = {"secretsmanager:blockpublicpolicy": flag(BlockPublicPolicy), **_name_context(PolicyName)}
            secret = find_and_authorize(transaction, call, SecretId, context)
            checked = check_policy(
                transaction, ResourcePolicy, lambda stored: _may_put(call, SecretId, secret, stored, context)
            )
            if BlockPublicPolicy and checked.public:
                raise broad_policy()
            changed_ms = next_change(secret, call.now_ms)
            update_secret(transaction, secret.arn, policy=checked.stored, changed_ms=changed_ms)
            return _answer(secret)

        return dict(await call.write(work))

    async def delete_resource_policy(
        self, call: Call, *, SecretId: str, PolicyName: str | None = None
    ) -> dict[str, object]:
        """Take the policy off a secret. It is no error when it has none.

        Raises:
            AwsError: Access denied, or no such secret.
        """
        _require_default(PolicyName)

        def work(transaction: Transaction) -> dict[str, object]:
            secret = find_and_authorize(transaction, call, SecretId, _name_context(PolicyName))
            update_secret(transaction, secret.arn, policy=None, changed_ms=next_change(secret, call.now_ms))
            return _answer(secret)

        return dict(await call.write(work))

    async def validate_resource_policy(
        self, call: Call, *, ResourcePolicy: str, SecretId: str | None = None
    ) -> dict[str, object]:
        """What would speak against a policy, without storing it.

        Needs PutResourcePolicy besides its own permission. Without a secret nobody can be locked out of it.

        Raises:
            AwsError: Access denied, no such secret, or a text that is not JSON.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            call.progress.resources.clear()
            if SecretId is None:
                call.authorize(_VALIDATE, "*")
                call.authorize(_PUT, "*")
                problems = policy_problems(transaction, ResourcePolicy, lambda _: True)
            else:
                find_and_authorize(transaction, call, SecretId)
                call.progress.resources.clear()
                context = _name_context(None)
                secret = find_and_authorize(transaction, call, SecretId, context, action=_PUT)
                problems = policy_problems(
                    transaction, ResourcePolicy, lambda stored: _may_put(call, SecretId, secret, stored, context)
                )
            return {
                "PolicyValidationPassed": not problems,
                "ValidationErrors": [{"CheckName": each.check, "ErrorMessage": each.message} for each in problems],
            }

        return await call.read(work)


def _answer(secret: Secret) -> dict[str, object]:
    """What the operations on one policy answer: it is ``default``, whether the request named it or not."""
    return {"ARN": secret.arn, "Name": secret.name, "PolicyName": _DEFAULT}


def _name_context(name: str | None) -> dict[str, str]:
    """The condition key of the policy that a request is about."""
    return {"secretsmanager:policyname": name or _DEFAULT}


def _may_put(call: Call, secret_id: str, secret: Secret, policy: str, context: Context) -> bool:
    """Whether the caller may put a policy on a secret that has ``policy``."""
    return would_allow(call, _PUT, secret_id, secret, policy, context)


def _require_default(name: str | None) -> None:
    if name not in {None, _DEFAULT}:
        raise invalid_parameter("The only policy name that can be written is default.")
