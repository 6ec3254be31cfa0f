"""Tags on keys: checked as KMS does, and as condition keys.

Source: KMS API Reference, "TagResource"; KMS Developer Guide, "Resource quotas" (50 tags a key).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from strongroom.errors import AwsError
from strongroom.services.call import Call
from strongroom.services.kms import failures, records
from strongroom.services.kms.base import KmsBase
from strongroom.services.kms.keys import MutableContext, add_value
from strongroom.services.kms.paging import behind, marker_for, page_size, with_page
from strongroom.store import Transaction

__all__ = ["TagOperations", "checked_tags", "request_tag_context"]

_MOST_TAGS: Final = 50


def checked_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags of a request as a dictionary.

    Raises:
        AwsError: ``TagException``: a tag key stands twice, or is one of AWS's own; ``LimitExceededException``.
    """
    found: dict[str, str] = {}
    for tag in tags:
        key = tag["TagKey"]
        if key in found:
            raise AwsError("TagException", "Duplicate tag keys")
        _require_own(key)
        found[key] = tag["TagValue"]
    _require_room(len(found))
    return found


def _require_own(key: str) -> None:
    if key.lower().startswith("aws:"):
        raise AwsError("TagException", "Tag keys that begin with aws: are reserved.")


def _require_room(count: int) -> None:
    if count > _MOST_TAGS:
        raise failures.limit_exceeded(f"A key can have at most {_MOST_TAGS} tags.")


def request_tag_context(tags: Mapping[str, str]) -> MutableContext:
    """The condition keys of the tags in a request: ``aws:RequestTag/*`` and ``aws:TagKeys``."""
    context: MutableContext = {}
    if tags:
        context["aws:tagkeys"] = tuple(tags)
    for key, value in tags.items():
        add_value(context, f"aws:requesttag/{key.lower()}", value)
    return context


class TagOperations(KmsBase):
    """TagResource, UntagResource and ListResourceTags."""

    async def tag_resource(self, call: Call, *, KeyId: str, Tags: Sequence[Mapping[str, str]]) -> dict[str, object]:
        """Add tags to a key, or change their values."""
        tags = checked_tags(Tags)
        context = request_tag_context(tags)

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:TagResource", KeyId, context=context)
            key.require_kept()
            _require_room(len({*key.tags, *tags}))
            records.set_tags(transaction, key.arn, tags)
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def untag_resource(self, call: Call, *, KeyId: str, TagKeys: Sequence[str]) -> dict[str, object]:
        """Take tags away from a key."""
        for tag_key in TagKeys:
            _require_own(tag_key)
        context: MutableContext = {"aws:tagkeys": tuple(TagKeys)} if TagKeys else {}

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:UntagResource", KeyId, context=context)
            key.require_kept()
            records.remove_tags(transaction, key.arn, TagKeys)
            transaction.raise_epoch()
            return {}

        return dict(await call.write(work))

    async def list_resource_tags(
        self, call: Call, *, KeyId: str, Limit: int | None = None, Marker: str | None = None
    ) -> dict[str, object]:
        """The tags of a key, in the order of their keys."""
        size, after = page_size(Limit, default=50, most=50), behind("tags", Marker)

        def work(transaction: Transaction) -> dict[str, object]:
            key = self.directory.for_management(transaction, call, "kms:ListResourceTags", KeyId)
            rest = sorted(item for item in key.tags.items() if item[0] > after)
            return with_page(
                "Tags",
                rest,
                size,
                lambda item: {"TagKey": item[0], "TagValue": item[1]},
                lambda item: marker_for("tags", item[0]),
            )

        return await call.read(work)
