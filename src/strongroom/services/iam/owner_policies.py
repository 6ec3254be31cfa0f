"""Which policies users, groups and roles have: inline ones, and which managed ones are attached.

Owners are told apart by their unique ids alone, so one set of statements serves all kinds.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.store import Statement, Transaction
from strongroom.store.schema import iam_attachments, iam_inline_policies

__all__ = ["attach", "attached_arns", "delete_inline", "detach", "inline_documents", "put_inline"]

_i, _a = iam_inline_policies.c, iam_attachments.c

_INLINE: Final = Statement(select(_i.name, _i.document).where(_i.owner_id == bindparam("id")).order_by(_i.name))
_THIS_INLINE = (_i.owner_id == bindparam("id"), _i.name == bindparam("policy"))
_REPLACE_INLINE: Final = Statement(update(iam_inline_policies).where(*_THIS_INLINE).values(document=bindparam("text")))
_ADD_INLINE: Final = Statement(
    insert(iam_inline_policies).values(owner_id=bindparam("id"), name=bindparam("policy"), document=bindparam("text"))
)
_DELETE_INLINE: Final = Statement(delete(iam_inline_policies).where(*_THIS_INLINE))

_ATTACHED: Final = Statement(
    select(_a.policy_arn).where(_a.owner_id == bindparam("id")).order_by(_a.attached_ms, _a.policy_arn)
)
_ATTACH: Final = Statement(
    insert(iam_attachments).values(
        owner_id=bindparam("id"), policy_arn=bindparam("policy"), attached_ms=bindparam("now")
    )
)
_DETACH: Final = Statement(
    delete(iam_attachments).where(_a.owner_id == bindparam("id"), _a.policy_arn == bindparam("policy"))
)


def inline_documents(transaction: Transaction, owner_id: str) -> list[tuple[str, str]]:
    """Names and documents of an owner's inline policies, by name."""
    return [(name, text) for name, text in transaction.all(_INLINE, {"id": owner_id})]


def put_inline(transaction: Transaction, owner_id: str, name: str, document: str) -> None:
    """Add an inline policy, or replace the document of the one with this name."""
    values = {"id": owner_id, "policy": name, "text": document}
    if not transaction.run(_REPLACE_INLINE, values):
        transaction.run(_ADD_INLINE, values)


def delete_inline(transaction: Transaction, owner_id: str, name: str) -> bool:
    """Delete an inline policy; whether there was one."""
    return transaction.run(_DELETE_INLINE, {"id": owner_id, "policy": name}) > 0


def attached_arns(transaction: Transaction, owner_id: str) -> list[str]:
    """The ARNs of the managed policies that are attached to an owner, oldest attachment first."""
    return [row[0] for row in transaction.all(_ATTACHED, {"id": owner_id})]


def attach(transaction: Transaction, owner_id: str, policy_arn: str, now_ms: int) -> None:
    """Attach a managed policy that is not attached yet."""
    transaction.run(_ATTACH, {"id": owner_id, "policy": policy_arn, "now": now_ms})


def detach(transaction: Transaction, owner_id: str, policy_arn: str) -> bool:
    """Detach a managed policy; whether it was attached."""
    return transaction.run(_DETACH, {"id": owner_id, "policy": policy_arn}) > 0
