"""Who is calling: a principal with everything that authorisation and the audit trail need to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from strongroom.audit import user_identity
from strongroom.identity.organization import Organization
from strongroom.policy import PolicySet, PrincipalFacts

__all__ = ["NOBODY", "NO_POLICIES", "Caller", "service_caller"]

NO_POLICIES = PolicySet()


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated principal. Made once per epoch for each access key or session, then shared by its requests.

    Args:
        facts: What policies match on.
        policies: The identity, boundary and session policies that apply, compiled.
        context: Condition keys that belong to the principal, lower-cased: ``aws:username``, ``aws:userid``,
            ``aws:principaltag/team``, ``aws:principalarn``, ``aws:principalaccount``, ``aws:principaltype`` ...
        audit: The ``userIdentity`` of this principal's records, from `strongroom.audit.user_identity`.
        access_key_id: The key that signed; empty for services.
        user_id: The unique id: ``AIDA…`` for a user, ``AROA…:session`` for a role session.
        transitive_tags: Session tags that go on to sessions assumed from this one.
        source_identity: The source identity of a role session, which goes on too.
        serves_account: For a service, which has no account of its own, the account it works for.
        organization: The organization that the principal's account belongs to; None for services.
    """

    facts: PrincipalFacts
    policies: PolicySet
    context: Mapping[str, str | tuple[str, ...]]
    audit: Mapping[str, object]
    access_key_id: str = ""
    user_id: str = ""
    transitive_tags: Mapping[str, str] = field(default_factory=dict)
    source_identity: str | None = None
    serves_account: str = ""
    organization: Organization | None = None

    @property
    def arn(self) -> str:
        """The ARN that AWS shows for this caller: the user, or the role session."""
        return self.facts.session_arn

    @property
    def account(self) -> str:
        """The account that the caller belongs to, or that a service works for."""
        return self.facts.account or self.serves_account


NOBODY: Final = Caller(
    facts=PrincipalFacts(arn="", session_arn="", account="", kind="anonymous"),
    policies=NO_POLICIES,
    context={},
    audit=user_identity.unknown(),
)
"""Whoever sent a request without a signature, until something else tells who it is."""


def service_caller(service: str, account: str, *, source_arn: str = "") -> Caller:
    """A service of this installation acting for itself, such as ``secretsmanager.amazonaws.com`` during a rotation.

    Only resource policies can allow it anything: it has no identity policies.

    Args:
        service: The service principal.
        account: The account on whose behalf it acts (``aws:SourceAccount``).
        source_arn: The resource on whose behalf it acts (``aws:SourceArn``).
    """
    context: dict[str, str | tuple[str, ...]] = {
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service,
        "aws:sourceaccount": account,
    }
    if source_arn:
        context["aws:sourcearn"] = source_arn
    return Caller(
        facts=PrincipalFacts(arn=service, session_arn=service, account="", kind="service", service=service),
        policies=NO_POLICIES,
        context=context,
        serves_account=account,
        audit=user_identity.aws_service(service),
    )
