"""What the two ways to assume a role share: what a request asks for, who may have it, and the session that comes of it.

Sources: STS API reference, "AssumeRole" and "AssumeRoleWithWebIdentity"; IAM User Guide, "Pass session tags in AWS STS"
and "Monitor and control actions taken with assumed roles".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from strongroom.arn import Arn
from strongroom.errors import AccessDenied, AwsError
from strongroom.identity.directory import Role, role_by_arn, tags_of
from strongroom.identity.principals import session_arn
from strongroom.identity.sessions import Federation, SessionFacts, SessionToken
from strongroom.identity.trust import NOBODY_TRUSTED, compile_trust
from strongroom.services.call import Call
from strongroom.services.sts.base import shown_credentials
from strongroom.services.sts.grants import (
    check_session_policies,
    session_seconds,
    session_source_identity,
    session_tags,
    tag_context,
    transitive_keys,
)
from strongroom.store import Transaction

__all__ = ["Wish", "answer", "authorized_role", "role_arn", "wished_session"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request for a session of a role asks for.

    Args:
        role_arn: The role.
        name: The session's name.
        policy: The inline session policy.
        policy_arns: Managed policies that serve as session policies.
        seconds: How long the session shall last; None for an hour.
        tags: Session tags.
        transitive_keys: Which of them go on to sessions assumed from this one.
        external_id: What the role's owner agreed on with the caller.
        source_identity: Who stands behind the session.
    """

    role_arn: str
    name: str
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    seconds: int | None = None
    tags: Sequence[Mapping[str, str]] = ()
    transitive_keys: Sequence[str] = ()
    external_id: str | None = None
    source_identity: str | None = None

    def context(self) -> dict[str, str | tuple[str, ...]]:
        """The condition keys of the request (IAM User Guide, "IAM and AWS STS condition context keys")."""
        found = tag_context(self.tags)
        found["sts:rolesessionname"] = self.name
        if self.external_id is not None:
            found["sts:externalid"] = self.external_id
        if self.source_identity is not None:
            found["sts:sourceidentity"] = self.source_identity
        if self.transitive_keys:
            found["sts:transitivetagkeys"] = tuple(self.transitive_keys)
        return found


def role_arn(text: str) -> Arn:
    """The ARN of a role, taken apart.

    Raises:
        AwsError: ``ValidationError``: it is none.
    """
    arn = Arn.parse(text)
    if arn is None or arn.service != "iam" or not arn.resource.startswith("role/"):
        raise AwsError("ValidationError", f"{text} is invalid")
    return arn


def authorized_role(transaction: Transaction, call: Call, action: str, wish: Wish, refusal: str) -> Role:
    """The role, after asking both the caller's policies and the role's trust policy.

    Session tags and a source identity are permissions of their own. A role that does not exist trusts nobody, so its
    refusal is that of any other, and does not say what decided.

    Args:
        transaction: Where the role is.
        call: The call.
        action: ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.
        wish: The request.
        refusal: AWS's text for a refusal, with ``{action}`` where the action stands.

    Raises:
        AccessDenied: The caller may not.
        AwsError: ``ValidationError``: it is no ARN of a role.
    """
    arn, caller = role_arn(wish.role_arn), call.caller
    role = role_by_arn(transaction, wish.role_arn)
    trust = NOBODY_TRUSTED if role is None else compile_trust(role.trust_policy)
    context = {**wish.context(), **(_role_context(transaction, role) if role else {})}
    actions = [action]
    if wish.tags or wish.transitive_keys or caller.transitive_tags:
        actions.append("sts:TagSession")
    if wish.source_identity is not None or caller.source_identity is not None:
        actions.append("sts:SetSourceIdentity")
        context.setdefault("sts:sourceidentity", caller.source_identity or "")
    for asked in actions:
        try:
            call.authorize(asked, wish.role_arn, resource_account=arn.account, policy=trust, context=context)
        except AccessDenied:
            raise AccessDenied(refusal.replace("{action}", asked)) from None
    if role is None:
        raise AccessDenied(refusal.replace("{action}", action))
    return role


def _role_context(transaction: Transaction, role: Role) -> dict[str, str]:
    tags = tags_of(transaction, role.role_id)
    return {f"{prefix}:resourcetag/{key.lower()}": value for key, value in tags.items() for prefix in ("aws", "iam")}


def wished_session(
    transaction: Transaction, call: Call, role: Role, wish: Wish, federation: Federation | None = None
) -> SessionFacts:
    """The session that an authorised request gets.

    Args:
        transaction: Where managed policies are.
        call: The call.
        role: The role.
        wish: The request.
        federation: The identity provider, if the caller is a web identity.

    Raises:
        AwsError: What it asks for is more than AWS gives, or malformed.
    """
    seconds = session_seconds(wish.seconds, role, call.caller)
    check_session_policies(transaction, role.account, wish.policy, wish.policy_arns)
    tags = session_tags(wish.tags, call.caller)
    return SessionFacts(
        account=role.account,
        role_id=role.role_id,
        name=wish.name,
        issued_ms=call.now_ms,
        expires_ms=call.now_ms + seconds * 1000,
        policy=wish.policy,
        policy_arns=wish.policy_arns,
        tags=tags,
        transitive_keys=transitive_keys(wish.transitive_keys, tags, call.caller),
        source_identity=session_source_identity(wish.source_identity, call.caller),
        federation=federation,
    )


def answer(role: Role, session: SessionToken, percent: int | None) -> dict[str, object]:
    """The session in the model's shape.

    Args:
        role: Whose session it is.
        session: The session with its credentials.
        percent: From `grants.packed_size`.
    """
    facts = session.facts
    return {
        "Credentials": shown_credentials(session),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.role_id}:{facts.name}",
            "Arn": session_arn(role, facts.name),
        },
        "PackedPolicySize": percent,
        "SourceIdentity": facts.source_identity,
    }
