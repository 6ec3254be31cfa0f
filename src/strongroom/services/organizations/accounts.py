"""Accounts: ListAccounts, ListAccountsForParent, DescribeAccount, MoveAccount, CloseAccount, DescribeOrganization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from strongroom.errors import AwsError
from strongroom.identity.organization import ACTIVE, SUSPENDED, Organization, touch_organization
from strongroom.services.call import Call
from strongroom.services.organizations.base import NOTHING, Operations, authorized
from strongroom.services.organizations.directory import (
    Account,
    all_accounts,
    find_account,
    move_account,
    set_status,
)
from strongroom.services.organizations.paging import page
from strongroom.services.organizations.problems import constraint_violation, no_such_account, no_such_parent
from strongroom.services.organizations.shapes import kind_of, shown_account, shown_organization
from strongroom.store import Transaction

__all__ = ["AccountOperations", "is_container"]


def _required(transaction: Transaction, account: str) -> Account:
    found = find_account(transaction, account)
    if found is None:
        raise no_such_account()
    return found


def _page_of(
    organization: Organization, accounts: Iterable[Account], token: str | None, max_results: int | None
) -> dict[str, object]:
    """A page of accounts, oldest first."""
    shown, more = page(accounts, lambda one: f"{one.joined_ms:015} {one.id}", token, max_results)
    return {"Accounts": [shown_account(organization, account) for account in shown], **more}


def is_container(organization: Organization, place: str) -> bool:
    """Whether ``place`` is the root or a unit that exists."""
    return place == organization.root_id or (kind_of(place) != "ACCOUNT" and place in organization.parents)


class AccountOperations(Operations):
    """The operations on accounts that exist, and on the organization as a whole."""

    async def create_organization(self, call: Call, *, FeatureSet: str | None = None) -> dict[str, object]:
        """Refuse: there is an organization from the first start on.

        Raises:
            AwsError: Access denied, or ``AlreadyInOrganizationException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            authorized(transaction, call, members_too=True)
            raise AwsError(
                "AlreadyInOrganizationException", "The provided account is already a member of an organization."
            )

        return await call.read(work)

    async def describe_organization(self, call: Call) -> dict[str, object]:
        """The organization. Every member may ask.

        Raises:
            AwsError: Access denied.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, members_too=True)
            management = _required(transaction, organization.management_account)
            return {"Organization": shown_organization(organization, management.email)}

        return await call.read(work)

    async def list_accounts(
        self, call: Call, *, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """Every account, closed ones included.

        Raises:
            AwsError: Access denied, or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call)
            return _page_of(organization, all_accounts(transaction), NextToken, MaxResults)

        return await call.read(work)

    async def list_accounts_for_parent(
        self, call: Call, *, ParentId: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """The accounts directly under the root or a unit.

        Raises:
            AwsError: Access denied, ``ParentNotFoundException`` or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, ParentId)
            if not is_container(organization, ParentId):
                raise no_such_parent()
            found = [account for account in all_accounts(transaction) if account.parent_id == ParentId]
            return _page_of(organization, found, NextToken, MaxResults)

        return await call.read(work)

    async def describe_account(self, call: Call, *, AccountId: str) -> dict[str, object]:
        """One account.

        Raises:
            AwsError: Access denied, or ``AccountNotFoundException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, AccountId)
            return {"Account": shown_account(organization, _required(transaction, AccountId))}

        return await call.read(work)

    async def move_account(
        self, call: Call, *, AccountId: str, SourceParentId: str, DestinationParentId: str
    ) -> dict[str, object]:
        """Put an account under another unit or the root. What holds it changes with the next request.

        Raises:
            AwsError: Access denied, or an account or parent that does not exist or is the same.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, AccountId, SourceParentId, DestinationParentId)
            account = _required(transaction, AccountId)
            if account.parent_id != SourceParentId:
                raise AwsError(
                    "SourceParentNotFoundException",
                    "We can't find a source root or OU with the ParentId that you specified.",
                )
            if not is_container(organization, DestinationParentId):
                raise AwsError(
                    "DestinationParentNotFoundException",
                    "We can't find the destination container (a root or OU) with the ParentId that you specified.",
                )
            if account.parent_id == DestinationParentId:
                raise AwsError(
                    "DuplicateAccountException", "That account is already present in the specified destination."
                )
            move_account(transaction, AccountId, DestinationParentId)
            touch_organization(transaction)
            return NOTHING

        return dict(await call.write(work))

    async def close_account(self, call: Call, *, AccountId: str) -> dict[str, object]:
        """Close a member account: its users, keys and sessions are refused from the next request on.

        What is in the account stays, and nobody reaches it.

        Raises:
            AwsError: Access denied, ``AccountNotFoundException``, ``AccountAlreadyClosedException``, or
                ``ConstraintViolationException`` for the management account.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, AccountId)
            account = _required(transaction, AccountId)
            if AccountId == organization.management_account:
                raise constraint_violation(
                    "CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account of an organization."
                )
            if account.status != ACTIVE:
                raise AwsError("AccountAlreadyClosedException", "The provided account is already closed.")
            set_status(transaction, AccountId, SUSPENDED)
            touch_organization(transaction)
            return NOTHING

        return dict(await call.write(work))
