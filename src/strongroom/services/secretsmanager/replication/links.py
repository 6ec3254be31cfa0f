"""The links from primaries to replicas: rows, statuses, and the leases of those who bring replicas in step.

Pending     a replica in another account, which the owner of its primary has not accepted yet
InProgress  the primary has changed, or the link is new
InSync      the replica holds what its primary holds
Failed      it could not be brought in step; ``message`` says why, and ``due_ms`` when that is tried again
Detached    one of the two accounts ended the link

A lease says which process works on a link, and until when that is believed; one that ran out is anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.arn import Arn
from strongroom.store import Statement, Transaction
from strongroom.store.schema import secret_replicas, secrets

__all__ = [
    "Link",
    "any_due",
    "claim_due",
    "delete_link",
    "find_link",
    "link_of_replica",
    "links_of_primary",
    "put_link",
    "release_all",
    "take_up",
    "update_link",
]

_LEASE_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Link:
    """One row of ``secret_replicas``. Instants are milliseconds since the epoch.

    Attributes:
        region: The replica's region.
        kms_key_id: The replica's key as the caller named it, for a replica in another region; None is the service key.
        associated: Whether the primary's side knows the link. Always so between regions.
        overwrites: Whether the replica may take the place of another secret with its name.
        may_use_keys: Whether the service holds the right to use both keys.
        any_organization: Whether the other account may belong to another organization.
        role_arn: The replication role, for a replica in another account.
        status: See the module.
        message: What the status does not say.
        attempt: How often it failed since the primary changed.
        due_ms: When to bring the replica in step; None when there is nothing to do.
    """

    primary_arn: str
    replica_arn: str
    region: str
    kms_key_id: str | None = None
    associated: int = 1
    overwrites: int = 0
    may_use_keys: int = 1
    any_organization: int = 0
    role_arn: str | None = None
    status: str = "InProgress"
    message: str | None = None
    attempt: int = 0
    due_ms: int | None = 0

    @property
    def is_across_accounts(self) -> bool:
        """Whether the replica lives in another account than its primary, rather than in another region."""
        return _account(self.primary_arn) != _account(self.replica_arn)


def _account(arn: str) -> str:
    parsed = Arn.parse(arn)
    return parsed.account if parsed else ""


_L: Final = secret_replicas.c
_FIELDS: Final = tuple(Link.__dataclass_fields__)
_COLUMNS: Final = tuple(_L[name] for name in _FIELDS)
_THIS: Final = (_L.primary_arn == bindparam("primary"), _L.replica_arn == bindparam("replica"))

_BY_BOTH: Final = Statement(select(*_COLUMNS).where(*_THIS))
_OF_PRIMARY: Final = Statement(
    select(*_COLUMNS, secrets.c.accessed_day_ms)
    .outerjoin(secrets, secrets.c.arn == _L.replica_arn)
    .where(_L.primary_arn == bindparam("arn"), _L.associated == 1)
    .order_by(_L.region, _L.replica_arn)
)
_OF_REPLICA: Final = Statement(select(*_COLUMNS).where(_L.replica_arn == bindparam("arn")))
_INSERT: Final = Statement(
    insert(secret_replicas).values({name: bindparam(name) for name in _FIELDS} | {"lease_ends_ms": 0})
)
_UPDATE: Final = Statement(
    update(secret_replicas).where(*_THIS).values({name: bindparam(name) for name in _FIELDS[2:]})
)
_DELETE: Final = Statement(delete(secret_replicas).where(*_THIS))
_DUE: Final = Statement(
    select(*_COLUMNS)
    .where(_L.due_ms <= bindparam("now_ms"), _L.lease_ends_ms <= bindparam("now_ms"))
    .order_by(_L.due_ms)
    .limit(bindparam("most"))
)
_CLAIM: Final = Statement(
    update(secret_replicas).where(*_THIS).values(lease_owner=bindparam("owner"), lease_ends_ms=bindparam("ends_ms"))
)
_HELD: Final = Statement(select(*_COLUMNS).where(*_THIS, _L.lease_owner == bindparam("owner"), _L.due_ms.is_not(None)))
_RELEASE_ALL: Final = Statement(update(secret_replicas).values(lease_owner=None, lease_ends_ms=0))


def find_link(transaction: Transaction, primary_arn: str, replica_arn: str) -> Link | None:
    """The link between two secrets."""
    row = transaction.one(_BY_BOTH, {"primary": primary_arn, "replica": replica_arn})
    return Link(*row) if row else None


def links_of_primary(transaction: Transaction, arn: str) -> list[tuple[Link, int | None]]:
    """The links that a primary's owner sees, by region, each with the day of the replica's last read."""
    return [(Link(*row[:-1]), row[-1]) for row in transaction.all(_OF_PRIMARY, {"arn": arn})]


def link_of_replica(transaction: Transaction, arn: str) -> Link | None:
    """The link by which a replica follows its primary."""
    row = transaction.one(_OF_REPLICA, {"arn": arn})
    return Link(*row) if row else None


def put_link(transaction: Transaction, link: Link) -> None:
    """Store a link, in place of the one between the same secrets if there is one."""
    if find_link(transaction, link.primary_arn, link.replica_arn) is None:
        transaction.run(_INSERT, {name: getattr(link, name) for name in _FIELDS})
    else:
        update_link(transaction, link)


def update_link(transaction: Transaction, link: Link) -> None:
    """Store what a link has become. Who works on it keeps its lease."""
    values = {name: getattr(link, name) for name in _FIELDS[2:]}
    transaction.run(_UPDATE, {"primary": link.primary_arn, "replica": link.replica_arn, **values})


def delete_link(transaction: Transaction, link: Link) -> None:
    """Remove a link. The secrets stay."""
    transaction.run(_DELETE, {"primary": link.primary_arn, "replica": link.replica_arn})


def any_due(transaction: Transaction, now_ms: int) -> bool:
    """Whether there is anything to claim. A read, so that an idle engine writes nothing."""
    return transaction.one(_DUE, {"now_ms": now_ms, "most": 1}) is not None


def claim_due(transaction: Transaction, owner: str, now_ms: int, most: int) -> list[Link]:
    """Claim up to ``most`` links that are due and nobody's, the longest overdue first."""
    claimed = [Link(*row) for row in transaction.all(_DUE, {"now_ms": now_ms, "most": most})]
    for link in claimed:
        _lease(transaction, link, owner, now_ms + _LEASE_MS)
    return claimed


def take_up(transaction: Transaction, link: Link, owner: str) -> Link | None:
    """The link as it is now, if ``owner`` still has it and there still is something to do; its lease ends here."""
    keys = {"primary": link.primary_arn, "replica": link.replica_arn, "owner": owner}
    row = transaction.one(_HELD, keys)
    if row is None:
        return None
    _lease(transaction, link, None, 0)
    return Link(*row)


def release_all(transaction: Transaction) -> int:
    """Let go of every claim: for a host that knows it is alone, after its processes were killed."""
    return transaction.run(_RELEASE_ALL)


def _lease(transaction: Transaction, link: Link, owner: str | None, ends_ms: int) -> None:
    keys = {"primary": link.primary_arn, "replica": link.replica_arn}
    transaction.run(_CLAIM, {**keys, "owner": owner, "ends_ms": ends_ms})
