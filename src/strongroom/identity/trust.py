"""Trust policies of roles: compiled once, with principals that are kept by unique id (see `named_principals`)."""

from __future__ import annotations

from functools import lru_cache

from strongroom.errors import OperatorError
from strongroom.identity.directory import Role
from strongroom.identity.named_principals import shown_principals, stored_principals
from strongroom.policy import (
    AuthorizationRequest,
    MalformedPolicy,
    Policy,
    PolicyKind,
    PolicySet,
    PrincipalFacts,
    compile_policy,
    evaluate,
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
    return stored_principals(transaction, compile_policy(text, PolicyKind.TRUST), text)


def shown_trust_policy(transaction: Transaction, text: str) -> str:
    """A stored trust policy as answers show it: with ARNs, except for principals that are gone."""
    return shown_principals(transaction, compile_trust(text), text)
