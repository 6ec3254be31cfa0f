"""GetResourcePolicy, PutResourcePolicy and DeleteResourcePolicy. A secret has one policy, named ``default``."""

from __future__ import annotations

from strongroom.errors import AwsError
from strongroom.identity.named_principals import shown_principals, stored_principals
from strongroom.policy import MalformedPolicy, is_public
from strongroom.services.call import Call
from strongroom.services.secretsmanager.access import compile_resource_policy, find_and_authorize, flag
from strongroom.services.secretsmanager.parts import Parts
from strongroom.services.secretsmanager.records import update_secret
from strongroom.services.secretsmanager.refusals import invalid_parameter, refuse_nul
from strongroom.services.secretsmanager.writing import next_change
from strongroom.store import Transaction

__all__ = ["Policies"]

_DEFAULT = "default"


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
            secret = find_and_authorize(transaction, call, SecretId)
            if PolicyName not in {None, _DEFAULT}:
                raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified resource policy.")
            answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name}
            if secret.policy is not None:
                policy = compile_resource_policy(secret.policy)
                answer["ResourcePolicy"] = shown_principals(transaction, policy, secret.policy)
            if PolicyName is not None:
                answer["PolicyName"] = PolicyName
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
            AwsError: Access denied, no such secret, a malformed policy, or one that lets everybody in while
                ``BlockPublicPolicy`` is set.
        """
        _require_default(PolicyName)
        refuse_nul(resourcePolicy=ResourcePolicy)

        def work(transaction: Transaction) -> dict[str, object]:
            context = {"secretsmanager:blockpublicpolicy": flag(BlockPublicPolicy)}
            secret = find_and_authorize(transaction, call, SecretId, context)
            try:
                policy = compile_resource_policy(ResourcePolicy)
            except MalformedPolicy as problem:
                raise AwsError(
                    "MalformedPolicyDocumentException", f"This resource policy contains a syntax error. {problem}"
                ) from None
            if BlockPublicPolicy and is_public(policy):
                raise AwsError(
                    "PublicPolicyException",
                    "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad "
                    "access to the secret.",
                )
            try:
                stored = stored_principals(transaction, policy, ResourcePolicy)
            except MalformedPolicy:
                raise AwsError(
                    "MalformedPolicyDocumentException",
                    "This resource policy contains an unsupported principal, action, resource, or condition.",
                ) from None
            changed_ms = next_change(secret, call.now_ms)
            update_secret(transaction, secret.arn, policy=stored, changed_ms=changed_ms)
            answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name}
            if PolicyName is not None:
                answer["PolicyName"] = PolicyName
            return answer

        return dict(await call.write(work))

    async def delete_resource_policy(
        self, call: Call, *, SecretId: str, PolicyName: str | None = None
    ) -> dict[str, object]:
        """Take a secret's policy away. It is no error when there is none.

        Raises:
            AwsError: Access denied, or no such secret.
        """
        _require_default(PolicyName)

        def work(transaction: Transaction) -> dict[str, object]:
            secret = find_and_authorize(transaction, call, SecretId)
            update_secret(transaction, secret.arn, policy=None, changed_ms=next_change(secret, call.now_ms))
            answer: dict[str, object] = {"ARN": secret.arn, "Name": secret.name}
            if PolicyName is not None:
                answer["PolicyName"] = PolicyName
            return answer

        return dict(await call.write(work))


def _require_default(name: str | None) -> None:
    if name not in {None, _DEFAULT}:
        raise invalid_parameter("The only policy name that can be written is default.")
