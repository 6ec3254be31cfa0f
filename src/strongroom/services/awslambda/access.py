"""Find a function and ask whether the caller may do this to it: the one way in for every operation.

The decision comes first: a caller who may not touch a function learns the same whether it exists or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from strongroom.arn import Arn
from strongroom.errors import AwsError, OperatorError
from strongroom.policy import MalformedPolicy, Policy, PolicyKind, compile_policy
from strongroom.services.awslambda import failures
from strongroom.services.awslambda.names import FunctionReference
from strongroom.services.awslambda.records import FunctionRecord, find_function, tags_of_function
from strongroom.services.call import Call
from strongroom.services.clients import IamClient
from strongroom.store import Transaction

__all__ = [
    "INVOKE",
    "LAMBDA",
    "RESOURCE_TYPE",
    "Context",
    "authorize_function",
    "authorized_function",
    "compiled_policy",
    "permit_role",
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


def compiled_policy(record: FunctionRecord | None) -> Policy | None:
    """The resource policy of a function, compiled; None when there is none. The same text is compiled once.

    Raises:
        OperatorError: It can no longer be read.
    """
    if record is None or record.policy is None:
        return None
    try:
        return _compiled(record.policy)
    except MalformedPolicy as error:
        raise OperatorError(
            f"The stored policy of the function {record.arn} can no longer be read.", why=error.message
        ) from None


def resource_tag_context(tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of a function's tags."""
    return _tag_context("aws:resourcetag/", tags)


def request_tag_context(tags: Mapping[str, str] | None) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of the tags that a request carries."""
    if not tags:
        return {}
    return _tag_context("aws:requesttag/", tags) | {"aws:tagkeys": tuple(tags)}


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


def authorize_function(
    transaction: Transaction,
    call: Call,
    reference: FunctionReference,
    actions: Iterable[str],
    context: Context = _NO_CONTEXT,
) -> FunctionRecord | None:
    """The function that a request names, if there is one, after asking for every one of ``actions`` on it.

    A request for ``name:$LATEST`` must be allowed on that ARN and on the one without a qualifier: both are the same
    function, and a Deny on either holds for both spellings. An Allow for the plain ARN does not cover the qualified
    one (Lambda Developer Guide, "Function versions in resource-based policies").

    Raises:
        AccessDenied: The caller may not, whether there is such a function or not.
    """
    record = find_function(transaction, reference.arn)
    policy = compiled_policy(record)
    known = resource_tag_context(tags_of_function(transaction, reference.arn)) if record is not None else {}
    for action in actions:
        for arn in dict.fromkeys((reference.qualified_arn, reference.arn)):
            call.authorize(action, arn, resource_account=reference.account, policy=policy, context={**known, **context})
    return record


def authorized_function(
    transaction: Transaction,
    call: Call,
    reference: FunctionReference,
    action: str,
    context: Context = _NO_CONTEXT,
) -> FunctionRecord:
    """The function that a request names, after asking for ``action`` on it. It is named in the audit record.

    Raises:
        AccessDenied: The caller may not, whether there is such a function or not.
        AwsError: ``ResourceNotFoundException``: there is no such function, or it has no such version or alias.
    """
    record = authorize_function(transaction, call, reference, (action,), context)
    call.touches(reference.arn, RESOURCE_TYPE, reference.account)
    if record is None or not reference.names_latest:
        raise failures.function_not_found(reference.qualified_arn)
    return record


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
