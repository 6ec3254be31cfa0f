"""The tables of managed policies and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from strongroom.identity.aws_managed import AWS_MANAGED, AwsManagedPolicy
from strongroom.store import Statement, Transaction
from strongroom.store.schema import (
    iam_attachments,
    iam_groups,
    iam_policies,
    iam_policy_versions,
    iam_roles,
    iam_tags,
    iam_users,
)

__all__ = [
    "MOST_POLICIES",
    "ManagedPolicy",
    "PolicyVersion",
    "add_policy",
    "add_version",
    "attachment_counts",
    "aws_managed",
    "boundary_counts",
    "delete_policy",
    "delete_version",
    "find_policy",
    "list_policies",
    "list_versions",
    "policy_count",
    "policy_name_is_taken",
    "set_default_version",
    "uses",
]

MOST_POLICIES: Final = 5000
"""How many managed policies an account may have: the most that AWS grants on request ("IAM and AWS STS quotas")."""


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A row of ``iam_policies``, or a policy that AWS manages; the latter has an empty account."""

    arn: str
    account: str
    name: str
    path: str
    policy_id: str
    description: str | None
    default_version_id: str
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A row of ``iam_policy_versions``."""

    version_id: str
    document: str
    created_ms: int

    @property
    def number(self) -> int:
        """2 for ``v2``."""
        return int(self.version_id[1:])


_p, _v, _a = iam_policies.c, iam_policy_versions.c, iam_attachments.c
_COLUMNS = (
    _p.arn,
    _p.account,
    _p.name,
    _p.path,
    _p.policy_id,
    _p.description,
    _p.default_version_id,
    _p.created_ms,
    _p.updated_ms,
)

_POLICY: Final = Statement(select(*_COLUMNS).where(_p.arn == bindparam("policy")))
_POLICIES: Final = Statement(select(*_COLUMNS).where(_p.account == bindparam("owner")))
_TAKEN: Final = Statement(select(_p.arn).where(_p.account == bindparam("owner"), _p.folded_name == bindparam("folded")))
_COUNT: Final = Statement(select(func.count()).select_from(iam_policies).where(_p.account == bindparam("owner")))
_ADD: Final = Statement(
    insert(iam_policies).values(
        arn=bindparam("policy"),
        account=bindparam("owner"),
        folded_name=bindparam("folded"),
        name=bindparam("exact"),
        path=bindparam("location"),
        policy_id=bindparam("id"),
        description=bindparam("text"),
        default_version_id=bindparam("version"),
        created_ms=bindparam("now"),
        updated_ms=bindparam("now"),
    )
)
_SET_DEFAULT: Final = Statement(
    update(iam_policies)
    .where(_p.arn == bindparam("policy"))
    .values(default_version_id=bindparam("version"), updated_ms=bindparam("now"))
)
_DELETE: Final = Statement(delete(iam_policies).where(_p.arn == bindparam("policy")))
_DELETE_TAGS: Final = Statement(delete(iam_tags).where(iam_tags.c.owner_id == bindparam("id")))

_VERSIONS: Final = Statement(
    select(_v.version_id, _v.document, _v.created_ms).where(_v.policy_arn == bindparam("policy"))
)
_ADD_VERSION: Final = Statement(
    insert(iam_policy_versions).values(
        policy_arn=bindparam("policy"),
        version_id=bindparam("version"),
        document=bindparam("text"),
        created_ms=bindparam("now"),
    )
)
_DELETE_VERSION: Final = Statement(
    delete(iam_policy_versions).where(_v.policy_arn == bindparam("policy"), _v.version_id == bindparam("version"))
)

# Whose attachments count: an owner's unique id says nothing of its account, so the owners are looked up.
_OWNED: Final = or_(
    _a.owner_id.in_(select(iam_users.c.user_id).where(iam_users.c.account == bindparam("owner"))),
    _a.owner_id.in_(select(iam_groups.c.group_id).where(iam_groups.c.account == bindparam("owner"))),
    _a.owner_id.in_(select(iam_roles.c.role_id).where(iam_roles.c.account == bindparam("owner"))),
)
_ATTACHMENTS: Final = Statement(select(_a.policy_arn, func.count()).where(_OWNED).group_by(_a.policy_arn))
_ATTACHMENTS_OF: Final = Statement(
    select(func.count()).select_from(iam_attachments).where(_a.policy_arn == bindparam("policy"))
)
_BOUNDARIES_OF: Final = tuple(
    Statement(
        select(func.count())
        .select_from(table)
        .where(table.c.account == bindparam("owner"), table.c.boundary_arn == bindparam("policy"))
    )
    for table in (iam_users, iam_roles)
)
_BOUNDARIES: Final = tuple(
    Statement(
        select(row.boundary_arn, func.count())
        .where(row.account == bindparam("owner"), row.boundary_arn.is_not(None))
        .group_by(row.boundary_arn)
    )
    for row in (iam_users.c, iam_roles.c)
)


def aws_managed(policy: AwsManagedPolicy) -> ManagedPolicy:
    """A policy that AWS manages, in the form of the account's own."""
    return ManagedPolicy(
        policy.arn,
        "",
        policy.name,
        policy.path,
        policy.policy_id,
        policy.description,
        policy.version_id,
        policy.created_ms,
        policy.updated_ms,
    )


def find_policy(transaction: Transaction, account: str, arn: str) -> ManagedPolicy | None:
    """The managed policy with this ARN that ``account`` can use: its own, or one that AWS manages."""
    known = AWS_MANAGED.get(arn)
    if known is not None:
        return aws_managed(known)
    row = transaction.one(_POLICY, {"policy": arn})
    policy = None if row is None else ManagedPolicy(*row)
    return policy if policy is not None and policy.account == account else None


def list_policies(transaction: Transaction, account: str) -> list[ManagedPolicy]:
    """The account's own managed policies, in no order."""
    return [ManagedPolicy(*row) for row in transaction.all(_POLICIES, {"owner": account})]


def policy_count(transaction: Transaction, account: str) -> int:
    """How many managed policies the account has of its own."""
    row = transaction.one(_COUNT, {"owner": account})
    return 0 if row is None else int(row[0])


def policy_name_is_taken(transaction: Transaction, account: str, name: str) -> bool:
    """Whether the account has a managed policy of this name, in any case of letters and under any path."""
    return transaction.one(_TAKEN, {"owner": account, "folded": name.lower()}) is not None


def add_policy(transaction: Transaction, policy: ManagedPolicy, document: str) -> None:
    """Insert a managed policy with its first version."""
    transaction.run(
        _ADD,
        {
            "policy": policy.arn,
            "owner": policy.account,
            "folded": policy.name.lower(),
            "exact": policy.name,
            "location": policy.path,
            "id": policy.policy_id,
            "text": policy.description,
            "version": policy.default_version_id,
            "now": policy.created_ms,
        },
    )
    add_version(transaction, policy.arn, PolicyVersion(policy.default_version_id, document, policy.created_ms))


def delete_policy(transaction: Transaction, policy: ManagedPolicy) -> None:
    """Delete a managed policy with its versions and tags."""
    transaction.run(_DELETE_TAGS, {"id": policy.policy_id})
    transaction.run(_DELETE, {"policy": policy.arn})


def list_versions(transaction: Transaction, arn: str) -> list[PolicyVersion]:
    """The versions of a managed policy, newest first."""
    known = AWS_MANAGED.get(arn)
    if known is not None:
        return [PolicyVersion(known.version_id, known.document, known.created_ms)]
    found = [PolicyVersion(*row) for row in transaction.all(_VERSIONS, {"policy": arn})]
    return sorted(found, key=lambda version: version.number, reverse=True)


def add_version(transaction: Transaction, arn: str, version: PolicyVersion) -> None:
    """Insert a version of a managed policy."""
    transaction.run(
        _ADD_VERSION,
        {"policy": arn, "version": version.version_id, "text": version.document, "now": version.created_ms},
    )


def set_default_version(transaction: Transaction, arn: str, version_id: str, now_ms: int) -> None:
    """Make a version the one that counts."""
    transaction.run(_SET_DEFAULT, {"policy": arn, "version": version_id, "now": now_ms})


def delete_version(transaction: Transaction, arn: str, version_id: str) -> None:
    """Delete a version of a managed policy."""
    transaction.run(_DELETE_VERSION, {"policy": arn, "version": version_id})


def attachment_counts(transaction: Transaction, account: str) -> dict[str, int]:
    """How often each managed policy is attached to users, groups and roles of the account, by ARN."""
    return {arn: int(count) for arn, count in transaction.all(_ATTACHMENTS, {"owner": account})}


def uses(transaction: Transaction, account: str, policy: ManagedPolicy) -> tuple[int, int]:
    """How often one managed policy is attached in the account, and how often it is a boundary there."""
    if policy.account:  # nobody else can attach it
        row = transaction.one(_ATTACHMENTS_OF, {"policy": policy.arn})
        attached = 0 if row is None else int(row[0])
    else:
        attached = attachment_counts(transaction, account).get(policy.arn, 0)
    rows = [transaction.one(statement, {"owner": account, "policy": policy.arn}) for statement in _BOUNDARIES_OF]
    return attached, sum(int(row[0]) for row in rows if row is not None)


def boundary_counts(transaction: Transaction, account: str) -> dict[str, int]:
    """How many users and roles of the account have each managed policy as their boundary, by ARN."""
    counts: dict[str, int] = {}
    for statement in _BOUNDARIES:
        for arn, count in transaction.all(statement, {"owner": account}):
            counts[arn] = counts.get(arn, 0) + int(count)
    return counts
