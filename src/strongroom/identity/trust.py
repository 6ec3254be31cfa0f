"""Trust policies of roles: compiled once, with principals that are kept by unique id.

A trust policy that names a user or role means that very one, not whoever takes the name later (IAM User Guide, "AWS
JSON policy elements: Principal"). So the store keeps the unique id in place of the ARN, and answers show the ARN again
while its owner exists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from strongroom.errors import OperatorError
from strongroom.identity.directory import Role, role_by_arn, role_by_id, user_by_arn, user_by_id
from strongroom.policy import (
    AuthorizationRequest,
    MalformedPolicy,
    Policy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    compile_policy,
    evaluate,
    principal_arns,
    principal_identifiers,
)
from strongroom.store import Transaction

__all__ = ["NOBODY_TRUSTED", "compile_trust", "shown_trust_policy", "stored_trust_policy", "trusts_service"]

NOBODY_TRUSTED = compile_policy('{"Version":"2012-10-17","Statement":[]}', PolicyKind.TRUST)
"""The trust policy of a role that does not exist."""

_NO_POLICIES = PolicySet()


@lru_cache(maxsize=1024)
def compile_trust(text: str) -> Policy:
    """A stored trust policy, compiled.

    Raises:
        OperatorError: It can no longer be read.
    """
    try:
        return compile_policy(text, PolicyKind.TRUST, name="trust policy")
    except MalformedPolicy as error:
        raise OperatorError(
            "A stored trust policy can no longer be read.", why=error.message, fix="replace it with a valid one"
        ) from None


def trusts_service(role: Role, service: str) -> bool:
    """Whether ``role`` lets ``service`` assume it.

    Args:
        role: The role.
        service: The service principal, such as ``lambda.amazonaws.com``.
    """
    request = AuthorizationRequest(
        principal=PrincipalFacts(arn=service, session_arn=service, account="", kind="service", service=service),
        action="sts:AssumeRole",
        resource=role.arn,
        resource_account=role.account,
        context={"aws:sourceaccount": role.account, "aws:principalisawsservice": "true"},
    )
    return evaluate(request, _NO_POLICIES, compile_trust(role.trust_policy)).allowed


def stored_trust_policy(transaction: Transaction, text: str) -> str:
    """Check a trust policy that a caller sent, and give it as the store keeps it.

    Raises:
        MalformedPolicy: It is no trust policy, or names a user or role that does not exist.
    """
    policy = compile_policy(text, PolicyKind.TRUST)
    ids: dict[str, str] = {}
    for arn in sorted(principal_arns(policy)):
        if arn.startswith("arn:aws:sts:"):
            continue  # a session is named, not kept: it ends by itself
        user, role = user_by_arn(transaction, arn), role_by_arn(transaction, arn)
        if user is not None:
            ids[arn] = user.user_id
        elif role is not None:
            ids[arn] = role.role_id
        else:
            raise _unknown_principal(arn)
    for unique_id in sorted(principal_identifiers(policy)):
        if user_by_id(transaction, unique_id) is None and role_by_id(transaction, unique_id) is None:
            raise _unknown_principal(unique_id)
    return _rename_principals(text, ids)


def shown_trust_policy(transaction: Transaction, text: str) -> str:
    """A stored trust policy as answers show it: with ARNs, except for principals that are gone."""
    arns: dict[str, str] = {}
    for unique_id in principal_identifiers(compile_trust(text)):
        owner = user_by_id(transaction, unique_id) or role_by_id(transaction, unique_id)
        if owner is not None:
            arns[unique_id] = owner.arn
    return _rename_principals(text, arns)


def _unknown_principal(name: str) -> MalformedPolicy:
    return MalformedPolicy(f'Invalid principal in policy: "AWS":"{name}"')


def _rename_principals(text: str, names: Mapping[str, str]) -> str:
    """The document with other names for principals of the kind ``AWS``; untouched when there is none to change."""
    if not names:
        return text
    document: object = json.loads(text)
    if isinstance(document, dict):
        statements: object = document.get("Statement")
        for statement in statements if isinstance(statements, list) else [statements]:
            if isinstance(statement, dict):
                for element in ("Principal", "NotPrincipal"):
                    _rename_in(statement.get(element), names)
    return json.dumps(document)


def _rename_in(principals: object, names: Mapping[str, str]) -> None:
    if not isinstance(principals, dict) or "AWS" not in principals:
        return
    given: object = principals["AWS"]
    if isinstance(given, list):
        principals["AWS"] = [names.get(str(name), name) for name in given]
    else:
        principals["AWS"] = names.get(str(given), given)
