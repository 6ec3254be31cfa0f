"""Find a secret and ask whether the caller may do this to it: the one way in for every operation.

The decision comes first: a caller who may not touch a secret learns the same from a refusal whether the secret exists
or not, so a refusal shows the SecretId as the caller wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from strongroom.errors import AccessDenied
from strongroom.policy import Policy, PolicyKind, compile_policy
from strongroom.services.call import Call
from strongroom.services.secretsmanager.names import is_valid_name, parse_secret_id, would_be_arn
from strongroom.services.secretsmanager.records import Secret, find_secret, unpack_tags
from strongroom.services.secretsmanager.refusals import (
    invalid_name,
    marked_for_deletion,
    not_found,
    not_on_cross_account_replica,
    not_on_replica,
)
from strongroom.services.secretsmanager.service_events import RESOURCE_TYPE
from strongroom.store import Transaction

__all__ = [
    "Context",
    "authorize_on",
    "authorize_secret",
    "compile_resource_policy",
    "find_and_authorize",
    "flag",
    "refuse_impossible_name",
    "request_tag_context",
    "resource_context",
    "secret_context",
    "tag_context",
    "would_allow",
]

Context = Mapping[str, str | tuple[str, ...]]

_NOTHING: Final[Context] = {}

_ON_REPLICAS: Final = frozenset({
    "DescribeSecret",
    "GetResourcePolicy",
    "ListResourcePolicies",
    "ListSecretConsumers",
    "ListSecretVersionIds",
    "StopReplicationToReplica",
    "UpdateSecret",  # for the key only
    "ValidateResourcePolicy",
})  # fmt: skip
"""What can be done to a replica of a secret in another region; everything else is done to its primary."""

_NOT_ACROSS_ACCOUNTS: Final = frozenset({
    "AssociateCrossAccountReplica",
    "CancelRotateSecret",
    "DisassociateCrossAccountReplica",
    "PutSecretValue",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "RotateSecret",
    "UpdateSecretVersionStage",
})  # fmt: skip
"""What cannot be done to a replica of a secret in another account, which belongs to its owner but for the value."""


@lru_cache(maxsize=4096)
def compile_resource_policy(text: str) -> Policy:
    """A secret's resource policy, compiled.

    Raises:
        MalformedPolicy: It is not one.
    """
    return compile_policy(text, PolicyKind.RESOURCE)


def flag(value: bool | None) -> str:
    """A flag of a request as condition keys have it."""
    return "true" if value else "false"


def tag_context(tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    """Condition keys of a secret's tags. Keys of conditions have no case, values have."""
    context: dict[str, str | tuple[str, ...]] = {}
    for key, value in tags.items():
        context[f"aws:resourcetag/{key.lower()}"] = value
        context[f"secretsmanager:resourcetag/{key.lower()}"] = value
    return context


def request_tag_context(tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    """Condition keys of the tags that a request carries."""
    context: dict[str, str | tuple[str, ...]] = {f"aws:requesttag/{key.lower()}": tags[key] for key in tags}
    if tags:
        context["aws:tagkeys"] = tuple(tags)
    return context


@lru_cache(maxsize=4096)
def resource_context(tags: str | None, function_arn: str | None, kind: str | None, primary_region: str) -> Context:
    """Condition keys that a secret has by itself. Shared by all who ask: never change it.

    Args:
        tags: As in `Secret.tags`.
        function_arn: The ARN of its rotation function.
        kind: Its type, for a secret of another service.
        primary_region: The region in which it was created.
    """
    context = tag_context(unpack_tags(tags))
    context["secretsmanager:secretprimaryregion"] = primary_region
    if function_arn:
        context["secretsmanager:resource/allowrotationlambdaarn"] = function_arn
    if kind:
        context["secretsmanager:resource/type"] = kind
    return context


def secret_context(secret: Secret) -> Context:
    """`resource_context` of a secret."""
    return resource_context(
        secret.tags, secret.rotation_function_arn, secret.type, secret.primary_region or secret.region
    )


def authorize_on(
    call: Call,
    action: str,
    shown: str,
    arn: str,
    account: str,
    policy: str | None,
    context: Context | Callable[[], Context],
) -> None:
    """Ask for a decision on an ARN; a refusal shows ``shown`` in its place.

    Args:
        call: The call.
        action: Such as ``secretsmanager:GetSecretValue``.
        shown: The SecretId or name, as the caller wrote it.
        arn: What is decided on.
        account: The account that owns it.
        policy: The text of the resource policy.
        context: Condition keys of the secret and the request, or what gathers them.

    Raises:
        AccessDenied: The caller may not.
    """
    try:
        call.authorize(
            action,
            arn,
            resource_account=account,
            policy=compile_resource_policy(policy) if policy is not None else None,
            context=context,
        )
    except AccessDenied as denied:
        message = denied.message.replace(f" on resource: {arn} ", f" on resource: {shown} ", 1)
        raise AccessDenied(message) from None


def authorize_secret(
    call: Call, action: str, secret_id: str, secret: Secret | None, context: Context = _NOTHING
) -> None:
    """Ask whether the caller may do ``action`` to a secret, which may not exist.

    Args:
        call: The call.
        action: Such as ``secretsmanager:DescribeSecret``.
        secret_id: The SecretId of the request.
        secret: The secret that it names, or None.
        context: Condition keys of the request besides ``secretsmanager:SecretId``.

    Raises:
        AccessDenied: The caller may not.
    """
    given = {"secretsmanager:secretid": secret_id, **context}
    if secret is None:
        reference = parse_secret_id(secret_id, call.account, call.region)
        account = reference.account if reference else call.account
        arn = would_be_arn(secret_id, call.account, call.region)
        authorize_on(call, action, secret_id, arn, account, None, given)
        return
    authorize_on(
        call, action, secret_id, secret.arn, secret.account, secret.policy, {**secret_context(secret), **given}
    )
    call.touches(secret.arn, RESOURCE_TYPE, secret.account)


def refuse_impossible_name(secret_id: str) -> None:
    """Refuse a SecretId that is no ARN and that no secret can have as its name. AWS does so before it decides.

    Args:
        secret_id: One that `parse_secret_id` knows no meaning of.

    Raises:
        AwsError: ``ValidationException``.
    """
    if not secret_id.startswith("arn:") and not is_valid_name(secret_id):
        raise invalid_name()


def would_allow(
    call: Call, action: str, secret_id: str, secret: Secret, policy: str, context: Context = _NOTHING
) -> bool:
    """Whether the caller might do ``action`` to a secret that had another resource policy.

    Args:
        call: The call.
        action: Such as ``secretsmanager:PutResourcePolicy``.
        secret_id: The SecretId of the request.
        secret: The secret.
        policy: The text of that policy.
        context: Condition keys of the request besides ``secretsmanager:SecretId``.
    """
    return call.allows(
        action,
        secret.arn,
        resource_account=secret.account,
        policy=compile_resource_policy(policy),
        context={**secret_context(secret), "secretsmanager:secretid": secret_id, **context},
    )


def find_and_authorize(
    transaction: Transaction,
    call: Call,
    secret_id: str,
    context: Context = _NOTHING,
    *,
    action: str = "",
    deleted: bool = False,
) -> Secret:
    """The secret that a request is about, once the caller may do this to it.

    Args:
        transaction: Where to look.
        call: The call.
        secret_id: A name, ARN or partial ARN.
        context: Condition keys of the request besides ``secretsmanager:SecretId``.
        action: What is asked for; the call's own operation unless given.
        deleted: Whether a secret that is marked for deletion will do.

    Raises:
        AccessDenied: The caller may not.
        AwsError: There is no such secret, it is marked for deletion, none can have that name, or it is a replica.
    """
    reference = parse_secret_id(secret_id, call.account, call.region)
    if reference is None:
        refuse_impossible_name(secret_id)
    secret = find_secret(transaction, reference) if reference else None
    authorize_secret(call, action or f"secretsmanager:{call.operation}", secret_id, secret, context)
    if secret is None:
        raise not_found()
    if secret.deleted_ms is not None and not deleted:
        raise marked_for_deletion()
    if secret.follows_region and call.operation not in _ON_REPLICAS:
        raise not_on_replica()
    if secret.cross_account_primary_arn is not None and call.operation in _NOT_ACROSS_ACCOUNTS:
        raise not_on_cross_account_replica()
    return secret
