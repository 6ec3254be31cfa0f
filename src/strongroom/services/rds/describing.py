"""DescribeDBInstances and DescribeDBClusters."""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.rds.access import authorized, database_context, missing
from strongroom.services.rds.base import Operations
from strongroom.services.rds.listing import Filters, matcher, page
from strongroom.services.rds.names import Kind
from strongroom.services.rds.records import list_databases
from strongroom.store import Transaction

__all__ = ["Describing"]


class Describing(Operations):
    """What DescribeDBInstances and DescribeDBClusters have in common."""

    async def describe(
        self,
        call: Call,
        kind: Kind,
        identifier: str | None,
        filters: Filters | None,
        max_records: int | None,
        marker: str | None,
    ) -> dict[str, object]:
        """Show one, or a page of all.

        A list needs the permission for ``*`` of the kind, as on AWS; what a policy denies by name is left out of it.

        Raises:
            AwsError: Access denied, there is none of this name, or filters and pages that cannot be.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            call.progress.resources.clear()
            action = f"rds:{call.operation}"
            if identifier:
                found = [authorized(transaction, call, kind, identifier)]
            else:
                call.authorize(action, kind.arn(call.account, call.region, "*"))
                found = [
                    database
                    for database in list_databases(transaction, call.account, call.region, kind)
                    if call.allows(action, database.arn, context=database_context(database))
                ]
            matches = matcher(kind, filters)
            wanted = [database for database in found if matches(database)]
            if identifier and not wanted:
                raise missing(kind, identifier)
            shown, more = page(wanted, max_records, marker)
            answer: dict[str, object] = {
                f"{kind.member}s": [self._shapes.shown(transaction, database) for database in shown]
            }
            return answer if more is None else {**answer, "Marker": more}

        return await call.read(work)
