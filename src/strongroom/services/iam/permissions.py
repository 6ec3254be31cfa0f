"""What users, groups and roles may do: inline policies, attached policies and permissions boundaries.

The work is the same for all kinds and stands in the functions; the operations find the owner and hand it over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.services.call import Call
from strongroom.services.iam.documents import check_inline, encoded
from strongroom.services.iam.managed import check_policy_arn, require_boundary
from strongroom.services.iam.owner_policies import (
    attach,
    attached_arns,
    delete_inline,
    detach,
    inline_documents,
    put_inline,
)
from strongroom.services.iam.owners import Kind, Owner, Principal, set_boundary
from strongroom.services.iam.paging import page
from strongroom.services.iam.policy_records import find_policy
from strongroom.services.iam.problems import limit_exceeded, no_such_entity, no_such_policy, not_attachable, not_found
from strongroom.store import Transaction

__all__ = [
    "MOST_ATTACHED",
    "attach_policy",
    "delete_boundary",
    "delete_policy",
    "detach_policy",
    "get_policy",
    "list_attached",
    "list_inline",
    "put_boundary",
    "put_policy",
    "shown_attached",
]

MOST_ATTACHED: Final = 10
"""How many managed policies a user, group or role may have ("IAM and AWS STS quotas")."""

_NOTHING: Final[Mapping[str, object]] = {}


def put_policy(transaction: Transaction, kind: Kind, owner: Owner, name: str, document: str) -> Mapping[str, object]:
    """Add or replace an inline policy."""
    check_inline(transaction, kind, owner, name, document)
    put_inline(transaction, owner.unique_id, name, document)
    transaction.raise_epoch()
    return _NOTHING


def get_policy(transaction: Transaction, kind: Kind, owner: Owner, name: str) -> dict[str, object]:
    """Name and document of an inline policy."""
    for found, document in inline_documents(transaction, owner.unique_id):
        if found == name:
            return {"PolicyName": name, "PolicyDocument": encoded(document)}
    raise not_found(f"{kind.word} policy", name)


def delete_policy(transaction: Transaction, kind: Kind, owner: Owner, name: str) -> Mapping[str, object]:
    """Delete an inline policy."""
    if not delete_inline(transaction, owner.unique_id, name):
        raise not_found(f"{kind.word} policy", name)
    transaction.raise_epoch()
    return _NOTHING


def list_inline(transaction: Transaction, owner: Owner, marker: str | None, max_items: int | None) -> dict[str, object]:
    """Names of inline policies."""
    names = [name for name, _ in inline_documents(transaction, owner.unique_id)]
    items, rest = page(names, marker, max_items)
    return {"PolicyNames": items, **rest}


def attach_policy(transaction: Transaction, call: Call, kind: Kind, owner: Owner, arn: str) -> Mapping[str, object]:
    """Attach a managed policy; nothing changes when it is attached already."""
    check_policy_arn(arn)
    if find_policy(transaction, call.account, arn) is None:
        raise not_attachable(arn)
    present = attached_arns(transaction, owner.unique_id)
    if arn not in present:
        if len(present) >= MOST_ATTACHED:
            raise limit_exceeded(f"Cannot exceed quota for PoliciesPer{kind.word.capitalize()}: {MOST_ATTACHED}")
        attach(transaction, owner.unique_id, arn, call.now_ms)
    transaction.raise_epoch()
    return _NOTHING


def detach_policy(transaction: Transaction, owner: Owner, arn: str) -> Mapping[str, object]:
    """Detach a managed policy."""
    check_policy_arn(arn)
    if not detach(transaction, owner.unique_id, arn):
        raise no_such_policy(arn)
    transaction.raise_epoch()
    return _NOTHING


def shown_attached(arn: str) -> dict[str, object]:
    """An attached policy as answers show it."""
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}


def list_attached(
    transaction: Transaction, owner: Owner, prefix: str, marker: str | None, max_items: int | None
) -> dict[str, object]:
    """Names and ARNs of attached policies whose path begins with ``prefix``."""
    attached = [
        shown_attached(arn)
        for arn in attached_arns(transaction, owner.unique_id)
        if arn.partition(":policy")[2].startswith(prefix)
    ]
    items, rest = page(attached, marker, max_items)
    return {"AttachedPolicies": items, **rest}


def put_boundary(transaction: Transaction, call: Call, owner: Principal, arn: str) -> Mapping[str, object]:
    """Set the permissions boundary."""
    require_boundary(transaction, call.account, arn)
    set_boundary(transaction, owner, arn)
    transaction.raise_epoch()
    return _NOTHING


def delete_boundary(transaction: Transaction, kind: Kind, owner: Principal) -> Mapping[str, object]:
    """Remove the permissions boundary."""
    if owner.boundary_arn is None:
        raise no_such_entity(f"{kind.word.capitalize()} {owner.name} has no permissions boundary.")
    set_boundary(transaction, owner, None)
    transaction.raise_epoch()
    return _NOTHING
