"""The organization as decisions need it: which accounts there are, where each stands, and what holds it.

Read whole, since it is small and changes seldom, and kept under its revision: every change of an account, a unit or an
attached policy raises that in the same transaction, together with the epoch. `services.organizations` changes it.

Sources: Organizations User Guide, "SCP evaluation" and "Effects of SCPs on permissions"; IAM User Guide, "AWS global
condition context keys" for the form of a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select, update

from strongroom.errors import OperatorError
from strongroom.identity.stored_policies import compile_stored
from strongroom.policy import Policy, PolicyKind
from strongroom.store import Row, Statement, Transaction
from strongroom.store.schema import (
    accounts,
    organizational_units,
    organizations,
    service_control_attachments,
    service_control_policies,
)

__all__ = [
    "ACTIVE",
    "FULL_AWS_ACCESS",
    "FULL_AWS_ACCESS_ID",
    "SUSPENDED",
    "Organization",
    "OrganizationCache",
    "account_exists",
    "closed_accounts",
    "load_organization",
    "touch_organization",
]

ACTIVE: Final = "ACTIVE"
SUSPENDED: Final = "SUSPENDED"

FULL_AWS_ACCESS_ID: Final = "p-FullAWSAccess"
FULL_AWS_ACCESS: Final = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
"""The policy that AWS manages and attaches to everything that is new."""

_o, _a, _u = organizations.c, accounts.c, organizational_units.c
_p, _t = service_control_policies.c, service_control_attachments.c

_HEAD: Final = Statement(select(_o.id, _o.management_account, _o.root_id, _o.control_policies, _o.revision))
_ACCOUNTS: Final = Statement(select(_a.account, _a.status, _a.parent_id))
_UNITS: Final = Statement(select(_u.id, _u.parent_id))
_ATTACHED: Final = Statement(
    select(_t.target_id, _t.policy_id, _p.content)
    .select_from(service_control_attachments.outerjoin(service_control_policies, _p.id == _t.policy_id))
    .order_by(_t.target_id, _t.policy_id)
)
_CLOSED: Final = Statement(select(_a.account).where(_a.status == SUSPENDED))
_RAISE: Final = Statement(update(organizations).values(revision=_o.revision + 1))
_ACCOUNT: Final = Statement(select(_a.account).where(_a.account == bindparam("owner")))


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization under one revision. Shared by all callers: never changed.

    Args:
        id: Its id, ``o-`` and ten letters or digits.
        management_account: The account that governs the others, and that no service control policy holds.
        root_id: The root, under which every account and unit stands.
        revision: The revision under which this was read.
        parents: Account or unit -> the unit or the root above it.
        closed: The accounts that were closed.
        attached: Root, unit or account -> its service control policies as (id, document); None while policies of
            this type are not enabled.
    """

    id: str
    management_account: str
    root_id: str
    revision: int
    parents: Mapping[str, str]
    closed: frozenset[str]
    attached: Mapping[str, tuple[tuple[str, str], ...]] | None

    def is_open(self, account: str) -> bool:
        """Whether the account exists and was not closed."""
        return account in self.parents and account not in self.closed

    def path(self, member: str) -> str | None:
        """Where an account or a unit stands: ``o-id/r-id/ou-id/.../``, without its own id.

        This is the form of ``aws:PrincipalOrgPaths``. None for one that does not exist.
        """
        if member not in self.parents:
            return None
        return "/".join((self.id, *self.above(member))) + "/"

    def above(self, member: str) -> list[str]:
        """What stands above an account or a unit that exists: the root first, its parent last."""
        chain = [self.parents[member]]
        while chain[-1] != self.root_id:
            chain.append(self.parents[chain[-1]])
        return chain[::-1]

    def policy_arn(self, policy_id: str) -> str:
        """The ARN of a service control policy, by which decisions call it."""
        if policy_id == FULL_AWS_ACCESS_ID:
            return f"arn:aws:organizations::aws:policy/service_control_policy/{policy_id}"
        owner = self.management_account
        return f"arn:aws:organizations::{owner}:policy/{self.id}/service_control_policy/{policy_id}"

    def service_control(self, account: str) -> tuple[tuple[Policy, ...], ...]:
        """The policies that hold an account, one tuple for each level from the root down.

        A level that holds nothing but FullAWSAccess lets everything through and is left out. AWS spares service-linked
        roles; there are none here, and no path or name of a role makes it one.

        Raises:
            OperatorError: One of them can no longer be read, so nothing can be decided.
        """
        if self.attached is None or account == self.management_account:
            return ()
        levels = [self.attached.get(target, ()) for target in (*self.above(account), account)]
        return tuple(
            tuple(
                compile_stored(text, PolicyKind.SERVICE_CONTROL, self.policy_arn(policy_id))
                for policy_id, text in level
            )
            for level in levels
            if [policy_id for policy_id, _ in level] != [FULL_AWS_ACCESS_ID]
        )


class OrganizationCache:
    """Keeps the newest `Organization` that was read. One per process, for transactions that only read."""

    def __init__(self) -> None:
        self._newest: Organization | None = None

    def current(self, transaction: Transaction) -> Organization:
        """The organization as ``transaction`` sees it: one statement while it has not changed.

        Raises:
            OperatorError: The store has none.
        """
        head = _head(transaction)
        found = self._newest
        if found is None or (found.id, found.revision) != (head[0], head[4]):
            found = self._newest = _load(transaction, head)
        return found


def load_organization(transaction: Transaction) -> Organization:
    """The organization as ``transaction`` sees it, read anew.

    Raises:
        OperatorError: The store has none.
    """
    return _load(transaction, _head(transaction))


def _head(transaction: Transaction) -> Row:
    head = transaction.one(_HEAD)
    if head is None:
        raise OperatorError(
            "The store has no organization, so no account can be recognised.",
            why="its first start was not completed",
            fix="start `strongroom serve` on this data folder again",
        )
    return head


def _load(transaction: Transaction, head: Row) -> Organization:
    organization_id, management_account, root_id, control_policies, revision = head
    members = transaction.all(_ACCOUNTS)
    parents = dict(transaction.all(_UNITS)) | {account: parent for account, _, parent in members}
    attached: dict[str, tuple[tuple[str, str], ...]] = {}
    for target, policy_id, content in transaction.all(_ATTACHED) if control_policies else ():
        text = FULL_AWS_ACCESS if policy_id == FULL_AWS_ACCESS_ID else content
        attached[target] = (*attached.get(target, ()), (policy_id, text))
    return Organization(
        id=organization_id,
        management_account=management_account,
        root_id=root_id,
        revision=revision,
        parents=parents,
        closed=frozenset(account for account, status, _ in members if status != ACTIVE),
        attached=attached if control_policies else None,
    )


def touch_organization(transaction: Transaction) -> None:
    """Say that accounts, units or attached policies changed: the next request of everybody is decided anew."""
    transaction.run(_RAISE)
    transaction.raise_epoch()


def account_exists(transaction: Transaction, account: str) -> bool:
    """Whether the installation has this account, closed or not."""
    return transaction.one(_ACCOUNT, {"owner": account}) is not None


def closed_accounts(transaction: Transaction) -> frozenset[str]:
    """The accounts that were closed. Nothing happens in them any more, by itself either."""
    return frozenset(str(row[0]) for row in transaction.all(_CLOSED))
