"""AddTagsToResource, RemoveTagsFromResource and ListTagsForResource.

The tags that say where a server is belong to its registration: see the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from strongroom.services.call import Call
from strongroom.services.rds import failures
from strongroom.services.rds.access import authorized_reference
from strongroom.services.rds.base import Operations
from strongroom.services.rds.names import parse_arn
from strongroom.services.rds.records import update_database
from strongroom.services.rds.tags import (
    RESERVED,
    TagList,
    pack_tags,
    request_tag_context,
    request_tags,
    require_room,
    shown_tags,
)
from strongroom.store import Transaction

__all__ = ["TagOperations"]

_NOTHING: Final[Mapping[str, object]] = {}


def _refuse_reserved(keys: Iterable[str]) -> None:
    if any(key.lower().startswith(RESERVED) for key in keys):
        raise failures.invalid_value(
            f"Tags that begin with {RESERVED} say where the server is: they are set when it is registered, and stay."
        )


class TagOperations(Operations):
    """The operations on tags, of instances and clusters alike."""

    async def add_tags_to_resource(self, call: Call, *, ResourceName: str, Tags: TagList) -> dict[str, object]:
        """Set tags.

        Raises:
            AwsError: Access denied, there is no such resource, or tags that cannot be.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            reference = parse_arn(ResourceName, call.account, call.region)
            database = authorized_reference(
                transaction, call, reference, reference.identifier, request_tag_context(Tags)
            )
            added = request_tags(Tags)
            _refuse_reserved(added)
            tags = {**database.tag_map, **added}
            require_room(tags)
            update_database(transaction, database.arn, tags=pack_tags(tags))
            return _NOTHING

        return dict(await call.write(work))

    async def remove_tags_from_resource(
        self, call: Call, *, ResourceName: str, TagKeys: Sequence[str]
    ) -> dict[str, object]:
        """Remove tags; those that are not there are no matter.

        Raises:
            AwsError: Access denied, or there is no such resource.
        """

        def work(transaction: Transaction) -> Mapping[str, object]:
            reference = parse_arn(ResourceName, call.account, call.region)
            context = {"aws:tagkeys": tuple(TagKeys)}
            database = authorized_reference(transaction, call, reference, reference.identifier, context)
            _refuse_reserved(TagKeys)
            tags = {key: value for key, value in database.tag_map.items() if key not in TagKeys}
            update_database(transaction, database.arn, tags=pack_tags(tags))
            return _NOTHING

        return dict(await call.write(work))

    async def list_tags_for_resource(
        self, call: Call, *, ResourceName: str, Filters: Sequence[Mapping[str, object]] | None = None
    ) -> dict[str, object]:
        """The tags of an instance or cluster. ``Filters`` is "not currently supported" (API Reference).

        Raises:
            AwsError: Access denied, or there is no such resource.
        """

        def work(transaction: Transaction) -> dict[str, object]:
            reference = parse_arn(ResourceName, call.account, call.region)
            if Filters:
                raise failures.invalid_value("The parameter Filters isn't currently supported.")
            database = authorized_reference(transaction, call, reference, reference.identifier)
            return {"TagList": shown_tags(database.tag_map)}

        return await call.read(work)
