"""Log groups: CreateLogGroup, DeleteLogGroup, PutRetentionPolicy and DeleteRetentionPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.services.call import Call
from strongroom.services.logs import failures
from strongroom.services.logs.access import authorize_group, authorized_group, request_tags
from strongroom.services.logs.base import Operations
from strongroom.services.logs.group_records import delete_group, insert_group, set_group_tags, set_retention
from strongroom.services.logs.names import GroupReference
from strongroom.services.logs.tagging import check_tags
from strongroom.store import Transaction

__all__ = ["GroupOperations"]

_RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096),
    *(1827, 2192, 2557, 2922, 3288, 3653),
)
"""CloudWatch Logs API Reference, "PutRetentionPolicy"."""

_NOTHING: Final[Mapping[str, object]] = {}


class GroupOperations(Operations):
    """CreateLogGroup, DeleteLogGroup, PutRetentionPolicy and DeleteRetentionPolicy."""

    async def create_log_group(
        self,
        call: Call,
        *,
        logGroupName: str,
        kmsKeyId: str | None = None,
        tags: Mapping[str, str] | None = None,
        logGroupClass: str | None = None,
        deletionProtectionEnabled: bool | None = None,
    ) -> dict[str, object]:
        """Make a group. Every group is sealed by the installation, so no key of one's own can be chosen.

        Raises:
            AwsError: ``ResourceAlreadyExistsException``, or ``InvalidParameterException`` for what is not offered.
        """
        reference = GroupReference(call.account, call.region, logGroupName)

        def work(transaction: Transaction) -> Mapping[str, object]:
            context = request_tags(tags)
            present = authorize_group(transaction, call, "logs:CreateLogGroup", reference, context=context)
            if tags:
                call.authorize("logs:TagResource", reference.resource(), context=context)
            if kmsKeyId:
                raise failures.not_offered("kmsKeyId")
            if logGroupClass not in {None, "STANDARD"}:
                raise failures.not_offered("logGroupClass")
            if deletionProtectionEnabled:
                raise failures.not_offered("deletionProtectionEnabled")
            if present is not None:
                raise failures.group_exists()
            insert_group(transaction, reference, call.now_ms)
            set_group_tags(transaction, reference, check_tags(reference, tags or {}))
            return _NOTHING

        return dict(await call.write(work))

    async def delete_log_group(self, call: Call, *, logGroupName: str) -> dict[str, object]:
        """Delete a group with everything in it.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = GroupReference(call.account, call.region, logGroupName)

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_group(transaction, call, "logs:DeleteLogGroup", reference)
            delete_group(transaction, reference)
            return _NOTHING

        return dict(await call.write(work))

    async def put_retention_policy(self, call: Call, *, logGroupName: str, retentionInDays: int) -> dict[str, object]:
        """Say how many days a group's events are kept.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterException`` for another number of days.
        """
        reference = GroupReference(call.account, call.region, logGroupName)

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_group(transaction, call, "logs:PutRetentionPolicy", reference)
            if retentionInDays not in _RETENTION_DAYS:
                raise failures.invalid_parameter(
                    f"1 validation error detected: Value '{retentionInDays}' at 'retentionInDays' failed to satisfy "
                    f"constraint: Member must satisfy enum value set: {sorted(_RETENTION_DAYS)}"
                )
            set_retention(transaction, reference, retentionInDays)
            return _NOTHING

        return dict(await call.write(work))

    async def delete_retention_policy(self, call: Call, *, logGroupName: str) -> dict[str, object]:
        """Keep a group's events for as long as the installation keeps any.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = GroupReference(call.account, call.region, logGroupName)

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_group(transaction, call, "logs:DeleteRetentionPolicy", reference)
            set_retention(transaction, reference, None)
            return _NOTHING

        return dict(await call.write(work))
