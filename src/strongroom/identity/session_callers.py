"""From a session to its `Caller`, as long as what it stands on still stands.

A session of a role ends with the role; a session of a user with the user and with the access key that asked for it. A
closed account ends both. Sources: IAM User Guide, "Temporary security credentials in IAM", "Compare AWS STS
credentials" and "AWS global condition context keys".
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.audit import user_identity
from strongroom.identity.caller import Caller
from strongroom.identity.directory import User, access_key, role_by_id, user_by_id
from strongroom.identity.organization import Organization
from strongroom.identity.principals import load_session_caller, load_user_caller, session_policies
from strongroom.identity.sessions import Federation, SessionToken, UserSessionToken
from strongroom.policy import PrincipalFacts
from strongroom.store import Transaction
from strongroom.world import from_milliseconds

__all__ = ["federated_user_arn", "load_caller"]


def federated_user_arn(account: str, name: str) -> str:
    """The ARN of a session of GetFederationToken."""
    return f"arn:aws:sts::{account}:federated-user/{name}"


def load_caller(
    transaction: Transaction, session: SessionToken | UserSessionToken, organization: Organization
) -> Caller | None:
    """The caller that ``session`` is; None when its role, user, key or account is gone.

    Args:
        transaction: Where roles, users and policies are.
        session: The session.
        organization: The organization as ``transaction`` sees it.

    Raises:
        OperatorError: A policy cannot be read, so nothing can be decided.
    """
    if isinstance(session, UserSessionToken):
        return _user_session_caller(transaction, session, organization)
    role = role_by_id(transaction, session.facts.role_id)
    if role is None or not organization.is_open(role.account):
        return None
    caller = load_session_caller(transaction, session, role, organization)
    federation = session.facts.federation
    return caller if federation is None else _vouched_for(caller, federation)


def _vouched_for(caller: Caller, federation: Federation) -> Caller:
    """The caller of a role session, with what its web identity adds."""
    return replace(
        caller,
        context={**caller.context, **federation.keys, "aws:federatedprovider": federation.provider},
        audit=user_identity.web_identity_session(caller.audit, federation.provider),
    )


def _user_session_caller(
    transaction: Transaction, session: UserSessionToken, organization: Organization
) -> Caller | None:
    facts = session.facts
    key, user = access_key(transaction, facts.key_id), user_by_id(transaction, facts.user_id)
    if user is None or not organization.is_open(user.account):
        return None
    if key is None or key.status != "Active" or key.user_id != user.user_id:
        return None
    caller = load_user_caller(transaction, user, session.key.access_key_id, organization)
    issued = from_milliseconds(facts.issued_ms).strftime("%Y-%m-%dT%H:%M:%SZ")
    context = {**caller.context, "aws:tokenissuetime": issued, "aws:multifactorauthpresent": "false"}
    if facts.name is not None:
        return _federated_caller(transaction, session, user, facts.name, replace(caller, context=context))
    return replace(caller, context=context, audit=user_identity.iam_user_session(caller.audit, facts.issued_ms))


def _federated_caller(
    transaction: Transaction, session: UserSessionToken, user: User, name: str, caller: Caller
) -> Caller:
    """The caller of GetFederationToken: what the user may, as far as the session policies allow it.

    Args:
        transaction: Where managed policies are.
        session: The session. Made without session policies it may do nothing, but where a resource's policy names it.
        user: The user who asked for it.
        name: The session's name.
        caller: The user as the caller.
    """
    facts = session.facts
    arn, user_id = federated_user_arn(user.account, name), f"{user.account}:{name}"
    context = {key: value for key, value in caller.context.items() if key != "aws:username"}
    context |= {"aws:userid": user_id, "aws:principalarn": arn, "aws:principaltype": "FederatedUser"}
    # A session tag takes the place of the user's own.
    context |= {f"aws:principaltag/{key.lower()}": value for key, value in facts.tags.items()}
    policies = session_policies(transaction, facts.policy, facts.policy_arns)
    return replace(
        caller,
        facts=PrincipalFacts(
            arn=arn,
            session_arn=arn,
            account=user.account,
            kind="federated-user",
            identifiers=frozenset({user.user_id}),
        ),
        policies=replace(caller.policies, session=policies or ()),
        context=context,
        audit=user_identity.federated_user(
            principal_id=user_id,
            arn=arn,
            account_id=user.account,
            access_key_id=caller.access_key_id,
            issuer=user_identity.SessionIssuer(user.user_id, user.arn, user.account, user.name),
            created=facts.issued_ms,
        ),
        user_id=user_id,
    )
