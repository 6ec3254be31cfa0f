"""From what the store says of a user or a session to a `Caller`, ready for any number of decisions.

Condition keys of the principal: IAM User Guide, "AWS global condition context keys". ``userIdentity``: CloudTrail User
Guide, "CloudTrail userIdentity element".
"""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.audit import user_identity
from strongroom.errors import OperatorError
from strongroom.identity.caller import Caller
from strongroom.identity.directory import NamedDocument, Role, User, managed_document, policies_of, tags_of
from strongroom.identity.organization import Organization, load_organization
from strongroom.identity.principal_keys import add_tags, role_keys, user_keys
from strongroom.identity.sessions import SessionToken
from strongroom.identity.stored_policies import compile_stored
from strongroom.policy import Policy, PolicyKind, PolicySet, PrincipalFacts
from strongroom.store import Transaction

__all__ = ["load_session_caller", "load_user_caller", "session_arn", "session_policies"]


def session_arn(role: Role, session_name: str) -> str:
    """The ARN of a role session. The role's path is no part of it."""
    return f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{session_name}"


def load_user_caller(
    transaction: Transaction, user: User, access_key_id: str, organization: Organization | None = None
) -> Caller:
    """The caller that ``user`` is when it signs with ``access_key_id``.

    Args:
        transaction: Where its policies are.
        user: The user.
        access_key_id: The key.
        organization: The organization as ``transaction`` sees it, if it is at hand.

    Raises:
        OperatorError: One of its policies cannot be read, so nothing can be decided.
    """
    arn = user.arn
    organization = organization or load_organization(transaction)
    return Caller(
        facts=PrincipalFacts(
            arn=arn, session_arn=arn, account=user.account, kind="user", identifiers=frozenset({user.user_id})
        ),
        policies=_policy_set(transaction, user, organization, None),
        context=user_keys(user, tags_of(transaction, user.user_id), organization),
        audit=user_identity.iam_user(
            principal_id=user.user_id,
            arn=arn,
            account_id=user.account,
            access_key_id=access_key_id,
            user_name=user.name,
        ),
        access_key_id=access_key_id,
        user_id=user.user_id,
        organization=organization,
    )


def load_session_caller(
    transaction: Transaction, session: SessionToken, role: Role, organization: Organization | None = None
) -> Caller:
    """The caller that ``session`` of ``role`` is.

    Args:
        transaction: Where the policies are.
        session: The session.
        role: Its role.
        organization: The organization as ``transaction`` sees it, if it is at hand.

    Raises:
        OperatorError: One of the policies cannot be read, so nothing can be decided.
    """
    facts, key_id = session.facts, session.key.access_key_id
    organization = organization or load_organization(transaction)
    arn = session_arn(role, facts.name)
    user_id = f"{role.role_id}:{facts.name}"
    context = role_keys(role, facts.name, facts.issued_ms, tags_of(transaction, role.role_id), organization)
    if facts.source_identity is not None:
        context["aws:sourceidentity"] = facts.source_identity
    add_tags(context, facts.tags)  # a session tag takes the place of the role's own
    return Caller(
        facts=PrincipalFacts(
            arn=role.arn,
            session_arn=arn,
            account=role.account,
            kind="role-session",
            identifiers=frozenset({role.role_id}),
        ),
        policies=_policy_set(
            transaction, role, organization, session_policies(transaction, facts.policy, facts.policy_arns)
        ),
        context=context,
        audit=user_identity.assumed_role(
            principal_id=user_id,
            arn=arn,
            account_id=role.account,
            access_key_id=key_id,
            issuer=user_identity.SessionIssuer(role.role_id, role.arn, role.account, role.name),
            created=facts.issued_ms,
            source_identity=facts.source_identity,
        ),
        access_key_id=key_id,
        user_id=user_id,
        transitive_tags={key: facts.tags[key] for key in facts.transitive_keys},
        source_identity=facts.source_identity,
        organization=organization,
    )


def _policy_set(
    transaction: Transaction, owner: User | Role, organization: Organization, session: tuple[Policy, ...] | None
) -> PolicySet:
    owner_id, boundary_arn, boundary = owner.unique_id, owner.boundary_arn, None
    if boundary_arn is not None:
        text = managed_document(transaction, boundary_arn)
        if text is None:
            raise OperatorError(
                f"The permissions boundary {boundary_arn} of {owner_id} does not exist.",
                fix="set another boundary, or remove it",
            )
        boundary = compile_stored(text, PolicyKind.BOUNDARY, boundary_arn)
    return PolicySet(
        _all_compiled(policies_of(transaction, owner_id), PolicyKind.IDENTITY),
        boundary,
        session,
        organization.service_control(owner.account),
    )


def session_policies(transaction: Transaction, policy: str | None, arns: Sequence[str]) -> tuple[Policy, ...] | None:
    """The session policies of a session; None when it was made without any.

    When a managed policy among them is gone, what it denied is unknown: the session may then do nothing.

    Args:
        transaction: Where the managed policies are.
        policy: The inline session policy.
        arns: ARNs of managed policies that serve as session policies.
    """
    if policy is None and not arns:
        return None
    documents = [] if policy is None else [NamedDocument("session policy", policy)]
    for arn in arns:
        text = managed_document(transaction, arn)
        if text is None:
            return ()
        documents.append(NamedDocument(arn, text))
    return _all_compiled(documents, PolicyKind.SESSION)


def _all_compiled(documents: Sequence[NamedDocument], kind: PolicyKind) -> tuple[Policy, ...]:
    return tuple(compile_stored(document.text, kind, document.name) for document in documents)
