"""The rows of accounts, organizational units and requests for accounts.

Where each of them stands is in `strongroom.identity.organization.Organization`, which every operation reads first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.store import Statement, Transaction
from strongroom.store.schema import account_requests, accounts, organizational_units

__all__ = [
    "Account",
    "AccountRequest",
    "Unit",
    "add_request",
    "add_unit",
    "all_accounts",
    "all_requests",
    "all_units",
    "delete_unit",
    "email_is_taken",
    "find_account",
    "find_request",
    "find_unit",
    "move_account",
    "rename_unit",
    "set_status",
]


@dataclass(frozen=True, slots=True)
class Account:
    """A row of ``accounts``."""

    id: str
    name: str
    email: str
    status: str
    parent_id: str
    joined_method: str
    joined_ms: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A row of ``organizational_units``."""

    id: str
    parent_id: str
    name: str


@dataclass(frozen=True, slots=True)
class AccountRequest:
    """A row of ``account_requests``: one CreateAccount, and what came of it."""

    id: str
    account_name: str
    state: str
    account: str | None
    failure_reason: str | None
    requested_ms: int


_a, _u, _r = accounts.c, organizational_units.c, account_requests.c
_ACCOUNT_COLUMNS = (_a.account, _a.name, _a.email, _a.status, _a.parent_id, _a.joined_method, _a.joined_ms)
_REQUEST_COLUMNS = (_r.id, _r.account_name, _r.state, _r.account, _r.failure_reason, _r.requested_ms)
_THIS_ACCOUNT = _a.account == bindparam("owner")
_THIS_UNIT = _u.id == bindparam("unit")

_ACCOUNT: Final = Statement(select(*_ACCOUNT_COLUMNS).where(_THIS_ACCOUNT))
_ACCOUNTS: Final = Statement(select(*_ACCOUNT_COLUMNS))
_EMAIL: Final = Statement(select(_a.account).where(_a.folded_email == bindparam("folded")))
_SET_STATUS: Final = Statement(update(accounts).where(_THIS_ACCOUNT).values(status=bindparam("now_is")))
_MOVE: Final = Statement(update(accounts).where(_THIS_ACCOUNT).values(parent_id=bindparam("above")))

_UNIT: Final = Statement(select(_u.id, _u.parent_id, _u.name).where(_THIS_UNIT))
_UNITS: Final = Statement(select(_u.id, _u.parent_id, _u.name))
_ADD_UNIT: Final = Statement(
    insert(organizational_units).values(id=bindparam("unit"), parent_id=bindparam("above"), name=bindparam("title"))
)
_RENAME_UNIT: Final = Statement(update(organizational_units).where(_THIS_UNIT).values(name=bindparam("title")))
_DELETE_UNIT: Final = Statement(delete(organizational_units).where(_THIS_UNIT))

_REQUEST: Final = Statement(select(*_REQUEST_COLUMNS).where(_r.id == bindparam("request")))
_REQUESTS: Final = Statement(select(*_REQUEST_COLUMNS))
_ADD_REQUEST: Final = Statement(
    insert(account_requests).values(
        id=bindparam("request"),
        account_name=bindparam("title"),
        state=bindparam("outcome"),
        account=bindparam("owner"),
        failure_reason=bindparam("failure"),
        requested_ms=bindparam("now"),
    )
)


def find_account(transaction: Transaction, account: str) -> Account | None:
    """The account of this id."""
    row = transaction.one(_ACCOUNT, {"owner": account})
    return None if row is None else Account(*row)


def all_accounts(transaction: Transaction) -> list[Account]:
    """Every account, in no order."""
    return [Account(*row) for row in transaction.all(_ACCOUNTS)]


def email_is_taken(transaction: Transaction, email: str) -> bool:
    """Whether an account has this address, in any case of letters."""
    return transaction.one(_EMAIL, {"folded": email.lower()}) is not None


def set_status(transaction: Transaction, account: str, status: str) -> None:
    """Write the status of an account."""
    transaction.run(_SET_STATUS, {"owner": account, "now_is": status})


def move_account(transaction: Transaction, account: str, parent_id: str) -> None:
    """Put an account under another unit, or under the root."""
    transaction.run(_MOVE, {"owner": account, "above": parent_id})


def find_unit(transaction: Transaction, unit_id: str) -> Unit | None:
    """The unit of this id."""
    row = transaction.one(_UNIT, {"unit": unit_id})
    return None if row is None else Unit(*row)


def all_units(transaction: Transaction) -> list[Unit]:
    """Every unit, in no order."""
    return [Unit(*row) for row in transaction.all(_UNITS)]


def add_unit(transaction: Transaction, unit: Unit) -> None:
    """Insert a unit whose name no other under its parent has."""
    transaction.run(_ADD_UNIT, {"unit": unit.id, "above": unit.parent_id, "title": unit.name})


def rename_unit(transaction: Transaction, unit_id: str, name: str) -> None:
    """Give a unit another name."""
    transaction.run(_RENAME_UNIT, {"unit": unit_id, "title": name})


def delete_unit(transaction: Transaction, unit_id: str) -> None:
    """Delete a unit that holds nothing."""
    transaction.run(_DELETE_UNIT, {"unit": unit_id})


def find_request(transaction: Transaction, request_id: str) -> AccountRequest | None:
    """The request of this id."""
    row = transaction.one(_REQUEST, {"request": request_id})
    return None if row is None else AccountRequest(*row)


def all_requests(transaction: Transaction) -> list[AccountRequest]:
    """Every request, in no order."""
    return [AccountRequest(*row) for row in transaction.all(_REQUESTS)]


def add_request(transaction: Transaction, request: AccountRequest) -> None:
    """Insert a request with its outcome."""
    transaction.run(
        _ADD_REQUEST,
        {
            "request": request.id,
            "title": request.account_name,
            "outcome": request.state,
            "owner": request.account,
            "failure": request.failure_reason,
            "now": request.requested_ms,
        },
    )
