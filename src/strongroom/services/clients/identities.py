"""IAM and the organization, for services that run things under a role or reach into other accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from strongroom.services.call import Call
from strongroom.store import Transaction

__all__ = ["IamClient", "OrganizationClient", "SessionCredentials"]


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """Temporary credentials of a role session."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_ms: int


class IamClient(Protocol):
    """IAM, for services that run things under a role."""

    def authorize_pass_role(self, transaction: Transaction, call: Call, role_arn: str, service: str) -> None:
        """Check that the caller may hand ``role_arn`` to ``service`` (``iam:PassRole``), and that the role trusts it.

        Raises:
            AwsError: Access denied; or, for a role that is missing or does not trust the service, Lambda's
                ``InvalidParameterValueException`` "The role defined for the function cannot be assumed by Lambda."
        """
        ...

    def service_session(
        self, transaction: Transaction, role_arn: str, service: str, session_name: str, seconds: int, now_ms: int
    ) -> SessionCredentials:
        """Credentials of a session of ``role_arn`` that ``service`` assumed.

        Raises:
            AwsError: The role is gone or no longer trusts the service.
        """
        ...

    def create_access_role(
        self, transaction: Transaction, account: str, trusted_account: str, name: str, now_ms: int
    ) -> None:
        """In a new account, make a role that may do everything and that another account may assume.

        Args:
            transaction: A write.
            account: The new account, which has no roles.
            trusted_account: The account whose principals may assume the role.
            name: The role's name.
            now_ms: Now, in milliseconds since the epoch.
        """
        ...


class OrganizationClient(Protocol):
    """Which accounts there are, for services that reach from one account into another."""

    def exists(self, transaction: Transaction, account: str) -> bool:
        """Whether the installation has this account, closed or not.

        Args:
            transaction: A read or a write.
            account: The account id, 12 digits.
        """
        ...

    def same_organization(self, transaction: Transaction, one: str, other: str) -> bool:
        """Whether two accounts are members of one organization."""
        ...
