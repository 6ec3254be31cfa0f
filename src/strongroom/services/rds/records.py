"""The rows of registered databases."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.services.rds.engines import Server
from strongroom.services.rds.names import KINDS, Kind, Reference
from strongroom.services.rds.tags import unpack_tags
from strongroom.store import Statement, Transaction
from strongroom.store.schema import rds_databases

__all__ = [
    "Database",
    "count_problems",
    "database_by_arn",
    "database_of_secret",
    "delete_database",
    "due_for_check",
    "find_cluster",
    "find_database",
    "hurry_changes",
    "insert_database",
    "list_databases",
    "members_of",
    "update_database",
]


@dataclass(frozen=True, slots=True)
class Database:
    """One row of ``rds_databases``: see there what the columns hold."""

    arn: str
    account: str
    region: str
    kind: str
    identifier: str
    resource_id: str
    engine: str
    host: str
    port: int
    tls: int
    authorities: str | None
    database_name: str | None
    master_username: str | None
    password: bytes | None = field(repr=False)
    next_password: bytes | None = field(repr=False)
    secret_arn: str | None
    secret_is_new: int
    cluster_identifier: str | None
    deletion_protection: int
    settings: str
    tags: str
    created_ms: int
    next_check_ms: int
    checked_ms: int | None
    problem: str | None

    @property
    def of_kind(self) -> Kind:
        """Instance or cluster."""
        return KINDS[self.kind]

    @property
    def tag_map(self) -> dict[str, str]:
        """The tags, in the order in which they were added."""
        return unpack_tags(self.tags)

    @property
    def server(self) -> Server:
        """Where it is and how it is reached."""
        return Server(self.engine, self.host, self.port, bool(self.tls), self.authorities, self.database_name)


_D: Final = rds_databases.c
_FIELDS: Final = tuple(Database.__dataclass_fields__)
_COLUMNS: Final = tuple(_D[name] for name in _FIELDS)
_HERE: Final = (_D.account == bindparam("account"), _D.region == bindparam("region"))
_BY_ARN: Final = Statement(select(*_COLUMNS).where(_D.arn == bindparam("arn")))
_BY_SECRET: Final = Statement(select(*_COLUMNS).where(_D.secret_arn == bindparam("secret_arn")))
_LISTED: Final = Statement(select(*_COLUMNS).where(*_HERE, _D.kind == bindparam("kind")).order_by(_D.identifier))
_MEMBERS: Final = Statement(
    select(*_COLUMNS)
    .where(*_HERE, _D.cluster_identifier == bindparam("cluster_identifier"))
    .order_by(_D.created_ms, _D.identifier)
)
_DUE: Final = Statement(
    select(*_COLUMNS)
    .where(_D.next_check_ms <= bindparam("now_ms"), _D.master_username.is_not(None))
    .order_by(_D.next_check_ms)
    .limit(bindparam("most"))
)
_PROBLEMS: Final = Statement(select(_D.arn).where(_D.problem.is_not(None)))
_HURRY: Final = Statement(update(rds_databases).where(_D.next_password.is_not(None)).values(next_check_ms=0))
_INSERT: Final = Statement(insert(rds_databases).values({name: bindparam(name) for name in _FIELDS}))
_DELETE: Final = Statement(delete(rds_databases).where(_D.arn == bindparam("arn")))


def database_by_arn(transaction: Transaction, arn: str) -> Database | None:
    """The database with this ARN."""
    row = transaction.one(_BY_ARN, {"arn": arn})
    return Database(*row) if row else None


def find_database(transaction: Transaction, reference: Reference) -> Database | None:
    """The database that a reference names."""
    return database_by_arn(transaction, reference.arn)


def database_of_secret(transaction: Transaction, secret_arn: str) -> Database | None:
    """The database whose master credential is in a secret."""
    row = transaction.one(_BY_SECRET, {"secret_arn": secret_arn})
    return Database(*row) if row else None


def list_databases(transaction: Transaction, account: str, region: str, kind: Kind) -> list[Database]:
    """All of a kind in an account and region, by identifier."""
    rows = transaction.all(_LISTED, {"account": account, "region": region, "kind": kind.word})
    return [Database(*row) for row in rows]


def members_of(transaction: Transaction, account: str, region: str, cluster_identifier: str) -> list[Database]:
    """The instances of a cluster, the oldest first."""
    given = {"account": account, "region": region, "cluster_identifier": cluster_identifier}
    return [Database(*row) for row in transaction.all(_MEMBERS, given)]


def due_for_check(transaction: Transaction, now_ms: int, most: int) -> list[Database]:
    """Databases whose credential is to be checked by now, the longest overdue first."""
    return [Database(*row) for row in transaction.all(_DUE, {"now_ms": now_ms, "most": most})]


def hurry_changes(transaction: Transaction) -> None:
    """Make every change of a password that is waiting due now."""
    transaction.run(_HURRY)


def count_problems(transaction: Transaction) -> int:
    """How many databases did not take their credential at the last check."""
    return len(transaction.all(_PROBLEMS))


def insert_database(transaction: Transaction, database: Database) -> None:
    """Store a new database."""
    transaction.run(_INSERT, {name: getattr(database, name) for name in _FIELDS})


def update_database(transaction: Transaction, arn: str, **changes: int | str | bytes | None) -> None:
    """Change columns of one database.

    Args:
        transaction: Where to write.
        arn: The database.
        changes: New values by the names of the fields of `Database`.
    """
    transaction.run(_update_statement(tuple(sorted(changes))), {"the_arn": arn, **changes})


@lru_cache(maxsize=64)
def _update_statement(columns: tuple[str, ...]) -> Statement:
    return Statement(
        update(rds_databases).where(_D.arn == bindparam("the_arn")).values({name: bindparam(name) for name in columns})
    )


def delete_database(transaction: Transaction, arn: str) -> None:
    """Remove one database."""
    transaction.run(_DELETE, {"arn": arn})


def find_cluster(transaction: Transaction, member: Database) -> Database | None:
    """The cluster that an instance is a member of."""
    if member.cluster_identifier is None:
        return None
    return database_by_arn(transaction, KINDS["cluster"].arn(member.account, member.region, member.cluster_identifier))
