"""Which accounts there are, for other services."""

from __future__ import annotations

from strongroom.identity.organization import account_exists
from strongroom.store import Transaction

__all__ = ["OrganizationServiceClient"]


class OrganizationServiceClient:
    """The implementation of `strongroom.services.clients.OrganizationClient`."""

    def exists(self, transaction: Transaction, account: str) -> bool:
        """Whether the installation has this account, closed or not."""
        return account_exists(transaction, account)

    def same_organization(self, transaction: Transaction, one: str, other: str) -> bool:
        """Whether two accounts are members of one organization: of the only one, if both exist."""
        return account_exists(transaction, one) and account_exists(transaction, other)
