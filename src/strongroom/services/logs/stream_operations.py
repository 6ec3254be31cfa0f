"""Log streams: CreateLogStream and DeleteLogStream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strongroom.services.call import Call
from strongroom.services.logs import failures
from strongroom.services.logs.access import authorized_group
from strongroom.services.logs.base import Operations
from strongroom.services.logs.group_records import add_stored_bytes
from strongroom.services.logs.names import GroupReference
from strongroom.services.logs.stream_records import delete_stream, find_stream, insert_stream
from strongroom.store import Transaction

__all__ = ["StreamOperations"]

_NOTHING: Final[Mapping[str, object]] = {}


class StreamOperations(Operations):
    """CreateLogStream and DeleteLogStream."""

    async def create_log_stream(self, call: Call, *, logGroupName: str, logStreamName: str) -> dict[str, object]:
        """Make a stream.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such group; ``ResourceAlreadyExistsException``.
        """
        reference = GroupReference(call.account, call.region, logGroupName)

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_group(transaction, call, "logs:CreateLogStream", reference, stream=logStreamName)
            if find_stream(transaction, reference, logStreamName) is not None:
                raise failures.stream_exists()
            insert_stream(transaction, reference, logStreamName, call.now_ms)
            return _NOTHING

        return dict(await call.write(work))

    async def delete_log_stream(self, call: Call, *, logGroupName: str, logStreamName: str) -> dict[str, object]:
        """Delete a stream with its events.

        Raises:
            AwsError: ``ResourceNotFoundException``: no such group or stream.
        """
        reference = GroupReference(call.account, call.region, logGroupName)

        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_group(transaction, call, "logs:DeleteLogStream", reference, stream=logStreamName)
            if find_stream(transaction, reference, logStreamName) is None:
                raise failures.stream_not_found()
            freed = delete_stream(transaction, reference, logStreamName)
            add_stored_bytes(transaction, reference, -freed)
            return _NOTHING

        return dict(await call.write(work))
