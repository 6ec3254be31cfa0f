"""Organizational units: made, shown, renamed, deleted, listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.errors import AwsError
from strongroom.identity.founding import lower_case_id
from strongroom.identity.organization import FULL_AWS_ACCESS_ID, Organization, load_organization, touch_organization
from strongroom.services.call import Call
from strongroom.services.organizations.accounts import is_container
from strongroom.services.organizations.base import NOTHING, Operations, authorized
from strongroom.services.organizations.directory import (
    Unit,
    add_unit,
    all_units,
    delete_unit,
    find_unit,
    rename_unit,
)
from strongroom.services.organizations.paging import page
from strongroom.services.organizations.policy_records import attach, detach_everything
from strongroom.services.organizations.problems import constraint_violation, no_such_parent, no_such_unit, refuse_nul
from strongroom.services.organizations.shapes import shown_unit
from strongroom.services.organizations.tag_records import (
    TagList,
    delete_tags,
    put_tags,
    request_tags,
    tag_request_context,
    tags_of,
)
from strongroom.store import Transaction

__all__ = ["UnitOperations"]

_UNIT_ID: Final = 8
_MOST_UNITS: Final = 2000  # Organizations User Guide, "Quotas"
_DEEPEST: Final = 5


def _required(transaction: Transaction, unit_id: str) -> Unit:
    found = find_unit(transaction, unit_id)
    if found is None:
        raise no_such_unit()
    return found


def _refuse_taken(transaction: Transaction, parent_id: str, name: str) -> None:
    if any(unit.parent_id == parent_id and unit.name == name for unit in all_units(transaction)):
        raise AwsError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")


def _refuse_too_many(transaction: Transaction, organization: Organization, parent_id: str) -> None:
    if len(all_units(transaction)) >= _MOST_UNITS:
        raise constraint_violation(
            "OU_NUMBER_LIMIT_EXCEEDED", "You have exceeded the limit on the number of OUs in an organization."
        )
    levels = 0 if parent_id == organization.root_id else len(organization.above(parent_id))
    if levels >= _DEEPEST:
        raise constraint_violation(
            "OU_DEPTH_LIMIT_EXCEEDED", "You have exceeded the limit on the number of levels of OUs."
        )


class UnitOperations(Operations):
    """The operations on organizational units."""

    async def create_organizational_unit(
        self, call: Call, *, ParentId: str, Name: str, Tags: TagList = ()
    ) -> dict[str, object]:
        """Make a unit under the root or another unit, at most five levels deep.

        Raises:
            AwsError: Access denied, ``ParentNotFoundException``, ``DuplicateOrganizationalUnitException``, or
                ``ConstraintViolationException`` for too many or too deep.
        """
        refuse_nul(Name)

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = tag_request_context(Tags)
            if Tags:
                authorized(transaction, call, ParentId, action="TagResource", context=context)
            organization = authorized(transaction, call, ParentId, context=context)
            tags = request_tags(Tags)
            if not is_container(organization, ParentId):
                raise no_such_parent()
            _refuse_taken(transaction, ParentId, Name)
            _refuse_too_many(transaction, organization, ParentId)
            prefix = f"ou-{organization.root_id.removeprefix('r-')}-"
            unit = Unit(lower_case_id(self._entropy, prefix, _UNIT_ID), ParentId, Name)
            add_unit(transaction, unit)
            if organization.attached is not None:
                attach(transaction, FULL_AWS_ACCESS_ID, unit.id, call.now_ms)
            put_tags(transaction, unit.id, tags)
            touch_organization(transaction)
            return {"OrganizationalUnit": shown_unit(load_organization(transaction), unit)}

        return dict(await call.write(work))

    async def describe_organizational_unit(self, call: Call, *, OrganizationalUnitId: str) -> dict[str, object]:
        """One unit.

        Raises:
            AwsError: Access denied, or ``OrganizationalUnitNotFoundException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, OrganizationalUnitId)
            return {"OrganizationalUnit": shown_unit(organization, _required(transaction, OrganizationalUnitId))}

        return await call.read(work)

    async def update_organizational_unit(
        self, call: Call, *, OrganizationalUnitId: str, Name: str | None = None
    ) -> dict[str, object]:
        """Give a unit another name.

        Raises:
            AwsError: Access denied, ``OrganizationalUnitNotFoundException`` or
                ``DuplicateOrganizationalUnitException``.
        """
        refuse_nul(Name)

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, OrganizationalUnitId)
            unit = _required(transaction, OrganizationalUnitId)
            if Name is not None and Name != unit.name:
                _refuse_taken(transaction, unit.parent_id, Name)
                rename_unit(transaction, unit.id, Name)
            return {"OrganizationalUnit": shown_unit(organization, _required(transaction, unit.id))}

        return dict(await call.write(work))

    async def delete_organizational_unit(self, call: Call, *, OrganizationalUnitId: str) -> dict[str, object]:
        """Delete a unit that holds no accounts and no units.

        Raises:
            AwsError: Access denied, ``OrganizationalUnitNotFoundException`` or
                ``OrganizationalUnitNotEmptyException``.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            organization = authorized(transaction, call, OrganizationalUnitId)
            unit = _required(transaction, OrganizationalUnitId)
            if unit.id in organization.parents.values():
                raise AwsError(
                    "OrganizationalUnitNotEmptyException",
                    "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all "
                    "child OUs, and try the operation again.",
                )
            detach_everything(transaction, unit.id)
            delete_tags(transaction, unit.id, list(tags_of(transaction, unit.id)))
            delete_unit(transaction, unit.id)
            touch_organization(transaction)
            return NOTHING

        return dict(await call.write(work))

    async def list_organizational_units_for_parent(
        self, call: Call, *, ParentId: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> dict[str, object]:
        """The units directly under the root or another unit, by name.

        Raises:
            AwsError: Access denied, ``ParentNotFoundException`` or ``InvalidInputException``.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            organization = authorized(transaction, call, ParentId)
            if not is_container(organization, ParentId):
                raise no_such_parent()
            found = [unit for unit in all_units(transaction) if unit.parent_id == ParentId]
            shown, more = page(found, lambda unit: unit.name, NextToken, MaxResults)
            return {"OrganizationalUnits": [shown_unit(organization, unit) for unit in shown], **more}

        return await call.read(work)
