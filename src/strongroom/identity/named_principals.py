"""Users and roles that a policy names, kept by unique id.

A policy that names a user or role as principal means that very one, not whoever takes the name later (IAM User Guide,
"AWS JSON policy elements: Principal"). So the store keeps the unique id in place of the ARN, and answers show the ARN
again while its owner exists. This holds for every policy with principals: of roles, secrets and keys.

An account that the installation does not have cannot be named either: whoever made it later would be let in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from strongroom.identity.directory import role_by_arn, role_by_id, user_by_arn, user_by_id
from strongroom.identity.organization import account_exists
from strongroom.policy import MalformedPolicy, Policy, principal_accounts, principal_arns, principal_identifiers
from strongroom.store import Transaction

__all__ = ["shown_principals", "stored_principals"]


def stored_principals(transaction: Transaction, policy: Policy, text: str) -> str:
    """A policy that a caller sent as the store keeps it: with unique ids.

    Args:
        transaction: Where users and roles are.
        policy: The policy, compiled.
        text: The policy, as it was sent.

    Raises:
        MalformedPolicy: It names an account, user or role that does not exist.
    """
    for account in sorted(principal_accounts(policy)):
        if not account_exists(transaction, account):
            raise _unknown_principal(account)
    ids: dict[str, str] = {}
    for arn in sorted(principal_arns(policy)):
        if arn.startswith("arn:aws:sts:"):
            if not account_exists(transaction, arn.split(":")[4]):
                raise _unknown_principal(arn)
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


def shown_principals(transaction: Transaction, policy: Policy, text: str) -> str:
    """A stored policy as answers show it: with ARNs, except for principals that are gone.

    Args:
        transaction: Where users and roles are.
        policy: The policy, compiled.
        text: The policy, as it is stored.
    """
    arns: dict[str, str] = {}
    for unique_id in principal_identifiers(policy):
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
