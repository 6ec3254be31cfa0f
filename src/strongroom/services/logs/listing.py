"""Lists: DescribeLogGroups and DescribeLogStreams, and the reads of features that no group has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from strongroom.services.call import Call
from strongroom.services.logs import failures
from strongroom.services.logs.access import authorized_group
from strongroom.services.logs.base import Operations
from strongroom.services.logs.group_records import GroupRecord, find_group, groups_after
from strongroom.services.logs.names import GroupReference, parse_group
from strongroom.services.logs.paging import page_after, page_token
from strongroom.services.logs.stream_records import StreamRecord, streams_by_name, streams_by_time
from strongroom.store import Transaction

__all__ = ["ListingOperations"]

_PAGE: Final = 50  # CloudWatch Logs API Reference: the default and the most of "limit"
_BY_TIME: Final = "LastEventTime"


class ListingOperations(Operations):
    """DescribeLogGroups, DescribeLogStreams, DescribeMetricFilters and DescribeSubscriptionFilters."""

    async def describe_log_groups(
        self,
        call: Call,
        *,
        accountIdentifiers: Sequence[str] = (),
        logGroupNamePrefix: str | None = None,
        logGroupNamePattern: str | None = None,
        nextToken: str | None = None,
        limit: int = _PAGE,
        includeLinkedAccounts: bool | None = None,
        logGroupClass: str | None = None,
        logGroupIdentifiers: Sequence[str] = (),
    ) -> dict[str, object]:
        """The account's groups in the region, by name.

        Raises:
            AwsError: ``InvalidParameterException``: filters exclude each other, other accounts are asked for, or the
                token is none of ours.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            call.authorize("logs:DescribeLogGroups", GroupReference(call.account, call.region, "").resource())
            if includeLinkedAccounts or any(account != call.account for account in accountIdentifiers):
                raise failures.not_offered("accountIdentifiers")
            if logGroupNamePrefix is not None and logGroupNamePattern is not None:
                raise failures.invalid_parameter(
                    "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
                )
            if logGroupClass not in {None, "STANDARD"}:
                return {"logGroups": []}
            if logGroupIdentifiers:
                named = [parse_group(None, it, call.account, call.region) for it in logGroupIdentifiers]
                found = [it for each in named if each.account == call.account and (it := find_group(transaction, each))]
                return {"logGroups": [_group(it) for it in found]}
            after = page_after(nextToken, 1) or [""]
            found = groups_after(
                transaction,
                call.account,
                call.region,
                after[0],
                limit + 1,
                prefix=logGroupNamePrefix or "",
                part=logGroupNamePattern or "",
            )
            shown: dict[str, object] = {"logGroups": [_group(it) for it in found[:limit]]}
            return shown if len(found) <= limit else shown | {"nextToken": page_token(found[limit - 1].name)}

        return await call.read(work)

    async def describe_log_streams(
        self,
        call: Call,
        *,
        logGroupName: str | None = None,
        logGroupIdentifier: str | None = None,
        logStreamNamePrefix: str | None = None,
        orderBy: str = "LogStreamName",
        descending: bool = False,
        nextToken: str | None = None,
        limit: int = _PAGE,
    ) -> dict[str, object]:
        """The streams of a group, by name or by the time of their last events.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidParameterException``: a prefix with the order of time,
                or the token is none of ours.
        """
        reference = parse_group(logGroupName, logGroupIdentifier, call.account, call.region)

        def work(transaction: Transaction) -> dict[str, object]:
            authorized_group(transaction, call, "logs:DescribeLogStreams", reference)
            after = page_after(nextToken, 2)
            if orderBy == _BY_TIME:
                if logStreamNamePrefix is not None:
                    raise failures.invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
                place = None if after is None else (_number(after[0]), after[1])
                found = streams_by_time(transaction, reference, place, limit + 1, descending=descending)
            else:
                name, prefix = "" if after is None else after[1], logStreamNamePrefix or ""
                found = streams_by_name(transaction, reference, name, limit + 1, prefix=prefix, descending=descending)
            shown: dict[str, object] = {"logStreams": [_stream(reference, it) for it in found[:limit]]}
            if len(found) > limit:
                shown["nextToken"] = page_token(found[limit - 1].order_ms, found[limit - 1].name)
            return shown

        return await call.read(work)

    async def describe_metric_filters(
        self,
        call: Call,
        *,
        logGroupName: str | None = None,
        filterNamePrefix: str | None = None,
        nextToken: str | None = None,
        limit: int | None = None,
        metricName: str | None = None,
        metricNamespace: str | None = None,
    ) -> dict[str, object]:
        """The metric filters of a group or of all, of which there are none.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        del filterNamePrefix, nextToken, limit, metricName, metricNamespace

        def work(transaction: Transaction) -> dict[str, object]:
            reference = GroupReference(call.account, call.region, logGroupName or "")
            if logGroupName is None:
                call.authorize("logs:DescribeMetricFilters", reference.resource())
            else:
                authorized_group(transaction, call, "logs:DescribeMetricFilters", reference)
            return {"metricFilters": []}

        return await call.read(work)

    async def describe_subscription_filters(
        self,
        call: Call,
        *,
        logGroupName: str,
        filterNamePrefix: str | None = None,
        nextToken: str | None = None,
        limit: int | None = None,
    ) -> dict[str, object]:
        """The subscription filters of a group, of which there are none.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        del filterNamePrefix, nextToken, limit
        reference = GroupReference(call.account, call.region, logGroupName)

        def work(transaction: Transaction) -> dict[str, object]:
            authorized_group(transaction, call, "logs:DescribeSubscriptionFilters", reference)
            return {"subscriptionFilters": []}

        return await call.read(work)


def _number(text: str) -> int:
    if not text.isdigit():
        raise failures.invalid_parameter("The specified nextToken is invalid.")
    return int(text)


def _group(record: GroupRecord) -> dict[str, object]:
    """A group in the model's ``LogGroup``."""
    arn = record.reference.arn
    shown: dict[str, object] = {
        "logGroupName": record.name,
        "creationTime": record.created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": record.stored_bytes,
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
    }
    return shown if record.retention_days is None else shown | {"retentionInDays": record.retention_days}


def _stream(group: GroupReference, record: StreamRecord) -> dict[str, object]:
    """A stream in the model's ``LogStream``. Its size is no longer told, as on AWS."""
    shown: dict[str, object] = {
        "logStreamName": record.name,
        "creationTime": record.created_ms,
        "arn": group.resource(record.name),
        "storedBytes": 0,
    }
    events = {
        "firstEventTimestamp": record.first_event_ms,
        "lastEventTimestamp": record.last_event_ms,
        "lastIngestionTime": record.ingested_ms,
    }
    return shown | {name: value for name, value in events.items() if value is not None}
