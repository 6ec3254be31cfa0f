"""ListEntitiesForPolicy: who has a managed policy, as a policy or as a boundary."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Table, bindparam, select, union

from strongroom.services.call import Call
from strongroom.services.iam.base import Operations
from strongroom.services.iam.managed import authorized_policy
from strongroom.services.iam.paging import DEFAULT_MAX_ITEMS, after_marker, tail
from strongroom.store import Row, Statement, Transaction
from strongroom.store.schema import iam_attachments, iam_groups, iam_roles, iam_users

__all__ = ["EntityOperations"]

_ATTACHED: Final = "PermissionsPolicy"
_BOUNDARY: Final = "PermissionsBoundary"


def _holders(table: Table, word: str) -> dict[str | None, Statement]:
    """Statements that select those of an account who have a policy, by the way in which they have it."""
    row, attached = table.c, iam_attachments.c
    columns = (row.folded_name, row.name, row.path, row[f"{word}_id"])
    attachments = select(*columns).where(
        row.account == bindparam("owner"),
        row[f"{word}_id"].in_(select(attached.owner_id).where(attached.policy_arn == bindparam("policy"))),
    )
    if "boundary_arn" not in row:
        return {None: Statement(attachments), _ATTACHED: Statement(attachments)}
    boundaries = select(*columns).where(row.account == bindparam("owner"), row.boundary_arn == bindparam("policy"))
    return {
        None: Statement(union(attachments, boundaries)),
        _ATTACHED: Statement(attachments),
        _BOUNDARY: Statement(boundaries),
    }


_KINDS: Final = {
    "Group": _holders(iam_groups, "group"),
    "User": _holders(iam_users, "user"),
    "Role": _holders(iam_roles, "role"),
}
"""In the order in which pages tell of them."""


class EntityOperations(Operations):
    """ListEntitiesForPolicy."""

    async def list_entities_for_policy(
        self,
        call: Call,
        *,
        PolicyArn: str,
        EntityFilter: str | None = None,
        PathPrefix: str = "/",
        PolicyUsageFilter: str | None = None,
        Marker: str | None = None,
        MaxItems: int | None = None,
    ) -> dict[str, object]:
        """The groups, users and roles of the account that have a managed policy."""

        def work(transaction: Transaction) -> dict[str, object]:
            authorized_policy(transaction, call, PolicyArn)
            after, most = after_marker(Marker), MaxItems or DEFAULT_MAX_ITEMS
            found: list[tuple[str, str, Row]] = []
            for number, (kind, statements) in enumerate(_KINDS.items()):
                statement = statements.get(PolicyUsageFilter)
                if statement is None or EntityFilter not in {None, kind}:
                    continue
                rows = transaction.all(statement, {"owner": call.account, "policy": PolicyArn})
                ordered = ((f"{number}{row[0]}", kind, row) for row in rows if row[2].startswith(PathPrefix))
                found += sorted(one for one in ordered if one[0] > after)
            page = found[:most]
            return {
                **{
                    f"Policy{kind}s": [
                        {f"{kind}Name": name, f"{kind}Id": unique_id}
                        for _, of_kind, (_, name, _, unique_id) in page
                        if of_kind == kind
                    ]
                    for kind in _KINDS
                },
                **tail(page[-1][0] if len(found) > most else None),
            }

        return await call.read(work)
