"""The tree: ListRoots, ListParents, ListChildren."""

from __future__ import annotations

from strongroom.services.call import Call
from strongroom.services.organizations.accounts import is_container
from strongroom.services.organizations.base import Operations, authorized
from strongroom.services.organizations.paging import page
from strongroom.services.organizations.problems import no_such_child, no_such_parent
from strongroom.services.organizations.shapes import kind_of, shown_root
from strongroom.store import Transaction

__all__ = ["TreeOperations"]


class TreeOperations(Operations):
    """The operations that walk from the root to the accounts and back."""

    async def list_roots(
        self, call: Call, *, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """The root: there is one.

        Raises:
            AwsError: Access denied, or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call)
            roots, more = page([organization.root_id], str, NextToken, MaxResults)
            return {"Roots": [shown_root(organization) for _ in roots], **more}

        return await call.read(work)

    async def list_parents(
        self, call: Call, *, ChildId: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """What an account or a unit stands under: one root or unit.

        Raises:
            AwsError: Access denied, ``ChildNotFoundException`` or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, ChildId)
            if ChildId not in organization.parents:
                raise no_such_child()
            parents, more = page([organization.parents[ChildId]], str, NextToken, MaxResults)
            return {"Parents": [{"Id": parent, "Type": kind_of(parent)} for parent in parents], **more}

        return await call.read(work)

    async def list_children(
        self, call: Call, *, ParentId: str, ChildType: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """The ids of the accounts, or of the units, directly under the root or a unit.

        Raises:
            AwsError: Access denied, ``ParentNotFoundException`` or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, ParentId)
            if not is_container(organization, ParentId):
                raise no_such_parent()
            parents = organization.parents
            found = [child for child in parents if parents[child] == ParentId and kind_of(child) == ChildType]
            children, more = page(found, str, NextToken, MaxResults)
            return {"Children": [{"Id": child, "Type": ChildType} for child in children], **more}

        return await call.read(work)
