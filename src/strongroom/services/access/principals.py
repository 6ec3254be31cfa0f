"""Who is asked about: users, roles, role sessions and services, as the policy engine sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from strongroom.arn import Arn
from strongroom.errors import AwsError
from strongroom.identity.caller import Caller, service_caller
from strongroom.identity.directory import role_by_arn, role_by_name, user_by_arn
from strongroom.identity.hypothetical import hypothetical_caller
from strongroom.identity.organization import Organization
from strongroom.policy import Context, PolicySet, PrincipalFacts
from strongroom.services.access.keys import is_unknown, is_unknown_of_session
from strongroom.store import Transaction

__all__ = ["Standing", "account_of", "load_standing", "service_standing"]

_SERVICE: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com")
_SESSION: Final = re.compile(r"assumed-role/([^/]+)/([^/]+)")
_PROVIDER: Final = re.compile(r"(?:oidc|saml)-provider/.+")
_SESSION_NAME: Final = "session"


@dataclass(frozen=True, slots=True)
class Standing:
    """A principal with everything that decisions about it need.

    Args:
        arn: What answers call it: the ARN of the user, role, session or identity provider, or the service.
        kind: ``user``, ``role``, ``session``, ``service`` or ``federated``.
        facts: What policies match on.
        policies: Its policies.
        context: Its own condition keys.
    """

    arn: str
    kind: str
    facts: PrincipalFacts
    policies: PolicySet
    context: Context

    @property
    def unknown(self) -> Callable[[str], bool]:
        """Which condition keys nobody knows before it makes a request."""
        return is_unknown if self.kind == "user" else is_unknown_of_session

    @classmethod
    def of(cls, caller: Caller, arn: str, kind: str) -> Standing:
        """A principal from the caller that it would be."""
        return cls(arn, kind, caller.facts, caller.policies, caller.context)


def account_of(principal: str) -> str | None:
    """The account of a principal by its ARN; None for a service.

    Raises:
        AwsError: ``InvalidParameterException``: it is neither.
    """
    if _SERVICE.fullmatch(principal):
        return None
    arn = Arn.parse(principal)
    if arn is None or arn.service not in {"iam", "sts"} or not arn.account:
        raise AwsError(
            "InvalidParameterException",
            f"{principal} is not the ARN of a user, role, role session or identity provider, and not a service "
            "principal.",
        )
    return arn.account


def load_standing(transaction: Transaction, organization: Organization, principal: str, now_ms: int) -> Standing:
    """The principal of an ARN. A role stands for a plain session of it, a provider for those it vouches for.

    Args:
        transaction: Where it is looked for.
        organization: The organization as ``transaction`` sees it.
        principal: An ARN that `account_of` has accepted.
        now_ms: Now, in milliseconds since the epoch.

    Raises:
        AwsError: ``ResourceNotFoundException``: there is none.
    """
    arn = Arn.parse(principal)
    session = None if arn is None or arn.service != "sts" else _SESSION.fullmatch(arn.resource)
    if arn is not None and session is not None:
        role = role_by_name(transaction, arn.account, session[1])
        if role is not None:
            caller = hypothetical_caller(transaction, role, now_ms, session_name=session[2], organization=organization)
            return Standing.of(caller, principal, "session")
    if arn is not None and arn.service == "iam" and _PROVIDER.fullmatch(arn.resource):
        return _federated_standing(principal)
    user = user_by_arn(transaction, principal)
    if user is not None:
        return Standing.of(hypothetical_caller(transaction, user, now_ms, organization=organization), principal, "user")
    role = role_by_arn(transaction, principal)
    if role is not None:
        caller = hypothetical_caller(transaction, role, now_ms, session_name=_SESSION_NAME, organization=organization)
        return Standing.of(caller, principal, "role")
    raise AwsError("ResourceNotFoundException", f"There is no principal {principal}.")


def _federated_standing(provider: str) -> Standing:
    """Somebody whom an identity provider vouches for, and of whom nothing else is known."""
    context = {"aws:federatedprovider": provider, "aws:principalisawsservice": "false"}
    facts = PrincipalFacts(provider, provider, "", "web-identity")
    return Standing(provider, "federated", facts, PolicySet(), context)


def service_standing(service: str, account: str) -> Standing:
    """A service that works for an account."""
    return Standing.of(service_caller(service, account), service, "service")
