"""Tags of log groups: TagResource, UntagResource and ListTagsForResource, and the same by a group's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from strongroom.services.call import Call
from strongroom.services.logs import failures
from strongroom.services.logs.access import authorized_group, request_tags
from strongroom.services.logs.base import Operations
from strongroom.services.logs.group_records import remove_group_tags, set_group_tags, tags_of_group
from strongroom.services.logs.names import GroupReference, parse_group_arn
from strongroom.store import Transaction

__all__ = ["TaggingOperations", "check_tags"]

_MOST_TAGS: Final = 50
_NO_TAGS: Final[Mapping[str, str]] = {}
_NOTHING: Final[Mapping[str, object]] = {}


def check_tags(
    reference: GroupReference, tags: Mapping[str, str], present: Mapping[str, str] = _NO_TAGS
) -> Mapping[str, str]:
    """The tags that a request gives a group.

    Args:
        reference: The group.
        tags: The tags.
        present: The tags that the group has already.

    Raises:
        AwsError: ``InvalidParameterException``: a key that belongs to AWS; ``TooManyTagsException``.
    """
    if any(key.lower().startswith("aws:") for key in tags):
        raise failures.invalid_parameter("Tag keys that begin with aws: are reserved for AWS.")
    if len(tags.keys() | present.keys()) > _MOST_TAGS:
        raise failures.too_many_tags(reference.arn)
    return tags


class TaggingOperations(Operations):
    """TagResource, UntagResource, ListTagsForResource, TagLogGroup, UntagLogGroup and ListTagsLogGroup."""

    async def tag_resource(self, call: Call, *, resourceArn: str, tags: Mapping[str, str]) -> dict[str, object]:
        """Set tags of a group.

        Raises:
            AwsError: ``ResourceNotFoundException``; what `check_tags` raises.
        """
        return await self._tag(call, "logs:TagResource", parse_group_arn(resourceArn, call.region), tags)

    async def untag_resource(self, call: Call, *, resourceArn: str, tagKeys: Sequence[str]) -> dict[str, object]:
        """Remove tags of a group; those that are not there are no matter.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        return await self._untag(call, "logs:UntagResource", parse_group_arn(resourceArn, call.region), tagKeys)

    async def list_tags_for_resource(self, call: Call, *, resourceArn: str) -> dict[str, object]:
        """The tags of a group.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        return await self._list(call, "logs:ListTagsForResource", parse_group_arn(resourceArn, call.region))

    async def tag_log_group(self, call: Call, *, logGroupName: str, tags: Mapping[str, str]) -> dict[str, object]:
        """TagResource for a group of the caller's account, by name.

        Raises:
            AwsError: As TagResource.
        """
        reference = GroupReference(call.account, call.region, logGroupName)
        return await self._tag(call, "logs:TagLogGroup", reference, tags)

    async def untag_log_group(self, call: Call, *, logGroupName: str, tags: Sequence[str]) -> dict[str, object]:
        """UntagResource for a group of the caller's account, by name.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = GroupReference(call.account, call.region, logGroupName)
        return await self._untag(call, "logs:UntagLogGroup", reference, tags)

    async def list_tags_log_group(self, call: Call, *, logGroupName: str) -> dict[str, object]:
        """ListTagsForResource for a group of the caller's account, by name.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        reference = GroupReference(call.account, call.region, logGroupName)
        return await self._list(call, "logs:ListTagsLogGroup", reference)

    async def _tag(
        self, call: Call, action: str, reference: GroupReference, tags: Mapping[str, str]
    ) -> dict[str, object]:
        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_group(transaction, call, action, reference, context=request_tags(tags))
            present = tags_of_group(transaction, reference)
            set_group_tags(transaction, reference, check_tags(reference, tags, present))
            return _NOTHING

        return dict(await call.write(work))

    async def _untag(
        self, call: Call, action: str, reference: GroupReference, keys: Sequence[str]
    ) -> dict[str, object]:
        def work(transaction: Transaction) -> Mapping[str, object]:
            authorized_group(transaction, call, action, reference, context={"aws:tagkeys": tuple(keys)})
            remove_group_tags(transaction, reference, keys)
            return _NOTHING

        return dict(await call.write(work))

    async def _list(self, call: Call, action: str, reference: GroupReference) -> dict[str, object]:
        def work(transaction: Transaction) -> dict[str, object]:
            authorized_group(transaction, call, action, reference)
            return {"tags": tags_of_group(transaction, reference)}

        return await call.read(work)
