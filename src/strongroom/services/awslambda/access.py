"""Find a function and ask whether the caller may do this to it: the one way in for every operation.

The decision comes first: a caller who may not touch a function learns the same whether it exists or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from strongroom.arn import Arn
from strongroom.errors import AwsError, OperatorError
from strongroom.policy import MalformedPolicy, Policy, PolicyKind, compile_policy
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.names import FunctionReference
from strongroom.services.awslambda.records import FunctionRecord, tags_of_function
from strongroom.services.awslambda.targets import Target, find_target
from strongroom.services.call import Call
from strongroom.services.clients import IamClient
from strongroom.services.texts import holds_nul
from strongroom.store import Transaction

__all__ = [
    "INVOKE",
    "LAMBDA",
    "RESOURCE_TYPE",
    "Context",
    "authorize_target",
    "authorized_function",
    "authorized_target",
    "compiled_policy",
    "layer_context",
    "permit_role",
    "refuse_nul",
    "request_tag_context",
    "resource_tag_context",
]

Context = Mapping[str, str | tuple[str, ...]]

INVOKE: Final = "lambda:InvokeFunction"
LAMBDA: Final = "lambda.amazonaws.com"
"""The service principal that execution roles trust."""
RESOURCE_TYPE: Final = "AWS::Lambda::Function"
"""What a function is called in the audit trail."""

_NO_CONTEXT: Final[Context] = {}


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Policy:
    return compile_policy(text, PolicyKind.RESOURCE, name="function policy")


def compiled_policy(text: str | None, arn: str) -> Policy | None:
    """A resource policy, compiled; None when there is none. The same text is compiled once.

    Args:
        text: The stored document.
        arn: What it belongs to, for the text of an error.

    Raises:
        OperatorError: It can no longer be read.
    """
    if text is None:
        return None
    try:
        return _compiled(text)
    except MalformedPolicy as error:
        raise OperatorError(f"The stored policy of {arn} can no longer be read.", why=error.message) from None


def resource_tag_context(tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of a function's tags."""
    return _tag_context("aws:resourcetag/", tags)


def request_tag_context(tags: Mapping[str, str] | None) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of the tags that a request carries."""
    if not tags:
        return {}
    return _tag_context("aws:requesttag/", tags) | {"aws:tagkeys": tuple(tags)}


def layer_context(layers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The condition key of the layers that a request gives a function ("Condition keys for AWS Lambda")."""
    return {"lambda:layer": tuple(layers)} if layers else {}


def _tag_context(prefix: str, tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    """Tag keys that differ in case only are one condition key with all of their values, so that none hides another."""
    context: dict[str, str | tuple[str, ...]] = {}
    for key, value in tags.items():
        name = prefix + key.lower()
        present = context.get(name)
        if present is None:
            context[name] = value
        else:
            context[name] = (*((present,) if isinstance(present, str) else present), value)
    return context


def authorize_target(
    transaction: Transaction,
    call: Call,
    reference: FunctionReference,
    actions: Iterable[str],
    context: Context = _NO_CONTEXT,
) -> Target | None:
    """What a request names, if there is such a thing, after asking for every one of ``actions`` on it.

    A request for ``name:$LATEST`` must be allowed on that ARN and on the one without a qualifier: both are the same
    function, and a Deny on either holds for both spellings. An Allow for the plain ARN covers neither a version nor an
    alias (Lambda Developer Guide, "Working with resource-based IAM policies").

    Raises:
        AccessDenied: The caller may not, whether there is such a thing or not.
    """
    target = find_target(transaction, reference)
    policy = None if target is None else compiled_policy(target.policy, reference.qualified_arn)
    known = resource_tag_context(tags_of_function(transaction, reference.arn)) if target is not None else {}
    named = (reference.qualified_arn, reference.arn) if reference.names_latest else (reference.qualified_arn,)
    for action in actions:
        for arn in dict.fromkeys(named):
            call.authorize(action, arn, resource_account=reference.account, policy=policy, context={**known, **context})
    refuse_nul(call)
    return target


def refuse_nul(call: Call) -> None:
    """Refuse a request with text that cannot be stored; after the decision, so that it tells a stranger nothing.

    Raises:
        AwsError: ``InvalidParameterValueException``, naming the parameter.
    """
    for name, value in call.parameters.items():
        if holds_nul(value):
            raise failures.invalid_parameter(f"{name} holds a NUL character.")


def authorized_target(
    transaction: Transaction,
    call: Call,
    reference: FunctionReference,
    action: str,
    context: Context = _NO_CONTEXT,
) -> Target:
    """What a request names, after asking for ``action`` on it. The function is named in the audit record.

    Raises:
        AccessDenied: The caller may not, whether there is such a thing or not.
        AwsError: ``ResourceNotFoundException``: there is no such function, or it has no such version or alias.
    """
    target = authorize_target(transaction, call, reference, (action,), context)
    call.touches(reference.arn, RESOURCE_TYPE, reference.account)
    if target is None:
        raise failures.function_not_found(reference.qualified_arn)
    return target


def authorized_function(
    transaction: Transaction,
    call: Call,
    reference: FunctionReference,
    action: str,
    context: Context = _NO_CONTEXT,
) -> FunctionRecord:
    """The function or version that a request names; otherwise as `authorized_target`."""
    return authorized_target(transaction, call, reference, action, context).function


def permit_role(
    iam: IamClient, transaction: Transaction, call: Call, reference: FunctionReference, role_arn: str
) -> None:
    """Check that the caller may give the function this role, and that Lambda may assume it.

    Raises:
        AwsError: ``AccessDeniedException``, or ``InvalidParameterValueException`` for a role that Lambda may not
            assume.
    """
    role = Arn.parse(role_arn)
    if role is None or role.account != reference.account:
        raise AwsError("AccessDeniedException", "Cross-account pass role is not allowed.")
    iam.authorize_pass_role(transaction, call, role_arn, LAMBDA)
