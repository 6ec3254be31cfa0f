"""Making accounts: CreateAccount, DescribeCreateAccountStatus, ListCreateAccountStatus."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.identity.founding import add_account, lower_case_id
from strongroom.identity.organization import FULL_AWS_ACCESS_ID, Organization, account_exists, touch_organization
from strongroom.services.call import Call
from strongroom.services.organizations.base import Operations, authorized
from strongroom.services.organizations.directory import (
    AccountRequest,
    add_request,
    all_requests,
    email_is_taken,
    find_request,
)
from strongroom.services.organizations.paging import page
from strongroom.services.organizations.policy_records import attach
from strongroom.services.organizations.problems import invalid_input, no_such_request, refuse_nul
from strongroom.services.organizations.shapes import shown_request
from strongroom.services.organizations.tag_records import TagList, put_tags, request_tags, tag_request_context
from strongroom.store import Transaction

__all__ = ["CHOSEN_ID_TAG", "AccountCreation"]

_DEFAULT_ROLE: Final = "OrganizationAccountAccessRole"
_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")
_FIRST_ID: Final = 100_000_000_000  # none begins with a zero, which spreadsheets and YAML drop
_IDS: Final = 900_000_000_000
_REQUEST_ID: Final = 32

CHOSEN_ID_TAG: Final = "strongroom:account-id"
"""The tag by which a request chooses the id of the new account. It is not kept. AWS has no such thing; as a tag, it
passes through every SDK, and a policy can forbid it with ``aws:RequestTag``."""


class AccountCreation(Operations):
    """The operations that make accounts. What AWS does in the background is done when the answer leaves."""

    async def create_account(
        self,
        call: Call,
        *,
        Email: str,
        AccountName: str,
        RoleName: str = _DEFAULT_ROLE,
        IamUserAccessToBilling: str | None = None,
        Tags: TagList = (),
    ) -> dict[str, object]:
        """Make an account, with a role in it that the management account may assume and that may do everything.

        An address that another account has makes the request fail, which its status tells, as on AWS. There is no
        billing here, so ``IamUserAccessToBilling`` makes no difference.

        Raises:
            AwsError: Access denied, or ``InvalidInputException``: the address, the tags or the chosen id.
        """
        refuse_nul(Email)

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = tag_request_context(Tags)
            if Tags:
                authorized(transaction, call, action="TagResource", context=context)
            organization = authorized(transaction, call, context=context)
            tags = request_tags(Tags)
            chosen = tags.pop(CHOSEN_ID_TAG, None)
            request_id = lower_case_id(self._entropy, "car-", _REQUEST_ID)
            if email_is_taken(transaction, Email):
                request = AccountRequest(request_id, AccountName, "FAILED", None, "EMAIL_ALREADY_EXISTS", call.now_ms)
            else:
                account = self._free_id(transaction, chosen)
                add_account(transaction, account, AccountName, Email, organization.root_id, call.now_ms)
                self._furnish(transaction, call, organization, account, RoleName)
                put_tags(transaction, account, tags)
                request = AccountRequest(request_id, AccountName, "SUCCEEDED", account, None, call.now_ms)
            add_request(transaction, request)
            return {"CreateAccountStatus": shown_request(request)}

        return dict(await call.write(work))

    def _free_id(self, transaction: Transaction, chosen: str | None) -> str:
        """The id that was chosen, or a random one that no account has."""
        if chosen is not None:
            if not _ACCOUNT_ID.fullmatch(chosen):
                raise invalid_input("INVALID_PATTERN", f"The tag {CHOSEN_ID_TAG} must hold an account id of 12 digits.")
            if account_exists(transaction, chosen):
                raise invalid_input("INVALID_LIST_MEMBER", f"The account {chosen} exists already.")
            return chosen
        while True:
            account = str(_FIRST_ID + self._entropy.below(_IDS))
            if not account_exists(transaction, account):
                return account

    def _furnish(
        self, transaction: Transaction, call: Call, organization: Organization, account: str, role_name: str
    ) -> None:
        """Give a new account what it begins with: FullAWSAccess and the role for the management account."""
        if organization.attached is not None:
            attach(transaction, FULL_AWS_ACCESS_ID, account, call.now_ms)
        self._iam.create_access_role(transaction, account, organization.management_account, role_name, call.now_ms)
        touch_organization(transaction)

    async def describe_create_account_status(self, call: Call, *, CreateAccountRequestId: str) -> dict[str, object]:
        """What came of a request for an account.

        Raises:
            AwsError: Access denied, or ``CreateAccountStatusNotFoundException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            authorized(transaction, call)
            request = find_request(transaction, CreateAccountRequestId)
            if request is None:
                raise no_such_request()
            return {"CreateAccountStatus": shown_request(request)}

        return await call.read(work)

    async def list_create_account_status(
        self, call: Call, *, States: Sequence[str] = (), NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """Requests for accounts and what came of them, oldest first.

        Raises:
            AwsError: Access denied, or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            authorized(transaction, call)
            wanted = [request for request in all_requests(transaction) if not States or request.state in States]
            shown, more = page(wanted, lambda one: f"{one.requested_ms:015} {one.id}", NextToken, MaxResults)
            return {"CreateAccountStatuses": [shown_request(request) for request in shown], **more}

        return await call.read(work)
