"""The organization that every installation begins with, and how an account comes into it."""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import bindparam, insert, select

from strongroom.identity.organization import ACTIVE, FULL_AWS_ACCESS_ID
from strongroom.store import Statement, Transaction
from strongroom.store.schema import accounts, organizations, service_control_attachments
from strongroom.world import Entropy, World

__all__ = ["add_account", "found_organization", "has_organization", "lower_case_id"]

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_ORGANIZATION_ID: Final = 10
_ROOT_ID: Final = 4

_ANY: Final = Statement(select(organizations.c.id))
_ADD_ORGANIZATION: Final = Statement(
    insert(organizations).values(
        id=bindparam("organization"),
        management_account=bindparam("owner"),
        root_id=bindparam("root"),
        control_policies=1,
        revision=1,
    )
)
_ADD_ACCOUNT: Final = Statement(
    insert(accounts).values(
        account=bindparam("owner"),
        name=bindparam("title"),
        email=bindparam("mail"),
        folded_email=bindparam("folded"),
        status=ACTIVE,
        parent_id=bindparam("parent"),
        joined_method=bindparam("method"),
        joined_ms=bindparam("now"),
    )
)
_ATTACH: Final = Statement(
    insert(service_control_attachments).values(
        target_id=bindparam("target"), policy_id=FULL_AWS_ACCESS_ID, attached_ms=bindparam("now")
    )
)


def lower_case_id(entropy: Entropy, prefix: str, count: int) -> str:
    """An id of Organizations: ``prefix`` and ``count`` lower-case letters or digits."""
    return prefix + "".join(_LETTERS[entropy.below(len(_LETTERS))] for _ in range(count))


def add_account(
    transaction: Transaction,
    account: str,
    name: str,
    email: str,
    parent_id: str,
    now_ms: int,
    *,
    method: Literal["CREATED", "INVITED"] = "CREATED",
) -> None:
    """Insert an account. Its policies are the caller's to attach, and the epoch is the caller's to raise.

    Args:
        transaction: A write.
        account: Its id, 12 digits, which no account has.
        name: Its name.
        email: Its address, which no account has in any case of letters.
        parent_id: The root or the unit under which it stands.
        now_ms: Now, in milliseconds since the epoch.
        method: How it came into the organization.
    """
    transaction.run(
        _ADD_ACCOUNT,
        {
            "owner": account,
            "title": name,
            "mail": email,
            "folded": email.lower(),
            "parent": parent_id,
            "method": method,
            "now": now_ms,
        },
    )


def has_organization(transaction: Transaction) -> bool:
    """Whether the store has its organization."""
    return transaction.one(_ANY) is not None


def found_organization(transaction: Transaction, world: World, account: str) -> None:
    """Make ``account`` the management account of an organization, unless the store has one.

    Service control policies are enabled from the start, with FullAWSAccess on the root and on the account, as AWS's
    console leaves a new organization. The account's email address is made up; nothing is ever sent to it.

    Args:
        transaction: A write.
        world: Clock and entropy.
        account: The installation's account, 12 digits.
    """
    if has_organization(transaction):
        return
    now = world.clock.milliseconds()
    root = lower_case_id(world.entropy, "r-", _ROOT_ID)
    organization = lower_case_id(world.entropy, "o-", _ORGANIZATION_ID)
    transaction.run(_ADD_ORGANIZATION, {"organization": organization, "owner": account, "root": root})
    email = f"management-{account}@strongroom.internal"
    add_account(transaction, account, "management", email, root, now, method="INVITED")
    for target in (root, account):
        transaction.run(_ATTACH, {"target": target, "now": now})
    transaction.raise_epoch()
