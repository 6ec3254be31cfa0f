"""The rows of service control policies and of their attachments. FullAWSAccess is AWS's own and has no row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from strongroom.identity.organization import FULL_AWS_ACCESS, FULL_AWS_ACCESS_ID
from strongroom.store import Statement, Transaction
from strongroom.store.schema import organizations, service_control_attachments, service_control_policies

__all__ = [
    "ControlPolicy",
    "add_policy",
    "all_policies",
    "attach",
    "attached_ids",
    "delete_policy",
    "detach",
    "detach_everything",
    "find_policy",
    "replace_policy",
    "set_enabled",
    "targets_of",
]


@dataclass(frozen=True, slots=True)
class ControlPolicy:
    """A row of ``service_control_policies``, or `_FULL_ACCESS`."""

    id: str
    name: str
    description: str
    content: str

    @property
    def aws_managed(self) -> bool:
        """Whether it is AWS's, which nobody can change."""
        return self.id == FULL_AWS_ACCESS_ID


_FULL_ACCESS: Final = ControlPolicy(
    FULL_AWS_ACCESS_ID, "FullAWSAccess", "Allows access to every operation", FULL_AWS_ACCESS
)

_p, _t = service_control_policies.c, service_control_attachments.c
_THIS = _p.id == bindparam("policy")
_HERE = (_t.target_id == bindparam("target"), _t.policy_id == bindparam("policy"))

_POLICY: Final = Statement(select(_p.id, _p.name, _p.description, _p.content).where(_THIS))
_POLICIES: Final = Statement(select(_p.id, _p.name, _p.description, _p.content))
_ADD: Final = Statement(
    insert(service_control_policies).values(
        id=bindparam("policy"), name=bindparam("title"), description=bindparam("text"), content=bindparam("document")
    )
)
_REPLACE: Final = Statement(
    update(service_control_policies)
    .where(_THIS)
    .values(name=bindparam("title"), description=bindparam("text"), content=bindparam("document"))
)
_DELETE: Final = Statement(delete(service_control_policies).where(_THIS))
_ATTACHED: Final = Statement(select(_t.policy_id).where(_t.target_id == bindparam("target")).order_by(_t.policy_id))
_TARGETS: Final = Statement(select(_t.target_id).where(_t.policy_id == bindparam("policy")))
_ATTACH: Final = Statement(
    insert(service_control_attachments).values(
        target_id=bindparam("target"), policy_id=bindparam("policy"), attached_ms=bindparam("now")
    )
)
_DETACH: Final = Statement(delete(service_control_attachments).where(*_HERE))
_DETACH_FROM: Final = Statement(delete(service_control_attachments).where(_t.target_id == bindparam("target")))
_DETACH_ALL: Final = Statement(delete(service_control_attachments))
_SET_ENABLED: Final = Statement(update(organizations).values(control_policies=bindparam("enabled")))


def find_policy(transaction: Transaction, policy_id: str) -> ControlPolicy | None:
    """The policy of this id, AWS's included."""
    if policy_id == FULL_AWS_ACCESS_ID:
        return _FULL_ACCESS
    row = transaction.one(_POLICY, {"policy": policy_id})
    return None if row is None else ControlPolicy(*row)


def all_policies(transaction: Transaction) -> list[ControlPolicy]:
    """Every policy, AWS's first."""
    return [_FULL_ACCESS, *(ControlPolicy(*row) for row in transaction.all(_POLICIES))]


def _values(policy: ControlPolicy) -> dict[str, object]:
    return {"policy": policy.id, "title": policy.name, "text": policy.description, "document": policy.content}


def add_policy(transaction: Transaction, policy: ControlPolicy) -> None:
    """Insert a policy whose name no other has."""
    transaction.run(_ADD, _values(policy))


def replace_policy(transaction: Transaction, policy: ControlPolicy) -> None:
    """Write name, description and document of a policy."""
    transaction.run(_REPLACE, _values(policy))


def delete_policy(transaction: Transaction, policy_id: str) -> None:
    """Delete a policy that is attached to nothing."""
    transaction.run(_DELETE, {"policy": policy_id})


def attached_ids(transaction: Transaction, target: str) -> list[str]:
    """The ids of the policies that are attached to the root, a unit or an account."""
    return [row[0] for row in transaction.all(_ATTACHED, {"target": target})]


def targets_of(transaction: Transaction, policy_id: str) -> list[str]:
    """The ids of what a policy is attached to."""
    return [row[0] for row in transaction.all(_TARGETS, {"policy": policy_id})]


def attach(transaction: Transaction, policy_id: str, target: str, now_ms: int) -> None:
    """Attach a policy that is not attached there yet."""
    transaction.run(_ATTACH, {"policy": policy_id, "target": target, "now": now_ms})


def detach(transaction: Transaction, policy_id: str, target: str) -> bool:
    """Detach a policy; whether it was attached."""
    return transaction.run(_DETACH, {"policy": policy_id, "target": target}) > 0


def detach_everything(transaction: Transaction, target: str | None = None) -> None:
    """Detach every policy from ``target``, or from everything."""
    if target is None:
        transaction.run(_DETACH_ALL)
    else:
        transaction.run(_DETACH_FROM, {"target": target})


def set_enabled(transaction: Transaction, *, enabled: bool) -> None:
    """Say whether service control policies are in force."""
    transaction.run(_SET_ENABLED, {"enabled": int(enabled)})
